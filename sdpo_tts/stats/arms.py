"""An arm: one method on one problem and one axis. Sequential methods have runs; best-of-k has a pool of samples."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sdpo_tts.stats import survival
from sdpo_tts.stats.discovery import Observation, discovery_curve
from sdpo_tts.stats.intervals import LEVEL, Interval, pass_at_k_interval, score_interval
from sdpo_tts.stats.survival import Floats


class Arm(Protocol):
    """Budgets are in the units of the arm's axis. Nothing is known beyond `horizon`."""

    @property
    def horizon(self) -> float: ...

    @property
    def trials(self) -> float:
        """The number of independent runs; for a pool, how many runs up to its horizon it is worth; at least one."""
        ...

    @property
    def alone(self) -> bool:
        """Whether it is a single run, from which nothing can be resampled."""
        ...

    def discovery(self, budgets_K: Floats) -> Floats: ...

    def resample(self, budgets_K: Floats, rng: np.random.Generator, count: int) -> Floats:
        """discovery_R_K of `count` draws from the estimate's own uncertainty."""
        ...

    def interval(self, budget: float, level: float = LEVEL) -> Interval: ...

    def restricted_mean(self, horizon: float) -> float:
        """Of min(T, horizon), where T is the cost of the first success."""
        ...

    def resample_mean(self, horizon: float, rng: np.random.Generator, count: int) -> Floats:
        """restricted_mean_R of `count` draws, from the same uncertainty as `resample`."""
        ...


@dataclass(frozen=True)
class Seeds:
    """Runs up to their first success or their end, one per seed."""

    observations: tuple[Observation, ...]

    @cached_property
    def horizon(self) -> float:
        return discovery_curve(self.observations).horizon

    @property
    def trials(self) -> float:
        return len(self.observations)

    @property
    def alone(self) -> bool:
        return len(self.observations) == 1

    def discovery(self, budgets_K: Floats) -> Floats:
        """The share of runs solved by each budget; Kaplan-Meier if some were stopped before."""
        once = np.ones((1, len(self.observations)))
        mean_K: Floats = survival.discovery(self.observations, budgets_K, once)[0]
        return mean_K

    def resample(self, budgets_K: Floats, rng: np.random.Generator, count: int) -> Floats:
        """The bootstrap over seeds. Draws S - 1 of S runs, with replacement: drawing S understates the variance of a
        mean by 1/S, which is a fifth with five seeds (Rao and Wu 1988)."""
        return survival.discovery(self.observations, budgets_K, self._weights(rng, count))

    def interval(self, budget: float, level: float = LEVEL) -> Interval:
        """Wilson's; if some runs were stopped before `budget`, with as many trials as the runs are worth."""
        share = float(self.discovery(np.array([budget]))[0])
        return score_interval(share, survival.effective_trials(self.observations, budget), level)

    def restricted_mean(self, horizon: float) -> float:
        return float(survival.restricted_mean(self.observations, horizon, np.ones((1, len(self.observations))))[0])

    def resample_mean(self, horizon: float, rng: np.random.Generator, count: int) -> Floats:
        return survival.restricted_mean(self.observations, horizon, self._weights(rng, count))

    def _weights(self, rng: np.random.Generator, count: int) -> NDArray[np.int64]:
        """How often each run is drawn, weights_R_S."""
        runs = len(self.observations)
        return rng.multinomial(max(1, runs - 1), np.full(runs, 1.0 / runs), size=count)


@dataclass(frozen=True)
class Pool:
    """`correct` of `samples` independent samples, each of which costs `unit` on the axis.

    Samples are paid for in batches: the curve steps by `batch` samples, which is 1 if they could be sampled one by one.
    """

    samples: int
    correct: int
    unit: float = 1.0
    batch: int = 1

    @property
    def horizon(self) -> float:
        return self.samples * self.unit

    @property
    def trials(self) -> float:
        return 1.0

    @property
    def alone(self) -> bool:
        return False

    def discovery(self, budgets_K: Floats) -> Floats:
        """The unbiased pass@k, where k is the number of samples that each budget pays for."""
        return self._pass_at(self._k(budgets_K))

    def resample(self, budgets_K: Floats, rng: np.random.Generator, count: int) -> Floats:
        """1 - (1 - p)^k with p from its confidence distribution, Beta(c + 1/2, n - c + 1/2).

        Resampling the pool itself would claim certainty if none or almost none of its samples were correct. But the
        half success that every pool gains adds up in a mean over many hard problems. So every second draw, for all
        pools alike, is shifted so that the mean is the unbiased estimate; it may then be slightly below 0.
        """
        p_R = self._chances(rng, count)
        drawn_R_K: Floats = -np.expm1(np.log1p(-p_R)[:, None] * self._k(budgets_K))
        drawn_R_K[1::2] -= drawn_R_K.mean(axis=0) - self.discovery(budgets_K)
        return drawn_R_K

    def interval(self, budget: float, level: float = LEVEL) -> Interval:
        """Exact (Clopper and Pearson's for one sample). A budget below one batch finds nothing, but only because of the
        batch's size: up to what the whole batch might find."""
        k = int(self._k(np.array([budget]))[0])
        low, high = pass_at_k_interval(self.samples, self.correct, k or self.batch, level)
        return Interval(low if k else 0.0, high)

    def restricted_mean(self, horizon: float) -> float:
        step = self.unit * self.batch
        starts = np.arange(0.0, horizon, step)
        lengths = np.minimum(step, horizon - starts)
        return float(np.sum((1.0 - self.discovery(starts)) * lengths))

    def resample_mean(self, horizon: float, rng: np.random.Generator, count: int) -> Floats:
        """The sum over whole batches of the cost of each, times the chance that no earlier one succeeded: a geometric
        series, plus part of the last batch."""
        step = self.unit * self.batch
        whole = math.floor(horizon / step * (1 + 1e-12))
        log_failed_R = self.batch * np.log1p(-self._chances(rng, count))
        one_R, all_R = -np.expm1(log_failed_R), -np.expm1(whole * log_failed_R)  # the chance that a sample is right
        batches_R = np.divide(all_R, one_R, out=np.full(count, float(whole)), where=one_R > 0)
        mean_R: Floats = step * batches_R + (horizon - whole * step) * (1 - all_R)
        mean_R[1::2] -= mean_R.mean() - self.restricted_mean(horizon)
        return mean_R

    def _chances(self, rng: np.random.Generator, count: int) -> Floats:
        return rng.beta(self.correct + 0.5, self.samples - self.correct + 0.5, size=count)

    def _k(self, budgets_K: Floats) -> Floats:
        # Costs are sums of floats: a budget of exactly k samples must not count as k - 1.
        return np.floor(budgets_K / (self.unit * self.batch) * (1 + 1e-12)) * self.batch

    def _pass_at(self, k_K: Floats) -> Floats:
        """`discovery.pass_at_k` for all k at once, from a table of its product; 0 at k = 0."""
        if self.correct == 0:
            return np.zeros_like(k_K)
        i_C = np.arange(self.samples - self.correct + 1, self.samples + 1)
        factors_K_C = np.clip(1.0 - np.minimum(k_K, self.samples)[:, None] / i_C, 0.0, 1.0)
        failed_K: Floats = np.prod(factors_K_C, axis=1)
        return 1.0 - failed_K


def smallest_budget(arms: Iterable[Arm], share: float, horizon: float, *, whole: bool) -> float:
    """The budget at which mean discovery first reaches `share`; infinity if it does not up to `horizon`.

    `whole`: attempts are whole numbers. By bisection, because every arm's curve only rises.
    """
    known = tuple(arms)

    def reached(budget: float) -> bool:
        return mean_at(known, budget) >= share - 1e-12

    if not reached(horizon):
        return math.inf
    low, high = 0.0, horizon
    while high - low > (1.0 if whole else 1e-6 * horizon):
        middle = math.floor((low + high) / 2) if whole else (low + high) / 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high


def mean_at(arms: Iterable[Arm], budget: float) -> float:
    return float(np.mean([arm.discovery(np.array([budget]))[0] for arm in arms]))
