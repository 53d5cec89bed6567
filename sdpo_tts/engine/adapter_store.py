"""The folder from which an engine loads the learner's adapters: one per version, in memory if the system allows."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

PREFIX, LOCK = "sdpo-tts-adapters-", ".lock"
MEMORY = Path("/dev/shm")


class AdapterStore:
    """Holds only the newest adapter. Folders left by dead processes are removed by the next one that opens a store."""

    def __init__(self, root: Path | None = None) -> None:
        self._root = root or (MEMORY if MEMORY.is_dir() else Path(tempfile.gettempdir()))
        sweep(self._root)
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=self._root))
        self._lock = (self.folder / LOCK).open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._newest: Path | None = None

    def put(self, number: int, save: Callable[[Path], None]) -> Path:
        """The folder of a new adapter, which `save` fills. The previous one is removed."""
        folder = self.folder / f"v{number}"
        save(folder)
        self.clear()
        self._newest = folder
        return folder

    def clear(self) -> None:
        """Remove the newest adapter."""
        if self._newest:
            shutil.rmtree(self._newest)
        self._newest = None

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.close()


def leftovers(root: Path = MEMORY) -> list[Path]:
    """Stores whose process is dead: the kernel has released their locks."""
    return [folder for folder in root.glob(f"{PREFIX}*") if _abandoned(folder)]


def sweep(root: Path = MEMORY) -> None:
    for folder in leftovers(root):
        shutil.rmtree(folder, ignore_errors=True)


def _abandoned(folder: Path) -> bool:
    with suppress(OSError), (folder / LOCK).open("r") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
