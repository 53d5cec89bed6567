"""Inputs to try candidates on: from the problem's own generator or the model's, and mutated samples."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, count, islice

import numpy as np

from sdpo_tts.discovery.consensus.arguments import ArgumentShape
from sdpo_tts.discovery.consensus.authors import LARGE, SMALL
from sdpo_tts.discovery.consensus.shape import TextShape
from sdpo_tts.errors import UserError
from sdpo_tts.judge import Input, Judge
from sdpo_tts.problem import Problem

MUTATING = 4  # the stream of random numbers for mutations
OF_A_GENERATOR, MUTATIONS, LARGE_ONES = 20, 30, 3  # small inputs of each kind, and large ones
MOST_SMALL = 300  # small inputs in all: every candidate runs on each, in a run that may collect hundreds of them
MOST_INPUT_BYTES = 1 << 18
PYTHON = "python3"
PATIENCE = 2.0  # times the problem's time limit, for a generator

Shape = TextShape | ArgumentShape


class Inputs:
    """Distinct `small` and `large` inputs; more small ones on demand."""

    def __init__(self, problem: Problem, judge: Judge, seed: int, known: Iterable[bytes] = ()) -> None:
        """`known`: inputs that an external judge has revealed."""
        self._problem, self._judge, self._seed = problem, judge, seed
        samples = [test.input for test in problem.shown]
        self.shape: Shape = ArgumentShape(samples) if problem.function else TextShape(samples)
        self._seen = {*samples, *(one.rstrip(b"\n") + b"\n" for one in samples)}
        self._mutations = count()
        self.small: list[bytes] = self._new(known)
        self.large: list[bytes] = []

    def fill(self, generators: Sequence[str]) -> None:
        """Small and large inputs, from the generators and by mutation. Skips a generator that writes no small input of
        the samples' shape."""
        if self._problem.stress:
            self.small += self._of_author()
        small = [self._of_model(generator, SMALL, OF_A_GENERATOR) for generator in generators]
        useful = [generator for generator, found in zip(generators, small, strict=True) if found]
        large = [self._of_model(generator, LARGE, LARGE_ONES) for generator in useful]
        self.small += self._new(chain(*small))
        self.large += self._new(chain(*large))
        self.small += self._mutated(MUTATIONS)
        self.large += self._mutated(LARGE_ONES, large=True)

    def more(self, splitting: Sequence[bytes]) -> list[bytes]:
        """More small ones: half of them close to inputs that split, if there are any. None once there are many."""
        if len(self.small) >= MOST_SMALL:
            return []
        near = [splitting[i % len(splitting)] for i in range(MUTATIONS // 2)] if splitting else []
        found = self._new(self._valid(self.shape.mutated(self._rng(), of=one) for one in near))
        found += self._mutated(MUTATIONS - len(near))
        self.small += found
        return found

    def _mutated(self, number: int, *, large: bool = False) -> list[bytes]:
        drawn = (self.shape.mutated(self._rng(), large=large) for _ in range(2 * number))
        return list(islice(self._new(self._valid(drawn)), number))

    def _rng(self) -> np.random.Generator:
        return np.random.default_rng([self._seed, MUTATING, next(self._mutations)])

    def _of_author(self) -> list[bytes]:
        """Beyond the test numbers that the judge uses, which every candidate has passed."""
        assert self._problem.stress
        first = self._problem.stress.cases + 1
        try:
            return self._new(self._judge.generated(range(first, first + OF_A_GENERATOR)))
        except UserError:  # the generator may not support such numbers
            return []

    def _of_model(self, generator: str, size: str, number: int) -> list[bytes]:
        calls = [Input(arguments=(str(seed), size)) for seed in range(1, number + 1)]
        (row,) = self._judge.trials([generator], calls, PYTHON, patience=PATIENCE)
        return self._valid(output.stdout for output in row if not output.failure)

    def _valid(self, inputs: Iterable[bytes]) -> list[bytes]:
        return [one for one in inputs if 0 < len(one) <= MOST_INPUT_BYTES and self.shape.fits(one)]

    def _new(self, inputs: Iterable[bytes]) -> list[bytes]:
        fresh = [one for one in dict.fromkeys(inputs) if one not in self._seen]
        self._seen.update(fresh)
        return fresh
