"""What the scalars of a problem file mean: durations, sizes, checkers, choices. Each reader raises `Refused`."""

from __future__ import annotations

import difflib
import keyword
import re
from collections.abc import Iterable

from sdpo_tts.problem.document import Refused, quoted
from sdpo_tts.problem.model import Checker

_QUANTITY = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,12})?) ?([A-Za-z]*)")
_NUMBER = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?(?:[eE]-?[0-9]{1,2})?")
_KATTIS_TOLERANCES = {
    "float_tolerance": ("absolute", "relative"),
    "float_absolute_tolerance": ("absolute",),
    "float_relative_tolerance": ("relative",),
}
_OPTIONS: dict[str, tuple[str, ...]] = {
    "tokens": ("ignore_case",),
    "exact": (),
    "lines": ("ignore_case", "exact_spaces"),
    "unordered": ("ignore_case",),
    "floats": ("absolute", "relative"),
    "kattis": ("case_sensitive", "space_change_sensitive", *_KATTIS_TOLERANCES),
}
_SECONDS = {"ms": 1e-3, "s": 1.0}
_BYTES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_MIN_MEMORY = 16 * 2**20  # with less an interpreter does not start, and every verdict would be noise


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
    """A kind and its options: `tokens`, `lines ignore_case`, `floats 1e-6`, `kattis case_sensitive`.

    `floats` takes one tolerance for both, or `absolute EPS` and `relative EPS`; above zero and at most one. `kattis`
    takes the flags of Kattis's default output validator.
    """
    kind, *options = text.split() or [""]
    if kind not in _OPTIONS:
        raise Refused(f"{quoted(text)} is not a checker", nearest(kind, _OPTIONS))
    if kind == "floats":
        return _floats(text, options)
    if kind == "kattis":
        return _kattis(options)
    if wrong := next((option for option in options if option not in _OPTIONS[kind]), None):
        hint = nearest(wrong, _OPTIONS[kind]) if _OPTIONS[kind] else ""
        raise Refused(f"`{kind}` has no option {quoted(wrong)}", hint)
    return Checker(kind=kind, ignore_case="ignore_case" in options, exact_spaces="exact_spaces" in options)


def _floats(text: str, options: list[str]) -> Checker:
    if len(options) == 1:
        options = ["absolute", options[0], "relative", options[0]]
    found = {name: _tolerance(value) for name, value in zip(options[::2], options[1::2], strict=False)}
    if not options or len(options) % 2 or not set(found) <= {"absolute", "relative"} or not all(found.values()):
        raise Refused(f"{quoted(text)} is not a checker: give a tolerance above 0, at most 1", "write `floats 1e-6`")
    return Checker(kind="floats", absolute=found.get("absolute"), relative=found.get("relative"))


def _tolerance(text: str) -> float | None:
    """A number above zero and at most one, else None."""
    match = _NUMBER.fullmatch(text)
    return float(text) if match and 0 < float(text) <= 1 else None


def _kattis(options: list[str]) -> Checker:
    """Flags as the validator reads them: a later tolerance replaces an earlier one."""
    left, tolerances = iter(options), dict[str, float]()
    switches = {"case_sensitive": False, "space_change_sensitive": False}
    for option in left:
        if option in switches:
            switches[option] = True
        elif option in _KATTIS_TOLERANCES:
            value = next(left, "")
            if not _NUMBER.fullmatch(value):
                raise Refused(f"`{option}` needs a number, not {quoted(value)}", f"write `{option} 1e-6`")
            tolerances |= dict.fromkeys(_KATTIS_TOLERANCES[option], float(value))
        else:
            raise Refused(f"`kattis` has no option {quoted(option)}", nearest(option, _OPTIONS["kattis"]))
    return Checker(
        kind="kattis",
        ignore_case=not switches["case_sensitive"],
        exact_spaces=switches["space_change_sensitive"],
        absolute=tolerances.get("absolute"),
        relative=tolerances.get("relative"),
    )


def slug(name: str) -> str:
    """`name` as a path component, with unsuitable characters replaced; at most 100 characters."""
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in name)
    return safe[:100].strip(".-") or "problem"


def choice(text: str, names: Iterable[str], noun: str) -> str:
    """`text`, if it is one of `names`."""
    names = tuple(names)
    if text not in names:
        raise Refused(f"{quoted(text)} is not a {noun}", nearest(text, names))
    return text


def count(text: str, most: int) -> int:
    """A whole number from 1 to `most`."""
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= most:
        raise Refused(f"{quoted(text)} is not a number from 1 to {most}")
    return int(text)


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
        raise Refused(f"{quoted(text)} is not a Python function name")
    return text


def natural(name: str) -> list[str | tuple[int, str]]:
    """A sort key that puts `10.in` after `9.in`, for any number of digits."""
    parts = re.split(r"0*([0-9]+)", name)  # text and number alternate
    return [(len(part), part) if index % 2 else part for index, part in enumerate(parts)]


def nearest(wrong: str, names: Iterable[str]) -> str:
    """The hint for a misspelt name: the closest right one, or all of them."""
    names = tuple(names)
    close = difflib.get_close_matches(wrong[:60], names, n=1)
    return f"did you mean `{close[0]}`?" if close else "one of " + ", ".join(f"`{name}`" for name in names)


def _quantity(text: str, units: dict[str, float] | dict[str, int], form: str, low: float, high: float) -> float:
    match = _QUANTITY.fullmatch(text)
    if not match:
        raise Refused(f"{quoted(text)} is not a quantity", f"write a number and its unit: {form}")
    number, unit = match.groups()
    if unit not in units:
        known = ", ".join(units)
        what = f"unknown unit {quoted(unit)}" if unit else f"{quoted(text)} has no unit"
        raise Refused(what, f"one of {known}: {form}")
    amount = float(number) * units[unit]
    if not low <= amount <= high:
        raise Refused(f"{quoted(text)} is too {'small' if amount < low else 'large'}", f"for example {form}")
    return amount
