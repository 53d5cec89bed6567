"""Several runs that sample together: each gets its own answers."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pytest

from benchmarks.together import Together
from sdpo_tts.policy.batch import Ids
from sdpo_tts.policy.sampler import NOBODY, Listener, Sample


class Echo:
    """Answers with the prompt and a number that the row draws."""

    name = "echo"

    def __init__(self) -> None:
        self.batches: list[int] = []

    def sample(
        self, prompts: Sequence[Ids], rngs: Sequence[np.random.Generator], *, base: int = 0, top: int = 0,
        listener: Listener = NOBODY,
    ) -> list[Sample]:
        assert base == len(prompts)
        self.batches.append(len(prompts))
        if (13,) in prompts:
            raise MemoryError
        answers = [
            Sample(tuple(prompt), (*prompt, int(rng.integers(1000))), (0.0,) * (len(prompt) + 1), False, base=True)
            for prompt, rng in zip(prompts, rngs, strict=True)
        ]
        for place, answer in enumerate(answers):
            listener.ended(place, answer)
        return answers

    def close(self) -> None: ...


def rngs(job: int, rows: int) -> list[np.random.Generator]:
    return [np.random.default_rng([job, row]) for row in range(rows)]


def test_each_run_gets_what_it_would_get_alone() -> None:
    """Runs of different lengths, so that some end before others: nobody waits for them."""
    alone, echo = Echo(), Echo()
    together, first = Together(echo), threading.Barrier(3)

    def work(job: int, sampler: Together | Echo = together) -> list[list[Sample]]:
        ended: list[tuple[int, Sample]] = []
        heard = Listener(ended=lambda place, sample: ended.append((place, sample)))
        found = []
        if sampler is together and job < 4:
            first.wait()  # all threads have begun
        for _ in range(job):
            base = 2 if sampler is together else job + 1
            found.append(sampler.sample([(job,)] * (job + 1), rngs(job, job + 1), base=base, listener=heard))
        assert [sample for _, sample in ended] == [sample for batch in found for sample in batch]
        return found

    got = {len(result): result for result in together.run([1, 2, 3, 4], work, 3)}
    for job in (1, 2, 3, 4):
        expected = work(job, alone)
        assert [[one.response for one in batch] for batch in got[job]] == [[one.response for one in batch] for batch in expected]
        assert [[one.base for one in batch] for batch in got[job]] == [[True] * 2 + [False] * (job - 1)] * job
    assert len(echo.batches) < len(alone.batches), "some were sampled together"


def test_what_goes_wrong_reaches_every_run_and_nobody_is_left_waiting() -> None:
    together = Together(Echo())
    with pytest.raises(MemoryError):
        list(together.run([12, 13], lambda job: together.sample([(job,)], rngs(job, 1)), 2))
