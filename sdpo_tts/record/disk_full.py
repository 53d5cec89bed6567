"""A full disk: what was to be written waits until there is room, and nothing is lost."""

from __future__ import annotations

import errno
import logging
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
LOG = logging.getLogger(__name__)
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
POLL_S = 2.0


def is_full(error: BaseException | None) -> bool:
    """Whether an error, or one behind it, says that a disk or a quota is full.

    Libraries in other languages say it in words, or hide the error of the file that they wrote to behind their own.
    """
    while error is not None:
        if (isinstance(error, OSError) and error.errno in NO_ROOM) or "No space left on device" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def with_room(write: Callable[[], T], folder: Path, need: Callable[[], int]) -> T:
    """What `write` returns, which is tried until the disk of `folder` has room; `need`: how many bytes it takes.

    A `write` that fails has to leave nothing behind. Says once that it waits, and for what.
    """
    waiting = False
    while True:
        try:
            done = write()
        except Exception as error:
            if not is_full(error):
                raise
        else:
            if waiting:
                LOG.info("free space again at %s", folder)
            return done
        if not waiting:
            waiting = True
            free = f"{_size(need())} are needed and {_size(_free(folder))} are free"
            LOG.warning("the disk of %s is full: %s; waiting for room, Ctrl-C stops the run", folder, free)
        _wait(folder, need())


def _wait(folder: Path, need: int) -> None:
    """Until there may be room. A quota or a lack of inodes does not show in what is free: it is tried again."""
    time.sleep(POLL_S)
    while _free(folder) < need:
        time.sleep(POLL_S)


def _free(folder: Path) -> int:
    return shutil.disk_usage(next(place for place in (folder, *folder.absolute().parents) if place.is_dir())).free


def _size(number: int) -> str:
    return f"{number / 2**20:.1f} MiB" if number >= 2**20 else f"{number / 2**10:.1f} KiB"
