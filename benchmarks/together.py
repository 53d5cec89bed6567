"""Samples for several runs at once: in a larger batch a token costs less."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from sdpo_tts.policy.batch import Ids
from sdpo_tts.policy.sampler import NOBODY, Listener, Sample, Sampler

ROWS = 64  # enough to begin with, even if some run is still busy
Job = TypeVar("Job")
Result = TypeVar("Result")


@dataclass
class Request:
    """What one run wants sampled, and what it gets."""

    prompts: Sequence[Ids]
    rngs: Sequence[np.random.Generator]
    base: int
    listener: Listener
    samples: list[Sample] | None = None
    error: BaseException | None = None

    @property
    def answered(self) -> bool:
        return self.samples is not None or self.error is not None


class Together:
    """A sampler for runs in threads of their own: what they ask for is sampled in one batch. Only for runs that learn
    nothing: all of them sample from the base."""

    def __init__(self, sampler: Sampler) -> None:
        self._sampler, self.name = sampler, sampler.name
        self._changed = threading.Condition()
        self._busy, self._sampling = 0, False  # runs that do something else; whether a batch is being sampled
        self._waiting: list[Request] = []

    def run(self, jobs: Iterable[Job], work: Callable[[Job], Result], at_once: int) -> Iterator[Result]:
        """What `work` makes of each job, as it is done, for so many jobs at once."""

        def counted(job: Job) -> Result:
            self._count(+1)
            try:
                return work(job)
            finally:
                self._count(-1)

        with ThreadPoolExecutor(at_once) as pool:
            for done in as_completed([pool.submit(counted, job) for job in jobs]):
                yield done.result()

    def sample(
        self,
        prompts: Sequence[Ids],
        rngs: Sequence[np.random.Generator],
        *,
        base: int = 0,
        top: int = 0,
        listener: Listener = NOBODY,
    ) -> list[Sample]:
        """As `Sampler.sample`, but nothing is kept (`top`)."""
        request = Request(prompts, rngs, base, listener)
        with self._changed:
            self._waiting.append(request)
        self._count(-1)
        try:
            while chosen := self._turn(request):
                self._answer(chosen)
        finally:
            self._count(+1)
        if request.error:
            raise request.error
        assert request.samples is not None
        return request.samples

    def close(self) -> None:
        self._sampler.close()

    def _count(self, change: int) -> None:
        with self._changed:
            self._busy += change
            self._changed.notify_all()

    def _turn(self, request: Request) -> list[Request]:
        """Waits. What is to be sampled now, by this thread; nothing once its own request is answered."""
        with self._changed:
            self._changed.wait_for(lambda: request.answered or self._enough())
            if request.answered:
                return []
            chosen, self._waiting, self._sampling = self._waiting, [], True
        return chosen

    def _enough(self) -> bool:
        rows = sum(len(request.prompts) for request in self._waiting)
        return bool(rows) and not self._sampling and (rows >= ROWS or not self._busy)

    def _answer(self, requests: Sequence[Request]) -> None:
        try:
            samples = iter(self._sampled(requests))
            for request in requests:
                request.samples = [
                    replace(next(samples), base=place < request.base) for place in range(len(request.prompts))
                ]
        except BaseException as error:
            for request in requests:
                request.error = error
        finally:
            with self._changed:
                self._sampling = False
                self._changed.notify_all()

    def _sampled(self, requests: Sequence[Request]) -> list[Sample]:
        prompts = [prompt for request in requests for prompt in request.prompts]
        rngs = [rng for request in requests for rng in request.rngs]
        owners = [(request, place) for request in requests for place in range(len(request.prompts))]

        def ended(row: int, sample: Sample) -> None:
            request, place = owners[row]
            request.listener.ended(place, replace(sample, base=place < request.base))

        enough = Listener(ended, lambda: all(request.listener.enough() for request in requests))
        return self._sampler.sample(prompts, rngs, base=len(prompts), listener=enough)
