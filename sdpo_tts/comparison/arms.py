"""The arms of a comparison: a method, or a method with settings of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

POOLED = "best-of-k"
"""The method whose runs are parts of a pool."""
_SAMPLING = frozenset({"device", "dtype", "max-new-tokens", "batch-size"})
_CRITIC = frozenset({"critic", "critic-model"})
_TEACHER = frozenset({
    "teacher", "teacher-rate", "alpha", "support", "top-k", "grpo-weight", "feedback", "template", "solutions", "both",
})  # fmt: skip


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
    def own(self) -> Mapping[str, Any]:
        return dict(self.changes)

    @property
    def pooled(self) -> bool:
        return self.method == POOLED


def matters(method: str, key: str) -> bool:
    """Whether the setting can change what the method does."""
    match method:
        case "best-of-k":
            return key in _SAMPLING
        case "multi-turn":
            return key in _SAMPLING | _CRITIC
        case "grpo":
            return key not in _TEACHER | _CRITIC
    return True
