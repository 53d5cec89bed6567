"""Advantages by reward, as GRPO computes them within a group of samples of one prompt."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, pstdev


def group_advantages(rewards: Sequence[float]) -> list[float]:
    """(r - mean) / standard deviation, within the group; all zero if all rewards are the same."""
    mean, deviation = fmean(rewards), pstdev(rewards)
    return [(reward - mean) / deviation if deviation else 0.0 for reward in rewards]
