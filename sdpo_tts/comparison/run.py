"""Runs the unfinished cells of a plan, one after another; a failed cell does not stop the rest.

Any number of processes may work on one plan: each cell is run by whichever claims it first.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sdpo_tts.comparison.cells import Cell, awaited, claimed, ending, linked
from sdpo_tts.comparison.job import Makers, perform
from sdpo_tts.comparison.plan import Plan
from sdpo_tts.errors import UserError
from sdpo_tts.record import Event, RunDir


@dataclass
class Tally:
    """What has become of the cells so far. `failed` says why; `busy` cells are being run by another process."""

    cells: int = 0
    finished: int = 0
    failed: list[tuple[Cell, Exception]] = field(default_factory=list)
    busy: list[Cell] = field(default_factory=list)

    @property
    def settled(self) -> int:
        return self.finished + len(self.failed) + len(self.busy)


class Comparison:
    """`tell` gets a line for each finished cell, with an estimate of the time left."""

    at_once = 1
    """Cells that run side by side, for the estimate."""

    def __init__(self, plan: Plan, makers: Makers, tell: Callable[[str], None]) -> None:
        self.plan, self.makers, self.tell = plan, makers, tell
        self.tally, self.pace = Tally(), Pace()
        self.left: list[Cell] = []
        self._begun: set[Cell] = set()
        self._settled = self._ran = 0

    def run(self) -> Tally:
        """Raises UserError if the folder holds another comparison; passes on the user's interruption."""
        self.plan = self.plan.open()
        cells = list(self.plan.cells())
        self.tally.cells = len(cells)
        self.left = [cell for cell in cells if not self._already(cell)]
        if self.tally.finished:
            self.tell(f"{self.tally.finished} of {len(cells)} cells are finished already")
        self._work_off()
        # A part of a pool that another comparison sampled may be smaller than requested here.
        self.left = [cell for cell in self.plan.cells() if not ending(cell.home) and cell not in cells]
        self.tally.cells += len(self.left)
        self._work_off()
        return self.tally

    def _work_off(self) -> None:
        """Run the remaining cells. Wait for those that another process is running; it may die before they end."""
        self.work(tuple(self.left))
        while busy := tuple(self.tally.busy):
            self.tally.busy, self.left = [], list(busy)
            self.work(busy)
            if self.tally.busy:
                self.tell(f"waiting for cells of other processes: {len(self.tally.busy)}")
            for cell in self.tally.busy:
                with awaited(self.plan.place(cell)):
                    pass

    def work(self, cells: Sequence[Cell]) -> None:
        for cell in cells:
            self.settle(cell)

    def settle(self, cell: Cell) -> None:
        """Get the cell finished at its home, or record why not."""
        place, error = self.plan.place(cell), None
        with claimed(place) as mine:
            if mine:
                try:
                    self._fill(cell, place)
                except Exception as raised:  # whatever went wrong, the other cells may still succeed
                    error = _without_frames(raised)
        self.record(cell, mine, error)

    def record(self, cell: Cell, mine: bool, error: Exception | None) -> None:
        """Count the cell and report its outcome."""
        self.left.remove(cell)
        self._settled += 1
        self._ran += cell in self._begun
        if not mine:
            self.tally.busy.append(cell)
            what = "is being run by another process"
        elif error:
            self.tally.failed.append((cell, error))
            what = f"FAILED: {error}"
        else:
            self.tally.finished += 1
            what = _said(ending(cell.home))
        # What other processes on this plan have done, or are doing, says how much of the rest they will do.
        estimate = self.pace.left(self.left, self.at_once * self._settled / max(1, self._ran))
        self.tell(f"[{self.tally.settled}/{self.tally.cells}] {cell}: {what}{estimate}")

    def perform(self, cell: Cell, place: Path) -> float:
        """Run it into `place`, which must be empty; returns the seconds that it took."""
        before = time.monotonic()
        perform(self.plan.job(cell), self.makers, RunDir.at(place))
        return time.monotonic() - before

    def _already(self, cell: Cell) -> bool:
        end = ending(cell.home)
        if end:
            self.tally.finished += 1
            self.pace.learn(cell, end["seconds"])
        return bool(end)

    def _fill(self, cell: Cell, place: Path) -> None:
        """Run the cell at `place`, unless it is finished there, and link it to its home. Torn runs are cleared. Raises
        UserError if a command on single runs has it."""
        if not ending(place):
            if RunDir(place).locked:
                raise UserError("another process is working on this run", where=str(place))
            self._begun.add(cell)
            shutil.rmtree(place, ignore_errors=True)
            self.pace.learn(cell, self.perform(cell, place))
        if place != cell.home and not ending(cell.home):  # another process may be reading what it has linked there
            linked(place, cell.home)


def _without_frames(error: Exception) -> Exception:
    """Drop the frames of a traceback, because they would keep the cell's model in memory as long as the error. The
    cell's logs keep the traceback as text."""
    links: list[BaseException | None] = [error]
    while links:
        if link := links.pop():
            link.__traceback__ = None
            links += [link.__cause__, link.__context__]
    return error


def _said(end: Event | None) -> str:
    assert end is not None, "a cell that did not fail has ended"
    reason = end["reason"].replace("max_", "").replace("_", " ")
    outcome = "solved" if reason == "solved" else f"budget of {reason} spent"
    return f"{outcome}, {end['attempts']} attempts in {clock(end['seconds'])}"


class Pace:
    """How long cells take, by arm, from those that have finished."""

    def __init__(self) -> None:
        self._seconds: dict[str, list[float]] = {}

    def learn(self, cell: Cell, seconds: float) -> None:
        self._seconds.setdefault(cell.arm.name, []).append(seconds)

    def left(self, cells: Sequence[Cell], at_once: float = 1.0) -> str:
        """In words, with `at_once` cells in parallel. An arm without finished cells is assumed to take the average
        time."""
        known = dict(self._seconds)  # threads may be adding to it
        every = [seconds for of_arm in known.values() for seconds in of_arm]
        if not cells or not every:
            return ""
        means = {arm: sum(of_arm) / len(of_arm) for arm, of_arm in known.items()}
        average = sum(every) / len(every)
        return f"; about {clock(sum(means.get(cell.arm.name, average) for cell in cells) / at_once)} left"


def clock(seconds: float) -> str:
    """1:02:03, or without hours 2:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
