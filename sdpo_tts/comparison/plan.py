"""What a comparison is to do, and the file by which the same command finds it again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from sdpo_tts.comparison.cells import Cell
from sdpo_tts.comparison.pool import METHOD as POOLED
from sdpo_tts.comparison.pool import parts, pool_folder
from sdpo_tts.discovery.assemble import PolicySettings, RunSettings
from sdpo_tts.discovery.budget import Budget
from sdpo_tts.errors import UserError
from sdpo_tts.policy.learner import LearnerSettings
from sdpo_tts.problem import Problem
from sdpo_tts.record import write_json


@dataclass(frozen=True)
class Choices:
    """`budget` is each cell's; `batch_sizes` names the methods whose batch is not their own default."""

    methods: tuple[str, ...]
    seeds: int
    budget: Budget
    policy: PolicySettings = field(default_factory=PolicySettings)
    learner: LearnerSettings = field(default_factory=LearnerSettings)
    batch_sizes: Mapping[str, int] = field(default_factory=dict)

    def settings(self) -> dict[str, Any]:
        """What every cell shares, flat, and as JSON keeps it. More seeds or methods make no other comparison."""
        nested = {
            "budget": asdict(self.budget), **asdict(self.policy), "learner": asdict(self.learner),
            "batch_size": dict(self.batch_sizes),
        }  # fmt: skip
        return dict(_flat(json.loads(json.dumps(nested)), ""))

    def run_settings(self, method: str, seed: int, attempts: int) -> RunSettings:
        """Those of one cell."""
        weight = 1.0 if method == "grpo" else self.learner.loss.grpo_weight
        return RunSettings(
            method=method,
            seed=seed,
            batch_size=self.batch_sizes.get(method),
            budget=replace(self.budget, max_attempts=attempts),
            policy=self.policy,
            learner=replace(self.learner, loss=replace(self.learner.loss, grpo_weight=weight)),
        )


@dataclass(frozen=True)
class Plan:
    """`folder` holds the cells; `pools` the samples of best-of-k, which other comparisons use too.

    A `first_seed` above 0 asks for a pool apart: its samples are in no other comparison's pool.
    """

    folder: Path
    pools: Path
    problems: tuple[Problem, ...]
    choices: Choices
    first_seed: int = 0

    def cells(self) -> Iterator[Cell]:
        """Seeds outermost: a comparison stopped early has fewer seeds, not fewer methods."""
        for seed in range(self.choices.seeds):
            for problem in self.problems:
                for method in self.choices.methods:
                    if method != POOLED:
                        yield self._cell(problem, method, seed)
                    elif seed == 0:
                        yield from self._pooled(problem)

    def pool(self, problem: Problem) -> Path:
        """Keyed by what can change a sample or end a part: how it would have been trained on cannot."""
        settings = self.choices.settings().items()
        kept = {name: value for name, value in settings if not name.startswith(_NOT_OF_SAMPLES)}
        folder = pool_folder(self.pools, problem, {**kept, "batch_size": self.choices.batch_sizes.get(POOLED)})
        return folder / f"from-{self.first_seed}" if self.first_seed else folder

    def open(self) -> None:
        """Make the folder, or check that it holds this comparison. Raises UserError, naming what differs."""
        asked = {
            "problems": {problem.slug: problem.digest for problem in self.problems},
            "settings": self.choices.settings(),
        }
        path = self.folder / "comparison.json"
        if path.exists():
            _same(json.loads(path.read_bytes()), asked, str(path))
            asked["problems"] = {**json.loads(path.read_bytes())["problems"], **asked["problems"]}
        elif self.folder.is_dir() and any(self.folder.iterdir()):
            raise UserError("the folder is not empty and holds no comparison", where=str(self.folder))
        write_json(path, asked)

    def _cell(self, problem: Problem, method: str, seed: int, attempts: int | None = None) -> Cell:
        home = self.folder / problem.slug / f"{method}-s{seed}"
        return Cell(problem, method, seed, attempts or self.choices.budget.max_attempts or 0, home)

    def _pooled(self, problem: Problem) -> Iterator[Cell]:
        """As many samples as all seeds of another method together have attempts."""
        attempts = self.choices.budget.max_attempts
        assert attempts, "a pool needs a number"
        folders = [self.folder / problem.slug, self.pool(problem)]
        for part in parts(folders, self.choices.seeds * attempts, attempts, self.first_seed):
            yield self._cell(problem, POOLED, part.seed, part.samples)


_NOT_OF_SAMPLES = ("budget.max_attempts", "lora", "learner", "batch_size")


def distinct(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """Raises UserError where two have one name: their cells would share a folder."""
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
    hint = "name another folder with --out, or ask for what was asked before"
    for slug, digest in asked["problems"].items():
        if before["problems"].get(slug, digest) != digest:
            raise UserError(f"the problem {slug} has changed since this comparison began", where=where, hint=hint)
    names = sorted(before["settings"].keys() | asked["settings"].keys())
    differing = [
        f"{name} was {before['settings'].get(name)} and is {asked['settings'].get(name)}"
        for name in names
        if before["settings"].get(name) != asked["settings"].get(name)
    ]
    if differing:
        raise UserError("; ".join(differing), where=where, hint=hint)
