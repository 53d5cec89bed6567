"""Progress of a measurement while its answers are sampled."""

from __future__ import annotations

from collections.abc import Callable

from sdpo_tts.policy.sampler import Listener, Sample

Tell = Callable[[str, int, int, int], None]
"""Called often, with what is being sampled, how many tokens there are, and how many of the requested answers are
complete; the last call, before answers are judged, says that all are."""


def nobody(who: str, tokens: int, complete: int, asked: int) -> None:
    """Reports nothing."""


def teller(tell: Tell, who: str, asked: int) -> Listener:
    """A listener that counts over all batches."""
    tokens, complete = 0, 0

    def grown(more: int) -> None:
        nonlocal tokens
        tokens += more
        tell(who, tokens, complete, asked)

    def ended(place: int, sample: Sample) -> None:
        nonlocal complete
        complete += 1
        tell(who, tokens, complete, asked)

    return Listener(ended, grown=grown)
