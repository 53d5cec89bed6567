"""A language as data: how its programs are compiled, checked and run. The table is `sandbox/languages.json`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sdpo_tts.errors import UserError
from sdpo_tts.problem.model import Function


@dataclass(frozen=True)
class Language:
    """Commands run in the container's working directory, where the program is the file `source`.

    `tag` marks its fenced code blocks. `compile` makes `binary` (in its own container, with more memory); `check` only
    looks for errors. `diagnose` runs a program a second time, to find out why it failed, after compiling it with
    `sanitize` if there is one. `function` is the command of function mode, to which the function's name is appended.
    `{memory_mib}` in a command is the problem's memory limit; `extra_memory_mib`, the language's own overhead, is added
    to that limit. `packages` are Debian's names; `suffixes` are those of source files in this language by default.
    """

    title: str
    tag: str
    packages: tuple[str, ...]
    source: str
    run: tuple[str, ...]
    version: tuple[str, ...]
    suffixes: tuple[str, ...] = ()
    check: tuple[str, ...] = ()
    compile: tuple[str, ...] = ()
    binary: str = ""
    function: tuple[str, ...] = ()
    sanitize: tuple[str, ...] = ()
    diagnose: tuple[str, ...] = ()
    extra_memory_mib: int = 0

    def command(self, memory_bytes: int, function: Function | None = None) -> tuple[str, ...]:
        """The command that runs a program with this memory limit, or that calls its function."""
        argv = (*self.function, *_called(function)) if function else self.run
        return tuple(part.replace("{memory_mib}", str(memory_bytes >> 20)) for part in argv)

    def diagnosis(self, verdict: str, seconds: float, memory_bytes: int, function: Function | None) -> tuple[str, ...]:
        """The command that runs a program again that got this verdict, for this many seconds of CPU."""
        known = {"{verdict}": verdict, "{seconds}": f"{seconds:g}", "{memory_bytes}": str(memory_bytes)}
        return (*(known.get(part, part) for part in self.diagnose), *_called(function))


def _called(function: Function | None) -> tuple[str, ...]:
    return (function.name, str(function.in_place)) if function else ()


def sandbox_folder() -> Path:
    """The sandbox files: beside the package in a checkout, inside it when installed."""
    installed = Path(__file__).parents[1] / "sandbox"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "sandbox"


@cache
def languages() -> dict[str, Language]:
    """All languages of the sandbox, by key (`python3`, `cpp20`)."""
    table = json.loads((sandbox_folder() / "languages.json").read_text(encoding="utf-8"))
    return {key: _language(entry) for key, entry in table.items()}


def _language(entry: dict[str, Any]) -> Language:
    fields: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    return Language(**fields)


def language(key: str) -> Language:
    """Raises UserError for an unknown one."""
    known = languages()
    if key not in known:
        raise UserError(f"unknown language '{key}'", hint=f"known: {', '.join(known)}")
    return known[key]


def language_of(path: str) -> str | None:
    """The key of the language with this file's suffix, or None."""
    suffix = Path(path).suffix
    return next((key for key, known in languages().items() if suffix in known.suffixes), None)
