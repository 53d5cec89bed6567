"""Statistics of runs: discovery@k, intervals, costs. Pure functions; random draws use the caller's generator."""

from sdpo_tts.stats.arms import Arm, Pool, Seeds
from sdpo_tts.stats.bootstrap import Difference, Estimate, Ratio
from sdpo_tts.stats.costs import AXES, Axis, Cost, attempt_costs, known, observation, observe
from sdpo_tts.stats.discovery import (
    DiscoveryCurve,
    Observation,
    RunCurve,
    discovery_curve,
    pass_at_k,
    passed_share,
    run_curve,
    solves,
)
from sdpo_tts.stats.intervals import (
    Interval,
    clopper_pearson,
    discovery_interval,
    newcombe,
    pass_at_k_interval,
    wilson,
)

__all__ = [
    "AXES",
    "Arm",
    "Axis",
    "Cost",
    "Difference",
    "DiscoveryCurve",
    "Estimate",
    "Interval",
    "Observation",
    "Pool",
    "Ratio",
    "RunCurve",
    "Seeds",
    "attempt_costs",
    "clopper_pearson",
    "discovery_curve",
    "discovery_interval",
    "known",
    "newcombe",
    "observation",
    "observe",
    "pass_at_k",
    "pass_at_k_interval",
    "passed_share",
    "run_curve",
    "solves",
    "wilson",
]
