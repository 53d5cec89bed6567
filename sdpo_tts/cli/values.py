"""Checks of command-line values beyond their type."""

from __future__ import annotations

import errno
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sdpo_tts.errors import UserError

if TYPE_CHECKING:
    from sdpo_tts.view import RunState

MOST_HINT_CHARS = 4000
UNITS = {"s": 1, "m": 60, "h": 3600}


def demand(value: str, known: Sequence[str], option: str) -> None:
    """Raises UserError, naming the option, if `value` is not one of the known ones."""
    if value not in known:
        raise UserError(f"{value!r} is not one of {', '.join(known)}", where=option)


def demand_text(value: str, where: str) -> None:
    """Raises UserError for an argument with bytes of another encoding than UTF-8: neither a prompt nor a file can hold
    it."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UserError("not text in UTF-8", where=where) from None


def seconds(text: str, where: str = "--max-time") -> float:
    """Seconds of `90s`, `30m` or `1.5h`. Raises UserError."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh])", text.strip())
    if not found:
        raise UserError(f"{text!r} is not a duration", where=where, hint="a number and a unit: 90s, 30m, 8h")
    return float(found[1]) * UNITS[found[2]]


def text_or_file(value: str, where: str = "--hint") -> str:
    """The text itself, or the contents of the file of this name; empty for an empty value. Raises UserError."""
    text = value
    try:
        if value and Path(value).is_file():
            text = Path(value).read_text(encoding="utf-8")
    except ValueError:  # a file that is not text; text that cannot be a file name
        raise UserError("not a text file in UTF-8", where=where) from None
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise UserError(f"cannot be read: {error.strerror}", where=where) from None
    demand_text(text, where)
    if len(text := text.strip()) > MOST_HINT_CHARS:
        raise UserError(f"a hint of {len(text)} characters", where=where, hint=f"at most {MOST_HINT_CHARS}")
    return text


def larger_budget(limit: str | None, state: RunState) -> str:
    """The option that doubles the limit at which a run stopped, given the reason from `run_ended`; empty for other
    reasons."""
    if limit == "max_time":
        amount = _twice(state.max_seconds, state.elapsed(0.0))
        unit = next(unit for unit in "hms" if amount % UNITS[unit] == 0)
        return f"--max-time {amount // UNITS[unit]}{unit}"
    if limit == "max_tokens":
        return f"--max-tokens {_twice(state.max_tokens, state.cost.tokens)}"
    return f"--max-attempts {_twice(state.max_attempts, state.cost.attempts)}" if limit == "max_attempts" else ""


def _twice(limit: float | None, spent: float) -> int:
    """Twice the limit, or twice what was spent if that is more: a batch may take more than was left."""
    return round(2 * limit if limit and 2 * limit > spent else 2 * spent)
