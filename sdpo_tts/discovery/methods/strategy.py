"""The interface of a method: what to sample next, and what to learn from the judged attempts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from sdpo_tts.discovery.attempt import Judged
from sdpo_tts.discovery.source import Draw
from sdpo_tts.policy.learning.learner import Learner
from sdpo_tts.policy.learning.metrics import Step


class Strategy(Protocol):
    """`batch_size` is the method's default; the last batch of a budget may be smaller. `learner`: what it trains."""

    name: str
    batch_size: int
    learner: Learner | None

    def draws(self, count: int) -> list[Draw]: ...

    def begin(self, own: Sequence[Judged]) -> None:
        """Before a batch, usually the first: the user's own programs, judged. Their numbers are negative."""
        ...

    def advise(self, hint: str) -> None:
        """A hint from the user, for prompts with feedback from now on; the bare question stays as it is."""
        ...

    def learn(self, batch: Sequence[Judged]) -> Step | str:
        """What the step did, or the reason in words why there was none."""
        ...

    def state(self) -> Any:
        """What it knows besides its learner's weights, as plain lists: for a checkpoint."""
        ...

    def restore(self, state: Any) -> None: ...
