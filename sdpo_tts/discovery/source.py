"""The sources that attempts are sampled from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from sdpo_tts.policy.batch import Ids


class Source(StrEnum):
    """A prompt, and the model that answers it."""

    STUDENT = "student"  # the question, adapter on
    BASE = "base"  # the question, adapter off
    FEEDBACK = "feedback"  # the question and feedback on an earlier attempt, perhaps also on its ancestors
    REPAIR = "repair"  # the question, an earlier program and the feedback on it


HELPED = frozenset({Source.FEEDBACK, Source.REPAIR})
"""Sources whose prompt contains more than the question."""


@dataclass(frozen=True)
class Draw:
    """One sample to be drawn. `parent`: number of the attempt that its prompt describes. `adapter` off: from the
    base."""

    prompt: Ids
    source: Source = Source.STUDENT
    parent: int | None = None
    adapter: bool = True

    def of_base(self) -> Draw:
        """The same draw, from the base."""
        return replace(self, adapter=False, source=Source.BASE if self.source is Source.STUDENT else self.source)
