"""A language as data: how a program of it is compiled, checked and run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache

from sdpo_tts.errors import UserError
from sdpo_tts.judge.engine import sandbox_folder


@dataclass(frozen=True)
class Language:
    """Commands are run in the container's working directory, where the program lies as `source`.

    `compile` makes `binary` (in a container of its own, with more memory); `check` only looks for errors.
    `function` is the command of function mode, which the function's name is appended to.
    """

    title: str
    source: str
    run: tuple[str, ...]
    version: tuple[str, ...]
    check: tuple[str, ...] = ()
    compile: tuple[str, ...] = ()
    binary: str = ""
    function: tuple[str, ...] = ()


@cache
def languages() -> dict[str, Language]:
    """All languages of the sandbox, by key (`python3`, `cpp20`)."""
    table = json.loads((sandbox_folder() / "languages.json").read_text())
    return {key: _language(entry) for key, entry in table.items()}


def _language(entry: dict[str, str | list[str]]) -> Language:
    fields = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    return Language(**fields)  # type: ignore[arg-type]


def language(key: str) -> Language:
    """Raises UserError for an unknown one."""
    known = languages()
    if key not in known:
        raise UserError(f"unknown language '{key}'", hint=f"known: {', '.join(known)}")
    return known[key]
