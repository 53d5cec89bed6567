"""Compares the results of function mode: JSON values, parsed on the host, out of the submission's reach."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from sdpo_tts.judge.checking.checker import EQUAL, Comparison, cut, quote
from sdpo_tts.judge.checking.numbers import within
from sdpo_tts.problem import Checker

MANY = 1000  # elements too many: their number says enough, and looking at each would cost the host seconds


def compare_json(checker: Checker, expected: bytes, actual: bytes) -> Comparison:
    """Whether `actual` is one JSON value and the right one. Never raises on what a program wrote.

    Raises ValueError if `expected` is not JSON.
    """
    want = _parse(expected)
    try:
        got = _parse(actual)
        if checker.kind == "unordered":
            return _compare_unordered(want, got)
        difference = _difference(checker, want, got, "result")
    except ValueError:
        return Comparison(False, "no result" if not actual.strip() else f"not one JSON value: {quote(actual)}")
    except RecursionError:
        return Comparison(False, "the result is nested too deeply")
    return Comparison(False, difference) if difference else EQUAL


def _parse(text: bytes) -> Any:
    return json.loads(text, parse_int=_integer)


def _integer(digits: str) -> Any:
    try:
        return int(digits)
    except ValueError:  # beyond Python's limit on digits; still compared exactly
        return Decimal(digits)


def _compare_unordered(want: Any, got: Any) -> Comparison:
    """Two lists with the same elements, each equally often."""
    if not (isinstance(want, list) and isinstance(got, list)):
        difference = _difference(Checker(), want, got, "result")
        return Comparison(False, difference) if difference else EQUAL
    if len(got) > len(want) + MANY:
        return Comparison(False, f"the result has length {len(got)}, expected {len(want)}")
    left, right = Counter(map(_canonical, want)), Counter(map(_canonical, got))
    if extra := next(iter(right - left), ""):
        return Comparison(False, f"the element {cut(extra)} is not expected" + (" so often" if extra in left else ""))
    lacking = next(iter(left - right), "")
    return Comparison(False, f"the element {cut(lacking)} is missing") if lacking else EQUAL


def _canonical(value: Any) -> str:
    """The same text for equal values: `1` and `1.0`, keys in any order."""
    return json.dumps(_whole(value), sort_keys=True, default=str)


def _whole(value: Any) -> Any:
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _difference(checker: Checker, want: Any, got: Any, path: str) -> str | None:
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


def _first_difference(checker: Checker, pairs: Iterable[tuple[str, tuple[Any, Any]]]) -> str | None:
    differences = (_difference(checker, want, got, path) for path, (want, got) in pairs)
    return next((difference for difference in differences if difference), None)


def _values_agree(checker: Checker, want: Any, got: Any) -> bool:
    if isinstance(want, bool) or isinstance(got, bool):
        return want is got
    numbers = all(isinstance(value, int | float | Decimal) for value in (want, got))
    if checker.kind == "floats" and numbers and (isinstance(want, float) or isinstance(got, float)):
        return within(checker, _decimal(want), _decimal(got))
    return bool(want == got)


def _decimal(number: int | float | Decimal) -> Decimal:
    """Exactly as written, not the nearest double: 0.1 is 0.1."""
    return Decimal(repr(number) if isinstance(number, float) else number)


def _show(value: Any) -> str:
    return cut(json.dumps(value, default=str))
