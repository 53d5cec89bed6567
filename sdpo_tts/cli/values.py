"""Values on the command line that a type alone does not rule out."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sdpo_tts.errors import UserError


def demand(value: str, known: Sequence[str], option: str) -> None:
    """Raises UserError, naming the option, where `value` is not one of the known ones."""
    if value not in known:
        raise UserError(f"{value!r} is not one of {', '.join(known)}", where=option)


def seconds(text: str, where: str = "--max-time") -> float:
    """Seconds of `90s`, `30m` or `1.5h`. Raises UserError."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh])", text.strip())
    if not found:
        raise UserError(f"{text!r} is no time", where=where, hint="a number and a unit: 90s, 30m, 8h")
    return float(found[1]) * {"s": 1, "m": 60, "h": 3600}[found[2]]
