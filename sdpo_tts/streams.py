"""Standard streams that never end a run, even if they are closed, full, or of another encoding than the text."""

from __future__ import annotations

import io
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


class _Lossy(io.FileIO):
    """A file descriptor that accepts everything: what cannot be written is dropped."""

    lost: OSError | None = None
    """Why output was first dropped. A reader that has gone away, as in `| head`, does not count."""

    def write(self, data: object, /) -> int:
        size = memoryview(data).nbytes  # type: ignore[arg-type]
        try:
            while (written := super().write(data)) is None:  # type: ignore[arg-type]
                select.select([], [self], [])  # a non-blocking terminal that is full for now
            return int(written)
        except BrokenPipeError:
            return size
        except OSError as error:
            self.lost = self.lost or error
            return size


def lossy(descriptor: int, encoding: str | None = None, *, close: bool = False) -> TextIO:
    """A text stream on a descriptor that never raises; `close`: it owns the descriptor.

    Characters that the encoding lacks are written as escapes.
    """
    raw = _Lossy(descriptor, "w", closefd=close)
    buffer = io.BufferedWriter(raw)
    return io.TextIOWrapper(buffer, encoding, errors="backslashreplace", line_buffering=True)


def make_lossy() -> None:
    """Replace stdout and stderr by lossy ones, and read stdin whatever its bytes are. Closed standard streams are
    opened on /dev/null: otherwise the next file to be opened would take their place, and Python would print stderr's
    text to stdout."""
    for descriptor in (0, 1, 2):
        _demand_open(descriptor)
    sys.stdin = sys.stdin or os.fdopen(0)
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape")
    sys.stdout = lossy(1, sys.stdout.encoding if sys.stdout else None)
    sys.stderr = lossy(2, sys.stderr.encoding if sys.stderr else None)


def _demand_open(descriptor: int) -> None:
    try:
        os.fstat(descriptor)
    except OSError:
        nowhere = os.open(os.devnull, os.O_RDWR)  # the lowest free descriptor, which is this one
        if nowhere != descriptor:
            os.dup2(nowhere, descriptor)
            os.close(nowhere)


@contextmanager
def duplicate(stream: TextIO) -> Iterator[TextIO]:
    """The stream under a descriptor of its own; what that loses counts as lost by `stream`. One without a descriptor (a
    test's capture) is used as it is."""
    try:
        descriptor = os.dup(stream.fileno())
    except (OSError, ValueError):
        yield stream
        return
    copy = lossy(descriptor, stream.encoding, close=True)
    raw, original = _raw(copy), _raw(stream)
    try:
        with copy:
            yield copy
    finally:
        if raw and original:
            original.lost = original.lost or raw.lost


def lost_output() -> str:
    """Why stdout did not take all that was printed; empty if it did, or if the reader went away."""
    sys.stdout.flush()
    raw = _raw(sys.stdout)
    return str(raw.lost.strerror) if raw and raw.lost else ""


def _raw(stream: TextIO) -> _Lossy | None:
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    return raw if isinstance(raw, _Lossy) else None
