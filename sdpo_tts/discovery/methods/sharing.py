"""Which source each sample of a batch comes from."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping
from dataclasses import dataclass

import numpy as np

from sdpo_tts.discovery.methods.bandit import Bandit
from sdpo_tts.discovery.source import Source
from sdpo_tts.errors import UserError

BANDIT = "bandit"
FLOORS = {Source.BASE: 1 / 16, Source.STUDENT: 1 / 16}
"""Shares of a batch that the bandit cannot take away, at least one sample: a starved source could not show that it has
improved. Batches smaller than LEAST_FLOORED have none."""
LEAST_FLOORED = 8


@dataclass(frozen=True)
class Sharing:
    """`sources` are those to choose among; `fixed` gives each its weight, None leaves the choice to the bandit."""

    sources: tuple[Source, ...]
    fixed: Mapping[Source, float] | None = None

    @classmethod
    def read(cls, text: str, *, learns: bool, where: str = "--sources") -> Sharing:
        """`bandit`, or weights such as `student=1,feedback=1`. Without learning the student is the base.

        Raises UserError.
        """
        if text == BANDIT:
            return cls(tuple(source for source in Source if learns or source is not Source.STUDENT))
        weights = {_source(name, where): _weight(value, where) for name, value in map(_pair, text.split(","))}
        if not sum(weights.values()):
            raise UserError("all weights are 0", where=where)
        return cls(tuple(weights), weights)

    def of_batch(
        self, count: int, bandit: Bandit, rng: np.random.Generator, without: Container[Source] = ()
    ) -> list[Source]:
        """The source of each of `count` samples. The bandit chooses none of `without`."""
        if self.fixed:
            return self._by_weight(count)
        floors = [source for source in self.sources for _ in range(_floor(source, count))]
        names = [str(source) for source in self.sources if source not in without]
        chosen = [Source(bandit.choose(names, rng)) for _ in range(count - len(floors))]
        return sorted((floors + chosen)[:count], key=self.sources.index)

    def _by_weight(self, count: int) -> list[Source]:
        """Whole samples, by the largest-remainder method."""
        assert self.fixed
        total = sum(self.fixed.values())
        exact = {source: count * weight / total for source, weight in self.fixed.items()}
        whole = {source: int(share) for source, share in exact.items()}
        left = sorted(exact, key=lambda source: whole[source] - exact[source])[: count - sum(whole.values())]
        return [source for source in self.sources for _ in range(whole[source] + (source in left))]


def _floor(source: Source, count: int) -> int:
    return math.ceil(FLOORS.get(source, 0) * count) if count >= LEAST_FLOORED else 0


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip(), value.strip() or "1"


def _source(name: str, where: str) -> Source:
    try:
        return Source(name)
    except ValueError:
        raise UserError(f"{name!r} is not a source", where=where, hint=", ".join([BANDIT, *Source])) from None


def _weight(text: str, where: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = -1.0
    if not 0 <= weight < float("inf"):
        raise UserError(f"{text!r} is not a weight", where=where, hint="student=1,feedback=1")
    return weight
