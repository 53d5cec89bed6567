"""One run as the report sees it, from its journal alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any

from sdpo_tts.comparison.arms import arm_of
from sdpo_tts.record import Event, RunDir, read_json
from sdpo_tts.record.events import COMPLETE
from sdpo_tts.stats import Axis, Cost, Observation, attempt_costs, observation, solves

LAST = {"run_ended": "", "resumed": "unfinished", "verdict_given": "rejected"}
"""The events that say why a run has ended, and the reason if they name none."""
ORDER = ("auto", "sdpo", "grpo", "multi-turn", "best-of-k")


@dataclass(frozen=True)
class Run:
    """One journal that has begun. `events` leave out a batch that was not fully judged, because which of its attempts
    were judged depends on how long they ran. `name` is its arm's, if that needs more than the journal."""

    path: Path
    events: tuple[Event, ...]
    name: str = ""

    def called(self, name: str) -> Run:
        return self if name == self.arm else replace(self, name=name)

    @cached_property
    def started(self) -> Event:
        return next(event for event in self.events if event["type"] == "run_started")

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """From the journal; for older journals, from the file beside it."""
        told = next((event for event in self.events if event["type"] == "manifest"), None)
        if told is None:
            file = RunDir(self.path).manifest
            found: dict[str, Any] = read_json(file) if file.is_file() else {}
            return found
        return {name: value for name, value in told.items() if name not in ("v", "seq", "t", "type")}

    @property
    def arm(self) -> str:
        """A method, possibly with its own settings: `sdpo:feedback=none`. The parts of a pool belong to no comparison,
        so they are named by their folders."""
        method = str(self.started["method"])
        of_folder = arm_of(self.path.name) if self.pooled else ""
        return self.name or str(self.started.get("arm") or (of_folder if method_of(of_folder) == method else method))

    @property
    def cell(self) -> tuple[str, str, int]:
        """Problem, arm and seed."""
        return self.started["problem"], self.arm, self.started["seed"]

    @property
    def pooled(self) -> bool:
        return bool(self.started.get("pooled"))

    @cached_property
    def judged(self) -> list[Event]:
        """In generation order."""
        found = [event for event in self.events if event["type"] == "attempt_judged"]
        return sorted(found, key=lambda event: int(event["attempt"]))

    @cached_property
    def batch_ends(self) -> tuple[int, ...]:
        """The number of the last attempt of each batch."""
        return tuple(accumulate(self._batches))

    def is_within_a_batch(self, attempts: int) -> bool:
        """Whether this number of attempts ends inside a batch."""
        return attempts not in self.batch_ends and attempts < max(self.batch_ends, default=0)

    @property
    def largest_batch(self) -> int:
        """The last batch may be smaller than requested, and so may a single one if the budget is smaller."""
        return max(self._batches)

    @property
    def _batches(self) -> list[int]:
        return [int(event["attempts"]) for event in self.events if event["type"] == "batch_sampled"]

    @cached_property
    def costs(self) -> tuple[Cost, ...]:
        return attempt_costs(self.events)

    @cached_property
    def solved_at(self) -> int | None:
        """The first attempt that passed all tests. Once an external judge has rejected one, only what has been proposed
        since, or accepted, is a success."""
        told = [event for event in self.events if event["type"] in ("solved", "verdict_given")]
        if self.rejected:
            stands = told[-1].get("verdict", "AC") == "AC" and told[-1]["attempt"] > 0
            return int(told[-1]["attempt"]) if stands else None
        return next((int(event["attempt"]) for event in self.judged if solves(event)), None)

    @cached_property
    def rejected(self) -> frozenset[int]:
        """The attempts that an external judge did not accept."""
        told = (event for event in self.events if event["type"] == "verdict_given" and event["verdict"] != "AC")
        return frozenset(event["attempt"] for event in told)

    @property
    def correct(self) -> int:
        return sum(map(solves, self.judged))

    @cached_property
    def reason(self) -> str:
        """Why it ended the last time; `unfinished` if it has not, has been resumed since, or died; `rejected` if an
        external judge did not accept its program."""
        told = [event for event in self.events if event["type"] in LAST and event.get("verdict") != "AC"]
        return str(told[-1].get("reason", LAST[told[-1]["type"]])) if told else "unfinished"

    @property
    def complete(self) -> bool:
        return self.reason in COMPLETE

    def observed(self, axis: Axis, after: int = 0) -> Observation:
        """What followed this many attempts, in a run that they did not solve."""
        seen, before = observation(self.costs, self.solved_at, axis), self.spent(axis, after)
        first = None if seen.first_success is None else seen.first_success - before
        return Observation(first, seen.budget - before)

    def spent(self, axis: Axis, attempts: int | None = None) -> float:
        """On this many first attempts, including the rest of their last batch; on all of them if None."""
        return self.costs[:attempts][-1].on(axis) if self.costs[:attempts] else 0.0


def rank(arm: str) -> tuple[int, str]:
    """The order of arms in every table: methods that learn first, and a method before its variants."""
    method = method_of(arm)
    return (ORDER.index(method) if method in ORDER else len(ORDER), arm)


def method_of(arm: str) -> str:
    return arm.partition(":")[0]
