"""The report in a terminal: the curve drawn with letters, and the main tables."""

from __future__ import annotations

import string
from collections.abc import Sequence
from textwrap import fill

from sdpo_tts.errors import visible
from sdpo_tts.publish.scale import round_ends
from sdpo_tts.report.analysis import Analysis, Point
from sdpo_tts.report.phrases import (
    NOTHING,
    UNITS,
    against_base,
    attempts,
    budget,
    cautions,
    interval,
    known,
    more,
    more_interval,
    number,
    percent,
    ratio,
    ratio_interval,
    scope,
    unknown,
    unsolved,
    wait,
)

ROWS = 12
LABEL = 8


def text(analysis: Analysis, width: int = 80) -> str:
    """Plain text; prose and curve are `width` columns wide, tables as wide as their cells."""
    told = (scope(analysis), *known(analysis), *unknown(analysis), *cautions(analysis))
    parts = [_filled(one, width) for one in told]
    if analysis.levels:
        parts += [_curve(analysis, width), _levels(analysis)]
        parts += [_waits(analysis)] if any(wait(row) != "never" for row in analysis.waits) else []
        parts += [_ratios(analysis)] if any(row.axis == "attempts" for row in analysis.ratios) else []
    parts += [_table(analysis)] if any(row.solved for row in analysis.table) else []
    if nobody := unsolved(analysis):
        parts.append(_filled(f"Solved by no method: {', '.join(nobody)}.", width))
    return "\n\n".join(parts)


def _curve(analysis: Analysis, width: int) -> str:
    """Discovery against attempts, on a logarithmic axis; each method draws with its own letter."""
    curves = {method: analysis.shown("attempts", method) for method in analysis.methods}
    points = [point for curve in curves.values() for point in curve]
    low, high = min(p.budget for p in points), max(p.budget for p in points)
    top = round_ends([point.discovery for point in points if point.discovery] or [1.0], share=True)[1]
    columns = width - LABEL
    cells = [[" "] * columns for _ in range(ROWS + 1)]
    letters = marks(analysis.methods)
    for method, curve in reversed(curves.items()):
        for column in range(columns):
            at = low * (high / low) ** (column / (columns - 1))
            cells[ROWS - round(ROWS * _value(curve, at) / top)][column] = letters[method]
    rows = [f"{_percentage(row, top):>{LABEL - 2}} ┤{''.join(line)}".rstrip() for row, line in enumerate(cells)]
    axis = f"{'':{LABEL}}{number(low)}{number(high):>{columns - len(number(low))}}"
    key = ", ".join(f"{letter} {method}" for method, letter in letters.items())
    return "\n".join([_filled(f"discovery@k over attempts (logarithmic): {key}", width), *rows, axis])


def _filled(told: str, width: int) -> str:
    return fill(visible(told), width, break_on_hyphens=False, break_long_words=False)


def marks(methods: Sequence[str]) -> dict[str, str]:
    """A letter for each method: the first free one in the last part of its name, or in all of it."""
    letters: dict[str, str] = {}
    for method in methods:
        own = [*method.rpartition("=")[2], *method, *string.ascii_letters, *string.digits]
        letters[method] = next(c for c in own if c.isalnum() and c not in letters.values())
    return letters


def _value(curve: Sequence[Point], at: float) -> float:
    return next((point.discovery for point in reversed(curve) if point.budget <= at * 1.0001), curve[0].discovery)


def _percentage(row: int, top: float) -> str:
    return f"{100 * top * (ROWS - row) / ROWS:.3g} %" if row % (ROWS // 4) == 0 else ""


def _levels(analysis: Analysis) -> str:
    rows = [
        (budget(row.budget, row.axis), row.method, percent(row.discovery), interval(row.low, row.high),
         interval(row.wide_low, row.wide_high))
        for row in analysis.levels
    ]  # fmt: skip
    level = f"{100 * analysis.level:g} %"
    return columns(("at equal", "method", "discovery", f"{level}, these problems", f"{level}, like these"), rows)


def _waits(analysis: Analysis) -> str:
    waits = [row for row in analysis.waits if row.axis == "attempts"]
    rows = [
        (row.method, wait(row), more(row.more, row.more_low, row.more_high), more_interval(row.wide_low, row.wide_high))
        for row in waits
    ]
    amount, than = f"attempts, {number(waits[0].budget)} at most", f"more than {analysis.methods[0]}"
    return columns(("method", amount, than, "on problems like these"), rows)


def _ratios(analysis: Analysis) -> str:
    rows = [
        (percent(row.share), row.method, number(row.budget), row.other, number(row.other_budget), ratio(row),
         ratio_interval(row))
        for row in analysis.ratios if row.axis == "attempts"
    ]  # fmt: skip
    heads = ("to find", "method", UNITS["attempts"], "other", UNITS["attempts"], "ratio", "interval")
    return columns(heads, rows)


def _table(analysis: Analysis) -> str:
    """Without the problems that no method solved."""
    nobody = set(unsolved(analysis))
    rows = [
        (row.problem, row.method, f"{row.solved}/{row.runs}", percent(row.discovery), interval(row.low, row.high),
         attempts(row), against_base(row))
        for row in analysis.table if row.problem not in nobody
    ]  # fmt: skip
    heads = ("problem", "method", "solved", "discovery", "interval", "mean attempts", "speed-up")
    return columns(heads, rows)


def columns(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Left-aligned columns as wide as their widest cell, without empty columns."""
    told = [i for i in range(len(heads)) if any(row[i] not in ("", NOTHING) for row in rows)]
    table = [tuple(visible(row[i]) for i in told) for row in (heads, *rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join("  ".join(f"{c:<{w}}" for c, w in zip(row, widths, strict=True)).rstrip() for row in table)
