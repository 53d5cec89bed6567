"""What can be said of runs: discovery@k, intervals, costs. Pure folds; nothing is drawn at random."""

from sdpo_tts.stats.costs import Axis, Cost, attempt_costs, observe
from sdpo_tts.stats.discovery import (
    DiscoveryCurve,
    Observation,
    RunCurve,
    Step,
    discovery_curve,
    pass_at_k,
    passed_share,
    run_curve,
    solves,
)
from sdpo_tts.stats.intervals import Interval, clopper_pearson, discovery_interval, pass_at_k_interval, wilson

__all__ = [
    "Axis",
    "Cost",
    "DiscoveryCurve",
    "Interval",
    "Observation",
    "RunCurve",
    "Step",
    "attempt_costs",
    "clopper_pearson",
    "discovery_curve",
    "discovery_interval",
    "observe",
    "pass_at_k",
    "pass_at_k_interval",
    "passed_share",
    "run_curve",
    "solves",
    "wilson",
]
