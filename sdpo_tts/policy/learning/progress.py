"""How far a learning step is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")
Tell = Callable[[int, int], None]
"""Called before each part of a gradient, with how many answers of how many have been learned from."""


def _nobody(done: int, of: int) -> None:
    """Tells nobody."""


NOBODY: Tell = _nobody


def counted(parts: Iterable[Sequence[T]], of: int, tell: Tell) -> Iterator[Sequence[T]]:
    """The parts of `of` answers, while `tell` hears how many have gone by."""
    done = 0
    for part in parts:
        tell(done, of)
        yield part
        done += len(part)
