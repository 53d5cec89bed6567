"""Which problems are hard for the base model, measured before they are compared on.

The samples are none of those that best-of-k is judged by: problems chosen because few samples passed look harder in
those very samples than they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from sdpo_tts.comparison.arms import POOLED, Arm
from sdpo_tts.comparison.plan import Plan
from sdpo_tts.comparison.run import Comparison
from sdpo_tts.discovery.budget import Budget
from sdpo_tts.errors import SetupError
from sdpo_tts.problem import Problem
from sdpo_tts.record import RunDir, read_events, write_json
from sdpo_tts.stats import Interval, pass_at_k, pass_at_k_interval, solves

K = 64
RULES = {"hard": 0.5, "very-hard": 0.03, "unsolved": 1e-9}
FIRST_SEED = 1_000_000


@dataclass(frozen=True)
class BaseRate:
    """`correct` of `samples` answers of the base model passed all tests."""

    problem: Problem
    samples: int
    correct: int

    @property
    def pass_at(self) -> float:
        return pass_at_k(self.samples, self.correct, K)

    @property
    def interval(self) -> Interval:
        return pass_at_k_interval(self.samples, self.correct, K)

    def numbers(self) -> dict[str, str | float]:
        counted = {"samples": self.samples, "correct": self.correct, f"pass@{K}": self.pass_at}
        return {"problem": self.problem.slug, **counted}

    def keeps(self, rule: str) -> bool:
        """The paper's: pass@64 below a half (hard), or below 0.03 (very hard). Unsolved: no sample passed."""
        return self.pass_at < RULES[rule]

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"{self.problem.slug}: {self.correct} of {self.samples} samples passed; "
            f"pass@{K} {self.pass_at:.3f} [{low:.3f}, {high:.3f}]"
        )


def probe(plan: Plan, samples: int, begin: Callable[[Plan], Comparison]) -> list[BaseRate]:
    """At least `samples` of each problem, in a folder beside the comparison's, where `rates.json` then tells of them.

    Resumable like any comparison. Raises SetupError where a cell failed.
    """
    settings = replace(plan.choices.settings, budget=Budget(max_attempts=samples))
    choices = replace(plan.choices, arms=(Arm(POOLED, POOLED),), seeds=1, settings=settings)
    folder = plan.folder.with_name(f"{plan.folder.name}-probe")
    asked = replace(plan, folder=folder, choices=choices, first_seed=FIRST_SEED)
    tally = begin(asked).run()
    for cell, error in tally.failed:
        raise SetupError(f"the probe of {cell.problem.slug} failed: {error}", hint="the same command tries again")
    for cell in tally.busy:
        raise SetupError(f"the probe of {cell.problem.slug} is being run by another process", hint="wait for it")
    rates = [_rate(problem, folder / problem.slug) for problem in plan.problems]
    write_json(folder / "rates.json", [rate.numbers() for rate in rates])
    return rates


def _rate(problem: Problem, folder: Path) -> BaseRate:
    passed = list(_passed(folder))
    return BaseRate(problem, len(passed), sum(passed))


def _passed(folder: Path) -> Iterator[bool]:
    for home in sorted(folder.glob(f"{POOLED}-s*")):
        events = read_events(RunDir(home).events)
        yield from (solves(event) for event in events if event["type"] == "attempt_judged")
