"""A sampler whose answers are stored as they end: what a server has answered is not requested again.

When an interrupted batch is repeated, a sampler on this machine draws the same answers again. A server does not, and
may charge for them.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from sdpo_tts.policy.batch import Ids
from sdpo_tts.policy.sampler import NOBODY, Listener, Sample, Sampler
from sdpo_tts.policy.split_sampler import relay
from sdpo_tts.record.atomic import write_json


class KeptAnswers:
    """Wraps another sampler, and stores the finished answers of the current batch in a folder, one per file. A file is
    named by its prompt and its row's generator, which are the same when the batch is sampled again."""

    def __init__(self, sampler: Sampler, folder: Path) -> None:
        self._sampler, self._folder, self.name = sampler, folder, sampler.name

    def sample(
        self,
        prompts: Sequence[Ids],
        rngs: Sequence[np.random.Generator],
        *,
        base: int = 0,
        top: int = 0,
        listener: Listener = NOBODY,
    ) -> list[Sample]:
        """As `Sampler.sample`."""
        files = [self._folder / f"{_key(prompt, rng)}.json" for prompt, rng in zip(prompts, rngs, strict=True)]
        found = self._kept(files)
        for place, sample in found.items():
            listener.ended(place, sample)
        left = [place for place in range(len(prompts)) if place not in found]
        samples = self._sampler.sample(
            [prompts[place] for place in left], [rngs[place] for place in left],
            base=sum(place < base for place in left), top=top,
            listener=self._writing(relay(listener, left, found), files, left),
        )  # fmt: skip
        found.update(zip(left, samples, strict=True))
        return [found[place] for place in range(len(prompts))]

    def close(self) -> None:
        self._sampler.close()

    def _kept(self, files: Sequence[Path]) -> dict[int, Sample]:
        """By index. Answers of an earlier batch are deleted, because that batch is recorded."""
        for file in set(self._folder.glob("*.json")) - set(files):
            file.unlink()
        there = {place: file for place, file in enumerate(files) if file.exists()}
        return {place: Sample.of(json.loads(file.read_bytes())) for place, file in there.items()}

    def _writing(self, told: Listener, files: Sequence[Path], places: Sequence[int]) -> Listener:
        def ended(place: int, sample: Sample) -> None:
            write_json(files[places[place]], asdict(sample))
            told.ended(place, sample)

        return Listener(ended, told.enough, told.grown)


def _key(prompt: Ids, rng: np.random.Generator) -> str:
    """Leaves the generator unchanged."""
    seed = copy.deepcopy(rng).integers(2**63)
    return hashlib.sha256(repr((prompt, int(seed))).encode()).hexdigest()[:32]
