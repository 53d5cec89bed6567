"""multi-turn: a conversation whose context grows by the feedback on each attempt."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import Any

from sdpo_tts.discovery.attempt import Judged
from sdpo_tts.discovery.source import Draw, Source
from sdpo_tts.policy import prompts
from sdpo_tts.policy.batch import Ids
from sdpo_tts.policy.learning.learner import Learner
from sdpo_tts.policy.learning.metrics import Step
from sdpo_tts.policy.prompts import Chat
from sdpo_tts.problem import Problem


class MultiTurn:
    """A growing context instead of learning: the question with the feedback on all earlier attempts of its chain.

    It leaves out the attempts themselves (the paper found that better) and repeated feedback. When a prompt would
    exceed `max_prompt_tokens`, the oldest feedback is dropped first, the hint last. `batch_size` chains run side by
    side.
    """

    name = "multi-turn"
    learner: Learner | None = None

    def __init__(
        self, problem: Problem, chat: Chat, max_prompt_tokens: int, batch_size: int = 1, hint: str = ""
    ) -> None:
        self.batch_size, self._max_prompt_tokens = batch_size, max_prompt_tokens
        self._problem, self._chat, self._hint = problem, chat, hint
        self._feedbacks: list[list[str]] = [[] for _ in range(batch_size)]
        self._last: list[int | None] = [None] * batch_size  # the number of each chain's newest attempt

    def draws(self, count: int) -> list[Draw]:
        return [self._draw(chain) for chain in range(min(count, self.batch_size))]

    def _draw(self, chain: int) -> Draw:
        prompt = self._prompt(self._feedbacks[chain])
        helped = self._feedbacks[chain] or self._hint
        return Draw(prompt, Source.FEEDBACK if helped else Source.BASE, self._last[chain])

    def begin(self, own: Sequence[Judged]) -> None:
        """Each chain continues from one of them, in turn."""
        for chain, judged in zip(range(self.batch_size), cycle(own), strict=False):
            self._hear(chain, judged)

    def advise(self, hint: str) -> None:
        self._hint = "\n".join(filter(None, (self._hint, hint)))

    def learn(self, batch: Sequence[Judged]) -> Step | str:
        for judged in batch:
            self._hear(judged.attempt.chain, judged)
        return f"{self.name} does not learn"

    def _hear(self, place: int, judged: Judged) -> None:
        chain, told = self._feedbacks[place], judged.feedback.text
        self._last[place] = judged.attempt.number
        if told and told not in chain:
            chain.append(told)

    def state(self) -> dict[str, Any]:
        return {"feedbacks": [list(feedbacks) for feedbacks in self._feedbacks], "last": list(self._last)}

    def restore(self, state: dict[str, Any]) -> None:
        self._feedbacks, self._last = state["feedbacks"], state["last"]

    def _prompt(self, feedbacks: list[str]) -> Ids:
        hint = self._hint
        while True:
            prompt = self._chat.prompt(prompts.multi_turn_text(self._problem, feedbacks, hint))
            if len(prompt) <= self._max_prompt_tokens or not (feedbacks or hint):
                return prompt
            if feedbacks:
                del feedbacks[0]
            else:
                hint = ""
