"""The failed attempts of a run, and the choice of parents for the next samples.

A parent is chosen by REx's rule (Tang et al., arXiv 2405.17503): Thompson sampling with one arm per attempt, a prior
from the share of shown tests that it passes, and one more failure for every failed child. Of attempts with the same
outputs and the same feedback only the first is kept: programs that crash have no outputs, but each may say something
else. Nothing about held-out tests enters.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from sdpo_tts.discovery.attempt import Judged
from sdpo_tts.discovery.source import Source
from sdpo_tts.judge import Verdict
from sdpo_tts.judge.scoring import shown_share
from sdpo_tts.problem import Problem

HEURISTIC = 20.0  # REx's C on APPS: the weight of the share of tests passed against failures
OWN = "own"  # origin of the user's own programs
MOST_REPAIRS = 3  # in a row: a failed program in the context passes on its errors (arXiv 2602.04288)


@dataclass(frozen=True)
class Entry:
    """`passed`: names of the shown tests that it passes, `share` of them all; `outputs`: the digest of what it did on
    them; `depth`: how many ancestors it has; `repairs`: how many repairs in a row led to it; `ran`: on any test."""

    number: int
    source: str
    parent: int | None
    depth: int
    repairs: int
    program: str | None
    feedback: str
    passed: tuple[str, ...]
    share: float
    outputs: str
    ran: bool = True


class Archive:
    """`children` counts, by number, the failed samples that were drawn from an entry."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._shown = {test.name for test in problem.shown}
        self.entries: dict[int, Entry] = {}
        self.children: Counter[int] = Counter()
        self._coming: Counter[int] = Counter()  # children in the batch that is being put together
        self._known: set[str] = set()  # digests of all outputs so far
        self._passed: set[str] = set()  # shown tests that some attempt has passed

    def reward(self, judged: Judged) -> float:
        """How good a sample was, from 0 to 1, compared with all before it: half of it is the share of shown tests
        passed, the other half whether it passes one that no attempt passed, or more than its parent. 0 for programs
        that do not run, for behaviour seen before, and for hard-coded answers. Call before `add`."""
        if judged.judgement.solved:
            return 1.0
        if not judged.judgement.outcomes or judged.outputs in self._known or judged.hard_coded:
            return 0.0
        passed, share = set(self._shown_passed(judged)), self.share(judged)
        parent = self.entries.get(judged.attempt.parent or 0)
        better = bool(passed - self._passed) or (parent is not None and share > parent.share)
        return 0.5 * share + 0.5 * better

    def add(self, judged: Judged, origin: str = "") -> None:
        """Keep a failed attempt, unless it has no feedback, or that of an earlier one with the same outputs. `origin`:
        where it comes from, if not from a source."""
        if judged.attempt.parent is not None and not judged.judgement.solved:
            self.children[judged.attempt.parent] += 1
        passed = self._shown_passed(judged)
        self._known.add(judged.outputs)
        self._passed.update(passed)
        if not judged.judgement.solved and not judged.hard_coded and self._says_something_new(judged):
            attempt = judged.attempt
            parent = self.entries.get(attempt.parent or 0)
            repaired = attempt.source == Source.REPAIR
            self.entries[attempt.number] = Entry(
                number=attempt.number, source=origin or str(attempt.source), parent=attempt.parent,
                depth=parent.depth + 1 if parent else 0,
                repairs=1 + (parent.repairs if parent else 0) if repaired else 0,
                program=attempt.program, feedback=judged.feedback.text, passed=passed, share=self.share(judged),
                outputs=judged.outputs, ran=bool(judged.judgement.outcomes),
            )  # fmt: skip

    def begin_batch(self) -> None:
        """The last batch has been judged, or will be drawn again."""
        self._coming.clear()

    def parent(self, source: Source, rng: np.random.Generator) -> Entry | None:
        """The entry that the next sample starts from; None if there is none. To spread a batch, each choice counts as a
        failed child until it is judged."""
        found = self._candidates(source)
        if not found:
            return None
        chances = [self._chance(entry, rng) for entry in found]
        chosen = found[int(np.argmax(chances))]
        self._coming[chosen.number] += 1
        return chosen

    def lineage(self, entry: Entry, most: int) -> list[Entry]:
        """The entry and its ancestors, oldest first, at most this many."""
        chain = [entry]
        while len(chain) < most and (before := self.entries.get(chain[-1].parent or 0)):
            chain.append(before)
        return chain[::-1]

    def share(self, judged: Judged) -> float:
        """Of the shown tests that it passes, or of the points that these bring."""
        return shown_share(self._problem, self._shown_passed(judged))

    def state(self) -> dict[str, Any]:
        return {
            "entries": [asdict(entry) for entry in self.entries.values()],
            "children": dict(self.children),
            "known": sorted(self._known),
            "passed": sorted(self._passed),
        }

    def restore(self, state: dict[str, Any]) -> None:
        entries = (Entry(**{**row, "passed": tuple(row["passed"])}) for row in state["entries"])
        self.entries = {entry.number: entry for entry in entries}
        self.children = Counter({int(number): count for number, count in state["children"].items()})
        self._known, self._passed = set(state["known"]), set(state["passed"])

    def _candidates(self, source: Source) -> list[Entry]:
        """Feedback on an attempt that never ran says nothing about the problem: it is used if there is no other."""
        if source is Source.REPAIR:
            return [one for one in self.entries.values() if one.program is not None and one.repairs < MOST_REPAIRS]
        return [one for one in self.entries.values() if one.ran] or list(self.entries.values())

    def _says_something_new(self, judged: Judged) -> bool:
        said = judged.outputs, judged.feedback.text
        return bool(judged.feedback.text) and all(said != (one.outputs, one.feedback) for one in self.entries.values())

    def _chance(self, entry: Entry, rng: np.random.Generator) -> float:
        failures = self.children[entry.number] + self._coming[entry.number]
        return float(rng.beta(1 + HEURISTIC * entry.share, 1 + HEURISTIC * (1 - entry.share) + failures))

    def _shown_passed(self, judged: Judged) -> tuple[str, ...]:
        outcomes = judged.judgement.outcomes
        passed = (one.test.name for one in outcomes if one.verdict is Verdict.AC)
        return tuple(name for name in passed if name in self._shown)
