"""What is to be solved, as plain data. Every format is read into these."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Mode(StrEnum):
    STDIN = "stdin"
    FUNCTION = "function"


class FeedbackScope(StrEnum):
    """Whose inputs and expected outputs the model may be told."""

    SHOWN = "shown"
    ALL = "all"
    NONE = "none"


@dataclass(frozen=True)
class Limits:
    """Per test. `time_s` is CPU seconds of the whole process tree; a looser wall clock follows from it."""

    time_s: float = 2.0
    memory_bytes: int = 256 * 2**20
    output_bytes: int = 16 * 2**20


@dataclass(frozen=True)
class Test:
    """One input with its expected output.

    In function mode `input` holds one JSON value a line (the arguments in order) and `expected` one JSON value.
    `shown` tests may be quoted to the model (subject to `FeedbackScope`); the others are held out.
    """

    name: str
    input: bytes
    expected: bytes
    shown: bool


@dataclass(frozen=True)
class Function:
    """The function that a function-mode submission must define."""

    name: str
    starter_code: str = ""


@dataclass(frozen=True)
class Checker:
    """How an output is compared: `tokens`, `exact`, or `floats` with an absolute-or-relative tolerance."""

    kind: str = "tokens"
    tolerance: float = 0.0


@dataclass(frozen=True)
class RunKey:
    """A setting that the problem asks of its runs, as text; `where` is its file:line:column."""

    key: str
    text: str
    where: str


@dataclass(frozen=True)
class Problem:
    """One problem. `slug` names it in paths; `digest` is the SHA-256 of all that can change a verdict or a prompt.

    `run` holds settings by the names of the options of `sdpo-solve`: what they mean is not known here.
    """

    slug: str
    title: str
    statement: str
    mode: Mode
    language: str
    limits: Limits
    tests: tuple[Test, ...]
    feedback: FeedbackScope
    checker: Checker
    function: Function | None
    path: Path
    digest: str
    run: tuple[RunKey, ...] = ()

    @property
    def shown(self) -> Iterator[Test]:
        return (test for test in self.tests if test.shown)

    @property
    def held_out(self) -> Iterator[Test]:
        return (test for test in self.tests if not test.shown)

    def may_quote(self, test: Test) -> bool:
        """Whether feedback may quote this test's input and expected output."""
        if self.feedback is FeedbackScope.ALL:
            return True
        return self.feedback is FeedbackScope.SHOWN and test.shown
