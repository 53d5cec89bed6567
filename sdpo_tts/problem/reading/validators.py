"""Which checker stands for which validator of another system, and what is lost on the way.

Kattis's default validator: `spec/legacy.md` and `spec/2025-09.md` of github.com/Kattis/problem-package-format.
Polygon's standard checkers: the ones of testlib.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sdpo_tts.problem.document import Refused, quoted
from sdpo_tts.problem.model import Checker

_CASE = "the case of letters must match, which the package ignores"
_INTEGERS = "integers are compared exactly, though the package allows them the tolerance too"
_LINES = "line breaks are not compared, though the package does"


@dataclass(frozen=True)
class Mapped:
    """The checker that is nearest, and how it differs."""

    checker: Checker
    notes: tuple[str, ...] = ()


POLYGON = {
    "fcmp": Mapped(Checker("exact")),
    "hcmp": Mapped(Checker("tokens")),
    "icmp": Mapped(Checker("tokens")),
    "lcmp": Mapped(Checker("tokens"), (_LINES,)),
    "ncmp": Mapped(Checker("tokens")),
    "wcmp": Mapped(Checker("tokens")),
    "caseicmp": Mapped(Checker("tokens")),
    "casencmp": Mapped(Checker("tokens")),
    "casewcmp": Mapped(Checker("tokens")),
    "yesno": Mapped(Checker("tokens"), (_CASE,)),
    "nyesno": Mapped(Checker("tokens"), (_CASE,)),
    "acmp": Mapped(Checker("floats", 1.5e-6), ("the tolerance is absolute or relative, the package's absolute only",)),
    "dcmp": Mapped(Checker("floats", 1e-6)),
    "rcmp": Mapped(Checker("floats", 1.5e-6), ("the tolerance is absolute or relative, the package's absolute only",)),
    "rcmp4": Mapped(Checker("floats", 1e-4)),
    "rcmp6": Mapped(Checker("floats", 1e-6)),
    "rcmp9": Mapped(Checker("floats", 1e-9)),
}


def polygon(name: str) -> Mapped:
    """The checker for `std::wcmp.cpp` and the like; a package without one compares lines. Raises `Refused`."""
    key = name.removeprefix("std::").removesuffix(".cpp")
    if not name.startswith("std::"):
        raise Refused("a checker of the package's own is not supported", "only testlib's standard ones are")
    if key not in POLYGON:
        raise Refused(f"the checker {quoted(name)} is not supported", "known: " + ", ".join(POLYGON))
    return POLYGON[key]


@dataclass(frozen=True)
class KattisFlags:
    """What the default validator was told. Tolerances None: tokens are compared as text."""

    case_sensitive: bool = False
    space_change_sensitive: bool = False
    absolute: float | None = None
    relative: float | None = None


def kattis(flags: Sequence[str]) -> Mapped:
    """The checker for the default validator with these flags. Raises `Refused`."""
    told = _parse(flags)
    notes = () if told.case_sensitive else (_CASE,)
    floats = told.absolute is not None or told.relative is not None
    if floats and told.absolute != told.relative:
        raise Refused("an absolute tolerance that differs from the relative one is not supported")
    if floats and told.space_change_sensitive:
        raise Refused("`space_change_sensitive` with a tolerance is not supported")
    if told.absolute is not None:
        return Mapped(Checker("floats", told.absolute), (*notes, _INTEGERS))
    return Mapped(Checker("exact" if told.space_change_sensitive else "tokens"), notes)


def _parse(flags: Sequence[str]) -> KattisFlags:
    told, rest = KattisFlags(), iter(flags)
    for flag in rest:
        if flag == "case_sensitive":
            told = replace(told, case_sensitive=True)
        elif flag == "space_change_sensitive":
            told = replace(told, space_change_sensitive=True)
        elif flag == "float_absolute_tolerance":
            told = replace(told, absolute=_tolerance(flag, next(rest, "")))
        elif flag == "float_relative_tolerance":
            told = replace(told, relative=_tolerance(flag, next(rest, "")))
        elif flag == "float_tolerance":
            value = _tolerance(flag, next(rest, ""))
            told = replace(told, absolute=value, relative=value)
        else:
            raise Refused(f"{quoted(flag)} is no flag of the default validator")
    return told


def _tolerance(flag: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value <= 1:
        raise Refused(f"{quoted(text)} is no tolerance for `{flag}`", "above 0 and at most 1")
    return value
