"""Confidence intervals for proportions of few runs, for which resampling would claim certainty at 0 and at 1.

The default level is 0.90, as in the paper (arXiv 2601.20802, section 5).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import NamedTuple

from sdpo_tts.stats.discovery import Observation, pass_at_k

LEVEL = 0.90


class Interval(NamedTuple):
    """Both ends in [0, 1]; those of a difference in [-1, 1]."""

    low: float
    high: float


def wilson(successes: int, trials: int, level: float = LEVEL) -> Interval:
    """Wilson's score interval (1927): close to the nominal coverage on average, even for a handful of trials."""
    if not _check(successes, trials, level):
        return Interval(0.0, 1.0)
    return score_interval(successes / trials, trials, level)


def score_interval(share: float, trials: float, level: float = LEVEL) -> Interval:
    """Wilson's interval around a share that is worth `trials` independent ones, not necessarily a whole number."""
    if trials <= 0:
        return Interval(0.0, 1.0)
    z = NormalDist().inv_cdf(0.5 + level / 2)
    weight = z * z / trials
    centre = (share + weight / 2) / (1 + weight)
    half = z * math.sqrt(share * (1 - share) / trials + weight / (4 * trials)) / (1 + weight)
    # At 0 and 1 one end is exactly 0 or 1; rounding must not move it.
    return Interval(0.0 if share <= 0.0 else centre - half, 1.0 if share >= 1.0 else centre + half)


def clopper_pearson(successes: int, trials: int, level: float = LEVEL) -> Interval:
    """The exact interval (1934): never covers less than `level`, so it is wide."""
    if not _check(successes, trials, level):
        return Interval(0.0, 1.0)
    return Interval(
        1.0 - _upper(trials - successes, trials, level),
        _upper(successes, trials, level),
    )


def newcombe(first: tuple[int, int], second: tuple[int, int], level: float = LEVEL) -> Interval:
    """Newcombe's hybrid score interval (1998, method 10) for the second share minus the first one, each given as
    successes and trials, from independent samples: two Wilson intervals combined."""
    (a, n), (b, m) = first, second
    if not n or not m:
        return Interval(-1.0, 1.0)
    (a_low, a_high), (b_low, b_high) = wilson(a, n, level), wilson(b, m, level)
    difference = b / m - a / n
    below = math.hypot(b / m - b_low, a_high - a / n)
    above = math.hypot(b_high - b / m, a / n - a_low)
    return Interval(difference - below, difference + above)


def pass_at_k_interval(samples: int, correct: int, k: int, level: float = LEVEL) -> Interval:
    """Exact interval for pass@k: that of one sample's p, through 1 - (1 - p)^k, which keeps the coverage.

    Widened to the unbiased estimate, which is 1 as soon as fewer than k samples failed, however few there are.
    """
    ends = clopper_pearson(correct, samples, level)
    low, high = (-math.expm1(k * math.log1p(-p)) if p < 1 else 1.0 for p in ends)
    return Interval(low, max(high, pass_at_k(samples, correct, k)) if 1 <= k <= samples else high)


def discovery_interval(observations: Sequence[Observation], k: float, level: float = LEVEL) -> Interval:
    """Wilson's interval for discovery@k on one problem, with one trial per run (seed).

    Raises ValueError if a run was stopped unsolved before k: dropping it would favour the method.
    """
    if any(o.first_success is None and o.budget < k for o in observations):
        raise ValueError(f"not every run was observed up to {k:g}")
    solved = sum(o.first_success is not None and o.first_success <= k for o in observations)
    return wilson(solved, len(observations), level)


def _check(successes: int, trials: int, level: float) -> bool:
    """Whether there is anything to estimate from. Raises ValueError for impossible counts."""
    if not (0 <= successes <= trials and 0 < level < 1):
        raise ValueError(f"{successes} of {trials} at level {level}")
    return trials > 0


def _upper(successes: int, trials: int, level: float) -> float:
    """The p for which this number of successes, or fewer, has a probability of (1 - level) / 2."""
    if successes == trials:
        return 1.0
    tail = (1 - level) / 2
    return _bisect(lambda p: binomial_cdf(successes, trials, p) < tail)


def _bisect(beyond: Callable[[float], bool]) -> float:
    """Where `beyond` becomes true on [0, 1], to the last bits of a float."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if beyond(middle) else (middle, high)
    return (low + high) / 2


def binomial_cdf(successes: int, trials: int, p: float) -> float:
    """P(X <= successes), 0 < p < 1. Summed over the shorter side; logarithms keep 10^5 trials in range."""
    if 2 * successes > trials:
        return 1.0 - (binomial_cdf(trials - successes - 1, trials, 1.0 - p) if successes < trials else 0.0)
    log_p, log_q, whole = math.log(p), math.log1p(-p), math.lgamma(trials + 1)
    return math.fsum(
        math.exp(whole - math.lgamma(i + 1) - math.lgamma(trials - i + 1) + i * log_p + (trials - i) * log_q)
        for i in range(successes + 1)
    )
