"""Which checker stands for which validator of another system, and what is lost on the way.

Kattis's default validator is the checker `kattis`, with its own flags.
Polygon's standard checkers: the ones of testlib.
"""

from __future__ import annotations

from collections.abc import Sequence

from sdpo_tts.problem import values
from sdpo_tts.problem.model import Checker

_TOKENS = Checker(kind="tokens")
_ANY_CASE = Checker(kind="tokens", ignore_case=True)


def _floats(absolute: float, relative: float | None = None) -> Checker:
    return Checker(kind="floats", absolute=absolute, relative=relative)


POLYGON = {
    "fcmp": Checker(kind="exact"),
    "hcmp": _TOKENS,
    "icmp": _TOKENS,
    "lcmp": Checker(kind="lines"),
    "ncmp": _TOKENS,
    "wcmp": _TOKENS,
    "caseicmp": _TOKENS,
    "casencmp": _TOKENS,
    "casewcmp": _TOKENS,
    "yesno": _ANY_CASE,
    "nyesno": _ANY_CASE,
    "acmp": _floats(1.5e-6),
    "dcmp": _floats(1e-6, 1e-6),
    "rcmp": _floats(1.5e-6),
    "rcmp4": _floats(1e-4, 1e-4),
    "rcmp6": _floats(1e-6, 1e-6),
    "rcmp9": _floats(1e-9, 1e-9),
}


def polygon(name: str) -> Checker | None:
    """The checker for `std::wcmp.cpp` and the like; None for others, which only their own source can stand for."""
    return POLYGON.get(name.removeprefix("std::").removesuffix(".cpp")) if name.startswith("std::") else None


def kattis(flags: Sequence[str]) -> Checker:
    """The checker for the default validator with these flags. Raises `Refused`."""
    return values.checker(" ".join(["kattis", *flags]))
