"""multi-turn: a conversation whose context grows by the feedback on each attempt."""

from __future__ import annotations

from collections.abc import Sequence

from sdpo_tts.discovery.attempt import Judged
from sdpo_tts.policy import prompts
from sdpo_tts.policy.batch import Ids
from sdpo_tts.policy.learning.learner import Learner
from sdpo_tts.policy.learning.metrics import Step
from sdpo_tts.policy.prompts import Chat
from sdpo_tts.problem import Problem


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
