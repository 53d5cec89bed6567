"""One value for one setting."""

from __future__ import annotations

import difflib
from collections.abc import Container, Iterable
from dataclasses import dataclass
from pathlib import Path

from sdpo_tts.errors import UserError


@dataclass(frozen=True)
class Given:
    """A value as text. `layer` is the layer it comes from, `where` its place for display: file:line, a variable, a
    flag.

    `folder` is what a relative path in it is relative to; None: the current folder.
    """

    key: str
    text: str
    layer: str
    where: str
    folder: Path | None = None


def spelt(key: str) -> str:
    """A key as the command line spells it: files may write `max_attempts` for `max-attempts`."""
    return key.replace("_", "-")


def demand_known(one: Given, known: Iterable[str], refused: Container[str] = ()) -> None:
    """Raises UserError for an unknown key (with the nearest known one), or one that its layer may not set."""
    if one.key in refused:
        raise UserError(f"`{one.key}` may not be set by {one.layer}", where=one.where)
    names = [name for name in known if name not in refused]
    if one.key not in names:
        near = difflib.get_close_matches(one.key[:60], names, n=1)
        hint = f"did you mean `{near[0]}`?" if near else "sdpo-tts config lists all settings"
        raise UserError(f"unknown setting `{one.key[:60]}`", where=one.where, hint=hint)
