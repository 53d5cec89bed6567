"""The verdicts, and the record of one judged program. Verdicts are made on the host, from facts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sdpo_tts.problem import Test


class Verdict(StrEnum):
    AC = "AC"
    WA = "WA"
    TLE = "TLE"
    MLE = "MLE"
    RE = "RE"
    OLE = "OLE"
    CE = "CE"
    JE = "JE"  # the judge's own error: retried, never shown to the model
    NC = "NC"  # no program in the answer: nothing was run
    CA = "CA"  # the answer was cancelled before its end, because the run needed no more


@dataclass(frozen=True)
class TestOutcome:
    """One program on one test. `stdout` and `stderr` are capped; `detail` is a line from the checker or about the
    cause. `strained`: the output overloads the checker or interactor, which takes as long as a timeout."""

    test: Test
    verdict: Verdict
    cpu_s: float
    wall_s: float
    peak_bytes: int
    exit_code: int | None
    signal: int | None
    stdout: bytes
    stderr: bytes
    detail: str = ""
    strained: bool = False


@dataclass(frozen=True)
class Diagnosis:
    """What a second look at a failed program found, on the test that feedback describes; may be empty.

    The program could have written any of it, so it decides nothing. `line` (from 1): where it ended, or was when its
    time was up, with the `values` of the names there. `hot`: lines with their share of looks at the stack, highest
    first. `fault`: a sanitizer's name for it. `seconds`: the CPU time it had. `lines_out`: output lines by then.
    `smallest`: the smallest generated test that it fails, among those tried.
    """

    source: str
    line: int | None = None
    values: tuple[tuple[str, str], ...] = ()
    hot: tuple[tuple[int, float], ...] = ()
    fault: str = ""
    seconds: float = 0.0
    lines_out: int | None = None
    smallest: TestOutcome | None = None


@dataclass(frozen=True)
class Judgement:
    """One program on a problem's tests, shown ones first, in order. `outcomes` is empty for CE and NC.

    `seconds` includes the second run, whose `diagnosis` changes no verdict. `points`: the score, if the problem has
    groups; tests that ran only for points are not among the `outcomes`.
    """

    verdict: Verdict
    outcomes: tuple[TestOutcome, ...]
    total: int
    compile_output: str = ""
    seconds: float = 0.0
    diagnosis: Diagnosis | None = None
    points: float | None = None

    @property
    def passed(self) -> int:
        return sum(outcome.verdict is Verdict.AC for outcome in self.outcomes)

    @property
    def solved(self) -> bool:
        """All tests pass, held-out ones too."""
        return self.total > 0 and self.passed == self.total


class CompileError(Exception):
    """The compiler's text, or why it did not end normally."""
