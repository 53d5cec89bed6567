"""When a policy counts as collapsed, and what is done about it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sdpo_tts.discovery.guard import Guard, GuardSettings, Health, collapse, health
from sdpo_tts.discovery.source import Source
from sdpo_tts.policy.learning.learner import Learner
from tests.fakes import judged
from tests.test_learner import settings
from tests.tiny import tiny_network

FIRST = Health(distinct=0.8, entropy=0.5, length=100.0, leaks=0.0, score=0.1)


def test_health_is_that_of_the_policy_s_own_attempts() -> None:
    batch = [judged(1, "aa"), judged(2, "aa", passed=1), judged(3, "see the feedback"), judged(4, "base", base=True)]
    assert health(batch) == Health(
        distinct=pytest.approx(2 / 3), entropy=pytest.approx(0.5), length=pytest.approx((3 + 3 + 17) / 3),
        leaks=pytest.approx(1 / 3), score=pytest.approx(1 / 6),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, ""),
        ({"distinct": 0.3, "entropy": 0.06, "length": 390.0, "leaks": 0.4}, ""),
        ({"distinct": 0.1}, "10% of the programs are different, 80% at first"),
        ({"entropy": 0.04}, "entropy fell from 0.500 to 0.040 nats per token"),
        ({"length": 450.0}, "answers have grown from 100 to 450 tokens"),
        ({"leaks": 0.75}, "75% of the answers talk about feedback"),
    ],
)
def test_collapse_is_told_in_words(change: dict[str, float], told: str) -> None:
    assert collapse(replace(FIRST, **change), FIRST, GuardSettings()) == told


def test_a_collapsed_policy_goes_back_to_its_best_state() -> None:
    learner = Learner(tiny_network(), settings(learning_rate=1e-3))
    guard = Guard(learner, GuardSettings())
    assert guard.watch([judged(1, "a"), judged(2, "b")])[1] == ""
    learner.network.trainable[0].data += 1
    best = learner.network.state()
    assert guard.watch([judged(3, "c", passed=1), judged(4, "d")])[1] == ""
    learner.network.trainable[0].data += 1
    assert guard.watch([judged(5, "c"), judged(6, "d")])[1] == ""
    now, reason = guard.watch([judged(7, "c" * 50), judged(8, "d" * 60)])
    assert reason == "answers have grown from 2 to 56 tokens"
    assert now.length == 56
    assert guard.best and guard.best.score == 0.25
    assert all((a == b).all() for a, b in zip(learner.network.trainable, best, strict=True))
    assert learner.learning_rate == 5e-4


def test_of_a_batch_with_help_too_few_attempts_may_be_the_policy_s_own() -> None:
    """A batch of samples with help says nothing of the policy, be they ever so long or full of feedback."""
    guard = Guard(Learner(tiny_network(), settings()), GuardSettings())
    assert guard.watch([judged(1, "a"), judged(2, "b"), judged(3, "c"), judged(4, "d")])
    helped = [judged(number, "feedback " * 50) for number in range(5, 11)]
    helped = [replace(one, attempt=replace(one.attempt, source=Source.FEEDBACK)) for one in helped]
    assert guard.watch([judged(11, "e"), *helped]) is None
    own = [judged(number, "abcde"[number - 12]) for number in range(12, 16)]
    watched = guard.watch([*own, *helped])
    assert watched and watched[0].leaks == 0 and watched[1] == ""
