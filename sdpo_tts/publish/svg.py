"""Charts as SVG: lines with their names beside them, and stacked bars. Colours are classes of charts.css.

The page contains them inline, a picture side by side. They are drawn small (420 units wide), so that labels stay
readable where a phone shows the chart at two thirds of that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from sdpo_tts.publish.scale import LETTER, Scale, round_ends, short

WIDTH, HEIGHT = 420, 280
LEFT, RIGHT, TOP, BOTTOM = 50, 14, 32, 46
SOLID = "m-sdpo"  # the one line without dashes: drawn first, so that it does not hide others on the same path
LABEL = 15  # height of a label in units
BAR, GAP = 8, 7  # width of an interval's bar, and the space on both sides of all of them


@dataclass(frozen=True)
class Line:
    """`kind` is the class; `step`: a staircase. `interval` belongs to the last point, and is drawn as a bar beside the
    chart. `told` is the label at the line's end."""

    kind: str
    points: tuple[tuple[float, float], ...]
    told: str = ""
    interval: tuple[float, float] | None = None
    step: bool = False


@dataclass(frozen=True)
class Bar:
    """Attempts `first` to `last`; `shares` of (class, name, share) from the bottom up."""

    first: float
    last: float
    shares: tuple[tuple[str, str, float], ...]


@dataclass(frozen=True)
class Frame:
    """Where the data go: both scales, and the right edge of the plot."""

    across: Scale
    up: Scale
    right: float


def lines(drawn: Sequence[Line], *, title: str, x: str, y: str, log: bool = False, share: bool = False) -> Markup:
    """A line chart, its y axis fitted to the data; `log` scales x, `share` makes y per cent from 0."""
    xs = [px for line in drawn for px, _ in line.points]
    ys = [py for line in drawn for _, py in line.points] + [end for line in drawn for end in line.interval or ()]
    bars = sum(line.interval is not None for line in drawn)
    right = WIDTH - _margin(drawn, bars)
    frame = Frame(
        Scale(min(xs, default=1.0), max(xs, default=10.0), log, LEFT, right),
        Scale(*round_ends(ys, share=share), log=False, start=HEIGHT - BOTTOM, end=TOP),
        right,
    )
    curves = [_curve(line, frame) for line in sorted(drawn, key=lambda line: line.kind != SOLID)]
    beside = [*_intervals(drawn, frame), *_labels(drawn, frame, right + _strip(bars))]
    return _chart(title, [*_axes(frame, x, y, share=share), *curves, *beside])


def stacks(drawn: Sequence[Bar], *, title: str, x: str) -> Markup:
    """Stacked bars of shares over attempts."""
    across = Scale(drawn[0].first - 0.5, drawn[-1].last + 0.5, False, LEFT, WIDTH - RIGHT)
    frame = Frame(across, Scale(0.0, 1.0, False, HEIGHT - BOTTOM, TOP), WIDTH - RIGHT)
    boxes = [box for bar in drawn for box in _stack(bar, frame)]
    return _chart(title, [*_axes(frame, x, "share of the attempts", share=True), *boxes])


def sheet(charts: Sequence[Markup], title: str, style: str, columns: int = 2) -> Markup:
    """Charts side by side as one picture with its own style."""
    columns = min(columns, max(1, len(charts)))
    head, rows = 30, -(-len(charts) // columns)
    width, height = columns * WIDTH, head + rows * HEIGHT
    form = Markup('<g transform="translate({} {})">{}</g>')
    placed = Markup("").join(
        form.format(i % columns * WIDTH, head + i // columns * HEIGHT, chart) for i, chart in enumerate(charts)
    )
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="{1}" viewBox="0 0 {0} {1}"><style>{2}</style>'
        '<rect class="paper" width="{0}" height="{1}"/><text class="name" x="{3}" y="20">{4}</text>{5}</svg>'
    ).format(width, height, Markup(style), LEFT, title, placed)


def _margin(drawn: Sequence[Line], bars: int) -> float:
    longest = max((len(line.told) for line in drawn), default=0)
    return RIGHT + _strip(bars) + LETTER * longest


def _strip(bars: int) -> float:
    return BAR * bars + 2 * GAP if bars else GAP


def _chart(title: str, parts: Sequence[Markup]) -> Markup:
    return Markup(
        '<svg viewBox="0 0 {} {}" width="{}" height="{}" role="img" aria-label="{}"><title>{}</title>{}</svg>'
    ).format(WIDTH, HEIGHT, WIDTH, HEIGHT, title, title, Markup("").join(parts))


def _axes(frame: Frame, x: str, y: str, *, share: bool) -> list[Markup]:
    floor, right = HEIGHT - BOTTOM, frame.right
    parts = []
    for tick in frame.up.ticks():
        at = frame.up(tick)
        label = f"{100 * tick:.3g} %" if share else short(tick)
        parts.append(Markup(f'<line class="grid" x1="{LEFT}" x2="{right:.1f}" y1="{at:.1f}" y2="{at:.1f}"/>'))
        parts.append(_text("tick", LEFT - 7, at + 4, label, "end"))
    for tick in frame.across.ticks():
        at = frame.across(tick)
        parts.append(Markup(f'<line class="axis" x1="{at:.1f}" x2="{at:.1f}" y1="{floor}" y2="{floor + 4}"/>'))
        parts.append(_text("tick", at, floor + 17, short(tick), "middle"))
    parts.append(Markup(f'<line class="axis" x1="{LEFT}" x2="{right:.1f}" y1="{floor}" y2="{floor}"/>'))
    parts.append(_text("name", (LEFT + right) / 2, HEIGHT - 8, x, "middle"))
    return [*parts, _text("name", 8, 18, y)] if y else parts


def _text(kind: str, x: float, y: float, told: str, anchor: str = "start") -> Markup:
    form = Markup('<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>')
    return form.format(kind, x, y, anchor, told)


def _curve(line: Line, frame: Frame) -> Markup:
    if len(line.points) == 1:
        x, y = line.points[0]
        return Markup(f'<circle class="dot {line.kind}" cx="{frame.across(x):.1f}" cy="{frame.up(y):.1f}" r="3"/>')
    corners = _corners(line.points, step=line.step)
    path = " ".join(f"{frame.across(x):.1f},{frame.up(y):.1f}" for x, y in corners)
    return Markup(f'<polyline class="line {line.kind}" points="{path}"/>')


def _corners(points: Sequence[tuple[float, float]], *, step: bool) -> list[tuple[float, float]]:
    """The points, with the corners of a staircase between them: a level holds until the next point."""
    if not step:
        return list(points)
    between = [[(x, y), (later, y)] for (x, y), (later, _) in pairwise(points)]
    return [corner for pair in between for corner in pair] + list(points[-1:])


def _intervals(drawn: Sequence[Line], frame: Frame) -> list[Markup]:
    """Side by side to the right of the plot, so that none hides another."""
    parts = []
    for i, line in enumerate(line for line in drawn if line.interval):
        at = frame.right + GAP + BAR * (i + 0.5)
        low, high = (frame.up(end) for end in line.interval or ())
        value = frame.up(line.points[-1][1])
        parts.append(Markup(
            f'<line class="interval {line.kind}" x1="{at:.1f}" x2="{at:.1f}" y1="{low:.1f}" y2="{high:.1f}"/>'
            f'<circle class="dot {line.kind}" cx="{at:.1f}" cy="{value:.1f}" r="2.5"/>'
        ))  # fmt: skip
    return parts


def _labels(drawn: Sequence[Line], frame: Frame, left: float) -> list[Markup]:
    """The label of each line, level with its end as far as the others leave room."""
    told = [line for line in drawn if line.told]
    ends = [frame.up(line.points[-1][1]) for line in told]
    parts = []
    for line, end, y in zip(told, ends, spread(ends, TOP, HEIGHT - BOTTOM, LABEL), strict=True):
        last, right = frame.across(line.points[-1][0]), frame.right
        if right - last > GAP:
            leader = f'x1="{last:.1f}" x2="{right:.1f}" y1="{end:.1f}" y2="{end:.1f}"'
            parts.append(Markup(f'<line class="leader {line.kind}" {leader}/>'))
        parts.append(_text(f"label {line.kind}", left, y + 4, line.told))
    return parts


def spread(wanted: Sequence[float], low: float, high: float, gap: float) -> list[float]:
    """Positions as close as possible to those wanted, `gap` apart and between `low` and `high` if they all fit
    there."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    gap = min(gap, (high - low) / max(1, len(order) - 1))
    placed: dict[int, float] = {}
    floor = low
    for i in order:
        placed[i] = floor = max(wanted[i], floor)
        floor += gap
    ceiling = high
    for i in reversed(order):
        placed[i] = min(placed[i], ceiling)
        ceiling = placed[i] - gap
    return [placed[i] for i in range(len(wanted))]


def _stack(bar: Bar, frame: Frame) -> list[Markup]:
    left, right = frame.across(bar.first - 0.5) + 0.5, frame.across(bar.last + 0.5) - 0.5
    parts, floor = [], 0.0
    form = Markup('<rect class="fill {}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.2f}"><title>{}</title></rect>')
    for kind, name, share in bar.shares:
        top, bottom = frame.up(floor + share), frame.up(floor)
        hint = f"{name}: {100 * share:.0f} %"
        parts.append(form.format(kind, left, top, max(0.5, right - left), bottom - top, hint))
        floor += share
    return parts
