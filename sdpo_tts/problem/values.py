"""What the scalars of a problem file mean: durations, sizes, checkers, choices. Each reader raises `Refused`."""

from __future__ import annotations

import difflib
import keyword
import re
from collections.abc import Iterable

from sdpo_tts.problem.document import Refused, quoted
from sdpo_tts.problem.model import Checker

_QUANTITY = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,12})?) ?([A-Za-z]*)")
_TOLERANCE = re.compile(r"floats +([0-9]{1,12}(?:\.[0-9]{1,12})?(?:[eE]-?[0-9]{1,2})?)")
_SECONDS = {"ms": 1e-3, "s": 1.0}
_BYTES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_MIN_MEMORY = 16 * 2**20  # below this an interpreter does not start, and every verdict would be noise


def duration(text: str) -> float:
    """Seconds from `500ms` or `2s`, more than zero and at most an hour."""
    return _quantity(text, _SECONDS, "2s or 500ms", 1e-3, 3600.0)


def memory(text: str) -> int:
    """Bytes from `256MiB` and the like, at least 16 MiB and at most 1024 GiB."""
    return round(_quantity(text, _BYTES, "256MiB", _MIN_MEMORY, 2**40))


def output_size(text: str) -> int:
    """Bytes from `16MiB` and the like, at least 1 B and at most 1 GiB."""
    return round(_quantity(text, _BYTES, "16MiB", 1, 2**30))


def checker(text: str) -> Checker:
    """`tokens`, `exact`, or `floats EPS` with a tolerance above zero and at most one."""
    if text in ("tokens", "exact"):
        return Checker(text)
    match = _TOLERANCE.fullmatch(text)
    if match and 0 < float(match[1]) <= 1:
        return Checker("floats", float(match[1]))
    if text.split(maxsplit=1)[:1] == ["floats"]:
        raise Refused(f"{quoted(text)} is no checker: a tolerance from 0 to 1 must follow", "write `floats 1e-6`")
    raise Refused(f"{quoted(text)} is no checker", nearest(text, ("tokens", "exact", "floats 1e-6")))


def slug(name: str) -> str:
    """`name` as a path component, with what does not belong in one replaced; at most 100 characters."""
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in name)
    return safe[:100].strip(".-") or "problem"


def choice(text: str, names: Iterable[str], noun: str) -> str:
    """`text`, if it is one of `names`."""
    names = tuple(names)
    if text not in names:
        raise Refused(f"{quoted(text)} is no {noun}", nearest(text, names))
    return text


def title(text: str) -> str:
    """One line of printable text: it is shown in terminals and in tables."""
    text = text.strip()
    if not text or not text.isprintable():
        raise Refused("the title must be one line of printable text" if text else "the title is empty")
    return text


def statement(text: str) -> str:
    """The statement without blank lines around it."""
    if not text.strip():
        raise Refused("the statement is empty", "the model sees nothing else of the problem")
    return text.strip("\n").rstrip()


def identifier(text: str) -> str:
    """A name that Python accepts for a function."""
    if not text.isidentifier() or keyword.iskeyword(text):
        raise Refused(f"{quoted(text)} is no Python function name")
    return text


def natural(name: str) -> list[str | int]:
    """A sort key that puts `10.in` behind `9.in`."""
    parts = re.split(r"([0-9]+)", name)  # text and number by turns
    return [int(part) if index % 2 else part for index, part in enumerate(parts)]


def nearest(wrong: str, names: Iterable[str]) -> str:
    """The hint for a misspelt name: the nearest right one, or all of them."""
    names = tuple(names)
    close = difflib.get_close_matches(wrong[:60], names, n=1)
    return f"did you mean `{close[0]}`?" if close else "one of " + ", ".join(f"`{name}`" for name in names)


def _quantity(text: str, units: dict[str, float] | dict[str, int], form: str, low: float, high: float) -> float:
    match = _QUANTITY.fullmatch(text)
    if not match:
        raise Refused(f"{quoted(text)} is no quantity", f"write a number and its unit: {form}")
    number, unit = match.groups()
    if unit not in units:
        known = ", ".join(units)
        what = f"unknown unit {quoted(unit)}" if unit else f"{quoted(text)} has no unit"
        raise Refused(what, f"one of {known}: {form}")
    amount = float(number) * units[unit]
    if not low <= amount <= high:
        raise Refused(f"{quoted(text)} is too {'small' if amount < low else 'large'}", f"for example {form}")
    return amount
