"""The discovery curves as a picture: the charts of the page, rendered by resvg (the `plots` extra)."""

from __future__ import annotations

import re
from pathlib import Path

from sdpo_tts.errors import SetupError
from sdpo_tts.publish import charts, svg
from sdpo_tts.publish.templates import text
from sdpo_tts.record import write_with
from sdpo_tts.report.analysis import Analysis
from sdpo_tts.report.phrases import scope

ZOOM = 2.0  # pixels per unit: sharp on screens with two pixels per unit
LETTER = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text y="9" {}>{}</text></svg>'
FONT = 'font-family="sans-serif"'


def write_png(analysis: Analysis, path: Path) -> None:
    """Raises SetupError without resvg, or without a font on this machine."""
    try:
        from resvg_py import svg_to_bytes
    except ImportError:
        raise SetupError("a picture needs resvg", hint="pip install 'sdpo-tts[plots]'") from None
    blank, letter = (svg_to_bytes(svg_string=LETTER.format(FONT, told)) for told in ("", "a"))
    if blank == letter:
        raise SetupError("no font for the words of a picture", hint="apt-get install fonts-dejavu-core")
    drawn = svg_to_bytes(svg_string=picture(analysis), zoom=ZOOM)
    write_with(path, lambda file: file.write(drawn), wait=False)


def picture(analysis: Analysis) -> str:
    """The discovery charts side by side, as SVG with its own style."""
    panels = [chart.drawing for chart in charts.discovery(analysis)]
    title = f"Discovery: {scope(analysis)}; bars: {100 * analysis.level:g} % intervals"
    return str(svg.sheet(panels, title, style()))


def style() -> str:
    """The charts' style in the page's light colours, because a picture cannot look up CSS variables."""
    light = text("style.css").partition("}")[0]
    colours = dict(re.findall(r"(--[\w-]+): (#\w+);", light))
    return re.sub(r"var\((--[\w-]+)\)", lambda found: colours[found[1]], text("charts.css"))
