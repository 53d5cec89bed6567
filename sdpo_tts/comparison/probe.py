"""Measures which problems are hard for the base model, before methods are compared on them.

These samples are never used for best-of-k: problems chosen because few samples passed look harder in those samples than
they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sdpo_tts.comparison.arms import POOLED, Arm
from sdpo_tts.comparison.plan import Plan
from sdpo_tts.comparison.pool import is_part
from sdpo_tts.comparison.run import Comparison
from sdpo_tts.discovery.budget import Budget
from sdpo_tts.errors import SetupError
from sdpo_tts.problem import Problem
from sdpo_tts.record import RunDir, read_events, write_json
from sdpo_tts.stats import Interval, pass_at_k, pass_at_k_interval, solves

K = 64
RULES = {"hard": 0.5, "very-hard": 0.03, "unsolved": 1e-9}
REACHABLE = "reachable"
SHARE = 1 / 16
"""Largest share of passing samples for a problem to count as reachable."""
FIRST_SEED = 1_000_000
PART = 32
"""Number of samples between two looks at a problem."""


@dataclass(frozen=True)
class BaseRate:
    """`correct` of `samples` answers of the base model passed all tests. Samples `planned` but not taken could not have
    made the problem hard any more."""

    problem: Problem
    samples: int
    correct: int
    planned: int

    @property
    def pass_at(self) -> float:
        """If not all planned samples were taken, computed as if the others had failed: a lower bound."""
        return pass_at_k(self.planned, self.correct, K)

    @property
    def interval(self) -> Interval:
        return pass_at_k_interval(self.samples, self.correct, K)

    @property
    def whole(self) -> bool:
        return self.samples >= self.planned

    def numbers(self) -> dict[str, str | float]:
        counted = {"samples": self.samples, "planned": self.planned, "correct": self.correct}
        return {"problem": self.problem.slug, **counted, f"pass@{K}": self.pass_at}

    def keeps(self, rule: str) -> bool:
        """The paper's rules: pass@64 below a half (hard), or below 0.03 (very hard). Unsolved: no sample passed.
        Reachable: some passed, at most a sixteenth of those planned."""
        return self.may_keep(rule) and (rule != REACHABLE or self.correct > 0)

    def may_keep(self, rule: str) -> bool:
        """Whether it might still be kept once the rest of the planned samples are taken."""
        return self.correct <= SHARE * self.planned if rule == REACHABLE else self.pass_at < RULES[rule]

    def __str__(self) -> str:
        low, high = self.interval
        told = f"{self.pass_at:.3f} [{low:.3f}, {high:.3f}]" if self.whole else f"at least {self.pass_at:.3f}"
        return f"{self.problem.slug}: {self.correct} of {self.samples} samples passed; pass@{K} {told}"


class Probe:
    """Samples the base model, in parts of PART, and takes no more samples per problem than the rule needs to decide.

    The parts are in a folder beside the comparison's, resumable like any comparison. Several processes wait for each
    other's parts, because the next step depends on them, and take over the parts of a process that dies.
    """

    def __init__(self, plan: Plan, samples: int, rule: str, begin: Callable[[Plan], Comparison]) -> None:
        self.plan, self.rule, self._begin = plan, rule, begin
        self.planned = -(-max(samples, K) // PART) * PART
        self.folder = plan.folder.with_name(f"{plan.folder.name}-probe")

    def rates(self, take: int | None = None) -> list[BaseRate]:
        """In the order of the problems, up to the last one needed to keep `take` (None: all).

        They are also written to `rates.json`. Raises SetupError if a cell failed.
        """
        rates: list[BaseRate] = []
        left = self.plan.problems
        while left and (lacking := self._lacking(rates, take)):
            rates += self._measured(left[:lacking])
            left = left[lacking:]
            write_json(self.folder / "rates.json", [rate.numbers() for rate in rates])
        return rates

    def _lacking(self, rates: Sequence[BaseRate], take: int | None) -> int:
        """How many more problems would be enough, if all the next ones are kept."""
        return len(self.plan.problems) if take is None else take - sum(rate.keeps(self.rule) for rate in rates)

    def _measured(self, problems: Sequence[Problem]) -> list[BaseRate]:
        """First one part of each; then twice as many samples again and again, for those that may still be kept."""
        samples = PART
        self._sample(problems, samples)
        while samples < self.planned:
            samples = min(2 * samples, self.planned)
            self._sample([problem for problem in problems if self._rate(problem).may_keep(self.rule)], samples)
        return [self._rate(problem) for problem in problems]

    def _sample(self, problems: Sequence[Problem], samples: int) -> None:
        if not problems:
            return
        settings = replace(self.plan.choices.settings, budget=Budget(max_attempts=PART))
        choices = replace(self.plan.choices, arms=(Arm(POOLED, POOLED),), seeds=samples // PART, settings=settings)
        chosen = tuple(problems)
        asked = replace(self.plan, folder=self.folder, problems=chosen, choices=choices, first_seed=FIRST_SEED)
        for cell, error in self._begin(asked).run().failed:
            what = f"the probe of {cell.problem.slug} failed: {error}"
            raise SetupError(what, hint="the same command tries again")

    def _rate(self, problem: Problem) -> BaseRate:
        """Over all existing samples: an earlier probe may have taken more."""
        passed = list(_passed(self.folder / problem.slug))
        return BaseRate(problem, len(passed), sum(passed), max(self.planned, len(passed)))


def _passed(folder: Path) -> Iterator[bool]:
    for home in sorted(filter(is_part, folder.glob(f"{POOLED}-s*"))):
        events = read_events(RunDir(home).events)
        yield from (solves(event) for event in events if event["type"] == "attempt_judged")
