"""All numbers of a report, as tables of plain rows: everything that the page, the CSV files and the JSON show."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from sdpo_tts.report.arms import Grid
from sdpo_tts.report.facts import Facts, RunRow, Solution, Spending, facts, run_rows, solutions, spending
from sdpo_tts.report.progress import Lengths, Mix, Step, lengths, mix, steps
from sdpo_tts.report.sources import SourceRow, sources
from sdpo_tts.stats import Axis, bootstrap, power
from sdpo_tts.stats.arms import mean_at
from sdpo_tts.stats.intervals import LEVEL

POINTS = 80
_NOTHING = bootstrap.Estimate(math.nan, math.nan, math.nan)
SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)


@dataclass(frozen=True)
class Point:
    """Mean discovery of a method at a budget, with its pointwise band (problems fixed)."""

    axis: Axis
    method: str
    budget: float
    discovery: float
    low: float
    high: float


@dataclass(frozen=True)
class Level:
    """Mean discovery at the budget that all methods share; the wide interval, NaN for one problem, is for problems like
    these."""

    axis: Axis
    budget: float
    method: str
    discovery: float
    low: float
    high: float
    wide_low: float
    wide_high: float


@dataclass(frozen=True)
class WaitRow:
    """Mean cost of the first success, up to the budget that all methods share; and how much `more` that is than for the
    first method, NaN for itself. The wide interval is for problems like these."""

    axis: Axis
    budget: float
    method: str
    mean: float
    low: float
    high: float
    more: float
    more_low: float
    more_high: float
    wide_low: float
    wide_high: float


@dataclass(frozen=True)
class ProblemRow:
    """One method on one problem, on attempts, as in the paper's table 10.

    `solved` of `runs` runs; for a pool, passing samples of all samples. `mean_attempts` is the restricted mean up to
    `budget`; `speedup` is best-of-k's divided by it, NaN without best-of-k.
    """

    problem: str
    method: str
    solved: int
    runs: int
    pooled: bool
    budget: float
    discovery: float
    low: float
    high: float
    mean_attempts: float
    speedup: float


@dataclass(frozen=True)
class RatioRow:
    """How many times the budget of `method` the `other` needs for mean discovery of `share`; see `stats.Ratio`."""

    axis: Axis
    share: float
    method: str
    other: str
    budget: float
    other_budget: float
    ratio: float
    low: float
    high: float
    neither: float


@dataclass(frozen=True)
class Contrast:
    """Paired difference of mean discovery at the shared budget; `seeds` and `problems` that would show it, if any."""

    axis: Axis
    budget: float
    method: str
    other: str
    difference: float
    low: float
    high: float
    wide_low: float
    wide_high: float
    p_greater: float
    seeds: int | None
    problems: int | None


@dataclass(frozen=True)
class Analysis:
    """`problems` are those on which every method has runs; `seeds` are the fewest and the most runs per problem and
    method, without pools: (0, 0) if there are only pools. Budgets and runs are counted `after` this many attempts,
    which solved `solved_before` runs."""

    level: float
    methods: tuple[str, ...]
    problems: tuple[str, ...]
    left_out: tuple[str, ...]
    seeds: tuple[int, int]
    after: int
    solved_before: int
    facts: Facts
    levels: tuple[Level, ...]
    waits: tuple[WaitRow, ...]
    curves: tuple[Point, ...]
    table: tuple[ProblemRow, ...]
    contrasts: tuple[Contrast, ...]
    ratios: tuple[RatioRow, ...]
    spending: tuple[Spending, ...]
    mix: tuple[Mix, ...]
    lengths: tuple[Lengths, ...]
    steps: tuple[Step, ...]
    sources: tuple[SourceRow, ...]
    solutions: tuple[Solution, ...]
    runs: tuple[RunRow, ...]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def shown(self, axis: Axis, method: str) -> tuple[Point, ...]:
        """The curve of a method up to its last point, the budget at which methods are compared."""
        (end,) = (row for row in self.levels if (row.axis, row.method) == (axis, method))
        before = (p for p in self.curves if (p.axis, p.method) == (axis, method) and p.budget < end.budget * 0.9999)
        return (*before, Point(axis, method, end.budget, end.discovery, end.low, end.high))

    def tables(self) -> dict[str, tuple[Any, ...]]:
        """The tables by name, each with rows of one kind."""
        names = ("levels", "waits", "curves", "table", "contrasts", "ratios", "spending", "mix", "lengths", "steps")
        return {name: getattr(self, name) for name in (*names, "sources", "solutions", "runs")}


def analyse(
    grid: Grid, *, level: float = LEVEL, at: float | None = None, shares: tuple[float, ...] = SHARES
) -> Analysis:
    """`at` replaces the budget, in attempts, at which methods are compared. The same runs give the same numbers."""
    make = _Maker(grid, level, at, shares)
    arms = [grid.of(problem, method) for problem in grid.common for method in grid.methods]
    counts = [len(runs) for runs in arms if not all(run.pooled for run in runs)]
    return Analysis(
        level=level,
        methods=grid.methods,
        problems=grid.common,
        left_out=tuple(problem for problem in grid.problems if problem not in grid.common),
        seeds=(min(counts, default=0), max(counts, default=0)),
        after=grid.after,
        solved_before=sum(map(grid.solved_before, grid.runs)),
        facts=facts(grid.runs),
        levels=tuple(make.levels()),
        waits=tuple(make.waits()),
        curves=tuple(make.curves()),
        table=tuple(make.table()),
        contrasts=tuple(make.contrasts()),
        ratios=tuple(make.ratios()),
        spending=tuple(spending(grid)),
        mix=tuple(mix(grid)),
        lengths=tuple(lengths(grid)),
        steps=tuple(steps(grid)),
        sources=tuple(sources(grid)),
        solutions=tuple(solutions(grid.runs)),
        runs=tuple(run_rows(grid.runs)),
    )


class _Maker:
    """Makes the tables that need estimates. Each table draws from its own generator."""

    def __init__(self, grid: Grid, level: float, at: float | None, shares: tuple[float, ...]) -> None:
        self.grid, self.level, self.shares = grid, level, shares
        self.budgets = {axis: grid.budget(axis) for axis in grid.axes} if grid.common else {}
        if at is not None and self.budgets:
            self.budgets["attempts"] = min(at, self.budgets["attempts"])

    def levels(self) -> Iterator[Level]:
        for axis, budget in self.budgets.items():
            for method in self.grid.methods:
                arms, rng = self.grid.arms(method, axis), np.random.default_rng(0)
                told = bootstrap.mean_discovery(arms, budget, rng, self.level)
                ends = self._wide(told.population.low, told.population.high)
                yield Level(axis, budget, method, told.value, told.fixed.low, told.fixed.high, *ends)

    def waits(self) -> Iterator[WaitRow]:
        for axis, budget in self.budgets.items():
            first = self.grid.arms(self.grid.methods[0], axis)
            for method in self.grid.methods:
                wait = bootstrap.wait(self.grid.arms(method, axis), first, budget, np.random.default_rng(4), self.level)
                compared = method != self.grid.methods[0]
                more = wait.difference if compared else _NOTHING
                ends = self._wide(wait.wide.low, wait.wide.high) if compared else (math.nan, math.nan)
                yield WaitRow(axis, budget, method, wait.mean.value, wait.mean.low, wait.mean.high,
                              more.value, more.low, more.high, *ends)  # fmt: skip

    def _wide(self, low: float, high: float) -> tuple[float, float]:
        """One problem says nothing about others."""
        return (low, high) if len(self.grid.common) > 1 else (math.nan, math.nan)

    def curves(self) -> Iterator[Point]:
        for axis in self.budgets:
            for method in self.grid.methods:
                grid_K = bootstrap.log_grid(self.grid.reach(method, axis), POINTS, whole=axis == "attempts")
                estimates = bootstrap.curve(self.grid.arms(method, axis), grid_K, np.random.default_rng(1), self.level)
                for budget, e in zip(grid_K, estimates, strict=True):
                    yield Point(axis, method, float(budget), e.value, e.low, e.high)

    def table(self) -> Iterator[ProblemRow]:
        for problem in self.grid.problems:
            methods = [method for method in self.grid.methods if self.grid.of(problem, method)]
            if not methods:
                continue
            arms = {method: self.grid.arm(problem, method, "attempts") for method in methods}
            horizon = min(arm.horizon for arm in arms.values())
            spent = max(self.grid.spent(run, "attempts") for m in methods for run in self.grid.of(problem, m))
            budget = self.budgets.get("attempts") or (horizon if math.isfinite(horizon) else spent)
            budget = min(budget, horizon)
            means = {method: arm.restricted_mean(budget) for method, arm in arms.items()}
            for method in methods:
                runs = self.grid.of(problem, method)
                pooled = all(run.pooled for run in runs)
                yield ProblemRow(
                    problem=problem,
                    method=method,
                    solved=sum(run.correct if pooled else run.solved_at is not None for run in runs),
                    runs=sum(len(run.judged) for run in runs) if pooled else len(runs),
                    pooled=pooled,
                    budget=budget,
                    discovery=mean_at([arms[method]], budget),
                    low=(interval := arms[method].interval(budget, self.level)).low,
                    high=interval.high,
                    mean_attempts=means[method],
                    speedup=means.get(self.grid.base or "", math.nan) / means[method],
                )

    def contrasts(self) -> Iterator[Contrast]:
        """The first method against each other one."""
        for axis, budget in self.budgets.items():
            first, *others = self.grid.methods
            for other in others:
                yield self._contrast(axis, budget, first, other)

    def _contrast(self, axis: Axis, budget: float, method: str, other: str) -> Contrast:
        pair = self.grid.arms(method, axis), self.grid.arms(other, axis)
        told = bootstrap.difference(*pair, budget, np.random.default_rng(2), self.level)
        ends = self._wide(told.population.low, told.population.high)
        a, b = ([mean_at([arm], budget) for arm in arms] for arms in pair)
        return Contrast(
            axis=axis,
            budget=budget,
            method=method,
            other=other,
            difference=told.value,
            low=told.fixed.low,
            high=told.fixed.high,
            wide_low=ends[0],
            wide_high=ends[1],
            p_greater=told.p_greater,
            seeds=power.seeds_needed(a, b, self.level),
            problems=power.problems_needed([x - y for x, y in zip(a, b, strict=True)], self.level),
        )

    def ratios(self) -> Iterator[RatioRow]:
        for axis in self.budgets:
            first, *others = self.grid.methods
            for other in others:
                yield from self._ratios(axis, first, other)

    def _ratios(self, axis: Axis, method: str, other: str) -> Iterator[RatioRow]:
        """Without shares that neither method reaches."""
        horizon = min(self.grid.reach(method, axis), self.grid.reach(other, axis))
        pair = self.grid.arms(method, axis), self.grid.arms(other, axis)
        told = bootstrap.budget_ratios(
            *pair, self.shares, horizon, np.random.default_rng(3), whole=axis == "attempts", level=self.level
        )
        for one in told:
            if math.isfinite(min(one.first, one.second)):
                yield RatioRow(axis, one.share, method, other, one.first, one.second, one.ratio.value, one.ratio.low,
                               one.ratio.high, one.neither)  # fmt: skip
