"""best-of-k: independent samples of the untrained model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sdpo_tts.discovery.attempt import Judged
from sdpo_tts.discovery.source import Draw, Source
from sdpo_tts.policy import prompts
from sdpo_tts.policy.learning.learner import Learner
from sdpo_tts.policy.learning.metrics import Step
from sdpo_tts.policy.prompts import Chat
from sdpo_tts.problem import Problem


class BestOfK:
    """Independent samples from the base model."""

    name = "best-of-k"
    source = Source.BASE
    learner: Learner | None = None

    def __init__(self, problem: Problem, chat: Chat, batch_size: int = 16) -> None:
        self.batch_size = batch_size
        self._prompt = chat.prompt(prompts.student_text(problem))

    def draws(self, count: int) -> list[Draw]:
        return [Draw(self._prompt, self.source)] * count

    def begin(self, own: Sequence[Judged]) -> None:
        """It does not start from programs."""

    def advise(self, hint: str) -> None:
        """None of its prompts can hold a hint."""

    def learn(self, batch: Sequence[Judged]) -> Step | str:
        return f"{self.name} does not learn"

    def state(self) -> Any:
        return None

    def restore(self, state: Any) -> None:
        """Nothing to restore."""
