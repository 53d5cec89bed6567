"""Runs the cells of a plan that are not finished yet, one after the other; a failing one does not stop the rest.

Any number of processes may work on one plan: each cell is run by whoever claims it first.
"""

from __future__ import annotations

import shutil
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from sdpo_tts.comparison.cells import Cell, claimed, ending, linked
from sdpo_tts.comparison.plan import Plan
from sdpo_tts.comparison.pool import METHOD as POOLED
from sdpo_tts.comparison.pool import PoolSolver
from sdpo_tts.discovery.assemble import Policy, RunSettings, make_guard
from sdpo_tts.discovery.launch import announce
from sdpo_tts.discovery.solve import Parts, Solver
from sdpo_tts.discovery.strategies import Strategy
from sdpo_tts.judge import Judge
from sdpo_tts.problem import Problem
from sdpo_tts.record import Event, Journal, RunDir


@dataclass(frozen=True)
class Watch:
    """Who hears of a cell while it runs."""

    status: Callable[[str], None]
    event: Callable[[Event], None]


@dataclass(frozen=True)
class Makers:
    """How a cell gets its parts. `watch` opens a view of the run that is to begin."""

    judge: Callable[[Problem, RunSettings], Judge]
    policy: Callable[[int, Callable[[str], None]], Policy]
    strategy: Callable[[RunSettings, Problem, Policy], Strategy]
    watch: Callable[[RunDir], AbstractContextManager[Watch]]


@dataclass
class Tally:
    """What came of the cells. `failed` says why; `busy` ones are being run by another process."""

    cells: int = 0
    finished: int = 0
    failed: list[tuple[Cell, Exception]] = field(default_factory=list)
    busy: list[Cell] = field(default_factory=list)

    @property
    def settled(self) -> int:
        return self.finished + len(self.failed) + len(self.busy)


class Comparison:
    """`tell` gets a line for each cell that ends, with an estimate of the time left."""

    def __init__(self, plan: Plan, makers: Makers, tell: Callable[[str], None]) -> None:
        self.plan, self.makers, self.tell = plan, makers, tell
        self.tally, self.pace = Tally(), Pace()

    def run(self) -> Tally:
        """Raises UserError where the folder holds another comparison, and what a user's interruption raises."""
        self.plan.open()
        cells = list(self.plan.cells())
        self.tally.cells = len(cells)
        left = [cell for cell in cells if not self._already(cell)]
        if self.tally.finished:
            self.tell(f"{self.tally.finished} of {len(cells)} cells are finished already")
        for i, cell in enumerate(left):
            self._settle(cell, left[i + 1 :])
        return self.tally

    def _already(self, cell: Cell) -> bool:
        end = ending(cell.home)
        if end:
            self.tally.finished += 1
            self.pace.learn(cell, end["seconds"])
        return bool(end)

    def _settle(self, cell: Cell, after: Sequence[Cell]) -> None:
        place = self.plan.pool(cell.problem) / cell.home.name if cell.method == POOLED else cell.home
        with claimed(place) as mine:
            if not mine:
                self.tally.busy.append(cell)
                self._say(cell, "is being run by another process", after)
                return
            try:
                self._fill(cell, place)
            except Exception as error:  # whatever it is, the other cells may still go well
                self.tally.failed.append((cell, error))
                self._say(cell, f"FAILED: {error}", after)
                return
        self.tally.finished += 1
        self._say(cell, _said(ending(cell.home)), after)

    def _say(self, cell: Cell, what: str, after: Sequence[Cell]) -> None:
        self.tell(f"[{self.tally.settled}/{self.tally.cells}] {cell}: {what}{self.pace.left(after)}")

    def _fill(self, cell: Cell, place: Path) -> None:
        """Run the cell at `place`, unless it is finished there, and have it at its home. What was torn is cleared."""
        if not ending(place):
            shutil.rmtree(place, ignore_errors=True)
            before = time.monotonic()
            self._run(cell, RunDir.at(place))
            self.pace.learn(cell, time.monotonic() - before)
        if place != cell.home:
            linked(place, cell.home)

    def _run(self, cell: Cell, run: RunDir) -> None:
        with self.makers.watch(run) as watch:
            try:
                self._solve(cell, run, watch)
            except Exception:
                (run.logs / "error.txt").write_text(traceback.format_exc(), encoding="utf-8")
                raise

    def _solve(self, cell: Cell, run: RunDir, watch: Watch) -> None:
        settings = self.plan.choices.run_settings(cell.method, cell.seed, cell.attempts)
        with self.makers.judge(cell.problem, settings) as judge, Journal(run.events) as journal:
            journal.subscribe(watch.event)
            policy = self.makers.policy(cell.seed, watch.status)
            strategy = self.makers.strategy(settings, cell.problem, policy)
            pooled = cell.method == POOLED
            announce(journal, run, judge, policy, strategy, settings, sys.argv, pooled=pooled)
            guard = make_guard(strategy, settings.guard)
            parts = Parts(policy.network, policy.chat, policy.sampler, judge, journal, run, guard)
            kind = PoolSolver if pooled else Solver
            kind(parts, strategy, settings.budget, cell.seed, settings.solver).run()


def _said(end: Event | None) -> str:
    assert end is not None, "a cell that did not fail has ended"
    reason = end["reason"].replace("max_", "").replace("_", " ")
    outcome = "solved" if reason == "solved" else f"budget of {reason} spent"
    return f"{outcome}, {end['attempts']} attempts in {clock(end['seconds'])}"


class Pace:
    """How long cells take, by method, from those that ended."""

    def __init__(self) -> None:
        self._seconds: dict[str, list[float]] = {}

    def learn(self, cell: Cell, seconds: float) -> None:
        self._seconds.setdefault(cell.method, []).append(seconds)

    def left(self, cells: Sequence[Cell]) -> str:
        """In words; a method not seen yet is taken to be as slow as the others on average."""
        every = [seconds for known in self._seconds.values() for seconds in known]
        if not cells or not every:
            return ""
        means = {method: sum(known) / len(known) for method, known in self._seconds.items()}
        average = sum(every) / len(every)
        return f"; about {clock(sum(means.get(cell.method, average) for cell in cells))} left"


def clock(seconds: float) -> str:
    """1:02:03, and without hours 2:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
