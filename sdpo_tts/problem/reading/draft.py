"""What a reader of a format returns, and the checks that all of them need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sdpo_tts.errors import UserError
from sdpo_tts.problem import values
from sdpo_tts.problem.document import Refused, quoted
from sdpo_tts.problem.groups import in_order
from sdpo_tts.problem.model import Checker, FeedbackScope, Function, Group, Interactor, Limits, Mode, Problem, Test
from sdpo_tts.problem.reading.prose import answers_note, is_interactive, tidied, tolerance
from sdpo_tts.problem.reading.statement import FIGURES_LEFT_OUT

MIB = 2**20
MIN_TIME_S, MAX_TIME_S = 1e-3, 3600.0
MIN_MEMORY, MAX_MEMORY = 16 * MIB, 2**40
MAX_OUTPUT = 2**30
MAX_SAMPLE = 4000  # characters of a sample to add to a statement
SHORT = 4  # tokens: an input of fewer may be in a statement by chance, as in "1 ≤ N"
MAX_GAP = 40  # characters between a sample's input and output: "Output", "Sample output 1:" and the like


@dataclass(frozen=True)
class Reading:
    """A problem as read, `native` or from another format.

    `notes`: what was left out or added, one line each. `programs`: submissions with known verdicts, by their path below
    a native problem's `submissions/`. `source`: where the problem comes from, for a comment.
    """

    problem: Problem
    notes: tuple[str, ...] = ()
    programs: tuple[tuple[str, bytes], ...] = ()
    source: str = ""
    native: bool = False


@dataclass(frozen=True)
class Draft:
    """What a reader found. `where` names the file in messages; `path` becomes `Problem.path`.

    `judging_told` False: the format cannot say how answers are judged, so the statement's words count.
    `statement_place`: where the format expects a statement that is missing.
    """

    path: Path
    where: str
    slug: str
    title: str
    statement: str
    tests: Sequence[Test]
    limits: Limits = field(default_factory=Limits)
    checker: Checker = field(default_factory=Checker)
    function: Function | None = None
    interactor: Interactor | None = None
    notes: tuple[str, ...] = ()
    programs: tuple[tuple[str, bytes], ...] = ()
    source: str = ""
    judging_told: bool = True
    statement_place: str = ""
    groups: tuple[Group, ...] = ()

    def finish(self) -> Reading:
        """The problem, checked like a native one. Raises `UserError`."""
        return (self if self.judging_told else self._as_the_statement_says())._finished()

    def _as_the_statement_says(self) -> Draft:
        """With the statement's tolerance, and notes about what else it says. Raises `UserError` for a dialogue."""
        if is_interactive(self.statement):
            hint = "a native problem may have an `interactor`: docs/problem-format.md"
            raise UserError("interactive problems are not supported", where=self.where, hint=hint)
        text, pictures = tidied(self.statement, self.tests)
        found = tolerance(text, self.tests) if self.checker == Checker() else None
        notes = [FIGURES_LEFT_OUT] if pictures else []
        notes += [f"numbers are compared with the statement's tolerance: {quoted(found.text)}"] if found else []
        notes += answers_note(text)
        checker = found.checker if found else self.checker
        return replace(self, statement=text, checker=checker, notes=(*self.notes, *notes))

    def _finished(self) -> Reading:
        tests, repeated = without_repeats(self.tests)
        if not tests:
            raise UserError("no tests", where=self.where)
        limits, limit_notes = _within_range(self.limits, self.where)
        problem = Problem(
            slug=values.slug(self.slug),
            title=_title(self.title or self.slug),
            statement=_statement(self.statement, self.where, self.statement_place),
            mode=Mode.FUNCTION if self.function else Mode.STDIN,
            language="python3",
            limits=limits,
            tests=tests,
            feedback=FeedbackScope.SHOWN,
            checker=self.checker,
            function=self.function,
            interactor=self.interactor,
            path=self.path,
            digest="",
            groups=self._groups(tests),
        )
        repeats = [f"{count(repeated, 'test')} left out as duplicates"] if repeated else []
        return Reading(problem, (*self.notes, *limit_notes, *repeats), self.programs, self.source)

    def _groups(self, tests: Sequence[Test]) -> tuple[Group, ...]:
        try:
            return in_order([_of_those_left(group, self.tests, tests) for group in self.groups])
        except Refused as refused:
            raise UserError(refused.what, where=self.where) from None


def _of_those_left(group: Group, before: Sequence[Test], left: Sequence[Test]) -> Group:
    """In place of a test that was left out, the equal one that was kept."""
    kept = {(test.input, test.expected): test.name for test in left}
    names = {test.name: kept[test.input, test.expected] for test in before}
    return replace(group, tests=tuple(dict.fromkeys(names[name] for name in group.tests)))


def without_repeats(tests: Sequence[Test]) -> tuple[tuple[Test, ...], int]:
    """Shown tests first, each pair of input and output once; and how many duplicates were left out."""
    seen: dict[tuple[bytes, bytes], Test] = {}
    for test in [*(test for test in tests if test.shown), *(test for test in tests if not test.shown)]:
        seen.setdefault((test.input, test.expected), test)
    return tuple(seen.values()), len(tests) - len(seen)


def with_some_shown(tests: Sequence[Test]) -> tuple[list[Test], list[str]]:
    """The tests, with the first one shown if the format names no sample: feedback needs a test that it may quote."""
    if len(tests) < 2 or any(test.shown for test in tests):
        return list(tests), []
    first, *rest = tests
    first = replace(first, shown=True, name=first.name.replace("tests/held-out", "tests/shown"))
    return [first, *rest], [f"no test is named as a sample, so {quoted(first.name)} is shown to the model"]


def in_tiers(tests: Sequence[Test], statement: str) -> tuple[list[Test], list[str]]:
    """For rows that do not say which tests are public: those quoted in the statement are shown."""
    tiered, notes = with_some_shown([replace(test, shown=quotes(statement, test)) for test in tests])
    folders = {True: "tests/shown", False: "tests/held-out"}
    return [replace(test, name=f"{folders[test.shown]}/{test.name}") for test in tiered], notes


def with_samples(
    statement: str,
    tests: Iterable[Test],
    *,
    has_them: bool = True,
    separated: Iterable[tuple[str, str]] = (),
    displayed: Mapping[str, tuple[bytes, bytes]] | None = None,
) -> str:
    """The statement, plus the shown tests that it does not quote; empty without a statement.

    `has_them` False: statements in this format never quote samples, so matches are chance. `separated`: inputs and
    outputs that were taken out of this statement, so matches of these tests are chance. `displayed`: texts to show for
    the input and output of some tests, by name.
    """
    if not statement.strip():
        return ""
    gone = [(given.split(), wanted.split()) for given, wanted in separated]
    parts = [statement.strip()]
    for index, test in enumerate((test for test in tests if test.shown), start=1):
        pair = (displayed or {}).get(test.name, (test.input, test.expected))
        given, wanted = (data.decode(errors="replace").strip("\n") for data in pair)
        quoted_there = has_them and _words(test) not in gone and quotes(statement, test)
        if len(given) + len(wanted) <= MAX_SAMPLE and not quoted_there:
            parts.append(f"Sample input {index}:\n{_fenced(given)}\n\nSample output {index}:\n{_fenced(wanted)}")
    return "\n\n".join(parts)


def quotes(statement: str, test: Test) -> bool:
    """Whether the statement has the test's input, and soon after it its output, with any spacing; with a short input,
    also the word "output" between them."""
    text = f" {' '.join(statement.split())} "
    given, wanted = (f" {' '.join(data.decode(errors='replace').split())} " for data in (test.input, test.expected))
    at = text.find(given) if given.strip() and wanted.strip() else -1
    while at >= 0:
        end = at + len(given) - 1
        behind = text[end : end + MAX_GAP + len(wanted)]
        between = behind[: max(0, behind.rfind(wanted))]
        if wanted in behind and (len(given.split()) >= SHORT or "output" in between.lower()):
            return True
        at = text.find(given, at + 1)
    return False


def _words(test: Test) -> tuple[list[str], list[str]]:
    return test.input.decode(errors="replace").split(), test.expected.decode(errors="replace").split()


def _fenced(text: str) -> str:
    return f"```\n{text}\n```" if text else "(empty)"


def to_bytes(text: str, where: str) -> bytes:
    """UTF-8 with a final newline, unless empty. Raises `UserError` for half a surrogate pair."""
    try:
        return (text if not text or text.endswith("\n") else text + "\n").encode()
    except UnicodeEncodeError:
        raise UserError("a test holds half a surrogate pair, which is not a character", where=where) from None


def count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _title(text: str) -> str:
    """On one line, and printable."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:200] or "Untitled"


def _statement(text: str, where: str, place: str) -> str:
    text = text.encode(errors="replace").decode().removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    try:
        return values.statement(text)
    except Refused:
        hint = "give its text with `sdpo-tts import --statement FILE`" + (f", or in {place}" if place else "")
        raise UserError("no statement", where=where, hint=hint) from None


def _within_range(limits: Limits, where: str) -> tuple[Limits, list[str]]:
    """What the sandbox can enforce, and a note for each limit that was changed."""
    if not (MIN_TIME_S <= limits.time_s <= MAX_TIME_S):
        raise UserError(f"a time limit of {limits.time_s:g} s", where=where, hint="1 ms to 1 h are possible")
    memory = min(max(limits.memory_bytes, MIN_MEMORY), MAX_MEMORY)
    output = min(max(limits.output_bytes, 1), MAX_OUTPUT)
    both = [("memory", limits.memory_bytes, memory), ("output", limits.output_bytes, output)]
    moved = [(name, old / MIB, new / MIB) for name, old, new in both if old != new]
    notes = [f"the {name} limit is {new:g} MiB instead of {old:g} MiB" for name, old, new in moved]
    return replace(limits, memory_bytes=memory, output_bytes=output), notes


def number(value: object, what: str, where: str) -> float:
    """A number from JSON or text, not negative. Raises `UserError`."""
    try:
        amount = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        amount = -1.0
    if not 0 <= amount < 1e18:  # also fails for NaN
        raise UserError(f"{quoted(str(value))} is not a {what}", where=where)
    return amount
