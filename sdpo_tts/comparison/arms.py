"""The arms of a comparison: a method, or a method with settings of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

POOLED = "best-of-k"
"""The method whose runs are parts of a pool."""


@dataclass(frozen=True)
class Arm:
    """`name` is as it was asked for, as in `sdpo:feedback=shuffled`; `changes` are (path in RunSettings, value)."""

    name: str
    method: str
    changes: tuple[tuple[str, Any], ...] = ()

    @property
    def folder(self) -> str:
        """The name as part of a file's name: no two arms have the same."""
        return quote(self.name.replace(":", "+", 1), safe="+=")

    @property
    def pooled(self) -> bool:
        return self.method == POOLED


def arm_of(folder: str) -> str:
    """The name of the arm that has this folder for one of its seeds."""
    return unquote(folder.rpartition("-s")[0].replace("+", ":", 1))
