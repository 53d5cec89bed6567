"""Reports what is being done to get a model, and the progress of a download."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from stat import S_ISREG
from threading import Event, Thread
from typing import Protocol

PAUSE_S = 1.0
BLOCK = 512  # bytes, the unit of st_blocks on every system


class Report(Protocol):
    """Called with what is being done; further calls with the same text give the progress in `more`."""

    def __call__(self, text: str, more: str = "", /) -> None: ...


def unheard(text: str, more: str = "", /) -> None:
    """Ignores the report."""


@contextmanager
def told(text: str, folder: Path, total: int, report: Report, pause_s: float = PAUSE_S) -> Iterator[None]:
    """While something of `total` bytes is written to files below `folder`, which blocks this thread.

    The files are watched rather than the client, because each client counts in its own way, and pip not at all.
    """
    report(text)
    over = Event()
    teller = Thread(target=_tell, args=(text, folder, total, report, over, pause_s), daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()


def _tell(text: str, folder: Path, total: int, report: Report, over: Event, pause_s: float) -> None:
    before, most = _written(folder), 0
    while not over.wait(pause_s):
        most = min(total, max(most, _written(folder) - before))
        report(text, f"{most / 1e6:,.0f} of {total / 1e6:,.0f} MB")


def _written(folder: Path) -> int:
    """Bytes on the disk: a client may give a file its full length before it has any of it."""
    return sum(_bytes(Path(path, name)) for path, _, names in os.walk(folder) for name in names)


def _bytes(file: Path) -> int:
    with suppress(OSError):  # renamed or deleted since
        found = file.lstat()
        return found.st_blocks * BLOCK if S_ISREG(found.st_mode) else 0
    return 0
