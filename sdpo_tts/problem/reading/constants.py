"""The constants of a Kattis package (version 2025-09): `{{name}}`, `{{name.variant}}`, in LaTeX also `\\constant`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from sdpo_tts.problem.document import Value

_SEQUENCE = re.compile(r"\{\{[ \t]*([A-Za-z_][A-Za-z0-9_]*)(?:\.([A-Za-z0-9_]+))?[ \t]*\}\}")
_COMMAND = re.compile(r"\\constant\s*\{\s*((?:[A-Za-z0-9_]|\\_)+)(?:\.((?:[A-Za-z0-9_]|\\_)+))?\s*\}")


@dataclass(frozen=True)
class Constants:
    """`told`: the variants of each name, including `value`."""

    told: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def fill(self, text: str) -> str:
        """`text` with the values of defined constants; the rest stays, as the format requires."""
        return _SEQUENCE.sub(self._value, text)

    def fill_latex(self, source: str) -> str:
        """As `fill`, and with the command of LaTeX statements."""
        return _COMMAND.sub(self._value, self.fill(source))

    def fill_program(self, source: bytes) -> bytes:
        """As `fill`, for a program; one that is not UTF-8 stays unchanged."""
        try:
            return self.fill(source.decode()).encode() if self.told else source
        except UnicodeDecodeError:
            return source

    def _value(self, match: re.Match[str]) -> str:
        name, variant = (part and part.replace("\\_", "_") for part in match.groups())
        return self.told.get(name, {}).get(variant or "value", match[0])


def read_constants(value: Value | None) -> Constants:
    """From the key `constants`: each is a scalar or a mapping of variants."""
    told = value if isinstance(value, dict) else {}
    return Constants({name: _variants(one) for name, one in told.items()})


def _variants(value: Value) -> dict[str, str]:
    if isinstance(value, dict):
        return {name: one for name, one in value.items() if isinstance(one, str)}
    return {"value": value} if isinstance(value, str) else {}
