"""GRPO: learns from the reward alone."""

from __future__ import annotations

from collections.abc import Sequence

from sdpo_tts.discovery.attempt import Judged
from sdpo_tts.discovery.methods.best_of_k import BestOfK
from sdpo_tts.discovery.source import Source
from sdpo_tts.policy.learning.advantage import group_advantages
from sdpo_tts.policy.learning.learner import Learner
from sdpo_tts.policy.learning.lesson import Lesson
from sdpo_tts.policy.learning.metrics import Step
from sdpo_tts.policy.prompts import Chat
from sdpo_tts.problem import Problem


class Grpo(BestOfK):
    """Reward alone: a batch in which every attempt fails has no gradient, so hard problems need more than this."""

    name = "grpo"
    source = Source.STUDENT

    def __init__(self, problem: Problem, chat: Chat, learner: Learner, batch_size: int = 16) -> None:
        super().__init__(problem, chat, batch_size)
        self.learner = self._learner = learner

    def learn(self, batch: Sequence[Judged]) -> Step | str:
        advantages = group_advantages([judged.reward for judged in batch])
        if not any(advantages):
            return "all rewards of this batch are the same, so GRPO has no gradient"
        return self._learner.step(
            [Lesson(one.attempt.sample, advantage=value) for one, value in zip(batch, advantages, strict=True)]
        )
