"""Fields of data set rows."""

from __future__ import annotations

import json
from typing import Any

from sdpo_tts.errors import UserError

MAX_SOURCE = 10**6  # characters of a program in a row
MAX_ID = 2000  # an id may be an address


def text(row: dict[str, Any], key: str) -> str:
    """Empty if the row has none."""
    value = row.get(key)
    return value if isinstance(value, str) else ""


def identifier(value: object) -> str:
    return str(value)[:MAX_ID]


def source_text(row: dict[str, Any], key: str, where: str) -> str:
    """A required text. Raises UserError."""
    value = row.get(key)
    if not isinstance(value, str) or len(value) > MAX_SOURCE:
        raise UserError(f"`{key}` is not text, or is too long", where=where)
    return value


def from_json(told: Any, where: str) -> Any:
    """A value that a row may hold as JSON text. Raises UserError."""
    try:
        return json.loads(told) if isinstance(told, str) else told
    except (ValueError, RecursionError):
        raise UserError("a field that should hold JSON does not", where=where) from None
