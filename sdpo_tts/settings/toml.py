"""A flat TOML file in which every key remembers its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sdpo_tts.errors import UserError
from sdpo_tts.settings.given import Given, spelt

MAX_BYTES = 2**16
_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def read_toml(path: Path, layer: str) -> list[Given]:
    """The settings in a file. Raises UserError with `file:line`."""
    text = _text(path)
    try:
        tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # Python's own: numbers with thousands of digits, deep nesting
        raise _explain(path, error) from None
    found: dict[str, Given] = {}
    for line, key, value in _statements(text):
        one = Given(spelt(key), _scalar(value, key, f"{path}:{line}"), layer, f"{path}:{line}", path.parent.absolute())
        if one.key in found:
            raise UserError(f"`{one.key}` is given twice", where=one.where, hint=f"first at {found[one.key].where}")
        found[one.key] = one
    return list(found.values())


def _text(path: Path) -> str:
    try:
        if not path.is_file():  # a pipe might never end
            raise UserError("no such file" if not path.exists() else "not a regular file", where=str(path))
        if path.stat().st_size > MAX_BYTES:
            raise UserError("too large for a settings file", where=str(path))
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise UserError("not UTF-8 text", where=str(path), hint="save the file as UTF-8") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(f"cannot be read: {reason}", where=str(path)) from None


def _statements(text: str) -> Iterator[tuple[int, str, Any]]:
    """(line, key, value) of each statement in a valid document: the shortest runs of lines that are TOML by
    themselves."""
    lines, start = text.split("\n"), 0
    for end in range(1, len(lines) + 1):
        try:
            found = tomllib.loads("\n".join(lines[start:end]))
        except tomllib.TOMLDecodeError:
            continue
        yield from ((start + 1, key, value) for key, value in found.items())
        start = end


def _scalar(value: Any, key: str, where: str) -> str:
    if isinstance(value, dict):
        raise UserError(f"`{key}` is a table", where=where, hint="settings are plain lines: max-attempts = 64")
    if not isinstance(value, str | int | float):
        raise UserError(f"`{key}` must be text, a number, true or false", where=where)
    return str(value)


def _explain(path: Path, error: Exception) -> UserError:
    found = _PLACE.search(str(error))
    place = f":{found[1]}:{found[2]}" if found and found[1] else ""
    what = _PLACE.sub("", str(error))
    what = f"not TOML: {what[:1].lower()}{what[1:]}"
    return UserError(what, where=f"{path}{place}", hint='text needs quotes: "sdpo"')
