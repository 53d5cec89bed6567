"""The pool of best-of-k: independent samples of one model for one prompt, sampled once and used wherever they fit.

A pool is a folder of parts, each an ordinary run that does not stop at a success. Part i has seed i, so no two parts
hold the same samples. A comparison takes finished parts until it has enough, and samples what is missing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from sdpo_tts.comparison.cells import ending
from sdpo_tts.discovery.attempt import Judged
from sdpo_tts.discovery.solve import Solver
from sdpo_tts.problem import Problem
from sdpo_tts.record import write_text

METHOD = "best-of-k"


@dataclass(frozen=True)
class Part:
    """`samples` it counts for: those it has, or is to have."""

    seed: int
    samples: int
    home: Path
    finished: bool


def pool_folder(root: Path, problem: Problem, settings: Mapping[str, Any]) -> Path:
    """One folder for all that changes what is sampled or its verdict: problem, model, lengths, precision, batch."""
    told = json.dumps({"problem": problem.digest, **settings}, sort_keys=True)
    return root / f"{problem.slug}-{hashlib.sha256(told.encode()).hexdigest()[:12]}"


def parts(folders: Sequence[Path], samples: int, largest: int, first_seed: int = 0) -> Iterator[Part]:
    """Finished parts first, until there are `samples`; then, of at most `largest` each, those still to be sampled.

    Parts are looked for in each of `folders`; new ones belong into the last.
    """
    have = {}
    for home in (home for folder in folders for home in folder.glob(f"{METHOD}-s*")):
        if end := ending(home):
            seed, spent = int(home.name.rpartition("-s")[2]), end["attempts"]
            # Another limit ended it: it is as much as there will be, and must not be asked for again and again.
            have[seed] = Part(seed, spent if end["reason"] == "max_attempts" else max(spent, largest), home, True)
    for _, part in sorted(have.items()):
        if samples > 0:
            samples -= part.samples
            yield part
    for seed in (seed for seed in count(first_seed) if seed not in have):
        if samples <= 0:
            return
        size = min(largest, samples)
        samples -= size
        yield Part(seed, size, folders[-1] / f"{METHOD}-s{seed}", finished=False)


class PoolSolver(Solver):
    """Spends its whole budget: every sample counts for pass@k, whatever came before it."""

    def run(self) -> None:
        reason, found = "error", set[str]()
        try:
            while not (limit := self.spent.reached(self.budget)):
                self.keep(self.judge(self.sample()), found)
                self.step += 1
            reason = limit
        except KeyboardInterrupt:
            reason = "interrupted"
            raise
        finally:
            self.end(reason)

    def keep(self, batch: Sequence[Judged], found: set[str]) -> None:
        """Tell of every passing program that is not among those `found`; the first one is the run's solution."""
        for judged in batch:
            program = judged.attempt.program
            if not judged.judgement.solved or program is None or program in found:
                continue
            if not found:
                write_text(self.parts.run.solution(self.parts.judge.problem.language), program)
            found.add(program)
            self.tell(judged)
