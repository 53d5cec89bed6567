"""Samples a batch in parts if it does not fit into memory."""

from __future__ import annotations

import copy
import logging
import sys
from collections.abc import Callable, Sequence

import numpy as np

from sdpo_tts.policy import memory
from sdpo_tts.policy.batch import Ids
from sdpo_tts.policy.sampler import NOBODY, Listener, Sample, Sampler

LOG = logging.getLogger(__name__)


class SplitSampler:
    """Another sampler, asked for as many rows at once as `fitting` says of the longest prompt, and for half as many,
    for good, whenever memory runs out all the same; one row must fit.

    A row draws from its own generator, so its sample does not depend on the other rows, except for rounding.
    """

    def __init__(self, sampler: Sampler, fitting: Callable[[int], int] = lambda longest: sys.maxsize) -> None:
        self._sampler, self.name = sampler, sampler.name
        self._rows, self._fitting, self._told = sys.maxsize, fitting, sys.maxsize

    def sample(
        self,
        prompts: Sequence[Ids],
        rngs: Sequence[np.random.Generator],
        *,
        base: int = 0,
        top: int = 0,
        listener: Listener = NOBODY,
    ) -> list[Sample]:
        """As `Sampler.sample`. Raises what the sampler raises if even a single row is too much."""
        found: dict[int, Sample] = {}
        while left := [place for place in range(len(prompts)) if place not in found]:
            part = left[: self._at_once([prompts[place] for place in left])]
            fresh = [copy.deepcopy(rngs[place]) for place in part]  # a try that ran out of memory draws in vain
            try:
                samples = self._sampler.sample(
                    [prompts[place] for place in part], fresh, base=sum(place < base for place in part), top=top,
                    listener=relay(listener, part, found),
                )  # fmt: skip
            except (RuntimeError, MemoryError) as error:
                if not memory.ran_out(error) or len(part) < 2:
                    raise
            else:
                found.update(zip(part, samples, strict=True))
                continue
            self._halve(len(part))  # only here: while it is handled, the error keeps what was computed
        return [found[place] for place in range(len(prompts))]

    def close(self) -> None:
        self._sampler.close()

    def _at_once(self, prompts: Sequence[Ids]) -> int:
        """Says so when that is fewer than ever."""
        fitting = self._fitting(max(map(len, prompts)))
        if fitting < min(self._rows, self._told, len(prompts)):
            self._told = fitting
            LOG.warning("there is memory for %d answers of full length; sampling that many at a time", fitting)
        return min(self._rows, fitting)

    def _halve(self, rows: int) -> None:
        self._rows = rows // 2
        LOG.warning("memory ran out while sampling %d answers; now %d at a time", rows, self._rows)
        memory.let_go()


def relay(told: Listener, places: Sequence[int], found: dict[int, Sample]) -> Listener:
    """Passes on the samples of a part as they end, and keeps them: what has ended stands, whatever comes later."""

    def ended(place: int, sample: Sample) -> None:
        found[places[place]] = sample
        told.ended(places[place], sample)

    return Listener(ended, told.enough, told.grown)
