"""Frames on stdin and stdout, described in `supervisor.py`."""

from __future__ import annotations

import json
import os
import struct
import sys
from typing import Any

_SEAL: dict[str, Any] = {}  # what the first request brought: every answer carries it, and no command ever sees it


def read_frame() -> tuple[dict[str, Any], list[bytes]] | None:
    """The next request, or None at the end of stdin (also in the middle of a frame: the judge is gone)."""
    try:
        head = json.loads(_exactly(struct.unpack(">I", _exactly(4))[0]))
        blobs = [_exactly(length) for length in head["blobs"]]
    except (EOFError, ValueError):
        return None
    _SEAL.setdefault("seal", head.get("seal"))
    return head, blobs


def _exactly(size: int) -> bytes:
    """So many bytes of stdin and not one more: what is left must be seen by `poll`. Raises EOFError."""
    data = bytearray()
    while len(data) < size:
        piece = os.read(0, min(size - len(data), 1 << 20))
        if not piece:
            raise EOFError
        data += piece
    return bytes(data)


def write_frame(head: dict[str, Any], blobs: list[bytes]) -> None:
    text = json.dumps({**head, **_SEAL, "blobs": [len(blob) for blob in blobs]}).encode()
    for part in (struct.pack(">I", len(text)), text, *blobs):
        sys.stdout.buffer.write(part)
    sys.stdout.buffer.flush()
