"""The pipe to a supervisor: frames out over a container's stdin, frames back from its multiplexed stdout."""

from __future__ import annotations

import json
import secrets
import socket
import struct
import time
from collections.abc import Mapping, Sequence
from typing import Any

STDOUT, STDERR = 1, 2
STDERR_KEPT = 4096
# A supervisor's answer: captured output, which is capped, plus a file of a compiler.
MOST_FRAME_BYTES = 1 << 30


class ChannelClosed(Exception):
    """The other end is gone, silent for too long, or talks nonsense."""


class Channel:
    """Speaks the frames that `sandbox/supervisor.py` describes, over an attached socket."""

    def __init__(self, attached: Any) -> None:
        self._attached = attached  # keeps the HTTP response alive that owns the socket
        self._socket: socket.socket = getattr(attached, "_sock", attached)
        self._buffer = bytearray()
        self._seal, self._sealed = secrets.token_hex(16), False
        self.stderr = bytearray()  # the supervisor's own last words

    def send(self, head: Mapping[str, Any], blobs: Sequence[bytes], timeout_s: float) -> None:
        """Raises ChannelClosed."""
        seal = {} if self._sealed else {"seal": self._seal}
        self._sealed = True
        text = json.dumps({**head, **seal, "blobs": [len(blob) for blob in blobs]}).encode()
        try:
            self._socket.settimeout(timeout_s)
            self._socket.sendall(b"".join((struct.pack(">I", len(text)), text, *blobs)))
        except OSError as error:
            raise ChannelClosed(f"cannot send: {error}") from error

    def receive(self, timeout_s: float) -> tuple[dict[str, Any], list[bytes]]:
        """The next frame, within `timeout_s` seconds in all. Raises ChannelClosed."""
        deadline = time.monotonic() + timeout_s
        (size,) = struct.unpack(">I", self._take(4, deadline))
        try:
            head: dict[str, Any] = json.loads(self._take(size, deadline))
            if head.pop("seal") != self._seal:
                raise ValueError("another seal")
            lengths = head.pop("blobs")
        except (ValueError, KeyError, AttributeError) as error:
            raise ChannelClosed(f"an answer that is not the supervisor's: {error!r}") from error
        return head, [self._take(length, deadline) for length in lengths]

    def close(self) -> None:
        for end in (self._socket, self._attached):
            end.close()

    def _take(self, size: int, deadline: float) -> bytes:
        """The next `size` bytes of the container's stdout."""
        if size > MOST_FRAME_BYTES:
            raise ChannelClosed(f"an answer of {size} bytes")
        while len(self._buffer) < size:
            self._demultiplex(deadline)
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def _demultiplex(self, deadline: float) -> None:
        """One piece of the engine's stream: 1 byte kind, 3 bytes nothing, 4 bytes length, payload."""
        kind, size = struct.unpack(">BxxxI", self._read(8, deadline))
        payload = self._read(size, deadline)
        if kind == STDOUT:
            self._buffer += payload
        else:
            self.stderr = (self.stderr + payload)[-STDERR_KEPT:]

    def _read(self, size: int, deadline: float) -> bytes:
        data = bytearray()
        while len(data) < size:
            try:
                self._socket.settimeout(max(0.001, deadline - time.monotonic()))
                piece = self._socket.recv(min(size - len(data), 1 << 20))
            except TimeoutError:
                if time.monotonic() < deadline:  # it was the limit of a thread that sends meanwhile
                    continue
                raise ChannelClosed("no answer in time") from None
            except OSError as error:
                raise ChannelClosed(f"no answer: {error}") from error
            if not piece:
                raise ChannelClosed("the container ended")
            data += piece
        return bytes(data)
