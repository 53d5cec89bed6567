"""Compares an output with the expected one, on the host, as bytes or as parsed JSON."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sdpo_tts.problem import Checker, Mode

_INTEGER = re.compile(rb"[+-]?[0-9]+\Z")
_NUMBER = re.compile(rb"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?\Z")
_QUOTED = 60  # characters of a token or value that a detail quotes


@dataclass(frozen=True)
class Comparison:
    """`detail` is one line that names the first difference; it quotes the expected output."""

    ok: bool
    detail: str = ""


EQUAL = Comparison(True)


def compare(checker: Checker, mode: Mode, expected: bytes, actual: bytes) -> Comparison:
    """Whether `actual` is right. Never raises on what a program wrote.

    Raises ValueError when `expected` of a function-mode test is not JSON, or the checker is unknown.
    """
    if mode is Mode.FUNCTION:
        return _compare_json(checker, expected, actual)
    if checker.kind == "exact":
        return _compare_exact(expected, actual)
    if checker.kind in ("tokens", "floats"):
        return _compare_tokens(checker, expected, actual)
    raise ValueError(f"unknown checker '{checker.kind}'")


def _compare_exact(expected: bytes, actual: bytes) -> Comparison:
    if expected == actual:
        return EQUAL
    want, got = expected.splitlines(keepends=True), actual.splitlines(keepends=True)
    line = next((i for i, pair in enumerate(zip(want, got, strict=False)) if pair[0] != pair[1]), None)
    if line is None:
        line = min(len(want), len(got))
    return Comparison(False, f"line {line + 1}: expected {_line(want, line)}, got {_line(got, line)}")


def _line(lines: list[bytes], index: int) -> str:
    return _quote(lines[index]) if index < len(lines) else "the end of the output"


def _compare_tokens(checker: Checker, expected: bytes, actual: bytes) -> Comparison:
    want, got = expected.split(), actual.split()
    if want == got:
        return EQUAL
    for index, (left, right) in enumerate(zip(want, got, strict=False)):
        if not _tokens_agree(checker, left, right):
            where = f"token {index + 1} (line {_line_of_token(actual, index)})"
            return Comparison(False, f"{where}: expected {_quote(left)}, got {_quote(right)}")
    if len(want) == len(got):
        return EQUAL
    return Comparison(False, _length_detail(want, got))


def _length_detail(want: list[bytes], got: list[bytes]) -> str:
    if not got:
        return f"no output, expected {_count(len(want))}"
    if len(got) < len(want):
        return f"the output ends after {_count(len(got))}, expected {len(want)}, next {_quote(want[len(got)])}"
    return f"{_count(len(got) - len(want))} too many, the first is {_quote(got[len(want)])}"


def _count(tokens: int) -> str:
    return "1 token" if tokens == 1 else f"{tokens} tokens"


def _tokens_agree(checker: Checker, expected: bytes, actual: bytes) -> bool:
    if expected == actual:
        return True
    if checker.kind != "floats" or not (_NUMBER.match(expected) and _NUMBER.match(actual)):
        return False
    if _INTEGER.match(expected) and _INTEGER.match(actual):
        return _canonical(expected) == _canonical(actual)
    return _close(float(expected), float(actual), checker.tolerance)


def _canonical(integer: bytes) -> bytes:
    """Without plus sign and leading zeros; int() would be quadratic in a hostile program's digits."""
    digits = integer.lstrip(b"+-").lstrip(b"0") or b"0"
    return b"-" + digits if integer.startswith(b"-") and digits != b"0" else digits


def _close(expected: float, actual: float, tolerance: float) -> bool:
    """Absolutely or relatively; a hair more, since the bound itself is rounded."""
    if not math.isfinite(actual):
        return False
    return abs(expected - actual) <= tolerance * max(1.0, abs(expected)) * (1 + 1e-9)


def _line_of_token(text: bytes, index: int) -> int:
    for number, match in enumerate(re.finditer(rb"\S+", text)):
        if number == index:
            return text.count(b"\n", 0, match.start()) + 1
    return 0


def _compare_json(checker: Checker, expected: bytes, actual: bytes) -> Comparison:
    want = _parse(expected)
    try:
        got = _parse(actual)
        difference = _json_difference(checker, want, got, "result")
    except ValueError:
        return Comparison(False, "no result" if not actual.strip() else f"not one JSON value: {_quote(actual)}")
    except RecursionError:
        return Comparison(False, "the result is nested too deeply")
    return Comparison(difference is None, difference or "")


def _parse(text: bytes) -> Any:
    return json.loads(text, parse_int=_integer)


def _integer(digits: str) -> Any:
    try:
        return int(digits)
    except ValueError:  # beyond Python's limit on digits; still compared exactly
        return Decimal(digits)


def _json_difference(checker: Checker, want: Any, got: Any, path: str) -> str | None:
    """The first difference, depth first, or None."""
    if isinstance(want, list) and isinstance(got, list):
        if len(want) != len(got):
            return f"{path} has length {len(got)}, expected {len(want)}"
        pairs = ((f"{path}[{i}]", pair) for i, pair in enumerate(zip(want, got, strict=True)))
        return _first_difference(checker, pairs)
    if isinstance(want, dict) and isinstance(got, dict):
        if want.keys() != got.keys():
            return f"{path} has keys {_show(sorted(got))}, expected {_show(sorted(want))}"
        return _first_difference(checker, ((f"{path}[{key!r}]", (want[key], got[key])) for key in want))
    if _values_agree(checker, want, got):
        return None
    return f"{path}: expected {_show(want)}, got {_show(got)}"


def _first_difference(checker: Checker, pairs: Any) -> str | None:
    differences = (_json_difference(checker, want, got, path) for path, (want, got) in pairs)
    return next((difference for difference in differences if difference), None)


def _values_agree(checker: Checker, want: Any, got: Any) -> bool:
    if isinstance(want, bool) or isinstance(got, bool):
        return want is got
    numbers = isinstance(want, int | float) and isinstance(got, int | float)
    if checker.kind == "floats" and numbers and not (isinstance(want, int) and isinstance(got, int)):
        return _floats_agree(want, got, checker.tolerance)
    return bool(want == got)


def _floats_agree(want: float, got: float, tolerance: float) -> bool:
    try:
        return _close(float(want), float(got), tolerance)
    except OverflowError:
        return False


def _show(value: Any) -> str:
    return _cut(json.dumps(value, default=str))


def _quote(token: bytes) -> str:
    return _cut(repr(token[: _QUOTED * 4].decode(errors="replace")))


def _cut(text: str) -> str:
    return text if len(text) <= _QUOTED else text[: _QUOTED - 3] + "..."
