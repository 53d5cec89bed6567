"""An answer with each piece shaded by what its teacher thinks of it: red against, blue in favour.

The same shades in the terminal and on a page. Next to them stands what a reward alone would say: one number for all.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from string import Template
from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from sdpo_tts.errors import visible, visible_lines

if TYPE_CHECKING:
    from sdpo_tts.policy.learning.credit import Piece

FULL = 3.0  # nats at which a shade is at its deepest
STRONGEST = 8
DARK = 0.6  # depth from which black letters on a shade are hard to read
RED, BLUE = (220, 50, 47), (38, 110, 210)


@dataclass(frozen=True)
class Heat:
    """One attempt to draw. `advantage` is the one that GRPO gives to every token of it."""

    title: str
    pieces: Sequence[Piece]
    feedback: str
    advantage: float

    @property
    def strongest(self) -> list[Piece]:
        """Where teacher and student differ most, as far as they do."""
        ranked = sorted(self.pieces, key=lambda piece: -abs(piece.log_ratio))
        return [piece for piece in ranked[:STRONGEST] if abs(piece.log_ratio) > 0.1]


def shade(log_ratio: float, background: tuple[int, int, int]) -> tuple[int, int, int]:
    """RGB between the background and full red or blue."""
    depth = min(1.0, abs(log_ratio) / FULL)
    red, green, blue = (
        round(back + depth * (ink - back)) for back, ink in zip(background, BLUE if log_ratio > 0 else RED, strict=True)
    )
    return red, green, blue


def spelt(text: str) -> str:
    """A piece in one line, with what one cannot see spelt out."""
    return visible(text) or "(end)"


def reward_alone(advantage: float) -> str:
    return f"reward alone (GRPO) gives every token of this attempt the same advantage: {advantage:+.2f}"


def terminal(heat: Heat) -> Group:
    """For a Rich console."""
    body = Text()
    for piece in heat.pieces:
        red, green, blue = shade(piece.log_ratio, (24, 24, 24))
        body.append(visible_lines(piece.text), style=f"#f4f4f4 on rgb({red},{green},{blue})")
    table = Table("piece", "log(teacher/student)", "the teacher's choices", box=None, pad_edge=False)
    for piece in heat.strongest:
        choices = "  ".join(f"{spelt(text)} {share:.0%}" for text, share in piece.alternatives)
        table.add_row(Text(spelt(piece.text)), f"{piece.log_ratio:+.2f}", Text(choices))
    legend = Text("red: the teacher disagrees; blue: it reinforces", style="dim")
    return Group(Text(heat.title, style="bold"), legend, Text(""), body, Text(""), table, Text(""),
                 Text(reward_alone(heat.advantage), style="dim"), Text(""),
                 Text(visible_lines(heat.feedback)))  # fmt: skip


PAGE = Template("""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
:root { color-scheme: light dark; --page: #fff; --ink: #1a1a1a; --soft: #666; --red: 220 50 47; --blue: 38 110 210 }
@media (prefers-color-scheme: dark) { :root { --page: #181818; --ink: #eee; --soft: #aaa } }
body { background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; max-width: 60rem;
  margin: 2rem auto; padding: 0 1rem }
pre { font: 14px/1.6 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere }
pre span { border-radius: 2px } .soft { color: var(--soft) }
table { border-collapse: collapse } td, th { text-align: left; padding: .2rem 1rem .2rem 0; vertical-align: top }
td { font-family: ui-monospace, monospace; font-size: 14px }
.scroll { overflow-x: auto }
</style>
<h1>$title</h1>
<p class="soft"><span style="background: rgb(var(--red) / .7)">&nbsp;red&nbsp;</span> the teacher disagrees,
<span style="background: rgb(var(--blue) / .7)">&nbsp;blue&nbsp;</span> it reinforces; hover for the numbers.</p>
<pre>$body</pre>
<h2>Where they differ most</h2>
<div class="scroll"><table><tr><th>piece<th>log(teacher&#8203;/student)<th>the teacher's choices</tr>
$rows</table></div>
<p class="soft">$reward</p>
<h2>The feedback that the teacher read</h2>
<pre>$feedback</pre>
</html>
""")


def page(heat: Heat) -> str:
    """A self-contained HTML page."""
    return PAGE.substitute(
        title=html.escape(heat.title),
        body="".join(_span(piece) for piece in heat.pieces),
        rows="\n".join(_row(piece) for piece in heat.strongest),
        reward=html.escape(reward_alone(heat.advantage)),
        feedback=html.escape(heat.feedback),
    )


def _choices(piece: Piece) -> str:
    return ", ".join(f"{spelt(text)} {share:.0%}" for text, share in piece.alternatives)


def _span(piece: Piece) -> str:
    depth = min(1.0, abs(piece.log_ratio) / FULL)
    ink = "blue" if piece.log_ratio > 0 else "red"
    told = html.escape(f"{piece.log_ratio:+.2f}; {_choices(piece)}", quote=True)
    readable = "; color: #fff" if depth > DARK else ""
    style = f"background: rgb(var(--{ink}) / {depth:.2f}){readable}"
    return f'<span style="{style}" title="{told}">{html.escape(piece.text)}</span>'


def _row(piece: Piece) -> str:
    cells = (spelt(piece.text), f"{piece.log_ratio:+.2f}", _choices(piece))
    return "<tr>" + "".join(f"<td>{html.escape(cell)}" for cell in cells) + "</tr>"
