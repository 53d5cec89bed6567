"""Kaplan-Meier for runs some of which were stopped unsolved, and for resamples of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdpo_tts.stats.discovery import Observation

Floats = NDArray[np.float64]


def discovery(observations: Sequence[Observation], budgets_K: Floats, weights_R_S: NDArray[Any]) -> Floats:
    """discovery_R_K: 1 - Kaplan-Meier's survival at each budget, with run s counted `weights[r, s]` times in resample
    r.

    Beyond the longest observation of a resample the curve stays constant; ask for no budget beyond the data's horizon.
    """
    ends_S = np.array([o.end for o in observations])
    solved_S = np.array([o.first_success is not None for o in observations])
    times_E = np.unique(ends_S[solved_S])
    at_risk_R_E = weights_R_S @ (ends_S[:, None] >= times_E)
    events_R_E = weights_R_S @ ((ends_S[:, None] == times_E) & solved_S[:, None])
    alive_R_E = np.cumprod(1.0 - events_R_E / np.maximum(at_risk_R_E, 1), axis=1)
    survival = np.concatenate([np.ones((len(weights_R_S), 1)), alive_R_E], axis=1)
    return 1.0 - survival[:, np.searchsorted(times_E, budgets_K, side="right")]


def effective_trials(observations: Sequence[Observation], budget: float) -> float:
    """How many uncensored runs would determine discovery at `budget` as precisely as these do.

    S (1 - S) over Greenwood's variance (Cutler and Ederer's effective sample size): all runs if none was stopped
    before. If every run so far failed, or every one succeeded, the runs still observed.
    """
    survival, greenwood = 1.0, 0.0
    for time in sorted({o.first_success for o in observations if o.first_success is not None}):
        if time > budget:
            break
        at_risk = sum(o.end >= time for o in observations)
        events = sum(o.first_success == time for o in observations)
        survival *= 1.0 - events / at_risk
        greenwood += events / (at_risk * (at_risk - events)) if events < at_risk else math.inf
    if 0.0 < survival < 1.0:
        return (1.0 - survival) / (survival * greenwood)
    return sum(o.first_success is not None or o.budget >= budget for o in observations)


def restricted_mean(observations: Sequence[Observation], horizon: float, weights_R_S: NDArray[Any]) -> Floats:
    """Mean_R of min(T, horizon): the area under the survival curve up to `horizon`, censoring allowed for, run s
    counted `weights[r, s]` times in resample r."""
    times = sorted({o.first_success for o in observations if o.first_success is not None and o.first_success < horizon})
    edges = np.array([0.0, *times, horizon])
    mean_R: Floats = (1.0 - discovery(observations, edges[:-1], weights_R_S)) @ np.diff(edges)
    return mean_R
