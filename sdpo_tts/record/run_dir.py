"""The run directory: all files of one run, and the lock that keeps a second process out."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from io import FileIO
from pathlib import Path

from sdpo_tts.errors import UserError
from sdpo_tts.problem.language import language as find_language


@dataclass(frozen=True)
class RunDir:
    """The file names of one run. `create` and `at` make the folder, `existing` opens one to read."""

    path: Path

    @classmethod
    def create(cls, root: Path, problem: str, method: str, seed: int) -> RunDir:
        """Make `root/<problem>/<method>-s<seed>-<YYYYmmdd-HHMMSS>-<4 hex>/`, in local time."""
        stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
        return cls.at(root / problem / f"{method}-s{seed}-{stamp}-{secrets.token_hex(2)}")

    @classmethod
    def at(cls, path: Path) -> RunDir:
        """Make a run directory at `path`. Raises UserError if something already exists."""
        try:
            path.mkdir(parents=True, exist_ok=True)
            occupied = any(path.iterdir())
        except OSError as error:
            raise UserError(f"cannot make a run directory: {error.strerror}", where=str(path)) from None
        if occupied:
            raise UserError("the run directory is not empty", where=str(path), hint="name a new one")
        run = cls(path)
        run.logs.mkdir()
        run.attempts.mkdir()
        return run

    @classmethod
    def existing(cls, path: Path) -> RunDir:
        """The run at `path`. Raises UserError if there is no journal in it."""
        run = cls(path)
        if not run.events.is_file():
            raise UserError("no run here: events.jsonl is missing", where=str(path))
        return run

    @property
    def manifest(self) -> Path:
        return self.path / "manifest.json"

    @property
    def events(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def attempts(self) -> Path:
        return self.path / "attempts"

    @property
    def result(self) -> Path:
        return self.path / "result.json"

    @property
    def last_adapter(self) -> Path:
        return self.path / "adapter" / "last"

    @property
    def solved_adapter(self) -> Path:
        return self.path / "adapter" / "solved"

    @property
    def batch(self) -> Path:
        """The samples of the batch in progress."""
        return self.path / "checkpoint" / "batch.json"

    @property
    def answers(self) -> Path:
        """A server's answers to the batch that is being sampled."""
        return self.path / "checkpoint" / "answers"

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoint" / "state.pt"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def hints(self) -> Path:
        """Hints that the user gave the run after its start; the folder may not exist."""
        return self.path / "hints"

    def attempt(self, number: int) -> Path:
        """The file of one attempt, counted from 1."""
        return self.attempts / f"{number:06d}.json"

    def solution(self, language: str) -> Path:
        """Named like the judge's source: `solution.py`, `solution.cpp`. Raises UserError (no such language)."""
        return self.path / find_language(language).source

    def best(self, language: str) -> Path:
        """The best program of an unsolved run: `best.py`, `best.cpp`. Raises UserError, likewise."""
        return self.path / f"best{Path(find_language(language).source).suffix}"

    @property
    def begun(self) -> bool:
        """Whether it has any event."""
        try:
            return self.events.stat().st_size > 0
        except (FileNotFoundError, NotADirectoryError):
            return False

    def forget_if_unbegun(self, *, but_logs: bool = False) -> None:
        """Remove the folder of a run that did not begin, or everything in it but its logs, so that it is no longer a
        run."""
        if self.begun:
            return
        for file in self.path.iterdir() if but_logs else ():
            if file != self.logs:
                shutil.rmtree(file) if file.is_dir() else file.unlink()
        if not but_logs:
            shutil.rmtree(self.path, ignore_errors=True)
            with suppress(OSError):
                self.path.parent.rmdir()

    @property
    def locked(self) -> bool:
        """Whether some process is working on it."""
        try:
            with (self.path / "lock").open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:  # there is no such file, or it may not be read
            return False
        return False

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold this run exclusively. The kernel releases it with the process. Raises UserError if it is held."""
        with (self.path / "lock").open("a+b", buffering=0) as file:
            _take(file, self.path)
            with suppress(OSError):  # on a full disk: the number only serves a message
                file.truncate(0)
                file.write(f"{os.getpid()}\n".encode())
            yield


def _take(file: FileIO, run: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        owner = file.read().decode().strip() or "unknown"
        raise UserError(
            f"another process (pid {owner}) is working on this run", where=str(run), hint="wait for it or stop it"
        ) from None
