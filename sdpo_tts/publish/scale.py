"""From data to chart units, and round numbers for the axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

LETTER = 7.2  # average width of a letter in a label, in units
APART = 9  # units between two labels of an axis
UNITS = ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


@dataclass(frozen=True)
class Scale:
    """On a logarithmic scale `low` is above 0."""

    low: float
    high: float
    log: bool
    start: float
    end: float

    def __call__(self, value: float) -> float:
        low, high, at = (self._place(x) for x in (self.low, self.high, value))
        return self.start + (self.end - self.start) * ((at - low) / (high - low) if high > low else 0.5)

    def ticks(self) -> list[float]:
        """Round numbers whose labels fit side by side."""
        if not self.log:
            return _even_ticks(self.low, self.high)
        ladders = [_log_ticks(self.low, self.high, steps) for steps in ((1, 2, 5), (1, 3), (1,))]
        ladders += [ladders[-1][::every] for every in range(2, len(ladders[-1]) + 1)]
        return next((ticks for ticks in ladders if ticks and self._has_room(ticks)), ladders[0][:1])

    def _has_room(self, ticks: Sequence[float]) -> bool:
        ends = [(self(tick), LETTER * len(short(tick)) / 2) for tick in ticks]
        return all(b - a >= half + other + APART for (a, half), (b, other) in pairwise(ends))

    def _place(self, value: float) -> float:
        return math.log10(max(value, self.low)) if self.log else value


def round_ends(values: Sequence[float], *, share: bool = False) -> tuple[float, float]:
    """Round numbers around the values, including 0 for shares, and if it is not far below."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    if share or 0 < low < 0.6 * high:
        low = 0.0
    if high <= low:
        return low, low + (abs(low) or 1.0)
    step = _step(low, high)
    top = math.ceil(high / step - 1e-9) * step
    return math.floor(low / step + 1e-9) * step, min(1.0, top) if share else top


def short(value: float) -> str:
    """For an axis: 2k, 50M, 0.5."""
    for unit, name in UNITS:
        if abs(value) >= unit:
            return f"{value / unit:g}{name}"
    return f"{value:g}"


def _log_ticks(low: float, high: float, steps: Sequence[int]) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [step * 10.0**d for d in decades for step in steps if low * 0.999 <= step * 10.0**d <= high * 1.001]


def _even_ticks(low: float, high: float) -> list[float]:
    """About five."""
    step = _step(low, high)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 12) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def _step(low: float, high: float) -> float:
    span = high - low or 1.0
    base = 10.0 ** math.floor(math.log10(span / 5))
    return next(base * m for m in (1, 2, 5, 10) if span / (base * m) <= 5)
