"""Advantages by reward, as GRPO computes them within a group of samples of one prompt."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, pstdev


def group_advantages(rewards: Sequence[float | None]) -> list[float]:
    """(r - mean) / standard deviation, within the group; all zero if all rewards are the same. A sample whose reward is
    not known (None) has no advantage, and the others none over it."""
    known = [reward for reward in rewards if reward is not None] or [0.0]
    mean, deviation = fmean(known), pstdev(known)
    return [(reward - mean) / deviation if deviation and reward is not None else 0.0 for reward in rewards]
