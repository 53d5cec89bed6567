"""The pool of best-of-k: independent samples of one model for one prompt, sampled once and reused wherever they fit.

A pool is a folder of parts, each an ordinary run that does not stop at a success. Part i has seed i, so no two parts
hold the same samples. A comparison takes finished parts until it has enough, and samples what is missing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

from sdpo_tts.comparison.cells import ending
from sdpo_tts.discovery.attempt import Judged
from sdpo_tts.discovery.solve import Solver
from sdpo_tts.problem import Problem
from sdpo_tts.record import write_text


@dataclass(frozen=True)
class Part:
    """`samples` is how many it has, or is to have."""

    seed: int
    samples: int
    finished: bool


def pool_folder(root: Path, problem: Problem, settings: Mapping[str, Any]) -> Path:
    """One folder for everything that affects samples or verdicts: problem, model, lengths, precision, batch."""
    told = json.dumps({"problem": problem.digest, **settings}, sort_keys=True)
    return root / f"{problem.slug}-{hashlib.sha256(told.encode()).hexdigest()[:12]}"


def is_part(home: Path) -> bool:
    """Whether it is named like a part, and not like someone's copy of one."""
    return home.name.rpartition("-s")[2].isdecimal()


def parts(found: Iterable[Path], samples: int, largest: int, first_seed: int = 0) -> Iterator[Part]:
    """Finished parts among those `found` first, up to `samples`; then parts still to be sampled, each of at most
    `largest`."""
    have = {}
    for home in filter(is_part, found):
        if end := ending(home):
            seed, spent = int(home.name.rpartition("-s")[2]), end["attempts"]
            # Another limit ended it: there will never be more, so it must not be asked for again and again.
            have[seed] = Part(seed, spent if end["reason"] == "max_attempts" else max(spent, largest), finished=True)
    for _, part in sorted(have.items()):
        if samples > 0:
            samples -= part.samples
            yield part
    for seed in (seed for seed in count(first_seed) if seed not in have):
        if samples <= 0:
            return
        size = min(largest, samples)
        samples -= size
        yield Part(seed, size, finished=False)


class PoolSolver(Solver):
    """Reports every new passing program, not only the first: every sample counts for pass@k."""

    def celebrate(self, batch: Sequence[Judged]) -> None:
        for judged in batch:
            program = judged.attempt.program
            if not judged.judgement.solved or program is None or program in self._found:
                continue
            if not self.winner:
                self.winner = judged
                write_text(self.parts.run.solution(self.parts.judge.problem.language), program)
            self._found.add(program)
            self.tell(judged)

    @cached_property
    def _found(self) -> set[str]:
        return set()
