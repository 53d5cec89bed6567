"""A sampler whose memory does not hold a whole batch: it samples the batch in parts."""

from __future__ import annotations

import copy
import logging
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from sdpo_tts.policy import memory
from sdpo_tts.policy.batch import Ids
from sdpo_tts.policy.sampler import Sample

LOG = logging.getLogger(__name__)


class Sampler(Protocol):
    """`name` is the engine's."""

    name: str

    def sample(self, prompts: Sequence[Ids], rngs: Sequence[np.random.Generator], *, base: int = 0) -> list[Sample]: ...


class Halving:
    """Another sampler, asked for half as many rows at once, for good, whenever memory runs out; one row must fit.

    A row draws from its own generator, so its sample is the same in whatever company, but for rounding.
    """

    def __init__(self, sampler: Sampler) -> None:
        self._sampler, self.name = sampler, sampler.name
        self._rows: int | None = None

    def sample(self, prompts: Sequence[Ids], rngs: Sequence[np.random.Generator], *, base: int = 0) -> list[Sample]:
        """As `Sampler.sample`. Raises what the sampler raises when a single row is too much."""
        samples: list[Sample] = []
        while len(samples) < len(prompts):
            start = len(samples)
            part = slice(start, start + (self._rows or len(prompts)))
            samples += self._part(prompts[part], rngs[part], base=max(0, min(base, part.stop) - start))
        return samples

    def _part(self, prompts: Sequence[Ids], rngs: Sequence[np.random.Generator], *, base: int) -> list[Sample]:
        """Nothing where memory ran out; then fewer rows are to be asked for."""
        fresh = copy.deepcopy(list(rngs))  # what ran out of memory has drawn already
        try:
            return self._sampler.sample(prompts, fresh, base=base)
        except (RuntimeError, MemoryError) as error:
            if not memory.ran_out(error) or len(prompts) < 2:
                raise
        self._rows = len(prompts) // 2
        LOG.warning("memory ran out while sampling %d answers; now %d at a time", len(prompts), self._rows)
        memory.let_go()
        return []
