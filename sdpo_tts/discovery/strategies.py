"""The methods. Each answers two questions: which prompts next, and what to do with judged attempts.

All share prompt, sampler, sandbox, budget and journal, so that what differs between two runs is the method alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from sdpo_tts.discovery.attempt import Judged
from sdpo_tts.discovery.context import TeacherContext
from sdpo_tts.policy import prompts
from sdpo_tts.policy.advantage import group_advantages
from sdpo_tts.policy.batch import Ids
from sdpo_tts.policy.learner import Learner, Lesson
from sdpo_tts.policy.meter import Step
from sdpo_tts.policy.prompts import Chat
from sdpo_tts.problem import Problem


class Strategy(Protocol):
    """`batch_size` is the method's own best; the last batch of a budget may be smaller. `learner`: what it trains."""

    name: str
    batch_size: int
    learner: Learner | None

    def prompts(self, count: int) -> list[Ids]: ...

    def learn(self, batch: Sequence[Judged]) -> Step | str:
        """What the step did, or in words why there was none."""
        ...

    def state(self) -> Any:
        """What it has learnt besides its learner's weights, as plain lists: for a checkpoint."""
        ...

    def restore(self, state: Any) -> None: ...


class BestOfK:
    """Independent samples from the base model."""

    name = "best-of-k"
    learner: Learner | None = None

    def __init__(self, problem: Problem, chat: Chat, batch_size: int = 16) -> None:
        self.batch_size = batch_size
        self._prompt = chat.prompt(prompts.student_text(problem))

    def prompts(self, count: int) -> list[Ids]:
        return [self._prompt] * count

    def learn(self, batch: Sequence[Judged]) -> Step | str:
        return f"{self.name} does not learn"

    def state(self) -> Any:
        return None

    def restore(self, state: Any) -> None:
        """Nothing to restore."""


class SelfDistillation(BestOfK):
    """SDPO: every failed attempt is scored by the model that has read the feedback on it, and one step is taken."""

    name = "sdpo"

    def __init__(
        self, problem: Problem, chat: Chat, learner: Learner, context: TeacherContext, batch_size: int = 16
    ) -> None:
        super().__init__(problem, chat, batch_size)
        self.learner = self._learner = learner
        self._context = context

    def learn(self, batch: Sequence[Judged]) -> Step | str:
        advantages = group_advantages([float(judged.judgement.solved) for judged in batch])
        lessons = [
            Lesson(judged.attempt.sample, prompt, advantage)
            for judged, prompt, advantage in zip(batch, self._context.prompts(batch), advantages, strict=True)
            if prompt is not None or (advantage and self._learner.settings.loss.grpo_weight)
        ]
        return self._learner.step(lessons) if lessons else "no attempt of this batch has feedback"


class Grpo(BestOfK):
    """Reward alone: a batch that fails altogether has no gradient, which is why hard problems need more than this."""

    name = "grpo"

    def __init__(self, problem: Problem, chat: Chat, learner: Learner, batch_size: int = 16) -> None:
        super().__init__(problem, chat, batch_size)
        self.learner = self._learner = learner

    def learn(self, batch: Sequence[Judged]) -> Step | str:
        advantages = group_advantages([float(judged.judgement.solved) for judged in batch])
        if not any(advantages):
            return "all rewards of this batch are the same, so GRPO has no gradient"
        return self._learner.step(
            [Lesson(one.attempt.sample, advantage=value) for one, value in zip(batch, advantages, strict=True)]
        )


class MultiTurn:
    """A growing context instead of learning: the question with the feedback on all earlier attempts of its chain.

    Without the attempts themselves (the paper found that better); a feedback seen before is not repeated; when a
    prompt would pass `max_prompt_tokens`, the oldest goes first. `batch_size` chains run side by side.
    """

    name = "multi-turn"
    learner: Learner | None = None

    def __init__(self, problem: Problem, chat: Chat, max_prompt_tokens: int, batch_size: int = 1) -> None:
        self.batch_size, self._max_prompt_tokens = batch_size, max_prompt_tokens
        self._problem, self._chat = problem, chat
        self._feedbacks: list[list[str]] = [[] for _ in range(batch_size)]

    def prompts(self, count: int) -> list[Ids]:
        return [self._prompt(feedbacks) for feedbacks in self._feedbacks[:count]]

    def learn(self, batch: Sequence[Judged]) -> Step | str:
        for judged in batch:
            chain = self._feedbacks[judged.attempt.chain]
            if judged.feedback.text and judged.feedback.text not in chain:
                chain.append(judged.feedback.text)
        return f"{self.name} does not learn"

    def state(self) -> list[list[str]]:
        return [list(feedbacks) for feedbacks in self._feedbacks]

    def restore(self, state: list[list[str]]) -> None:
        self._feedbacks = state

    def _prompt(self, feedbacks: list[str]) -> Ids:
        while True:
            prompt = self._chat.prompt(prompts.multi_turn_text(self._problem, feedbacks))
            if len(prompt) <= self._max_prompt_tokens or not feedbacks:
                return prompt
            del feedbacks[0]
