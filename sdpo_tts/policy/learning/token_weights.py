"""What each token of a response weighs: those of the answer make up one mean, those of its thoughts another.

A sequence's loss is the mean over the answer plus `thoughts` times the mean over the thoughts. A token that was not
drawn is context: it weighs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from sdpo_tts.policy.sampler import Sample


@dataclass(frozen=True)
class Run:
    """Consecutive places of a response. They belong to a mean over `size` places, which has the weight `weight` in the
    loss of the sequence; `part` is this weight as a share of the response's total weight."""

    start: int
    stop: int
    size: int
    weight: float = 1.0
    part: float = 1.0


def weighs(sample: Sample, thoughts: float) -> bool:
    """Whether there is anything to learn from: an answer, or a thought if `thoughts` have a weight."""
    return bool(_parts(sample, thoughts))


def runs(sample: Sample, thoughts: float) -> list[Run]:
    """All that is learned of a response."""
    parts = _parts(sample, thoughts)
    whole = sum(weight for weight, _ in parts)
    return [
        Run(start, stop, len(places), weight, weight / whole)
        for weight, places in parts
        for start, stop in _neighbours(places)
    ]


def _parts(sample: Sample, thoughts: float) -> list[tuple[float, Sequence[int]]]:
    """(weight, places) of the thoughts and of the answer, without those that have none."""
    forced = sample.forced or (False,) * sample.thought
    thought = [place for place in range(sample.thought) if not forced[place]]
    parts = [(thoughts, thought), (1.0, range(sample.thought, len(sample.response)))]
    return [(weight, places) for weight, places in parts if weight and places]


def _neighbours(places: Sequence[int]) -> Iterator[tuple[int, int]]:
    for _, group in groupby(enumerate(places), lambda one: one[1] - one[0]):
        run = [place for _, place in group]
        yield run[0], run[-1] + 1
