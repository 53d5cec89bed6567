"""Watches whether learning still helps the policy, and detects when the policy has collapsed.

A collapsed policy repeats itself, has no entropy left, writes endless answers, or talks about its feedback instead of
the problem. Everything is compared with the run's first batch, which the base sampled.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sdpo_tts.discovery.attempt import Judged
from sdpo_tts.discovery.source import HELPED
from sdpo_tts.policy.learning.learner import Learner, LearnerState

LEAST_OWN = 4  # own attempts needed in a batch of which others were drawn with help
LEAK = re.compile(r"\b(feedback|(previous|earlier) attempt)", re.IGNORECASE)


@dataclass(frozen=True)
class GuardSettings:
    """A batch has collapsed if, compared with the first one, it has less than `distinct` of its share of different
    programs, less than `entropy` of its entropy, answers more than `length` times as long, or if more than `leaks` of
    its answers talk about feedback."""

    distinct: float = 0.25
    entropy: float = 0.1
    length: float = 4.0
    leaks: float = 0.5


@dataclass(frozen=True)
class Health:
    """One batch. `distinct`, `leaks` and `score` (tests passed) are shares; `entropy` is estimated, in nats per token,
    from the log-probabilities of what was sampled; `length` is the mean number of tokens of an answer. What was thought
    before it does not count."""

    distinct: float
    entropy: float
    length: float
    leaks: float
    score: float


def own_attempts(batch: Sequence[Judged]) -> list[Judged]:
    """Attempts with an answer that the current policy sampled from the question alone: others say nothing about the
    policy."""
    attempts = [(one, one.attempt) for one in batch]
    return [one for one, it in attempts if it.sample.answer and not it.sample.base and it.source not in HELPED]


def health(batch: Sequence[Judged]) -> Health:
    """Of the policy's own attempts; needs at least one."""
    own = own_attempts(batch)
    samples = [judged.attempt.sample for judged in own]
    return Health(
        distinct=len({judged.attempt.program or judged.attempt.text for judged in own}) / len(own),
        entropy=sum(-sum(sample.logprobs[sample.thought :]) / len(sample.answer) for sample in samples) / len(own),
        length=sum(len(sample.answer) for sample in samples) / len(own),
        leaks=sum(bool(LEAK.search(judged.attempt.text)) for judged in own) / len(own),
        score=sum(judged.judgement.passed / max(1, judged.judgement.total) for judged in own) / len(own),
    )


def collapse(now: Health, first: Health, settings: GuardSettings) -> str:
    """What has collapsed, in words; empty if nothing has."""
    if now.distinct < settings.distinct * first.distinct:
        return f"{now.distinct:.0%} of the programs are different, {first.distinct:.0%} at first"
    if now.entropy < settings.entropy * first.entropy:
        return f"entropy fell from {first.entropy:.3f} to {now.entropy:.3f} nats per token"
    if now.length > settings.length * first.length:
        return f"answers have grown from {first.length:.0f} to {now.length:.0f} tokens"
    if now.leaks > settings.leaks:
        return f"{now.leaks:.0%} of the answers talk about feedback"
    return ""


@dataclass(frozen=True)
class Best:
    """The state of the learner that sampled the best batch so far, by tests passed."""

    step: int
    score: float
    state: LearnerState


class Guard:
    """Keeps the best state of a learner, and returns to it when the policy has collapsed."""

    def __init__(self, learner: Learner, settings: GuardSettings) -> None:
        self.learner, self.settings = learner, settings
        self.first: Health | None = None
        self.best: Best | None = None

    def watch(self, batch: Sequence[Judged]) -> tuple[Health, str] | None:
        """The health of the batch, and in words what has collapsed (empty: nothing). After a collapse the learner is
        back at its best state, with half its learning rate, because the same rate would lead to the same end. None if
        too few attempts of the batch are the policy's own."""
        helped = any(judged.attempt.source in HELPED for judged in batch)
        if len(own_attempts(batch)) < (LEAST_OWN if helped else 1):
            return None
        now = health(batch)
        self.first = self.first or now
        if self.best and (reason := collapse(now, self.first, self.settings)):
            rate = self.learner.learning_rate / 2
            self.learner.restore(self.best.state)
            self.learner.learning_rate = rate
            return now, reason
        if not self.best or now.score > self.best.score:
            self.best = Best(batch[0].attempt.step, now.score, self.learner.state())
        return now, ""
