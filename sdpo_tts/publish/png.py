"""The discovery curves as a picture, for which matplotlib is needed (the `plots` extra)."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path

from sdpo_tts.errors import SetupError
from sdpo_tts.publish.charts import banded
from sdpo_tts.report.analysis import Analysis
from sdpo_tts.report.phrases import UNITS, scope

COLOURS = {"sdpo": "#0072b2", "grpo": "#8a4fbf", "multi-turn": "#00875f", "best-of-k": "#c75000"}
VARIANTS = ("#b3246e", "#7a6a00", "#00798c", "#6b4a3a", "#3d4db3", "#666666")
DASHES = {"sdpo": "-", "grpo": (0, (1, 1.5)), "multi-turn": (0, (4, 2)), "best-of-k": (0, (7, 2, 1.5, 2))}


def write_png(analysis: Analysis, path: Path) -> None:
    """One panel an axis, bands as on the page. Raises SetupError without matplotlib."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise SetupError("a picture needs matplotlib", hint="pip install 'sdpo-tts[plots]'") from None
    axes = list(dict.fromkeys(point.axis for point in analysis.curves))
    figure = Figure(figsize=(4.6 * max(1, len(axes)), 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    variants = cycle(VARIANTS)
    colours = {method: COLOURS.get(method) or next(variants) for method in analysis.methods}
    for i, axis in enumerate(axes):
        panel = figure.add_subplot(1, len(axes), i + 1)
        for method in analysis.methods:
            points = [point for point in analysis.curves if (point.axis, point.method) == (axis, method)]
            x, colour = [p.budget for p in points], colours[method]
            if method in banded(analysis.methods):
                lows, highs = [p.low for p in points], [p.high for p in points]
                panel.fill_between(x, lows, highs, step="post", alpha=0.15, color=colour)
            panel.step(x, [p.discovery for p in points], where="post", color=colour,
                       linestyle=DASHES.get(method, (0, (3, 1))))  # fmt: skip
        panel.set(xscale="log", ylim=(0, 1), xlabel=UNITS[axis], ylabel="discovery" if i == 0 else None)
        panel.grid(alpha=0.3)
    if axes:
        lines = figure.axes[0].get_lines()
        figure.legend(lines, analysis.methods, loc="outside lower center", ncols=min(4, len(lines)), fontsize=9)
    figure.suptitle(f"{scope(analysis)}; {100 * analysis.level:.0f} % bands", fontsize=10)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
