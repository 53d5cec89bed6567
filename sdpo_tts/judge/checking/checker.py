"""Compares an output with the expected one, on the host, as bytes. For function mode's JSON: `checker_json`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import zip_longest

from sdpo_tts.judge.checking.numbers import doubles_agree, numbers_agree
from sdpo_tts.problem import Checker

_TOKEN = re.compile(rb"[^ \t\n\v\f\r]+")  # white space is what bytes.split() and C's isspace() take for it
_QUOTED = 60  # characters of a token or value to quote in a detail


@dataclass(frozen=True)
class Comparison:
    """`detail` is one line that describes the first difference; it quotes the expected output."""

    ok: bool
    detail: str = ""


EQUAL = Comparison(True)


class ValidatorError(Exception):
    """A checker or an interactor gave no verdict: the judge's error, never the submission's."""


def compare(checker: Checker, expected: bytes, actual: bytes) -> Comparison:
    """Whether `actual` is right. Never raises on what a program wrote.

    Raises ValueError if the checker is unknown, or is a program, which only a container can run.
    """
    if checker.kind not in _COMPARERS:
        raise ValueError(f"unknown checker '{checker.kind}'")
    if expected == actual:
        return EQUAL
    return _COMPARERS[checker.kind](checker, expected, actual)


def _compare_exact(checker: Checker, expected: bytes, actual: bytes) -> Comparison:
    want, got = expected.splitlines(keepends=True), actual.splitlines(keepends=True)
    line = next((i for i, (left, right) in enumerate(zip_longest(want, got)) if left != right), 0)
    return Comparison(False, f"line {line + 1}: expected {_line(want, line)}, got {_line(got, line)}")


def _line(lines: list[bytes], index: int) -> str:
    return quote(lines[index]) if index < len(lines) else "the end of the output"


def _compare_tokens(checker: Checker, expected: bytes, actual: bytes) -> Comparison:
    want, got = expected.split(), actual.split()
    if want == got:
        return EQUAL
    for index, (left, right) in enumerate(zip(want, got, strict=False)):
        if not tokens_agree(checker, left, right):
            where = f"token {index + 1} (line {_line_of_token(actual, index)})"
            return Comparison(False, f"{where}: expected {quote(left)}, got {quote(right)}")
    if len(want) == len(got):
        return EQUAL
    return Comparison(False, _length_detail(want, got))


def _length_detail(want: list[bytes], got: list[bytes]) -> str:
    if not got:
        return f"no output, expected {_count(len(want))}"
    if len(got) < len(want):
        return f"the output ends after {_count(len(got))}, expected {len(want)}, next {quote(want[len(got)])}"
    return f"{_count(len(got) - len(want))} too many, the first is {quote(got[len(want)])}"


def _count(tokens: int) -> str:
    return "1 token" if tokens == 1 else f"{tokens} tokens"


def tokens_agree(checker: Checker, expected: bytes, actual: bytes) -> bool:
    """With the checker's case and tolerance."""
    if expected == actual or (checker.ignore_case and expected.lower() == actual.lower()):
        return True
    if checker.kind == "kattis":
        return doubles_agree(checker, expected, actual)
    return checker.kind == "floats" and numbers_agree(checker, expected, actual)


def _line_of_token(text: bytes, index: int) -> int:
    for number, match in enumerate(_TOKEN.finditer(text)):
        if number == index:
            return text.count(b"\n", 0, match.start()) + 1
    return 0


def _compare_kattis(checker: Checker, expected: bytes, actual: bytes) -> Comparison:
    comparison = _compare_tokens(checker, expected, actual)
    if comparison.ok and checker.exact_spaces:
        pairs = zip(_TOKEN.split(expected), _TOKEN.split(actual), strict=True)  # equal numbers of tokens
        if (gap := next((i for i, (want, got) in enumerate(pairs) if want != got), None)) is not None:
            return Comparison(False, f"the blanks before token {gap + 1} differ")
    return comparison


def _compare_lines(checker: Checker, expected: bytes, actual: bytes) -> Comparison:
    want, got = _lines(checker, expected), _lines(checker, actual)
    if want == got:
        return EQUAL
    line = next(i for i, (left, right) in enumerate(zip_longest(want, got)) if left != right)
    return Comparison(False, f"line {line + 1}: expected {_line(want, line)}, got {_line(got, line)}")


def _compare_unordered(checker: Checker, expected: bytes, actual: bytes) -> Comparison:
    want, got = Counter(_lines(checker, expected)), Counter(_lines(checker, actual))
    if extra := next(iter(got - want), None):
        return Comparison(False, f"the line {quote(extra)} is not expected" + (" so often" if extra in want else ""))
    if lacking := next(iter(want - got), None):
        return Comparison(False, f"the line {quote(lacking)} is missing")
    return Comparison(want == got, "" if want == got else "the number of blank lines differs")


def _lines(checker: Checker, text: bytes) -> list[bytes]:
    """Each line's tokens joined by single spaces, or the whole line; blank lines at the end do not count."""
    text = text.lower() if checker.ignore_case else text
    whole = checker.exact_spaces
    lines = [line.removesuffix(b"\r") if whole else b" ".join(line.split()) for line in text.split(b"\n")]
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


_COMPARERS: dict[str, Callable[[Checker, bytes, bytes], Comparison]] = {
    "tokens": _compare_tokens,
    "exact": _compare_exact,
    "lines": _compare_lines,
    "unordered": _compare_unordered,
    "floats": _compare_tokens,
    "kattis": _compare_kattis,
}


def quote(token: bytes) -> str:
    """A literal of at most 60 characters."""
    return cut(repr(token[: _QUOTED * 4].decode(errors="replace")))


def cut(text: str) -> str:
    return text if len(text) <= _QUOTED else text[: _QUOTED - 3] + "..."
