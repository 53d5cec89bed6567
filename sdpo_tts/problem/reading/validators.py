"""Maps validators of other systems to checkers, and says what is lost.

Kattis's default validator is our checker `kattis`. Polygon's standard checkers are those of testlib.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sdpo_tts.problem import values
from sdpo_tts.problem.document import Refused, quoted
from sdpo_tts.problem.model import Checker


@dataclass(frozen=True)
class Mapped:
    """The nearest checker, and how it differs."""

    checker: Checker
    notes: tuple[str, ...] = ()


_TOKENS = Mapped(Checker(kind="tokens"))
POLYGON = {
    "fcmp": Mapped(Checker(kind="lines", exact_spaces=True)),
    "hcmp": _TOKENS,
    "icmp": _TOKENS,
    "lcmp": Mapped(Checker(kind="lines")),
    "ncmp": _TOKENS,
    "wcmp": _TOKENS,
    "caseicmp": _TOKENS,
    "casencmp": _TOKENS,
    "casewcmp": _TOKENS,
    "yesno": Mapped(Checker(kind="tokens", ignore_case=True)),
    "nyesno": Mapped(Checker(kind="tokens", ignore_case=True)),
    "acmp": Mapped(Checker(kind="floats", absolute=1.5e-6)),
    "dcmp": Mapped(Checker(kind="floats", absolute=1e-6, relative=1e-6)),
    "rcmp": Mapped(Checker(kind="floats", absolute=1.5e-6)),
    "rcmp4": Mapped(Checker(kind="floats", absolute=1e-4, relative=1e-4)),
    "rcmp6": Mapped(Checker(kind="floats", absolute=1e-6, relative=1e-6)),
    "rcmp9": Mapped(Checker(kind="floats", absolute=1e-9, relative=1e-9)),
}


def polygon(name: str) -> Mapped:
    """The checker for `std::wcmp.cpp` and the like. Raises `Refused`."""
    key = name.removeprefix("std::").removesuffix(".cpp")
    if key not in POLYGON:
        raise Refused(f"the checker {quoted(name)} is not supported", "known: " + ", ".join(POLYGON))
    return POLYGON[key]


def kattis(flags: Sequence[str]) -> Mapped:
    """The checker for the default validator with these flags. Raises `Refused`."""
    return Mapped(values.checker(" ".join(["kattis", *flags])))
