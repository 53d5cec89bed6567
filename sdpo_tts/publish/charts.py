"""The charts of the page: which rows of the analysis are drawn, and how."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby

from sdpo_tts.publish import svg
from sdpo_tts.report.analysis import Analysis
from sdpo_tts.report.phrases import UNITS
from sdpo_tts.report.run import ORDER
from sdpo_tts.stats import Axis

VERDICTS = ("AC", "WA", "RE", "TLE", "MLE", "OLE", "CE", "NC", "CA", "JE")
FIGURES = {
    "loss": "loss (nats a token)",
    "kl": "KL student to teacher (nats a token)",
    "entropy": "entropy (nats a token)",
    "grad_norm": "gradient norm before clipping",
    "gap_mean": "sampler against learner: mean gap (nats)",
    "gap_max": "sampler against learner: greatest gap (nats)",
}


VARIANTS, MOST_BANDS = 6, 4


def kinds(methods: Sequence[str]) -> dict[str, str]:
    """The class of each: a method's own, or the next one for a method with settings of its own."""
    variants = [method for method in methods if method not in ORDER]
    return {m: f"m-{m}" if m in ORDER else f"m-variant-{variants.index(m) % VARIANTS + 1}" for m in methods}


def figure(chart: str, caption: str) -> str:
    return f"<figure>{chart}<figcaption>{escape(caption)}</figcaption></figure>"


def group(charts: Sequence[str], size: str = "") -> str:
    return f'<div class="charts {size}">{"".join(charts)}</div>'


def key(methods: Sequence[str]) -> str:
    """Line and name of each method: told apart by dashes as well as by colour."""
    line = '<svg viewBox="0 0 28 10" aria-hidden="true"><path class="line {}" d="M0 5H28"/></svg>'
    items = (f"<li>{line.format(kind)}{escape(method)}</li>" for method, kind in kinds(methods).items())
    return f'<ul class="key">{"".join(items)}</ul>'


def banded(methods: Sequence[str]) -> Sequence[str]:
    """Those whose bands are drawn: many bands one upon the other show none."""
    return methods if len(methods) <= MOST_BANDS else methods[:1]


def discovery(analysis: Analysis) -> Iterator[str]:
    """One chart an axis, budgets on a logarithmic scale: the paper's figure 13 for these runs."""
    for axis in dict.fromkeys(point.axis for point in analysis.curves):
        chart = svg.lines(
            [_curve(analysis, axis, method) for method in analysis.methods],
            title=f"Mean discovery against {UNITS[axis]}", x=UNITS[axis], y="discovery", log=True, share=True,
        )  # fmt: skip
        yield figure(chart, f"Discovery against {UNITS[axis]}.")


def _curve(analysis: Analysis, axis: Axis, method: str) -> svg.Line:
    points = [point for point in analysis.curves if (point.axis, point.method) == (axis, method)]
    return svg.Line(
        method,
        kinds(analysis.methods)[method],
        tuple((point.budget, point.discovery) for point in points),
        tuple((point.low, point.high) for point in points) if method in banded(analysis.methods) else (),
        step=True,
    )


def verdict_mix(analysis: Analysis) -> Iterator[str]:
    for method in analysis.methods:
        rows = [row for row in analysis.mix if row.method == method]
        if not rows:
            continue
        spans = groupby(rows, key=lambda row: (row.first, row.last))
        drawn = [svg.Bar(*span, _stack({row.verdict: row.share for row in rows})) for span, rows in spans]
        yield figure(svg.bars(drawn, title=f"Verdicts of {method} over its attempts", x="attempt"), method)


def _stack(shares: dict[str, float]) -> tuple[tuple[str, float], ...]:
    return tuple((f"v-{verdict}", shares[verdict]) for verdict in VERDICTS if verdict in shares)


def verdict_key(analysis: Analysis) -> str:
    seen = {row.verdict for row in analysis.mix}
    box = '<svg viewBox="0 0 28 10" aria-hidden="true"><rect class="fill v-{0}" width="28" height="10"/></svg>{0}'
    return f'<ul class="key">{"".join(f"<li>{box.format(v)}</li>" for v in VERDICTS if v in seen)}</ul>'


def lengths(analysis: Analysis) -> str:
    drawn = []
    for method, kind in kinds(analysis.methods).items():
        rows = [row for row in analysis.lengths if row.method == method]
        drawn.append(svg.Line(method, kind, tuple(((row.first + row.last) / 2, row.mean) for row in rows)))
    chart = svg.lines(
        [line for line in drawn if line.points], title="Mean length of answers over attempts", x="attempt", y="tokens"
    )
    return figure(chart, "Mean tokens of an answer. To the right fewer runs are left: solved ones have ended.")


def learning(analysis: Analysis) -> Iterator[str]:
    for name, caption in FIGURES.items():
        drawn = []
        for method, kind in kinds(analysis.methods).items():
            rows = [row for row in analysis.steps if (row.method, row.figure) == (method, name)]
            drawn.append(svg.Line(method, kind, tuple((row.step + 1, row.mean) for row in rows)))
        drawn = [line for line in drawn if line.points]
        if drawn:
            yield figure(svg.lines(drawn, title=caption, x="step", y=""), caption)
