"""A cell of a comparison: one arm on one problem with one seed, and what its journal says about it."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sdpo_tts.comparison.arms import Arm
from sdpo_tts.errors import UserError
from sdpo_tts.problem import Problem
from sdpo_tts.record import Event, RunDir, read_events
from sdpo_tts.record.events import COMPLETE

LOOK_S = 0.2  # between looks at a cell that another process has claimed


@dataclass(frozen=True)
class Cell:
    """`home` is its run directory; `attempts` its budget."""

    problem: Problem
    arm: Arm
    seed: int
    attempts: int
    home: Path

    def __str__(self) -> str:
        return f"{self.problem.slug} {self.arm.name} seed {self.seed}"


def ending(run: Path) -> Event | None:
    """`run_ended` of a finished run; None if it is absent, torn, interrupted or failed."""
    journal = RunDir(run).events
    if not journal.is_file():
        return None
    try:
        events = read_events(journal)
    except UserError:  # a journal damaged on disk counts as torn: the cell is run again
        return None
    last = events[-1] if events else {"type": ""}
    return last if last["type"] == "run_ended" and last["reason"] in COMPLETE else None


@contextmanager
def claimed(home: Path) -> Iterator[bool]:
    """Whether this process has the cell to itself. The kernel releases the claim when the process dies, however it
    dies."""
    home.parent.mkdir(parents=True, exist_ok=True)
    with home.with_name(f".{home.name}.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


@contextmanager
def awaited(home: Path) -> Iterator[None]:
    """Wait until no other process has the cell, then claim it."""
    while True:
        with claimed(home) as mine:
            if mine:
                yield
                return
        time.sleep(LOOK_S)


def linked(run: Path, to: Path) -> None:
    """Make a finished run appear at `to` as well, completely or not at all, by hard links where the disk allows
    them. What a killed process left of the same cell is deleted first: only the process that has claimed the cell
    gets here."""
    part = to.with_name(f".{to.name}.part")
    for old in (part, to):
        shutil.rmtree(old, ignore_errors=True)
    shutil.copytree(run, part, copy_function=_link)
    part.rename(to)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
