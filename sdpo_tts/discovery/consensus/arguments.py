"""The shape of inputs in function mode: the arguments of a call, one JSON value per line."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

SMALL_LENGTH, LARGE_LENGTH = 6, 500
MOST_DRAWN = 2**62  # numpy draws no larger integers


class ArgumentShape:
    """Needs at least one sample; every line of a sample is JSON."""

    def __init__(self, samples: Sequence[bytes]) -> None:
        self._samples = [_arguments(sample) for sample in samples]

    def fits(self, given: bytes) -> bool:
        """Whether it has as many arguments as a sample, each of the kind found at that position in some sample."""
        try:
            found = _arguments(given)
        except (ValueError, RecursionError):
            return False
        return any(
            len(found) == len(sample) and all(_alike(a, b) for a, b in zip(found, sample, strict=True))
            for sample in self._samples
        )

    def mutated(self, rng: np.random.Generator, *, large: bool = False, of: bytes | None = None) -> bytes:
        """A sample, or the input `of`, with other values and other lengths of its lists and strings.

        A table keeps its width, and a square its size.
        """
        sample = self._samples[int(rng.integers(len(self._samples)))] if of is None else _arguments(of)
        return "".join(json.dumps(self._varied(one, rng, large)) + "\n" for one in sample).encode()

    def _varied(self, value: Any, rng: np.random.Generator, large: bool) -> Any:
        if isinstance(value, bool):
            return bool(rng.integers(2))
        if isinstance(value, int):
            near = rng.random() < 0.5
            most = max(10, min(abs(value), MOST_DRAWN))
            return value + int(rng.integers(-2, 3)) if near else int(rng.integers(0, most + 1))
        if isinstance(value, float):
            return round(value + float(rng.normal()), 2) if math.isfinite(value) else 1.0  # 1e999 is JSON
        if isinstance(value, str | list) and value:
            length = int(rng.integers(0, (LARGE_LENGTH if large else SMALL_LENGTH) + 1))
            width = _width(value)
            length = len(value) if width == len(value) else length
            picked = [value[int(rng.integers(len(value)))] for _ in range(length)]
            if width:
                return [[self._varied(cell, rng, False) for cell in row] for row in picked]
            return "".join(picked) if isinstance(value, str) else [self._varied(one, rng, False) for one in picked]
        if isinstance(value, dict):
            return {key: self._varied(one, rng, large) for key, one in value.items()}
        return value


def _arguments(given: bytes) -> list[Any]:
    return [json.loads(line) for line in given.splitlines() if line.strip()]


def _width(value: str | list[Any]) -> int:
    """Of a table, such as a matrix or a list of pairs: the length of all its rows; otherwise 0."""
    lengths = {len(row) if isinstance(row, list) else 0 for row in value}
    return lengths.pop() if len(lengths) == 1 else 0


def _alike(one: Any, other: Any) -> bool:
    """Of the same kind, including their elements; an empty list matches any list, and integers match floats."""
    if isinstance(one, list) and isinstance(other, list):
        return not other or all(any(_alike(a, b) for b in other) for a in one)
    if isinstance(one, int | float) and isinstance(other, float) and not isinstance(one, bool):
        return True
    return type(one) is type(other)
