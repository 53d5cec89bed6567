"""Charts as inline SVG: lines with bands, and stacked bars. Colours are classes, which the page's style sheet sets.

Drawn small (420 units wide), so that labels stay readable where a phone shows the chart at two thirds of that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

WIDTH, HEIGHT = 420, 270
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 10, 40


@dataclass(frozen=True)
class Line:
    """`kind` is the CSS class; `band` its (low, high) ends, one pair a point, or empty. `step`: a staircase."""

    name: str
    kind: str
    points: tuple[tuple[float, float], ...]
    band: tuple[tuple[float, float], ...] = ()
    step: bool = False


@dataclass(frozen=True)
class Scale:
    """From data to chart units. On a logarithmic scale `low` is above 0."""

    low: float
    high: float
    log: bool
    start: float
    end: float

    def __call__(self, value: float) -> float:
        low, high, at = (self._place(x) for x in (self.low, self.high, value))
        return self.start + (self.end - self.start) * ((at - low) / (high - low) if high > low else 0.5)

    def ticks(self) -> list[float]:
        return _log_ticks(self.low, self.high) if self.log else _even_ticks(self.low, self.high)

    def _place(self, value: float) -> float:
        return math.log10(max(value, self.low)) if self.log else value


@dataclass(frozen=True)
class Bar:
    """Attempts `first` to `last`; `shares` of (class, share) from the bottom up."""

    first: float
    last: float
    shares: tuple[tuple[str, float], ...]


def lines(drawn: Sequence[Line], *, title: str, x: str, y: str, log: bool = False, share: bool = False) -> str:
    """A line chart; `log` scales x, `share` fixes y to 0 to 100 %."""
    xs = [px for line in drawn for px, _ in line.points]
    ys = [py for line in drawn for _, py in line.points] + [end for line in drawn for pair in line.band for end in pair]
    across = Scale(min(xs, default=1.0), max(xs, default=10.0), log, LEFT, WIDTH - RIGHT)
    top = 1.0 if share else max([*ys, 1e-12]) * 1.05
    low = 0.0 if share else min([*ys, 0.0])
    up = Scale(low, top, False, HEIGHT - BOTTOM, TOP)
    bands = "".join(_band(line, across, up) for line in drawn if line.band)
    curves = "".join(_curve(line, across, up) for line in drawn)
    return _chart(title, _axes(across, up, x, y, share=share) + bands + curves)


def bars(drawn: Sequence[Bar], *, title: str, x: str) -> str:
    """Stacked bars of shares over attempts."""
    across = Scale(drawn[0].first - 0.5, drawn[-1].last + 0.5, False, LEFT, WIDTH - RIGHT)
    up = Scale(0.0, 1.0, False, HEIGHT - BOTTOM, TOP)
    boxes = "".join(_stack(bar, across, up) for bar in drawn)
    return _chart(title, _axes(across, up, x, "", share=True) + boxes)


def _chart(title: str, inside: str) -> str:
    box = f'viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title, quote=True)}"'
    return f"<svg {box}><title>{escape(title)}</title>{inside}</svg>"


def _axes(across: Scale, up: Scale, x: str, y: str, *, share: bool) -> str:
    floor = HEIGHT - BOTTOM
    parts = []
    for tick in up.ticks():
        at = up(tick)
        label = f"{100 * tick:.0f} %" if share else _short(tick)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text class="tick" x="{LEFT - 5}" y="{at + 4:.1f}" text-anchor="end">{label}</text>')
    for tick in across.ticks():
        at = across(tick)
        parts.append(f'<line class="axis" x1="{at:.1f}" x2="{at:.1f}" y1="{floor}" y2="{floor + 4}"/>')
        parts.append(f'<text class="tick" x="{at:.1f}" y="{floor + 16}" text-anchor="middle">{_short(tick)}</text>')
    parts.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{floor}" y2="{floor}"/>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text class="name" x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">{escape(x)}</text>')
    if y:
        parts.append(f'<text class="name" x="{LEFT + 6}" y="{TOP + 12}">{escape(y)}</text>')
    return "".join(parts)


def _band(line: Line, across: Scale, up: Scale) -> str:
    highs = [(x, high) for (x, _), (_, high) in zip(line.points, line.band, strict=True)]
    lows = [(x, low) for (x, _), (low, _) in zip(line.points, line.band, strict=True)]
    outline = _corners(highs, step=line.step) + _corners(lows, step=line.step)[::-1]
    return f'<polygon class="band {line.kind}" points="{_path(outline, across, up)}"/>'


def _curve(line: Line, across: Scale, up: Scale) -> str:
    if len(line.points) == 1:
        x, y = line.points[0]
        return f'<circle class="dot {line.kind}" cx="{across(x):.1f}" cy="{up(y):.1f}" r="3"/>'
    corners = _corners(line.points, step=line.step)
    return f'<polyline class="line {line.kind}" points="{_path(corners, across, up)}"/>'


def _corners(points: Sequence[tuple[float, float]], *, step: bool) -> list[tuple[float, float]]:
    """The points, with the corners of a staircase between them: a level holds until the next point."""
    if not step:
        return list(points)
    between = [[(x, y), (later, y)] for (x, y), (later, _) in pairwise(points)]
    return [corner for pair in between for corner in pair] + list(points[-1:])


def _path(points: Sequence[tuple[float, float]], across: Scale, up: Scale) -> str:
    return " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in points)


def _stack(bar: Bar, across: Scale, up: Scale) -> str:
    left, right = across(bar.first - 0.5) + 0.5, across(bar.last + 0.5) - 0.5
    parts, floor = [], 0.0
    for kind, share in bar.shares:
        top, bottom = up(floor + share), up(floor)
        parts.append(
            f'<rect class="fill {kind}" x="{left:.1f}" y="{top:.1f}" width="{max(0.5, right - left):.1f}" '
            f'height="{bottom - top:.2f}"><title>{kind[2:]} {100 * share:.0f} %</title></rect>'
        )
        floor += share
    return "".join(parts)


def _log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten, with 2 and 5 between them where their labels have room side by side."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)

    def at(*steps: int) -> list[float]:
        return [step * 10.0**d for d in decades for step in steps if low * 0.999 <= step * 10.0**d <= high * 1.001]

    needed = sum(7 * len(_short(tick)) + 16 for tick in at(1, 2, 5))
    return at(1, 2, 5) if needed <= WIDTH - LEFT - RIGHT else at(1)


def _even_ticks(low: float, high: float) -> list[float]:
    """About five round numbers."""
    span = high - low or 1.0
    base = 10.0 ** math.floor(math.log10(span / 5))
    step = next(base * m for m in (1, 2, 5, 10) if span / (base * m) <= 5)
    first = math.ceil(low / step)
    return [round(i * step, 12) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def _short(value: float) -> str:
    for unit, name in ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= unit:
            return f"{value / unit:g}{name}" if value < 1000 * unit else f"{value:.0e}"
    return f"{value:g}"
