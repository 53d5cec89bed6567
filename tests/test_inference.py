"""Arms, Kaplan-Meier, bootstrap and power: against lifelines, enumeration, hand-worked cases, and known truths."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdpo_tts.stats import Observation, Pool, Seeds, bootstrap, discovery_curve, pass_at_k, survival, wilson
from sdpo_tts.stats.arms import mean_at, smallest_budget
from sdpo_tts.stats.power import problems_needed, seeds_needed

RUNS = st.lists(st.tuples(st.integers(1, 20), st.booleans()), min_size=1, max_size=12)


def observed(runs: list[tuple[int, bool]]) -> list[Observation]:
    return [Observation(end if solved else None, end) for end, solved in runs]


def fitted_by_lifelines(runs: list[tuple[int, bool]]) -> Any:
    """Imported here, with pandas: seconds, for every process that only collects the tests."""
    from lifelines import KaplanMeierFitter

    return KaplanMeierFitter().fit([end for end, _ in runs], [solved for _, solved in runs])


@settings(deadline=None, max_examples=50)
@given(RUNS)
def test_kaplan_meier_is_that_of_lifelines(runs: list[tuple[int, bool]]) -> None:
    fitted = fitted_by_lifelines(runs)
    budgets = np.arange(1.0, max(end for end, _ in runs) + 1)
    ours = Seeds(tuple(observed(runs))).discovery(budgets)
    assert ours == pytest.approx(1 - np.ravel(fitted.predict(budgets)))
    curve = discovery_curve(observed(runs))
    known = budgets <= curve.horizon
    assert ours[known] == pytest.approx([curve.at(k) for k in budgets[known]])


def test_effective_trials_follow_from_the_variance_that_lifelines_finds() -> None:
    runs = [(2, True), (3, False), (4, True), (4, False), (9, True), (9, False), (12, True), (15, False)]
    fitted = fitted_by_lifelines(runs)
    greenwood = float(fitted._cumulative_sq_.loc[12])
    share = float(1 - fitted.predict(12))
    expected = share * (1 - share) / ((1 - share) ** 2 * greenwood)
    assert survival.effective_trials(observed(runs), 12) == pytest.approx(expected)
    assert survival.effective_trials(observed(runs), 1) == 8, "all are watched and none has succeeded"
    assert survival.effective_trials(observed(runs[:2]), 3) == pytest.approx(2)
    assert survival.effective_trials(observed([(2, True), (3, False), (5, True)]), 4) == pytest.approx(3)


@given(st.lists(st.one_of(st.none(), st.integers(1, 20)), min_size=1, max_size=9), st.integers(1, 20))
def test_with_one_budget_everything_is_plain(firsts: list[int | None], k: int) -> None:
    arm = Seeds(tuple(Observation(first, 20) for first in firsts))
    solved = sum(first is not None and first <= k for first in firsts)
    assert arm.interval(k) == pytest.approx(wilson(solved, len(firsts)))
    cut = [min(20 if first is None else first, k) for first in firsts]
    assert arm.restricted_mean(k) == pytest.approx(np.mean(cut))


def test_resampling_seeds_has_the_variance_of_the_mean() -> None:
    """Exactly, over all draws of S - 1 of S runs: the unbiased estimate of the variance of a mean, s^2 / S."""
    firsts = [1, 3, 3, 7, None]
    arm = Seeds(tuple(Observation(first, 10) for first in firsts))
    indicators = [float(first is not None and first <= 3) for first in firsts]
    draws = [np.mean([indicators[i] for i in drawn]) for drawn in product(range(5), repeat=4)]
    assert np.var(draws) == pytest.approx(np.var(indicators, ddof=1) / 5)
    resampled = arm.resample(np.array([3.0]), np.random.default_rng(0), 20_000)[:, 0]
    assert np.var(resampled) == pytest.approx(np.var(draws), rel=0.03)


@given(st.integers(1, 30).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))))
def test_a_pool_is_the_unbiased_estimate_at_every_k(counts: tuple[int, int, int]) -> None:
    samples, correct, k = counts
    pool = Pool(samples, correct)
    assert pool.discovery(np.array([float(k)]))[0] == pytest.approx(pass_at_k(samples, correct, k))
    assert pool.discovery(np.array([0.5]))[0] == 0.0
    expected = sum(1 - (pass_at_k(samples, correct, i) if i else 0.0) for i in range(k))
    assert pool.restricted_mean(k) == pytest.approx(expected)


def test_on_other_axes_a_pool_pays_for_whole_batches() -> None:
    pool = Pool(samples=64, correct=4, unit=10.0, batch=16)
    assert pool.horizon == 640
    budgets = np.array([159.9, 160.0, 319.0, 320.0])
    expected = [0.0, pass_at_k(64, 4, 16), pass_at_k(64, 4, 16), pass_at_k(64, 4, 32)]
    assert pool.discovery(budgets) == pytest.approx(expected)
    assert Pool(70, 3, unit=0.1 + 0.2, batch=1).discovery(np.array([3 * (0.1 + 0.2)]))[0] == pass_at_k(70, 3, 3)


def test_pass_at_k_is_unbiased() -> None:
    """Its mean over pools of a known policy is 1 - (1 - p)^k; the plug-in estimate's is not."""
    rng, p, k = np.random.default_rng(5), 0.03, 20
    correct = rng.binomial(40, p, size=20_000)
    truth = 1 - (1 - p) ** k
    error = np.std([pass_at_k(40, c, k) for c in range(5)]) / math.sqrt(20_000)
    assert np.mean([pass_at_k(40, int(c), k) for c in correct]) == pytest.approx(truth, abs=5 * error)
    assert abs(np.mean(1 - (1 - correct / 40) ** k) - truth) > 0.02


TAU, RATES = 64.0, np.geomspace(0.003, 0.08, 8)
TRUTH = float(np.mean(1 - (1 - RATES) ** TAU))


def seeds_of(rate: float, rng: np.random.Generator, runs: int, *, censored: bool = False) -> Seeds:
    firsts = rng.geometric(rate, size=runs)
    budgets = rng.choice([24.0, TAU, TAU], size=runs) if censored else np.full(runs, TAU)
    if censored:
        budgets[0] = TAU
    pairs = zip(firsts, budgets, strict=True)
    return Seeds(tuple(Observation(int(t), b) if t <= b else Observation(None, b) for t, b in pairs))


def coverage(hits: list[bool]) -> float:
    return float(np.mean(hits))


def test_intervals_of_one_problem_cover() -> None:
    """Wilson's 90 % on average over rates (it swings around that with each), the exact one always."""
    rng, plain, cut = np.random.default_rng(1), [], []
    for rate in np.geomspace(0.003, 0.06, 8):
        truth = 1 - (1 - rate) ** TAU
        whole = [seeds_of(rate, rng, 10).interval(TAU) for _ in range(400)]
        censored = [seeds_of(rate, rng, 20, censored=True).interval(TAU) for _ in range(400)]
        pools = [Pool(320, int(rng.binomial(320, rate))).interval(TAU) for _ in range(400)]
        plain.append(coverage([low <= truth <= high for low, high in whole]))
        cut.append(coverage([low <= truth <= high for low, high in censored]))
        assert coverage([low <= truth <= high for low, high in pools]) >= 0.87
    assert np.mean(plain) == pytest.approx(0.9, abs=0.025) and min(plain) > 0.8
    assert np.mean(cut) == pytest.approx(0.9, abs=0.03) and min(cut) > 0.8


@pytest.mark.parametrize(("runs", "pool"), [(5, 0), (0, 320)])
def test_intervals_of_means_and_differences_cover(runs: int, pool: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight problems: fixed ones with other seeds, and eight drawn anew from a population of problems."""
    monkeypatch.setattr(bootstrap, "DRAWS", 400)
    rng = np.random.default_rng(2)
    population = np.geomspace(0.003, 0.08, 2001)
    wide_truth = float(np.mean(1 - (1 - population) ** TAU))
    fixed, wide, less, wide_less = [], [], [], []

    def arm(rate: float) -> Seeds | Pool:
        return seeds_of(rate, rng, runs) if runs else Pool(pool, int(rng.binomial(pool, rate)))

    for _ in range(200):
        here = bootstrap.mean_discovery([arm(rate) for rate in RATES], TAU, rng).fixed
        fixed.append(here.low <= TRUTH <= here.high)
        drawn = rng.choice(population, 8)
        there = bootstrap.mean_discovery([arm(rate) for rate in drawn], TAU, rng).population
        wide.append(there.low <= wide_truth <= there.high)
        gap = bootstrap.difference([arm(r) for r in RATES], [arm(r / 2) for r in RATES], TAU, rng)
        true_gap = TRUTH - float(np.mean(1 - (1 - RATES / 2) ** TAU))
        less.append(gap.fixed.low <= true_gap <= gap.fixed.high)
        gap = bootstrap.difference([arm(r) for r in drawn], [arm(r / 2) for r in drawn], TAU, rng)
        true_gap = wide_truth - float(np.mean(1 - (1 - population / 2) ** TAU))
        wide_less.append(gap.population.low <= true_gap <= gap.population.high)
    assert 0.83 <= coverage(fixed) <= 0.96
    assert 0.83 <= coverage(wide) <= 0.97
    assert 0.83 <= coverage(less) <= 0.96
    assert 0.83 <= coverage(wide_less) <= 1.0


def mean_wait(rates: np.ndarray) -> float:
    """Of min(T, TAU), over problems with these rates."""
    return float(np.mean((1 - (1 - rates) ** TAU) / rates))


@pytest.mark.parametrize(("rates", "runs", "pool"), [(RATES, 5, 0), (RATES, 0, 320), (np.array([0.03]), 20, 0)])
def test_means_of_waits_and_their_differences_cover(
    rates: np.ndarray, runs: int, pool: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight problems, by runs and by pools, and one with many runs."""
    monkeypatch.setattr(bootstrap, "DRAWS", 400)
    rng, mean, more = np.random.default_rng(6), [], []

    def arms(rates: np.ndarray) -> list[Seeds | Pool]:
        return [seeds_of(p, rng, runs) if runs else Pool(pool, int(rng.binomial(pool, p))) for p in rates]

    for _ in range(300):
        told = bootstrap.wait(arms(rates / 2), arms(rates), TAU, rng)
        mean.append(told.mean.low <= mean_wait(rates / 2) <= told.mean.high)
        more.append(told.difference.low <= mean_wait(rates / 2) - mean_wait(rates) <= told.difference.high)
    assert 0.83 <= coverage(mean) <= 0.97
    assert 0.83 <= coverage(more) <= 0.97


def test_resampled_waits_are_the_areas_over_resampled_curves() -> None:
    runs = Seeds(tuple(Observation(first, 40) for first in (3, 3, 17, None, 38)))
    for arm in (runs, Pool(90, 3), Pool(90, 0), Pool(64, 4, unit=0.5, batch=16)):
        step = arm.unit * arm.batch if isinstance(arm, Pool) else 1.0
        starts = np.arange(0.0, 40.0, step)
        curves = arm.resample(starts, np.random.default_rng(8), 50)
        expected = (1 - curves) @ np.minimum(step, 40.0 - starts)
        assert arm.resample_mean(40.0, np.random.default_rng(8), 50) == pytest.approx(expected)


def test_a_difference_of_waits_is_signed_and_unsure_where_nothing_varies() -> None:
    slow, quick = (Seeds(tuple(Observation(first, 50) for first in firsts)) for firsts in ((40, 44, None), (2, 4, 6)))
    told = bootstrap.wait([slow], [quick], 50, np.random.default_rng(0))
    assert (told.mean.value, told.difference.value) == pytest.approx((134 / 3, 134 / 3 - 4))
    assert 0 < told.difference.low < told.difference.value < told.difference.high
    never = Seeds((Observation(None, 50),) * 3)
    assert math.isnan(bootstrap.wait([never], [never], 50, np.random.default_rng(0)).difference.low)
    for pair in ((never, slow), (slow, never), (Pool(96, 0), never)):
        told = bootstrap.wait([pair[0]], [pair[1]], 50, np.random.default_rng(0))
        assert math.isnan(told.difference.low) and math.isnan(told.wide.high)


def test_a_wait_is_at_most_its_horizon_also_where_no_sample_of_a_pool_is_right() -> None:
    hard, mixed = [Pool(32, 0), Pool(32, 0)], [Pool(32, 0), Pool(32, 3)]
    told = bootstrap.wait(hard, mixed, 16, np.random.default_rng(0))
    assert told.mean.low < told.mean.value == told.mean.high == 16
    assert told.difference.low < told.difference.value < told.difference.high <= 16


def test_with_one_run_a_problem_waits_of_all_problems_tell_how_far_to_trust_their_mean() -> None:
    first, other = ([Seeds((Observation(at, 50),)) for at in ends] for ends in ((4, 30, None, 12), (9, 50, None, 50)))
    told = bootstrap.wait(first, other, 50, np.random.default_rng(0))
    assert told.mean.low < told.mean.value == 24 < told.mean.high
    assert (told.difference.low, told.difference.high) == (told.wide.low, told.wide.high)
    assert told.difference.low < told.difference.value < told.difference.high


def test_a_problem_with_a_single_run_does_not_pass_for_one_that_is_known() -> None:
    """Two runs of one problem agree nearly, the other has one: resampling seeds would show hardly any doubt."""
    arms = [Seeds((Observation(20, 50), Observation(22, 50))), Seeds((Observation(None, 50),))]
    pools, rng = [Pool(500, 25), Pool(500, 5)], np.random.default_rng(0)
    mean = bootstrap.mean_discovery(arms, 21, rng)
    assert (mean.fixed.low, mean.fixed.high) == pytest.approx(bootstrap.score_interval(0.25, 4 / (1 / 2 + 1)))
    gap = bootstrap.difference(arms, pools, 21, rng)
    assert gap.fixed.high - gap.value > 0.3 and gap.value - gap.fixed.low > 0.15
    wait = bootstrap.wait(arms, pools, 50, rng)
    assert wait.mean.value == 35.5 and (wait.mean.low, wait.mean.high) == (pytest.approx(21, abs=1), 50)
    (ratio,) = bootstrap.budget_ratios(arms, pools, [0.25], 50, rng, whole=True)
    assert ratio.ratio.low == 0 < ratio.ratio.value < ratio.ratio.high, "a draw in four has no run that succeeds"


def test_a_budget_ratio_covers(monkeypatch: pytest.MonkeyPatch) -> None:
    """SplitSampler every rate doubles the budget that a share needs, nearly: pools, at a share both reach."""
    monkeypatch.setattr(bootstrap, "DRAWS", 400)
    rng, share = np.random.default_rng(3), 0.5

    def needed(rates: np.ndarray) -> int:
        return next(k for k in range(1, 999) if np.mean(1 - (1 - rates) ** k) >= share)

    truth, hits = needed(RATES / 2) / needed(RATES), []
    for _ in range(120):
        first, second = ([Pool(600, int(rng.binomial(600, r))) for r in rates] for rates in (RATES, RATES / 2))
        (ratio,) = bootstrap.budget_ratios(first, second, [share], 300, rng, whole=True)
        hits.append(ratio.ratio.low <= truth <= ratio.ratio.high)
    assert 0.82 <= coverage(hits) <= 0.98


def test_with_one_run_a_problem_a_budget_ratio_is_as_unsure_as_its_problems_differ() -> None:
    first, other = ([Seeds((Observation(at, 50),)) for at in ends] for ends in ((4, 30, None, 12), (9, 50, None, 24)))
    (ratio,) = bootstrap.budget_ratios(first, other, [0.5], 50, np.random.default_rng(0), whole=True)
    assert (ratio.first, ratio.second, ratio.ratio.value) == (12, 24, 2)
    assert ratio.ratio.low < 2 < ratio.ratio.high and ratio.neither > 0
    alike = [Seeds((Observation(5, 50),))] * 3
    (ratio,) = bootstrap.budget_ratios(alike, other[:3], [0.5], 50, np.random.default_rng(0), whole=True)
    assert ratio.first == 5 and math.isnan(ratio.ratio.low) and ratio.neither == 0


def test_a_method_that_does_not_vary_is_not_taken_as_known_exactly() -> None:
    """One of four runs succeeded, one a problem: against a pool that finds a fifth, that is no more than likely."""
    arms = [Seeds((Observation(at, 50),)) for at in (6, None, None, None)]
    pools = [Pool(500, 25), *[Pool(500, 0)] * 3]
    told = bootstrap.difference(arms, pools, 50, np.random.default_rng(0))
    assert told.value < 0.03 and 0.2 < told.p_greater < 0.8
    never = [Seeds((Observation(None, 50),))] * 4
    assert math.isnan(bootstrap.difference(never, pools, 50, np.random.default_rng(0)).p_greater)


def test_methods_that_found_the_same_are_not_known_to_be_the_same() -> None:
    """One run a problem, and the same outcome with both methods on each: no draw tells them apart."""
    arms = [Seeds((Observation(at, 50),)) for at in (6, None, None, None)]
    rng = np.random.default_rng(0)
    told = bootstrap.difference(arms, arms, 50, rng)
    for estimate in (told.fixed, told.population):
        assert estimate.low < -0.2 < estimate.value == 0 < 0.2 < estimate.high
    assert told.p_greater == 0.5
    wait = bootstrap.wait(arms, arms, 50, rng)
    assert wait.difference.value == 0 and all(map(math.isnan, (wait.difference.low, wait.wide.high)))
    (ratio,) = bootstrap.budget_ratios(arms, arms, [0.25], 50, rng, whole=True)
    assert ratio.ratio.value == 1 and math.isnan(ratio.ratio.low)


def test_certainty_is_never_claimed_from_a_handful() -> None:
    rng = np.random.default_rng(0)
    never = [Seeds((Observation(None, 10),) * 5)] * 3
    always = [Seeds((Observation(1, 10),) * 5)] * 3
    assert bootstrap.mean_discovery(never, 10, rng).fixed.high == pytest.approx(wilson(0, 15).high)
    assert bootstrap.mean_discovery(always, 10, rng).fixed.low == pytest.approx(wilson(15, 15).low)
    gap = bootstrap.difference(always, never, 10, rng).fixed
    assert gap.value == 1.0 and gap.low < 0.9
    against_a_pool = bootstrap.difference(never, [Pool(1000, 200)] * 3, 10, rng).fixed
    assert against_a_pool.high - against_a_pool.value == pytest.approx(wilson(0, 15).high, abs=0.02), "the runs' own"
    one = bootstrap.mean_discovery(always[:1], 10, rng).fixed
    assert (one.low, one.high) == pytest.approx(wilson(5, 5))
    assert bootstrap.mean_discovery([Pool(100, 0)] * 3, 50, rng).fixed.high > 0.1
    mixed = bootstrap.mean_discovery([Pool(96, 3), Seeds((Observation(None, 96),))], 96, rng).fixed
    assert mixed.low < 0.2 and mixed.high > 0.8, "a pool here, a single run there"


def test_other_problems_are_never_better_known_than_these() -> None:
    """All runs of a problem ended alike: draws of problems differ, and show nothing of what five runs leave unknown."""
    arms = [Seeds((Observation(at, 96),) * 5) for at in (8, 15, 18, None)]
    pools = [Pool(480, correct) for correct in (48, 35, 16, 0)]
    rng = np.random.default_rng(0)
    gap, mean = bootstrap.difference(arms, pools, 96, rng), bootstrap.mean_discovery(arms, 96, rng)
    wait = bootstrap.wait(pools, [Seeds((Observation(1, 96), Observation(90, 96))) for _ in arms], 96, rng)
    for wide, fixed in ((gap.population, gap.fixed), (mean.population, mean.fixed), (wait.wide, wait.difference)):
        assert wide.low <= fixed.low < fixed.value == wide.value < fixed.high <= wide.high


def test_means_over_hard_problems_cover(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most pools have no correct sample; a half of a success for each would put the interval above the truth."""
    monkeypatch.setattr(bootstrap, "DRAWS", 400)
    rng, rates = np.random.default_rng(4), np.geomspace(1e-5, 3e-3, 12)
    truth, hits, gaps = float(np.mean(1 - (1 - rates) ** 128)), [], []
    for _ in range(200):
        pools = [Pool(640, int(rng.binomial(640, rate))) for rate in rates]
        found = bootstrap.mean_discovery(pools, 128, rng).fixed
        assert found.low <= found.value <= found.high
        hits.append(found.low <= truth <= found.high)
        runs = [seeds_of(rate, rng, 5) for rate in RATES[[*range(8), 0, 1, 2, 3]]]
        gap = bootstrap.difference(runs, pools, TAU, rng).fixed
        true_gap = np.mean(1 - (1 - RATES[[*range(8), 0, 1, 2, 3]]) ** TAU) - np.mean(1 - (1 - rates) ** TAU)
        gaps.append(gap.low <= true_gap <= gap.high)
    assert coverage(hits) >= 0.86 and coverage(gaps) >= 0.83
    nothing = bootstrap.mean_discovery([Pool(640, 0)] * 12, 128, rng).fixed
    assert (nothing.value, nothing.low) == (0.0, 0.0) and 0.05 < nothing.high < 0.2


def test_budgets_to_reach_a_share() -> None:
    arms = [Seeds((Observation(3, 10), Observation(8, 10))), Seeds((Observation(5, 10), Observation(None, 10)))]
    assert [smallest_budget(arms, share, 10, whole=True) for share in (0.25, 0.5, 0.75, 0.9)] == [3, 5, 8, math.inf]
    assert mean_at(arms, 5) == 0.5
    rng = np.random.default_rng(0)
    low, high = bootstrap.budget_ratios(arms, [Pool(40, 1)], [0.25, 0.9], 10, rng, whole=True)
    assert (low.first, low.second, low.ratio.value) == (3, 10, pytest.approx(10 / 3))
    assert (high.first, high.second) == (math.inf, math.inf) and math.isnan(high.ratio.value)
    assert low.neither < 0.1 < high.neither


def test_seeds_and_problems_needed() -> None:
    assert seeds_needed([0.4], [0.6], level=0.95) == 97
    assert seeds_needed([0.4] * 10, [0.6] * 10, level=0.95) == 10, (
        "ten problems of a kind do the work of ten times the seeds"
    )
    assert seeds_needed([0.2, 0.4], [0.4, 0.2]) is None
    assert problems_needed([0.1, 0.3, 0.2, 0.2]) == 2
    assert problems_needed([0.5, -0.4, 0.1, 0.2]) == math.ceil(((1.6449 + 0.8416) * np.std([5, -4, 1, 2], ddof=1)) ** 2)
    assert problems_needed([0.5]) is None


def test_the_number_of_seeds_needed_is_about_right() -> None:
    """With as many seeds as it says, a two-proportion test finds the difference about four times in five."""
    seeds = seeds_needed([0.3], [0.5])
    assert seeds is not None
    rng = np.random.default_rng(4)
    a, b = (rng.binomial(seeds, p, size=4000) / seeds for p in (0.3, 0.5))
    pooled = (a + b) / 2
    found = np.abs(a - b) / np.sqrt(2 * pooled * (1 - pooled) / seeds) > 1.6449
    assert float(found.mean()) == pytest.approx(0.8, abs=0.04)
