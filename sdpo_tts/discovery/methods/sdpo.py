"""SDPO, the paper's method: the model that has read the feedback teaches the model that has not."""

from __future__ import annotations

from collections.abc import Sequence

from sdpo_tts.discovery.attempt import Judged
from sdpo_tts.discovery.methods.best_of_k import BestOfK
from sdpo_tts.discovery.methods.context import TeacherContext
from sdpo_tts.discovery.source import Source
from sdpo_tts.policy.learning.advantage import group_advantages
from sdpo_tts.policy.learning.learner import Learner
from sdpo_tts.policy.learning.lesson import Lesson
from sdpo_tts.policy.learning.metrics import Step
from sdpo_tts.policy.prompts import Chat
from sdpo_tts.problem import Problem


class SelfDistillation(BestOfK):
    """SDPO: the model that has read the feedback scores every failed attempt, and one step is taken."""

    name = "sdpo"
    source = Source.STUDENT

    def __init__(
        self, problem: Problem, chat: Chat, learner: Learner, context: TeacherContext, batch_size: int = 16
    ) -> None:
        super().__init__(problem, chat, batch_size)
        self.learner = self._learner = learner
        self._context = context

    def advise(self, hint: str) -> None:
        self._context.advise(hint)

    def learn(self, batch: Sequence[Judged]) -> Step | str:
        advantages = group_advantages([judged.reward for judged in batch])
        lessons = [
            Lesson(judged.attempt.sample, prompt, advantage)
            for judged, prompt, advantage in zip(batch, self._context.prompts(batch), advantages, strict=True)
            if prompt is not None or (advantage and self._learner.settings.loss.grpo_weight)
        ]
        return self._learner.step(lessons) if lessons else self._context.lack(batch)
