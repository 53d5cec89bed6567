"""The problem to be solved, as plain data. Every format is read into these classes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
from math import fsum
from pathlib import Path


class Mode(StrEnum):
    STDIN = "stdin"
    FUNCTION = "function"


class FeedbackScope(StrEnum):
    """Whose inputs and expected outputs the model may read."""

    SHOWN = "shown"
    ALL = "all"
    NONE = "none"


@dataclass(frozen=True)
class Limits:
    """Per test. `time_s` is CPU seconds of the whole process tree; a looser wall-clock limit is derived from it."""

    time_s: float = 2.0
    memory_bytes: int = 256 * 2**20
    output_bytes: int = 16 * 2**20


@dataclass(frozen=True)
class Test:
    """One input with its expected output.

    In function mode `input` holds one JSON value per line (the arguments in order) and `expected` one JSON value.
    `shown` tests may be quoted to the model (subject to `FeedbackScope`); the others are held out.
    """

    name: str
    input: bytes
    expected: bytes
    shown: bool


@dataclass(frozen=True)
class Function:
    """The function that a function-mode submission must define.

    `in_place` 0: its result is judged. N: the final value of its N-th argument (from 1) is judged.
    """

    name: str
    starter_code: str = ""
    in_place: int = 0


@dataclass(frozen=True)
class Program:
    """A program of the problem's author. `files` (name and content) are put beside its main file, for example
    headers."""

    language: str
    source: bytes
    files: tuple[tuple[str, bytes], ...] = ()
    arguments: tuple[str, ...] = ()


class Convention(StrEnum):
    """How a checker or an interactor is called, and how it gives its verdict.

    `testlib`: `input output answer`; exit code 0 right, 1, 2, 4 and 8 wrong; its message on stderr. `kattis`: `input
    answer feedback_dir`, the output on stdin; exit code 42 right, 43 wrong; its message in `judgemessage.txt`. All
    other exit codes are the judge's error.
    """

    TESTLIB = "testlib"
    KATTIS = "kattis"


@dataclass(frozen=True)
class Checker:
    """How an output is compared with the expected one.

    `kind`: `tokens` (separated by white space), `exact` (every byte), `lines` (the tokens of each line; with
    `exact_spaces` the whole line), `unordered` (the same lines in any order), `floats` (tokens; numbers within a
    tolerance, but two integers must be equal), `kattis` (like its default output validator, whose tolerance is for
    integers too), `program`.
    `absolute` and `relative` tolerances: one of those given must hold. `exact_spaces` is for `lines` and `kattis`.
    """

    kind: str = "tokens"
    _: KW_ONLY
    ignore_case: bool = False
    exact_spaces: bool = False
    absolute: float | None = None
    relative: float | None = None
    program: Program | None = None
    convention: Convention = Convention.TESTLIB


@dataclass(frozen=True)
class Interactor:
    """The program that a submission of an interactive problem talks to, on standard input and output.

    It is called like a checker, but with the submission's output on stdin; `testlib`: `input output answer`, where
    `output` is a file that it may write for the checker.
    """

    program: Program
    convention: Convention


@dataclass(frozen=True)
class Stress:
    """Small random tests: `generator` writes one input for the number it is called with (1, 2, ...), `brute` solves it.

    `brute` is a submission like any other, slow but right.
    """

    generator: Program
    brute: Program
    cases: int = 100


@dataclass(frozen=True)
class Group:
    """Tests (their names) with points: all or nothing, or with `each` an equal part for every test, or with `any` all
    of them for one test that passes. It scores nothing unless all tests of the groups that it `requires` pass too."""

    name: str
    points: float
    tests: tuple[str, ...]
    each: bool = False
    requires: tuple[str, ...] = ()
    any: bool = False


@dataclass(frozen=True)
class RunKey:
    """A setting for runs of this problem, as text; `where` is its file:line:column."""

    key: str
    text: str
    where: str


@dataclass(frozen=True)
class Problem:
    """One problem. `slug` names it in paths; `digest` is the SHA-256 of all that can change a verdict or a prompt.

    `run` holds settings by the names of `sdpo-solve`'s options; their meaning is not known here.
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
    interactor: Interactor | None = None
    stress: Stress | None = None
    run: tuple[RunKey, ...] = ()
    groups: tuple[Group, ...] = ()

    @property
    def shown(self) -> Iterator[Test]:
        return (test for test in self.tests if test.shown)

    @property
    def held_out(self) -> Iterator[Test]:
        return (test for test in self.tests if not test.shown)

    @property
    def author_languages(self) -> set[str]:
        """Languages of the programs that come with the problem."""
        programs = [self.checker.program, self.interactor and self.interactor.program]
        programs += [self.stress.generator, self.stress.brute] if self.stress else []
        return {program.language for program in programs if program}

    @property
    def full_points(self) -> float | None:
        """The score of a program that passes everything; None if there are no scores."""
        return fsum(group.points for group in self.groups) if self.groups else None

    def may_quote(self, test: Test) -> bool:
        """Whether feedback may quote this test's input and expected output."""
        if self.feedback is FeedbackScope.ALL:
            return True
        return self.feedback is FeedbackScope.SHOWN and test.shown
