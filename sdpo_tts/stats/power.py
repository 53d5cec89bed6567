"""How many seeds, or problems, would be needed to show a difference between two methods."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist, stdev

from sdpo_tts.stats.intervals import LEVEL

POWER = 0.80


def seeds_needed(
    first: Sequence[float], second: Sequence[float], level: float = LEVEL, power: float = POWER
) -> int | None:
    """Seeds per problem and method at which the mean difference over these problems would be significant, if it is
    real.

    `first[i]` and `second[i]` are the discoveries of both methods on problem i. The two-proportion formula (Fleiss,
    Levin and Paik, eq. 4.14), summed over problems: two-sided at `level`, detected with probability `power`. None if
    the difference is 0.
    """
    gap = abs(sum(first) - sum(second))
    if gap < 1e-12:
        return None
    pairs = list(zip(first, second, strict=True))
    null = sum((a + b) * (1 - (a + b) / 2) for a, b in pairs)
    actual = sum(a * (1 - a) + b * (1 - b) for a, b in pairs)
    z = _quantiles(level, power)
    return max(2, math.ceil(((z[0] * math.sqrt(null) + z[1] * math.sqrt(actual)) / gap) ** 2))


def problems_needed(differences: Sequence[float], level: float = LEVEL, power: float = POWER) -> int | None:
    """Problems at which a mean difference like this one would be significant, from its variance between problems."""
    mean = math.fsum(differences) / len(differences)
    if len(differences) < 2 or abs(mean) < 1e-12:
        return None
    return max(2, math.ceil((sum(_quantiles(level, power)) * stdev(differences) / mean) ** 2))


def _quantiles(level: float, power: float) -> tuple[float, float]:
    normal = NormalDist()
    return normal.inv_cdf(0.5 + level / 2), normal.inv_cdf(power)
