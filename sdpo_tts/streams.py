"""stdout and stderr that never end a run, even if they are closed, full, or cannot encode the output."""

from __future__ import annotations

import io
import os
import select
import sys
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
    """Replace stdout and stderr by lossy ones. Closed standard streams are opened on /dev/null: otherwise the next file
    to be opened would take their place, and Python would print stderr's text to stdout."""
    for descriptor in (0, 1, 2):
        _demand_open(descriptor)
    sys.stdin = sys.stdin or os.fdopen(0)
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


def lost_output() -> str:
    """Why stdout did not take all that was printed; empty if it did, or if the reader went away."""
    sys.stdout.flush()
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    lost: OSError | None = getattr(raw, "lost", None)
    return "" if lost is None else str(lost.strerror)
