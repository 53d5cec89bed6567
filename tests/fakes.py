"""Stand-ins for the slow parts, for tests of what joins them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sdpo_tts.policy.batch import Ids
from sdpo_tts.policy.sampler import Sample

STOP = 0


class CharacterChat:
    """A prompt is its characters' code points; an answer ends with STOP."""

    stop_ids = (STOP,)

    def prompt(self, text: str) -> Ids:
        return tuple(map(ord, text))

    def text(self, ids: Sequence[int]) -> str:
        return "".join(chr(i) for i in ids if i != STOP)


class ScriptedSampler:
    """Answers from a list, in order, and keeps the prompts that it was asked."""

    name = "scripted"

    def __init__(self, answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.prompts: list[Ids] = []

    def sample(self, prompts: Sequence[Ids], rngs: Sequence[np.random.Generator]) -> list[Sample]:
        self.prompts += prompts
        return [self._sample(prompt) for prompt in prompts]

    def _sample(self, prompt: Ids) -> Sample:
        response = (*map(ord, self._answers.pop(0)), STOP)
        return Sample(prompt, response, (0.0,) * len(response), truncated=False)


class Version:
    """A network of which only the version and the saved adapter matter."""

    version = 0

    def save_adapter(self, folder: object) -> None:
        """Nothing to save."""
