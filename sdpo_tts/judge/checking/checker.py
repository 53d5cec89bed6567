"""Compares an output with the expected one, on the host, as bytes. For function mode's JSON: `checker_json`."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, zip_longest

from sdpo_tts.judge.checking.numbers import doubles_agree, numbers_agree
from sdpo_tts.problem import Checker

_TOKEN = re.compile(rb"[^ \t\n\v\f\r]+")  # white space is what bytes.split() and C's isspace() take for it
_BLANK = re.compile(rb"[ \t\n\v\f\r]")
_SPACES = bytes.maketrans(b"\t\n\v\f\r", b"     ")
_PIECE = 1 << 16  # bytes to split at once: a whole output in tokens takes twenty times its memory
_QUOTED = 60  # characters of a token or value to quote in a detail


@dataclass(frozen=True)
class Comparison:
    """`detail` is one line that describes the first difference; it quotes the expected output. `strained`: the output
    is wrong because it overloads the checker or interactor."""

    ok: bool
    detail: str = ""
    strained: bool = False


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
    return _compare_line_by_line(io.BytesIO(expected), io.BytesIO(actual))


def _compare_line_by_line(want: Iterable[bytes], got: Iterable[bytes]) -> Comparison:
    for number, (left, right) in enumerate(zip_longest(want, got), 1):
        if left != right:
            return Comparison(False, f"line {number}: expected {_line(left)}, got {_line(right)}")
    return EQUAL


def _line(line: bytes | None) -> str:
    return "the end of the output" if line is None else quote(line)


def _compare_tokens(checker: Checker, expected: bytes, actual: bytes) -> Comparison:
    want, got = _tokens(expected), _tokens(actual)
    for index, (left, right) in enumerate(zip_longest(want, got)):
        if left is None or right is None:
            return Comparison(False, _length_detail(index, chain([left or right], want, got), extra=left is None))
        if left != right and not tokens_agree(checker, left, right):
            where = f"token {index + 1} (line {_line_of_token(actual, index)})"
            return Comparison(False, f"{where}: expected {quote(left)}, got {quote(right)}")
    return EQUAL


def _tokens(text: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(text):
        blank = _BLANK.search(text, at + _PIECE)
        end = blank.end() if blank else len(text)
        yield from text[at:end].split()
        at = end


def _length_detail(common: int, rest: Iterator[bytes], extra: bool) -> str:
    """`rest`: the tokens of the longer text that the other lacks; `extra`: which of the two is longer."""
    first = next(rest)
    more = 1 + sum(1 for _ in rest)
    if extra:
        return f"{_count(more)} too many, the first is {quote(first)}"
    if not common:
        return f"no output, expected {_count(more)}"
    return f"the output ends after {_count(common)}, expected {common + more}, next {quote(first)}"


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
        pairs = zip(_gaps(expected), _gaps(actual), strict=True)  # equal numbers of tokens
        if (gap := next((i for i, (want, got) in enumerate(pairs) if want != got), None)) is not None:
            return Comparison(False, f"the blanks before token {gap + 1} differ")
    return comparison


def _gaps(text: bytes) -> Iterator[bytes]:
    """The blanks before, between and after the tokens."""
    at = 0
    for token in _TOKEN.finditer(text):
        yield text[at : token.start()]
        at = token.end()
    yield text[at:]


def _compare_lines(checker: Checker, expected: bytes, actual: bytes) -> Comparison:
    return _compare_line_by_line(_lines(checker, expected), _lines(checker, actual))


def _compare_unordered(checker: Checker, expected: bytes, actual: bytes) -> Comparison:
    left = Counter(_lines(checker, expected))  # of each expected line, how many are still to come
    for line in _lines(checker, actual):
        if line and left.get(line, 0) == 0:
            return Comparison(False, f"the line {quote(line)} is not expected" + (" so often" if line in left else ""))
        left[line] -= 1
    if lacking := next((line for line, count in left.items() if line and count), None):
        return Comparison(False, f"the line {quote(lacking)} is missing")
    return Comparison(False, "the number of blank lines differs") if left[b""] else EQUAL


def _lines(checker: Checker, text: bytes) -> Iterator[bytes]:
    """Each line's tokens joined by single spaces, or the whole line; blank lines at the end do not count."""
    text = text.lower() if checker.ignore_case else text
    end = text.find(b"\n", len(text.rstrip()))
    for line in io.BytesIO(text[:end] if end >= 0 else text) if text.strip() else ():
        whole = line.removesuffix(b"\n").removesuffix(b"\r")
        yield whole if checker.exact_spaces else _squeezed(line)


def _squeezed(line: bytes) -> bytes:
    """With single spaces between its tokens."""
    line = line.translate(_SPACES).strip()
    while b"  " in line:
        line = line.replace(b"  ", b" ")
    return line


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
