"""Means over problems, differences and budget ratios between methods, each with a bootstrap interval.

There are two questions, and two ways to resample. Fixed (the paper's): these problems, other seeds. Population: other
problems like these, then other seeds; never narrower, and the one to quote for "on problems like these". Random draws
use the caller's generator, so the same journals give the same report.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from sdpo_tts.stats.arms import Arm, Seeds, mean_at, smallest_budget
from sdpo_tts.stats.intervals import LEVEL, Interval, score_interval
from sdpo_tts.stats.survival import Floats

DRAWS = 10_000
GRID = 150  # budgets at which resampled curves are checked for crossings


@dataclass(frozen=True)
class Estimate:
    """A value with the ends of its interval; infinite if a budget was not enough."""

    value: float
    low: float
    high: float


def resampled_mean(
    arms: Sequence[Arm], budgets_K: Floats, rng: np.random.Generator, chosen_R_P: NDArray[np.int64] | None = None
) -> Floats:
    """Mean discovery_R_K over problems; `chosen_R_P` names the problems of each draw (all of them, once, if None).

    If all problems are drawn and one of them has a single run, all draws are equal: otherwise they would show only the
    uncertainty of the others.
    """
    if chosen_R_P is None and any(arm.alone for arm in arms):
        return np.tile(np.mean([arm.discovery(budgets_K) for arm in arms], axis=0), (DRAWS, 1))
    if chosen_R_P is None:
        total = np.zeros((DRAWS, len(budgets_K)))
        for arm in arms:
            total += arm.resample(budgets_K, rng, DRAWS)
        return np.clip(total / len(arms), 0.0, 1.0)
    drawn_P_R_K = np.stack([arm.resample(budgets_K, rng, DRAWS) for arm in arms])
    return np.clip(_over_other_problems(drawn_P_R_K, chosen_R_P, rng), 0.0, 1.0)


def _over_other_problems(drawn_P_R: Floats, chosen_R_P: NDArray[np.int64], rng: np.random.Generator) -> Floats:
    """The mean of each draw over the problems chosen for it. A problem drawn twice has other seeds the second time:
    rows are exchangeable, so another row will do."""
    total = np.zeros(drawn_P_R.shape[1:])
    for chosen_R in chosen_R_P.T:
        total += drawn_P_R[chosen_R, _shuffled(rng)]
    return total / len(drawn_P_R)


def _shuffled(rng: np.random.Generator) -> NDArray[np.int64]:
    """Rows in another order, even rows in even positions: pools make two kinds of rows (see `Pool.resample`)."""
    rows = np.arange(DRAWS)
    for kind in (rows[::2], rows[1::2]):
        rng.shuffle(kind)
    return rows


def choose_problems(problems: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """The problems of each draw, as many as there are, with replacement."""
    return rng.integers(problems, size=(DRAWS, problems))


@dataclass(frozen=True)
class Mean:
    """Mean discovery over problems at one budget, and the ends of its two intervals around `value`."""

    value: float
    fixed: Estimate
    population: Estimate


def mean_discovery(arms: Sequence[Arm], budget: float, rng: np.random.Generator, level: float = LEVEL) -> Mean:
    """Discovery at `budget` averaged over problems."""
    value, at = mean_at(arms, budget), np.array([budget])
    fixed_R = resampled_mean(arms, at, rng)[:, 0]
    wide_R = resampled_mean(arms, at, rng, choose_problems(len(arms), rng))[:, 0]
    fixed, wide = (Estimate(value, *_interval(drawn_R, arms, budget, level)) for drawn_R in (fixed_R, wide_R))
    return Mean(value, fixed, _no_narrower(wide, fixed))


def _no_narrower(wide: Estimate, fixed: Estimate) -> Estimate:
    """What is uncertain about these problems is uncertain about others like them. Draws of problems alone do not show
    this if all runs of each problem ended alike."""
    if math.isnan(fixed.low):
        return wide
    return Estimate(wide.value, min(wide.low, fixed.low), max(wide.high, fixed.high))


def curve(arms: Sequence[Arm], budgets_K: Floats, rng: np.random.Generator, level: float = LEVEL) -> list[Estimate]:
    """The mean discovery curve with a pointwise band: problems fixed, as in the paper's figure 13."""
    drawn_R_K = resampled_mean(arms, budgets_K, rng)
    bands = [_interval(drawn_R, arms, float(k), level) for drawn_R, k in zip(drawn_R_K.T, budgets_K, strict=True)]
    return [Estimate(mean_at(arms, float(k)), *band) for k, band in zip(budgets_K, bands, strict=True)]


def _interval(drawn_R: Floats, arms: Sequence[Arm], budget: float, level: float) -> Interval:
    """Percentiles of the draws, with two exceptions. A single problem has its own exact or score interval.

    If every draw is the same, which proves nothing in a finite sample, it is Wilson's over all runs pooled. That is on
    the safe side, because runs of one problem vary less than runs of all. The number of successes follows from the
    mean. For pools, at a budget below one batch, it is the mean of their own intervals.
    """
    if len(arms) == 1:
        return arms[0].interval(budget, level)
    if _spread(drawn_R):
        return _percentiles(drawn_R, level)
    if any(isinstance(arm, Seeds) for arm in arms):
        return score_interval(mean_at(arms, budget), len(arms) ** 2 / sum(1 / arm.trials for arm in arms), level)
    ends = [arm.interval(budget, level) for arm in arms]
    return Interval(fmean(low for low, _ in ends), fmean(high for _, high in ends))


def _spread(drawn: Floats) -> bool:
    """Whether draws, the first axis, differ."""
    return bool(np.any(np.ptp(drawn, axis=0) > 1e-12))


def _percentiles(drawn_R: Floats, level: float) -> Interval:
    tail = (1.0 - level) / 2
    low, high = np.quantile(drawn_R, [tail, 1.0 - tail])
    return Interval(float(low), float(high))


@dataclass(frozen=True)
class Difference:
    """Mean discovery of one method minus another's, at one budget and on the same problems.

    `p_greater` is the share of draws in which it is above 0, with ties counted half; NaN if one method does not vary in
    them. `fixed` and `population` are the ends of the two intervals around `value`.
    """

    value: float
    p_greater: float
    fixed: Estimate
    population: Estimate


def difference(
    first: Sequence[Arm], second: Sequence[Arm], budget: float, rng: np.random.Generator, level: float = LEVEL
) -> Difference:
    """Paired: arm i of both is the same problem, and a draw of problems takes both arms of each."""
    pair, at = (first, second), np.array([budget])
    chosen = choose_problems(len(first), rng)
    fixed = [resampled_mean(arms, at, rng)[:, 0] for arms in pair]
    wide = [resampled_mean(arms, at, rng, chosen)[:, 0] for arms in pair]
    here, elsewhere = (_difference(drawn, pair, budget, level) for drawn in (fixed, wide))
    return Difference(here.value, _p_greater(fixed, wide), here, _no_narrower(elsewhere, here))


def _p_greater(*kinds: Sequence[Floats]) -> float:
    """From the first kind of draws in which both methods vary; a method that does not vary would count as known
    exactly."""
    for first_R, second_R in kinds:
        if _spread(first_R) and _spread(second_R):
            return float(np.mean(first_R > second_R) + np.mean(first_R == second_R) / 2)
    return math.nan


def _difference(
    drawn: Sequence[Floats], pair: tuple[Sequence[Arm], Sequence[Arm]], budget: float, level: float
) -> Estimate:
    """Percentiles. Newcombe's interval for a single problem, or if too little variation leaves nothing to resample.

    Newcombe 1998, method 10: each method's distance to the ends of its own interval, added in quadrature.
    """
    a, b = (mean_at(arms, budget) for arms in pair)
    if len(pair[0]) > 1 and all(map(_spread, (*drawn, apart_R := drawn[0] - drawn[1]))):
        return Estimate(a - b, *_percentiles(apart_R, level))
    first, second = (_interval(drawn_R, arms, budget, level) for drawn_R, arms in zip(drawn, pair, strict=True))
    low = math.hypot(a - first.low, second.high - b)
    return Estimate(a - b, a - b - low, a - b + math.hypot(first.high - a, b - second.low))


@dataclass(frozen=True)
class Wait:
    """Restricted mean of the cost of the first success, over problems, and how much more that is than with another
    method on the same problems; both with problems fixed. `wide`: the same difference on problems like these."""

    mean: Estimate
    difference: Estimate
    wide: Estimate


def wait(
    arms: Sequence[Arm], other: Sequence[Arm], horizon: float, rng: np.random.Generator, level: float = LEVEL
) -> Wait:
    """Paired, as in `difference`. If a problem has a single run, or the runs of each problem ended alike, there is
    nothing to resample: runs of all problems take their place, on the safe side. NaN for the ends if the runs of a
    method do not differ at all, since that proves nothing."""
    drawn = [np.stack([arm.resample_mean(horizon, rng, DRAWS) for arm in one]) for one in (arms, other)]
    chosen = choose_problems(len(arms), rng)
    means = (_means(*one, horizon, rng, chosen) for one in zip(drawn, (arms, other), strict=True))
    fixed, wide = zip(*means, strict=True)
    value, other_value = (float(np.mean([arm.restricted_mean(horizon) for arm in one])) for one in (arms, other))
    here, elsewhere = (Estimate(value - other_value, *_ends(told, level)) for told in (fixed, wide))
    return Wait(Estimate(value, *_ends([fixed[0]], level)), here, _no_narrower(elsewhere, here))


def _means(
    drawn_P_R: Floats, arms: Sequence[Arm], horizon: float, rng: np.random.Generator, chosen_R_P: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Of each draw, over fixed problems, and over problems that are drawn too."""
    means = (drawn_P_R.mean(axis=0), _over_other_problems(drawn_P_R, chosen_R_P, rng))
    fixed_R, wide_R = (np.clip(one, 0.0, horizon) for one in means)
    enough = _spread(fixed_R) and not any(arm.alone for arm in arms)
    return (fixed_R if enough else wide_R), wide_R


def _ends(drawn: Sequence[Floats], level: float) -> Interval:
    """For one method's draws, or for the first's minus the second's."""
    told_R = drawn[0] - drawn[1] if len(drawn) > 1 else drawn[0]
    return _percentiles(told_R, level) if all(map(_spread, (*drawn, told_R))) else Interval(math.nan, math.nan)


@dataclass(frozen=True)
class Ratio:
    """How many times the budget of `first` the other method needs for mean discovery of `share`.

    Above 1 the first is cheaper. A budget that was not enough is infinite, a ratio of two such budgets is NaN, and
    `neither` is the share of draws in which neither method got there; the interval is over the other draws.
    """

    share: float
    first: float
    second: float
    ratio: Estimate
    neither: float


def budget_ratios(
    first: Sequence[Arm],
    second: Sequence[Arm],
    shares: Sequence[float],
    horizon: float,
    rng: np.random.Generator,
    *,
    whole: bool,
    level: float = LEVEL,
) -> Iterator[Ratio]:
    """One for each of `shares`. Problems fixed, seeds resampled; if that leaves nothing to resample, problems. `whole`:
    the axis counts whole attempts. NaN for the ends if the runs of a method do not differ at all."""
    grid_K, pair = log_grid(horizon, GRID, whole=whole), (first, second)
    drawn = [resampled_mean(arms, grid_K, rng) for arms in pair]
    if not all(map(_spread, drawn)):
        chosen = choose_problems(len(first), rng)
        drawn = [
            one if _spread(one) else resampled_mean(arms, grid_K, rng, chosen)
            for one, arms in zip(drawn, pair, strict=True)
        ]
    vary = all(map(_spread, drawn))
    for share in shares:
        budgets = [smallest_budget(arms, share, horizon, whole=whole) for arms in (first, second)]
        crossed = [_crossing(curves_R_K, grid_K, share) for curves_R_K in drawn]
        with np.errstate(invalid="ignore"):
            ratio_R = crossed[1] / crossed[0]
        known_R = ratio_R[~np.isnan(ratio_R)]
        one_value = len(np.unique(known_R)) == 1 and math.isfinite(known_R[0])
        ratio = _ratio(budgets, known_R if vary and not one_value else known_R[:0], level)
        yield Ratio(share, budgets[0], budgets[1], ratio, 1.0 - len(known_R) / DRAWS)


def _ratio(budgets: Sequence[float], known_R: Floats, level: float) -> Estimate:
    value, tail = budgets[1] / budgets[0] if math.isfinite(min(budgets)) else math.nan, (1.0 - level) / 2
    if not len(known_R):
        return Estimate(value, math.nan, math.nan)
    # no interpolation: there is nothing between a number and infinity
    low, high = np.quantile(known_R, [tail, 1.0 - tail], method="inverted_cdf")
    # resampled budgets are rounded up to the grid, which may move both ends past the exact value
    return Estimate(value, float(np.fmin(low, value)), float(np.fmax(high, value)))


def log_grid(horizon: float, points: int, *, whole: bool) -> Floats:
    """Budgets from 1 (or a thousandth of the horizon) to the horizon, evenly spaced in their logarithm."""
    start = 1.0 if whole else horizon / 1000
    grid = np.geomspace(min(start, horizon), horizon, points)
    return np.unique(np.append(np.round(grid), horizon)) if whole else grid


def _crossing(curves_R_K: Floats, grid_K: Floats, share: float) -> Floats:
    """The first budget of the grid at which each curve reaches `share`; infinity where none does."""
    reached_R_K = curves_R_K >= share - 1e-12
    first_R = reached_R_K.argmax(axis=1)
    return np.where(reached_R_K.any(axis=1), grid_K[first_R], math.inf)
