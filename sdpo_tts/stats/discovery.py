"""discovery@k = P(first success <= k), over runs, and what a single run shows (arXiv 2601.20802, Def. 5.1)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from sdpo_tts.record import Event


def pass_at_k(samples: int, correct: int, k: int) -> float:
    """Unbiased P(at least one of k independent samples is correct), from `correct` of `samples`.

    1 - C(n-c, k) / C(n, k), in the product form of Chen et al. 2021 (arXiv 2107.03374, section 2.1). For
    k > n there is no unbiased estimate: raises ValueError, as for counts that make no sense.
    """
    if not (0 <= correct <= samples and 1 <= k <= samples):
        raise ValueError(f"pass@{k} from {correct} correct of {samples}")
    if samples - correct < k:
        return 1.0
    return 1.0 - math.prod(1.0 - k / i for i in range(samples - correct + 1, samples + 1))


@dataclass(frozen=True)
class Observation:
    """One run on one axis (attempts, tokens, seconds): where it first succeeded, and how long it was observed.

    `first_success` of None is a run right-censored at `budget`: it might have been solved later, or never.
    """

    first_success: float | None
    budget: float

    def __post_init__(self) -> None:
        if self.first_success is not None and self.first_success > self.budget:
            raise ValueError(f"success at {self.first_success} beyond a budget of {self.budget}")

    @property
    def end(self) -> float:
        return self.budget if self.first_success is None else self.first_success


@dataclass(frozen=True)
class Step:
    """The curve jumps to `probability` at `k` and stays there until the next step."""

    k: float
    probability: float


@dataclass(frozen=True)
class DiscoveryCurve:
    """An empirical discovery@k. Little is known beyond `horizon`, unless every run succeeded."""

    steps: tuple[Step, ...]
    horizon: float
    runs: int

    def at(self, k: float) -> float:
        """discovery@k. Raises ValueError beyond the horizon."""
        if k > self.horizon:
            raise ValueError(f"discovery@{k:g} is unknown: too few runs were observed beyond {self.horizon:g}")
        return max((step.probability for step in self.steps if step.k <= k), default=0.0)


def discovery_curve(observations: Sequence[Observation]) -> DiscoveryCurve:
    """The Kaplan-Meier estimate over runs; with one common budget this is simply the share of solved runs.

    If budgets differ, it assumes that stopping early had nothing to do with the run's prospects; a run given up because
    it looked hopeless must be entered with the full budget.
    """
    successes = sorted({o.first_success for o in observations if o.first_success is not None})
    survival = accumulate((_survival(observations, k) for k in successes), lambda s, factor: s * factor)
    steps = tuple(Step(k, 1.0 - alive) for k, alive in zip(successes, survival, strict=True))
    return DiscoveryCurve(steps, _horizon(observations), len(observations))


def _survival(observations: Sequence[Observation], k: float) -> float:
    """P(no success at k | none before). A run censored at k itself was still at risk there."""
    at_risk = sum(o.end >= k for o in observations)
    return 1.0 - sum(o.first_success == k for o in observations) / at_risk


def _horizon(observations: Sequence[Observation]) -> float:
    """The last stop of an unsolved run before which fewer runs had been stopped than are still observed.

    Beyond it the estimate depends on a few long runs: if one of them succeeds last, it would say that all do. On tokens
    or seconds, runs with the same budget of attempts end at different points, and those that end late are special.
    """
    stopped = sorted(o.end for o in observations if o.first_success is None)
    watched = [sum(o.end >= end for o in observations) for end in stopped]
    known = (end for end, left in zip(stopped, watched, strict=True) if stopped.index(end) < left)
    return max(known, default=math.inf if observations else 0.0)


@dataclass(frozen=True)
class RunCurve:
    """What a single run shows, without probabilities: the best share of tests passed after each attempt.

    `best[k - 1]` is in [0, 1], over attempts 1 to k; `solved_at` is the first attempt that passed all tests.
    """

    best: tuple[float, ...]
    solved_at: int | None


def run_curve(events: Iterable[Event]) -> RunCurve:
    """Fold a run's events, attempts in the order of generation."""
    judged = sorted((e for e in events if e["type"] == "attempt_judged"), key=lambda e: int(e["attempt"]))
    best = tuple(accumulate((passed_share(event) for event in judged), max))
    return RunCurve(best, next((int(event["attempt"]) for event in judged if solves(event)), None))


def passed_share(judged: Event) -> float:
    """Share of all tests, held-out ones too, that this attempt passed."""
    return judged["passed"] / judged["total"] if judged["total"] else 0.0


def solves(judged: Event) -> bool:
    """Solved means all."""
    return bool(0 < judged["total"] == judged["passed"])
