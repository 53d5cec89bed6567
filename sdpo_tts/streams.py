"""stdout and stderr that never end a run: closed ones, full ones, and those that cannot encode what is said."""

from __future__ import annotations

import io
import os
import select
import sys
from typing import TextIO


class _Lossy(io.FileIO):
    """A descriptor that takes everything: what cannot be written is dropped."""

    lost: OSError | None = None
    """Why something was dropped first. That nobody reads any more, as behind `| head`, is no reason to complain."""

    def write(self, data: object, /) -> int:
        size = memoryview(data).nbytes  # type: ignore[arg-type]
        try:
            while (written := super().write(data)) is None:  # type: ignore[arg-type]
                select.select([], [self], [])  # full for now, of a terminal that does not block
            return int(written)
        except BrokenPipeError:
            return size
        except OSError as error:
            self.lost = self.lost or error
            return size


def lossy(descriptor: int, encoding: str | None = None, *, close: bool = False) -> TextIO:
    """A text stream on a descriptor that raises nothing, whatever becomes of it; `close`: it is the stream's to close.

    What the encoding lacks is written as its escape.
    """
    raw = _Lossy(descriptor, "w", closefd=close)
    buffer = io.BufferedWriter(raw)
    return io.TextIOWrapper(buffer, encoding, errors="backslashreplace", line_buffering=True)


def make_lossy() -> None:
    """stdout and stderr become so. Standard streams that were closed lead to nowhere: otherwise the next
    file to be opened would be taken for them, and Python prints to stdout what is for a missing stderr."""
    for descriptor in (0, 1, 2):
        _demand_open(descriptor)
    sys.stdin = sys.stdin or os.fdopen(0)
    sys.stdout = lossy(1, sys.stdout.encoding if sys.stdout else None)
    sys.stderr = lossy(2, sys.stderr.encoding if sys.stderr else None)


def _demand_open(descriptor: int) -> None:
    try:
        os.fstat(descriptor)
    except OSError:
        nowhere = os.open(os.devnull, os.O_RDWR)  # the lowest that is free, which is this one
        if nowhere != descriptor:
            os.dup2(nowhere, descriptor)
            os.close(nowhere)


def lost_output() -> str:
    """Why stdout did not take all that was printed; empty if it did, or where nobody wanted it."""
    sys.stdout.flush()
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    lost: OSError | None = getattr(raw, "lost", None)
    return "" if lost is None else str(lost.strerror)
