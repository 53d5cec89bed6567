"""What a comparison does, and the file by which the same command finds it again."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from sdpo_tts.comparison.arms import POOLED, Arm
from sdpo_tts.comparison.cells import Cell, awaited
from sdpo_tts.comparison.job import Job
from sdpo_tts.comparison.pool import parts, pool_folder
from sdpo_tts.discovery.assemble import RunSettings
from sdpo_tts.errors import UserError
from sdpo_tts.policy.sampling import PLAIN
from sdpo_tts.problem import Problem
from sdpo_tts.record import read_json, write_json
from sdpo_tts.settings import changed


@dataclass(frozen=True)
class Choices:
    """`settings` are shared by all arms, except that each cell has its own budget; `batch_sizes` are for methods with
    another batch size than their default. `seeds` are counted from `first_seed`, except in pools."""

    arms: tuple[Arm, ...]
    seeds: int
    settings: RunSettings = field(default_factory=RunSettings)
    batch_sizes: Mapping[str, int] = field(default_factory=dict)
    first_seed: int = 0

    @property
    def attempts(self) -> int:
        """Per cell. There is always a limit, because it sets the size of the pools."""
        assert self.settings.budget.max_attempts, "a pool needs a number"
        return self.settings.budget.max_attempts

    def shared(self) -> dict[str, Any]:
        """What every cell shares, flat, and as JSON stores it. More seeds or arms do not make another comparison."""
        nested = {**asdict(self.settings), "batch_size": dict(self.batch_sizes)}
        told = {**nested.pop("policy"), **{name: nested[name] for name in nested if name not in _OF_CELLS}}
        return dict(_flat(json.loads(json.dumps(told)), ""))

    def run_settings(self, arm: Arm, seed: int, attempts: int) -> RunSettings:
        """The settings of one cell. Nothing is cancelled and no candidates are collected: the number of the first
        success must be exact."""
        base = replace(self.settings, method=arm.method, seed=seed, batch_size=self.batch_sizes.get(arm.method))
        own = dict(arm.changes)
        told = {
            "budget.max_attempts": attempts, "solver.keep_going": arm.pooled, "solver.cancel": False,
            "solver.candidates": 1, **own,
        }  # fmt: skip
        return changed(base, told | ({"learner.loss.grpo_weight": 1.0} if arm.method == "grpo" else {}))


@dataclass(frozen=True)
class Plan:
    """`folder` holds the cells; `pools` the samples of best-of-k, which other comparisons use too.

    A `first_seed` above 0 gets its own pool, whose samples no other comparison uses.
    """

    folder: Path
    pools: Path
    problems: tuple[Problem, ...]
    choices: Choices
    first_seed: int = 0

    def cells(self) -> Iterator[Cell]:
        """Seeds outermost: a comparison that is stopped early has fewer seeds, not fewer arms."""
        first = self.choices.first_seed
        for seed in range(first, first + self.choices.seeds):
            for problem in self.problems:
                for arm in self.choices.arms:
                    if not arm.pooled:
                        yield self._cell(problem, arm, seed, self.choices.attempts)
                    elif seed == first:
                        yield from self._pooled(problem, arm)

    def place(self, cell: Cell) -> Path:
        """Where a cell runs: part of a pool in its pool, others in the comparison."""
        return self.pool(cell.problem, cell.arm) / f"{POOLED}-s{cell.seed}" if cell.arm.pooled else cell.home

    def job(self, cell: Cell) -> Job:
        settings = self.choices.run_settings(cell.arm, cell.seed, cell.attempts)
        return Job(cell.problem, settings, "" if cell.arm.pooled else cell.arm.name, tuple(sys.argv))

    def pool(self, problem: Problem, arm: Arm) -> Path:
        """The pool, keyed by what can change a sample or end a part; training settings do not count."""
        settings = self.choices.run_settings(arm, 0, 0)
        kept = {
            "budget.max_tokens": settings.budget.max_tokens,
            "budget.max_seconds": settings.budget.max_seconds,
            **{name: getattr(settings.policy, name) for name in ("model", "device", "dtype", "max_new_tokens")},
            "batch_size": settings.batch_size,
        }
        if settings.policy.sampling != PLAIN:
            kept["sampling"] = asdict(settings.policy.sampling)
        if settings.policy.quantization != "none":
            kept["quantization"] = settings.policy.quantization
        folder = pool_folder(self.pools, problem, kept)
        return folder / f"from-{self.first_seed}" if self.first_seed else folder

    def open(self) -> Plan:
        """Make the folder, or check that it holds this comparison. Run the plan that is returned: chat templates that
        contain today's date keep the date on which the comparison began. Raises UserError, naming what differs."""
        path = self.folder / "comparison.json"
        with awaited(self.folder / "comparison"):
            before = read_json(path) if path.exists() else None
            plan = self._begun_on(before["settings"].get("date")) if before else self
            asked = {
                "problems": {problem.slug: problem.digest for problem in plan.problems},
                "settings": plan.choices.shared(),
            }
            if before:
                _same(before, asked, str(path))
                asked["problems"] = {**before["problems"], **asked["problems"]}
            elif any(not found.name.startswith(".") for found in self.folder.iterdir()):
                raise UserError("the folder is not empty and holds no comparison", where=str(self.folder))
            write_json(path, asked)
        return plan

    def _begun_on(self, date: str | None) -> Plan:
        """None if it began before dates were recorded."""
        settings = self.choices.settings
        policy = replace(settings.policy, date=date or settings.policy.date)
        return replace(self, choices=replace(self.choices, settings=replace(settings, policy=policy)))

    def _cell(self, problem: Problem, arm: Arm, seed: int, attempts: int) -> Cell:
        return Cell(problem, arm, seed, attempts, self.folder / problem.slug / f"{arm.folder}-s{seed}")

    def _pooled(self, problem: Problem, arm: Arm) -> Iterator[Cell]:
        """As many samples as all seeds of another arm together have attempts."""
        attempts, here = self.choices.attempts, (self.folder / problem.slug).glob(f"{arm.folder}-s*")
        found = [*here, *self.pool(problem, arm).glob(f"{POOLED}-s*")]
        for part in parts(found, self.choices.seeds * attempts, attempts, self.first_seed):
            yield self._cell(problem, arm, part.seed, part.samples)


_OF_CELLS = ("method", "seed")


def distinct(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """Raises UserError if two problems have the same name: their cells would share a folder."""
    known: dict[str, Problem] = {}
    for problem in problems:
        other = known.setdefault(problem.slug, problem)
        if other.path != problem.path:
            raise UserError(f"two problems are called {problem.slug}: {other.path} and {problem.path}")
    return tuple(known.values())


def _flat(nested: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in nested.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _same(before: Mapping[str, Any], asked: Mapping[str, Any], where: str) -> None:
    hint = "name another folder with --out, or repeat the options of the first call"
    for slug, digest in asked["problems"].items():
        if before["problems"].get(slug, digest) != digest:
            raise UserError(f"the problem {slug} has changed since this comparison began", where=where, hint=hint)
    old = {**Choices((), 0).shared(), **before["settings"]}  # a setting that did not exist yet had its default value
    differing = [
        f"{name} was {old.get(name)} and is {asked['settings'].get(name)}"
        for name in sorted(old.keys() | asked["settings"].keys())
        if old.get(name) != asked["settings"].get(name)
    ]
    if differing:
        raise UserError("; ".join(differing), where=where, hint=hint)
