"""The arms of a comparison: a method, or a method with its own settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

POOLED = "best-of-k"
"""The method whose runs are parts of a pool."""


@dataclass(frozen=True)
class Arm:
    """`name` is as given by the user, such as `sdpo:feedback=shuffled`; `changes` are (path in RunSettings, value)."""

    name: str
    method: str
    changes: tuple[tuple[str, Any], ...] = ()

    @property
    def folder(self) -> str:
        """The name as part of a file name, different for every arm."""
        return quote(self.name.replace(":", "+", 1), safe="+=")

    @property
    def pooled(self) -> bool:
        return self.method == POOLED


def arm_of(folder: str) -> str:
    """The name of the arm that one of these folders belongs to."""
    return unquote(folder.rpartition("-s")[0].replace("+", ":", 1))
