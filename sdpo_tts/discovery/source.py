"""Where attempts are sampled from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from sdpo_tts.policy.batch import Ids


class Source(StrEnum):
    """What is asked of which model."""

    STUDENT = "student"  # the question, adapter on
    BASE = "base"  # the question, adapter off
    FEEDBACK = "feedback"  # the question and feedback on an earlier attempt, perhaps on those it came from
    REPAIR = "repair"  # the question, an earlier program and the feedback on it


HELPED = frozenset({Source.FEEDBACK, Source.REPAIR})
"""Those whose prompt tells more than the question."""


@dataclass(frozen=True)
class Draw:
    """One sample to come. `parent`: number of the attempt that its prompt tells of. `adapter` off: from the base."""

    prompt: Ids
    source: Source = Source.STUDENT
    parent: int | None = None
    adapter: bool = True

    def of_base(self) -> Draw:
        """The same of the base."""
        return replace(self, adapter=False, source=Source.BASE if self.source is Source.STUDENT else self.source)
