"""The report as one HTML file: no script, no other files, light and dark, readable on a phone."""

from __future__ import annotations

from sdpo_tts.publish import charts, tables
from sdpo_tts.publish.templates import render
from sdpo_tts.report.analysis import Analysis
from sdpo_tts.report.phrases import UNITS, cautions, known, number, scope, unknown, unsolved


def page(analysis: Analysis, title: str = "Discovery report") -> str:
    """A whole HTML document."""
    return render(
        "report.html.j2",
        title=title,
        analysis=analysis,
        models=", ".join(dict.fromkeys(f"{run.model} on {run.device}" for run in analysis.runs)),
        scope=scope(analysis),
        level=f"{100 * analysis.level:g} %",
        known=known(analysis),
        unknown=unknown(analysis),
        cautions=cautions(analysis),
        unsolved=unsolved(analysis),
        charts=charts,
        tables=tables,
        units=UNITS,
        number=number,
    )
