"""What is reported rather than estimated: settings, hardware, spending, solutions, and the list of runs."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sdpo_tts.record import AttemptRecord, RunDir
from sdpo_tts.report.arms import Grid
from sdpo_tts.report.run import Run

OWN = ("argv", "settings.seed", "settings.method", "settings.budget", "problem.")


@dataclass(frozen=True)
class Facts:
    """Settings and machine as (name, value); a value that differs between runs is listed with all its values.
    `changed` are problems that were edited between their runs."""

    settings: tuple[tuple[str, str], ...]
    machine: tuple[tuple[str, str], ...]
    machines: int
    changed: tuple[str, ...]


@dataclass(frozen=True)
class Spending:
    """What a method spent over all its runs on all problems; `flops` is NaN if the journals lack the data."""

    method: str
    runs: int
    attempts: int
    tokens: int
    sampling_seconds: float
    judging_seconds: float
    learning_seconds: float
    flops: float


@dataclass(frozen=True)
class Solution:
    """A program that passed all tests; `program` is None if neither journal nor run folder has its text."""

    problem: str
    method: str
    seed: int
    attempt: int
    tokens: int
    seconds: float
    program: str | None


@dataclass(frozen=True)
class RunRow:
    """`solved_at` is the first attempt that passed all tests; `correct` counts all that did."""

    problem: str
    method: str
    seed: int
    reason: str
    attempts: int
    solved_at: int | None
    correct: int
    tokens: int
    seconds: float
    model: str
    device: str
    path: str


def facts(runs: Sequence[Run]) -> Facts:
    told = [dict(_flat(run.manifest, "")) for run in runs]
    names = list(dict.fromkeys(name for one in told for name in one if not name.startswith(OWN)))
    values = {name: _values([one[name] for one in told if name in one]) for name in names}
    machine = {name: value for name, value in values.items() if name.startswith(("machine.", "versions."))}
    settings = {name.removeprefix("settings."): value for name, value in values.items() if name not in machine}
    machines = len({json.dumps(run.manifest.get("machine"), sort_keys=True) for run in runs})
    return Facts(tuple(settings.items()), tuple(machine.items()), machines, tuple(_changed(runs)))


def _changed(runs: Sequence[Run]) -> Iterator[str]:
    digests: dict[str, set[str]] = defaultdict(set)
    for run in runs:
        if digest := run.manifest.get("problem", {}).get("digest"):
            digests[run.cell[0]].add(digest)
    return (problem for problem, different in digests.items() if len(different) > 1)


def _flat(nested: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in nested.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value if isinstance(value, str) else json.dumps(value)


def _values(values: Sequence[str]) -> str:
    return "; ".join(dict.fromkeys(values))


def spending(grid: Grid) -> Iterator[Spending]:
    for method in grid.methods:
        runs = [run for run in grid.runs if run.arm == method]
        last = [run.costs[-1] for run in runs if run.costs]
        yield Spending(
            method=method,
            runs=len(runs),
            attempts=sum(cost.attempts for cost in last),
            tokens=sum(cost.tokens for cost in last),
            sampling_seconds=math.fsum(cost.sampling_seconds for cost in last),
            judging_seconds=math.fsum(cost.judging_seconds for cost in last),
            learning_seconds=math.fsum(cost.learning_seconds for cost in last),
            flops=math.fsum(cost.flops for cost in last),
        )


def solutions(runs: Sequence[Run]) -> Iterator[Solution]:
    """Without programs that an external judge rejected."""
    for run in runs:
        for event in (event for event in run.events if event["type"] == "solved"):
            if event["attempt"] in run.rejected:
                continue
            program = event.get("program") or _kept(run, event["attempt"])
            yield Solution(*run.cell, event["attempt"], event["tokens"], event["seconds"], program)


def _kept(run: Run, attempt: int) -> str | None:
    file = RunDir(run.path).attempt(attempt)
    return AttemptRecord.load(file).program if file.is_file() else None


def run_rows(runs: Sequence[Run]) -> Iterator[RunRow]:
    for run in runs:
        yield RunRow(
            *run.cell,
            reason=run.reason,
            attempts=len(run.judged),
            solved_at=run.solved_at,
            correct=run.correct,
            tokens=run.costs[-1].tokens if run.costs else 0,
            seconds=run.costs[-1].seconds if run.costs else 0.0,
            model=run.started["model"],
            device=run.started["device"],
            path=str(run.path),
        )
