"""Curves from block characters: a step curve of a few rows, and a sparkline of one."""

from __future__ import annotations

from collections.abc import Sequence

EIGHTHS = " ▁▂▃▄▅▆▇█"


def columns(values: Sequence[float], width: int) -> list[float]:
    """`values` stretched or thinned to `width` columns; a column shows the last value that falls into it."""
    return [values[-(-(column + 1) * len(values) // width) - 1] for column in range(width)] if values else []


def step_curve(shares: Sequence[float], width: int, rows: int) -> list[str]:
    """Lines, top first, of the filled curve of shares in [0, 1]. Anything above 0 shows at least a sliver."""
    heights = [max(round(share * rows * 8), int(share > 0)) for share in columns(shares, width)]
    levels = range(8 * (rows - 1), -1, -8)
    return ["".join(EIGHTHS[min(8, max(0, height - level))] for height in heights) for level in levels]


def sparkline(values: Sequence[float], width: int) -> str:
    """The last `width` values, scaled between their minimum and maximum; empty if there are no two to compare."""
    recent = values[-width:] if width > 0 else ()
    if len(recent) < 2:
        return ""
    low, high = min(recent), max(recent)
    span = (high - low) or 1.0
    return "".join(EIGHTHS[1 + round(7 * (value - low) / span)] for value in recent)
