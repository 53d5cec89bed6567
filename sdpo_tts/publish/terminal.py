"""The report in a terminal: the curve in letters, and the tables that answer the question."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from textwrap import fill

from sdpo_tts.errors import visible
from sdpo_tts.report.analysis import Analysis, Point
from sdpo_tts.report.phrases import (
    UNITS,
    about,
    budget,
    cautions,
    finding,
    interval,
    more,
    more_interval,
    number,
    percent,
    scope,
    times,
)

ROWS = 12
LABEL = 8


def text(analysis: Analysis, width: int = 80) -> str:
    """Plain text; prose and curve are `width` columns wide, tables as wide as their cells."""
    findings = [finding(contrast, analysis) for contrast in analysis.contrasts if contrast.axis == "attempts"]
    parts = [_filled(told, width) for told in (scope(analysis), *findings, *cautions(analysis))]
    if analysis.levels:
        parts += [_curve(analysis, width), _levels(analysis), _waits(analysis)]
        parts += [_ratios(analysis)] if any(row.axis == "attempts" for row in analysis.ratios) else []
    parts.append(_table(analysis))
    return "\n\n".join(parts)


def _curve(analysis: Analysis, width: int) -> str:
    """Discovery against attempts, on a logarithmic axis; each method draws with its own letter."""
    points = [point for point in analysis.curves if point.axis == "attempts"]
    low, high = min(p.budget for p in points), max(p.budget for p in points)
    columns = width - LABEL
    cells = [[" "] * columns for _ in range(ROWS + 1)]
    letters = marks(analysis.methods)
    for method in reversed(analysis.methods):
        curve = [point for point in points if point.method == method]
        for column in range(columns):
            at = low * (high / low) ** (column / (columns - 1))
            if at <= curve[-1].budget * 1.0001:
                cells[ROWS - round(ROWS * _value(curve, at))][column] = letters[method]
    rows = [f"{_percentage(row):>{LABEL - 2}} ┤{''.join(line)}".rstrip() for row, line in enumerate(cells)]
    axis = f"{'':{LABEL}}{number(low)}{number(high):>{columns - len(number(low))}}"
    key = ", ".join(f"{letter} {method}" for method, letter in letters.items())
    return "\n".join([_filled(f"discovery@k over attempts (logarithmic): {key}", width), *rows, axis])


def _filled(told: str, width: int) -> str:
    return fill(visible(told), width, break_on_hyphens=False, break_long_words=False)


def marks(methods: Sequence[str]) -> dict[str, str]:
    """A letter for each method: the first one that is not taken, of what comes last in its name, or of all of it."""
    letters: dict[str, str] = {}
    for method in methods:
        own = [*method.rpartition("=")[2], *method, *string.ascii_letters, *string.digits]
        letters[method] = next(c for c in own if c.isalnum() and c not in letters.values())
    return letters


def _value(curve: Sequence[Point], at: float) -> float:
    return next((point.discovery for point in reversed(curve) if point.budget <= at * 1.0001), curve[0].discovery)


def _percentage(row: int) -> str:
    return f"{100 * (ROWS - row) / ROWS:.0f} %" if row % (ROWS // 4) == 0 else ""


def _levels(analysis: Analysis) -> str:
    rows = [
        (budget(row.budget, row.axis), row.method, percent(row.discovery), interval(row.low, row.high),
         interval(row.wide_low, row.wide_high))
        for row in analysis.levels
    ]  # fmt: skip
    level = f"{100 * analysis.level:.0f} %"
    return columns(("at equal", "method", "discovery", f"{level}, these problems", f"{level}, like these"), rows)


def _waits(analysis: Analysis) -> str:
    waits = [row for row in analysis.waits if row.axis == "attempts"]
    rows = [
        (row.method, about(row.mean, row.low, row.high), more(row.more, row.more_low, row.more_high),
         more_interval(row.wide_low, row.wide_high))
        for row in waits
    ]  # fmt: skip
    amount, than = f"attempts, {number(waits[0].budget)} at most", f"more than {analysis.methods[0]}"
    return columns(("method", amount, than, "on problems like these"), rows)


def _ratios(analysis: Analysis) -> str:
    rows = [
        (percent(row.share), row.method, number(row.budget), row.other, number(row.other_budget), times(row.ratio),
         f"{times(row.low)} to {times(row.high)}" if not math.isnan(row.low) else "n/a")
        for row in analysis.ratios if row.axis == "attempts"
    ]  # fmt: skip
    heads = ("to find", "method", UNITS["attempts"], "other", UNITS["attempts"], "ratio", "interval")
    return columns(heads, rows)


def _table(analysis: Analysis) -> str:
    rows = [
        (row.problem, row.method, f"{row.solved}/{row.runs}", percent(row.discovery), interval(row.low, row.high),
         number(row.mean_attempts), times(row.speedup))
        for row in analysis.table
    ]  # fmt: skip
    heads = ("problem", "method", "solved", "discovery", "interval", "mean attempts", "speed-up")
    return columns(heads, rows)


def columns(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Left-aligned columns as wide as their widest cell."""
    table = [tuple(map(visible, row)) for row in (heads, *rows)]
    widths = [max(len(row[i]) for row in table) for i in range(len(heads))]
    return "\n".join("  ".join(f"{c:<{w}}" for c, w in zip(row, widths, strict=True)).rstrip() for row in table)
