"""Progress of a learning step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")
Tell = Callable[[int, int], None]
"""Called before each part of a gradient, with the number of answers learned from so far, and of all answers."""


def _nobody(done: int, of: int) -> None:
    """Reports nothing."""


NOBODY: Tell = _nobody


def counted(parts: Iterable[Sequence[T]], of: int, tell: Tell) -> Iterator[Sequence[T]]:
    """The parts of `of` answers; `tell` is called with the number of answers in the parts before."""
    done = 0
    for part in parts:
        tell(done, of)
        yield part
        done += len(part)
