"""What a diagnosis adds to the text about a failure. Held-out tests never get here."""

from __future__ import annotations

import json
from collections.abc import Iterator

from sdpo_tts.judge.facts import size
from sdpo_tts.judge.feedback.style import FIELD_CHARS, FeedbackStyle, clean
from sdpo_tts.judge.verdict import Diagnosis, TestOutcome, Verdict
from sdpo_tts.problem import Problem, Test

PART_CHARS, PART_LINES, CODE_CHARS = 400, 4, 80
LEAST_SHARE = 0.1


class Remarks:
    """The findings about one program as text, each part within its own budget of characters."""

    def __init__(self, problem: Problem, style: FeedbackStyle, diagnosis: Diagnosis | None) -> None:
        self._problem, self._style, self._found = problem, style, diagnosis or Diagnosis("")

    def on(self, outcome: TestOutcome) -> list[str]:
        """Lines to add below this failure, which is the one that was diagnosed."""
        return [clean(text, PART_CHARS, PART_LINES) for text in self._said(outcome) if text]

    def difference(self, outcome: TestOutcome) -> str:
        """Where a wrong answer first differs; empty if that is easy to see, or if a program judged it."""
        judged = self._problem.interactor or self._problem.checker.kind == "program"
        words = max(len(outcome.test.expected.split()), len(outcome.stdout.split()))
        if not self._style.difference or judged or not outcome.detail or words < 2:
            return ""
        return clean(f"First difference: {outcome.detail}", PART_CHARS, PART_LINES)

    def _said(self, outcome: TestOutcome) -> Iterator[str]:
        style = self._style
        match outcome.verdict:
            case Verdict.RE if self._found.fault and style.sanitizer:
                yield f"Cause: {self._found.fault}{self._at()}"
            case Verdict.RE if style.values and not self._found.fault:
                yield self._ended(outcome)
            case Verdict.TLE if style.stack:
                yield self._where_time_went()
                yield self._when_stopped()
                yield self._progress(outcome.test)
            case Verdict.MLE if style.memory:
                yield f"Peak: {size(outcome.peak_bytes)}." if outcome.peak_bytes else ""
                yield f"Memory grew{self._at()}{self._values()}." if self._found.line else ""

    def _ended(self, outcome: TestOutcome) -> str:
        """The line itself only if no traceback has named it: a crash, an exit."""
        if values := self._values():
            return f"Values on line {self._found.line}{values}"
        named = b"solution.py" in outcome.stderr
        return f"It ended{self._at()}." if self._found.line and not named else ""

    def _where_time_went(self) -> str:
        spots = ", ".join(
            f"{_tenths(share)} on line {line}{self._code(line)}"
            for line, share in self._found.hot
            if share >= LEAST_SHARE
        )
        return f"Where the time went: {spots}." if spots else ""

    def _when_stopped(self) -> str:
        """Empty if it is one of the lines that took the time and nothing else is known."""
        line, values, lines = self._found.line, self._values(), self._found.lines_out
        when = "At the end" if lines is None else f"After {self._found.seconds:g} s"
        is_news = line and (values or line not in dict(self._found.hot))
        said = f"{when} it was{self._at()}{values}." if is_news else ""
        wrote = "" if lines is None else f"It had written {lines} line{'' if lines == 1 else 's'}."
        return " ".join(filter(None, [said, wrote]))

    def _progress(self, test: Test) -> str:
        """The size of an input that is too long to be shown whole."""
        long, lines = len(test.input) > FIELD_CHARS, test.input.count(b"\n")
        return f"Size of the input: {lines} lines, {len(test.input)} characters." if long else ""

    def _at(self) -> str:
        return f" on line {self._found.line}{self._code(self._found.line)}" if self._found.line else ""

    def _code(self, line: int) -> str:
        lines = self._found.source.split("\n")
        code = lines[line - 1].strip() if 0 < line <= len(lines) else ""
        return f" (`{clean(code, CODE_CHARS)}`)" if code else ""

    def _values(self) -> str:
        told = ", ".join(f"{name} = {value}" for name, value in self._found.values)
        return f": {told}" if told else ""


def call(problem: Problem, test: Test) -> str:
    """A test of function mode as code: `add([1, 2], 3)`; empty for other tests."""
    if not problem.function:
        return ""
    arguments = [value(line) for line in test.input.splitlines() if line.strip()]
    return clean(f"{problem.function.name}({', '.join(arguments)})")


def value(text: bytes) -> str:
    """A JSON value as Python writes it, or the text itself if it is not JSON."""
    try:
        return clean(repr(json.loads(text)))
    except (ValueError, RecursionError):
        return clean(text.decode(errors="replace"))


def _tenths(share: float) -> str:
    return f"about {round(share * 10) * 10} %"
