"""Estimators against enumeration, hand-worked cases and scipy's numbers; costs of a hand-written journal."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdpo_tts.stats import (
    AXES,
    Cost,
    Observation,
    Pool,
    Seeds,
    attempt_costs,
    bootstrap,
    clopper_pearson,
    discovery_curve,
    discovery_interval,
    known,
    newcombe,
    observe,
    pass_at_k,
    pass_at_k_interval,
    run_curve,
    wilson,
)

COUNTS = st.integers(1, 8).flatmap(
    lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n)),
)


@given(COUNTS)
def test_pass_at_k_is_the_share_of_subsets_with_a_correct_sample(counts: tuple[int, int, int]) -> None:
    samples, correct, k = counts
    subsets = list(combinations([i < correct for i in range(samples)], k))
    assert pass_at_k(samples, correct, k) == pytest.approx(sum(map(any, subsets)) / len(subsets))


@pytest.mark.parametrize("counts", [(4, 5, 1), (4, -1, 1), (4, 1, 5), (4, 1, 0)])
def test_pass_at_k_refuses_what_it_cannot_estimate(counts: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError):
        pass_at_k(*counts)


@pytest.mark.parametrize(
    ("successes", "trials", "level", "exact", "score"),
    [  # scipy 1.17, binomtest(...).proportion_ci(level, "exact" | "wilson")
        (5, 5, 0.90, (0.549280271653, 1.0), (0.648883499235, 1.0)),
        (0, 5, 0.90, (0.0, 0.450719728347), (0.0, 0.351116500765)),
        (3, 10, 0.95, (0.066739511178, 0.652452850060), (0.107791267406, 0.603221852539)),
        (37, 50, 0.90, (0.618736444027, 0.838825403469), (0.627538702922, 0.827821367901)),
        (1, 2944, 0.90, (1.742284e-05, 0.001610342804), (7.578226e-05, 0.001521100563)),
        (6000, 13750, 0.90, (0.429381055127, 0.443366127457), (0.429420185970, 0.443332124876)),
    ],
)
def test_intervals_agree_with_scipy(
    successes: int, trials: int, level: float, exact: tuple[float, float], score: tuple[float, float]
) -> None:
    assert clopper_pearson(successes, trials, level) == pytest.approx(exact, rel=1e-6)
    assert wilson(successes, trials, level) == pytest.approx(score, rel=1e-6)


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_intervals_hold_the_estimate_and_mirror(counts: tuple[int, int]) -> None:
    successes, trials = counts
    for interval in (wilson, clopper_pearson):
        low, high = interval(successes, trials)
        assert 0.0 <= low <= successes / trials <= high <= 1.0
        mirrored = interval(trials - successes, trials)
        assert (1 - high, 1 - low) == pytest.approx(mirrored, abs=1e-12)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [  # Newcombe (1998), table II, method 10, 95 %: contrasts (a) to (h)
        ((48, 80), (56, 70), (0.0524, 0.3339)),
        ((3, 10), (9, 10), (0.1705, 0.8090)),
        ((2, 7), (6, 7), (0.0582, 0.8062)),
        ((0, 29), (5, 56), (-0.0381, 0.1926)),
        ((0, 20), (0, 10), (-0.1611, 0.2775)),
        ((0, 10), (0, 10), (-0.2775, 0.2775)),
        ((0, 20), (10, 10), (0.6791, 1.0)),
        ((0, 10), (10, 10), (0.6075, 1.0)),
    ],
)
def test_the_interval_of_a_difference_is_newcombe_s(
    first: tuple[int, int], second: tuple[int, int], expected: tuple[float, float]
) -> None:
    assert newcombe(first, second, 0.95) == pytest.approx(expected, abs=1e-4)
    low, high = expected
    assert newcombe(second, first, 0.95) == pytest.approx((-high, -low), abs=1e-4)


@pytest.mark.parametrize(("samples", "correct", "k"), [(64, 1, 64), (100, 40, 64), (20, 19, 2), (64, 0, 64), (9, 9, 1)])
def test_the_interval_of_pass_at_k_holds_its_estimate(samples: int, correct: int, k: int) -> None:
    low, high = pass_at_k_interval(samples, correct, k)
    assert low <= pass_at_k(samples, correct, k) <= high


def test_a_pool_below_one_batch_claims_no_certainty() -> None:
    pool, rng = Pool(320, 32, unit=0.5, batch=32), np.random.default_rng(0)
    assert pool.discovery(np.array([15.0]))[0] == 0.0
    assert pool.interval(15.0) == (0.0, pool.interval(16.0).high) and pool.interval(16.0).low > 0
    hard = Pool(320, 0, unit=0.5, batch=32)
    mean = bootstrap.mean_discovery([pool, hard], 15.0, rng)
    assert (mean.value, mean.fixed.low) == (0.0, 0.0)
    assert mean.fixed.high == pytest.approx((pool.interval(16.0).high + hard.interval(16.0).high) / 2)


@pytest.mark.parametrize("slow", [40.0, 42.0, 44.0])
def test_the_interval_of_a_budget_ratio_holds_it(slow: float) -> None:
    """The value is at the low end of what resampling gives, and resampled budgets are rounded to a grid."""
    firsts = (10.0, 10.0, 10.0, 2.0), (slow, slow, slow, 90.0)
    arms = ([Seeds(tuple(Observation(first, 100.0) for first in one))] for one in firsts)
    (told,) = bootstrap.budget_ratios(*arms, (0.5,), 100.0, np.random.default_rng(0), whole=False)
    assert told.ratio.value == pytest.approx(slow / 10, rel=1e-3)
    assert told.ratio.low <= told.ratio.value <= told.ratio.high


def test_attempts_without_tokens_have_no_axis_of_tokens() -> None:
    cost = Cost(attempts=3, sampling_seconds=1.0, flops=math.nan)
    assert [known((cost,), axis) for axis in AXES] == [True, False, True, False]


def test_nothing_tried_is_nothing_known() -> None:
    assert newcombe((0, 0), (1, 2)) == newcombe((1, 2), (0, 0)) == (-1.0, 1.0)
    assert wilson(0, 0) == clopper_pearson(0, 0) == (0.0, 1.0)
    for wrong in ((3, 2, 0.9), (1, 2, 1.0)):
        with pytest.raises(ValueError):
            wilson(*wrong)
        with pytest.raises(ValueError):
            clopper_pearson(*wrong)


@pytest.mark.parametrize(
    ("samples", "correct", "expected"),
    [  # best-of-k at 2750 from small pools, 90 %
        (2944, 0, (0.0, 0.94)),
        (2944, 1, (0.05, 0.99)),
        (2944, 2, (0.28, 1.00)),
        (13750, 5, (0.33, 0.88)),
    ],
)
def test_a_pool_hardly_larger_than_k_says_little(samples: int, correct: int, expected: tuple[float, float]) -> None:
    assert pass_at_k_interval(samples, correct, 2750) == pytest.approx(expected, abs=0.005)


@given(st.lists(st.one_of(st.none(), st.integers(1, 20)), min_size=1), st.integers(1, 20))
def test_with_one_budget_the_curve_is_the_fraction_solved(firsts: list[int | None], k: int) -> None:
    curve = discovery_curve([Observation(first, budget=20) for first in firsts])
    solved = sum(first is not None and first <= k for first in firsts)
    assert curve.at(k) == pytest.approx(solved / len(firsts))


def test_censored_runs_leave_the_risk_set() -> None:
    """By hand: at 2, 1 of 5; at 4 (one censored at 3), 1 of 3, one censored there too."""
    runs = [(2, 10), (None, 3), (4, 10), (None, 4), (9, 10)]
    curve = discovery_curve([Observation(first, budget) for first, budget in runs])
    assert curve.at(1) == 0.0
    assert curve.at(3.5) == pytest.approx(1 - 4 / 5)
    assert curve.at(4) == pytest.approx(1 - 4 / 5 * 2 / 3)
    assert curve.runs == 5


def test_a_late_success_of_one_run_does_not_speak_for_those_stopped_before() -> None:
    """Tokens of runs of 96 attempts: five unsolved ones end at 8 to 12, and the last success comes at 13."""
    late = [Observation(13, 13)]
    stopped = [Observation(None, end) for end in (8, 9, 10, 11, 12)]
    curve = discovery_curve([Observation(first, first) for first in range(1, 8)] + stopped + late)
    assert (curve.horizon, curve.at(10)) == (10, pytest.approx(7 / 13)), "there 2 were stopped, 4 are watched"
    with pytest.raises(ValueError, match="too few runs were observed beyond 10"):
        curve.at(13)
    everything = discovery_curve([Observation(first, first) for first in (1, 2)] + late)
    assert (everything.horizon, everything.at(1000)) == (math.inf, 1)


def test_nothing_is_said_beyond_the_longest_watch() -> None:
    curve = discovery_curve([Observation(2, 10), Observation(None, 8)])
    assert curve.at(8) == 0.5
    with pytest.raises(ValueError, match="beyond 8"):
        curve.at(9)
    with pytest.raises(ValueError, match="beyond 0"):
        discovery_curve([]).at(1)
    with pytest.raises(ValueError, match="beyond a budget"):
        Observation(5, 4)


def test_a_run_stopped_early_is_not_dropped_from_an_interval() -> None:
    runs = [Observation(2, 10), Observation(3, 10), Observation(None, 10)]
    assert discovery_interval(runs, 10) == wilson(2, 3)
    assert discovery_interval(runs, 2) == wilson(1, 3)
    with pytest.raises(ValueError, match="not every run"):
        discovery_interval([*runs, Observation(None, 9)], 10)


def event(type: str, t: float, **fields: Any) -> dict[str, Any]:
    return {"type": type, "t": t, **fields}


def judged(t: float, step: int, attempt: int, passed: int, total: int = 4) -> dict[str, Any]:
    return event("attempt_judged", t, step=step, attempt=attempt, passed=passed, total=total, seconds=9.0)


def batch(t: float, step: int, tokens: int, passed: list[int]) -> list[dict[str, Any]]:
    """Sampled in 4 s, then a verdict every half second."""
    first = 1 + step * len(passed)
    counts = {"attempts": len(passed), "completion_tokens": tokens, "prompt_tokens": 10}
    sampled = event("batch_sampled", t, step=step, seconds=4.0, **counts)
    return [sampled, *(judged(t + 0.5 * (i + 1), step, first + i, p) for i, p in enumerate(passed))]


def learned(t: float, step: int) -> dict[str, Any]:
    return event("step_taken", t, step=step, trained_tokens=50, teacher_tokens=80, seconds=6.0)


EVENTS = [
    event("run_started", 0.0),
    *batch(100.0, 0, 60, [0, 1]),
    learned(109.0, 0),
    *batch(200.0, 1, 40, [3, 2]),
    learned(209.0, 1),
    *batch(300.0, 2, 50, [4, 4]),
    event("solved", 302.0, attempt=5),
]


def test_costs_count_the_whole_batch_and_what_was_learnt_before() -> None:
    costs = attempt_costs(EVENTS)
    assert [cost.attempts for cost in costs] == [1, 2, 3, 4, 5, 6]
    assert [cost.tokens for cost in costs] == [60, 60, 100, 100, 150, 150]
    assert [cost.seconds for cost in costs] == [5.0, 5.0, 16.0, 16.0, 27.0, 27.0]
    last = costs[-1]
    assert (last.sampling_seconds, last.judging_seconds, last.learning_seconds) == (12.0, 3.0, 12.0)
    assert (last.prompt_tokens, last.trained_tokens, last.teacher_tokens) == (30, 100, 160)


def test_a_run_is_one_observation_on_each_axis() -> None:
    assert observe(EVENTS) == Observation(5, 6)
    assert observe(EVENTS, "tokens") == Observation(150, 150)
    assert observe(EVENTS, "seconds") == Observation(27.0, 27.0)
    assert observe(EVENTS[:8]) == Observation(None, 4)
    assert observe([]) == Observation(None, 0)


def test_a_run_shows_its_best_so_far_in_generation_order() -> None:
    swapped = [EVENTS[0], *reversed(EVENTS[1:])]
    for events in (EVENTS, swapped):
        curve = run_curve(events)
        assert curve.best == (0.0, 0.25, 0.75, 0.75, 1.0, 1.0)
        assert curve.solved_at == 5
    assert run_curve([judged(1.0, 0, 1, passed=0, total=0)]).best == (0.0,)
    assert run_curve([judged(1.0, 0, 1, passed=0, total=0)]).solved_at is None
