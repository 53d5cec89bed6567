"""The charts of the page and of the picture: which rows of the analysis to draw, and how."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup

from sdpo_tts.publish import svg
from sdpo_tts.report.analysis import Analysis
from sdpo_tts.report.phrases import UNITS, budget
from sdpo_tts.report.run import ORDER
from sdpo_tts.stats import Axis

VERDICTS = {
    "AC": "accepted", "WA": "wrong answer", "RE": "runtime error", "TLE": "time limit exceeded",
    "MLE": "memory limit exceeded", "OLE": "output limit exceeded", "CE": "compile error",
    "NC": "no code in the answer", "CA": "cancelled", "JE": "judge error",
}  # fmt: skip
FIGURES = {
    "loss": "loss (nats per token)",
    "kl": "KL from student to teacher (nats per token)",
    "entropy": "entropy (nats per token)",
    "grad_norm": "gradient norm before clipping",
    "gap_mean": "mean gap between sampler and learner (nats)",
    "gap_max": "largest gap between sampler and learner (nats)",
}
VARIANTS, MOST_LETTERS = 6, 18


@dataclass(frozen=True)
class Chart:
    """A drawing and the text below it."""

    drawing: Markup
    caption: str


def kinds(methods: Sequence[str]) -> dict[str, str]:
    """The class of each: a method's own, or the next free one for a variant."""
    variants = [method for method in methods if method not in ORDER]
    return {m: f"m-{m}" if m in ORDER else f"m-variant-{variants.index(m) % VARIANTS + 1}" for m in methods}


def names(methods: Sequence[str]) -> dict[str, str]:
    """As short as possible beside a line: for variants of one method, only their settings, cut if they are long."""
    settings = {method: method.partition(":")[2] for method in methods}
    told = list(settings.values())
    return {method: _cut(own if own and told.count(own) == 1 else method) for method, own in settings.items()}


def _cut(name: str) -> str:
    return name if len(name) <= MOST_LETTERS else f"{name[: MOST_LETTERS - 1]}…"


def discovery(analysis: Analysis) -> Iterator[Chart]:
    """One chart per axis, budgets on a logarithmic scale: the paper's figure 13 for these runs."""
    for axis in dict.fromkeys(row.axis for row in analysis.levels):
        end = budget(next(row.budget for row in analysis.levels if row.axis == axis), axis)
        chart = svg.lines(
            [_curve(analysis, axis, method) for method in analysis.methods],
            title=f"Mean discovery against {UNITS[axis]}, up to {end}", x=UNITS[axis], y="discovery", log=True,
            share=True,
        )  # fmt: skip
        yield Chart(chart, f"Against {UNITS[axis]}, up to the {end} that every method was given.")


def _curve(analysis: Analysis, axis: Axis, method: str) -> svg.Line:
    points = analysis.shown(axis, method)
    last = points[-1]
    return svg.Line(
        kinds(analysis.methods)[method],
        tuple((point.budget, point.discovery) for point in points),
        told=f"{names(analysis.methods)[method]} {_percent(last.discovery)}",
        interval=(last.low, last.high),
        step=True,
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share == 0 or share >= 0.0995 else f"{100 * share:.1f} %"


def verdict_mix(analysis: Analysis) -> Iterator[Chart]:
    for method in analysis.methods:
        rows = [row for row in analysis.mix if row.method == method]
        if not rows:
            continue
        spans = groupby(rows, key=lambda row: (row.first, row.last))
        drawn = [svg.Bar(*span, _stack({row.verdict: row.share for row in rows})) for span, rows in spans]
        yield Chart(svg.stacks(drawn, title=f"Verdicts of {method} over its attempts", x="attempt"), method)


def _stack(shares: dict[str, float]) -> tuple[tuple[str, str, float], ...]:
    return tuple((f"v-{verdict}", name, shares[verdict]) for verdict, name in VERDICTS.items() if verdict in shares)


def verdict_key(analysis: Analysis) -> list[tuple[str, str]]:
    """Class and name of each verdict that occurs."""
    seen = {row.verdict for row in analysis.mix}
    return [(f"v-{verdict}", name) for verdict, name in VERDICTS.items() if verdict in seen]


def lengths(analysis: Analysis) -> Chart:
    rows = [(row.method, (row.first + row.last) / 2, row.mean) for row in analysis.lengths]
    chart = svg.lines(_lines(analysis, rows), title="Mean length of answers over attempts", x="attempt", y="tokens")
    return Chart(chart, "Mean tokens per answer. Toward the right there are fewer runs: solved ones have ended.")


def learning(analysis: Analysis) -> Iterator[Chart]:
    for name, caption in FIGURES.items():
        rows = [(row.method, row.step + 1, row.mean) for row in analysis.steps if row.figure == name]
        if rows:
            yield Chart(svg.lines(_lines(analysis, rows), title=caption, x="step", y=""), caption)


def _lines(analysis: Analysis, rows: Sequence[tuple[str, float, float]]) -> list[svg.Line]:
    """A chart of (method, x, y) values, with each method's name beside its line."""
    short = names(analysis.methods)
    drawn = []
    for method, kind in kinds(analysis.methods).items():
        if points := tuple((x, y) for other, x, y in rows if other == method):
            drawn.append(svg.Line(kind, points, told=short[method]))
    return drawn
