"""On a full disk a writer waits until there is room, so nothing is lost."""

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
    """Whether an error, or one that caused it, says that a disk or a quota is full.

    Libraries in other languages say so in words, or hide the error of the file that they wrote to behind their own.
    """
    while error is not None:
        if (isinstance(error, OSError) and error.errno in NO_ROOM) or "No space left on device" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def with_room(write: Callable[[], T], folder: Path, need: Callable[[], int]) -> T:
    """The result of `write`, which is tried until the disk of `folder` has room; `need`: how many bytes it takes.

    A `write` that fails must leave nothing behind. Reports the wait once, with its reason.
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
                LOG.info("there is space again at %s", folder)
            return done
        if not waiting:
            waiting = True
            free = f"{_size(need())} are needed and {_size(_free(folder))} are free"
            LOG.warning("the disk of %s is full: %s; waiting for room, Ctrl-C stops the run", folder, free)
        _wait(folder, need())


def _wait(folder: Path, need: int) -> None:
    """Until there may be room. Free space does not show a quota or a lack of inodes, so it simply tries again."""
    time.sleep(POLL_S)
    while _free(folder) < need:
        time.sleep(POLL_S)


def _free(folder: Path) -> int:
    return shutil.disk_usage(next(place for place in (folder, *folder.absolute().parents) if place.is_dir())).free


def _size(number: int) -> str:
    return f"{number / 2**20:.1f} MiB" if number >= 2**20 else f"{number / 2**10:.1f} KiB"
