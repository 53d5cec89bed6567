"""An answer with each piece shaded by its teacher's opinion: red against, blue in favour.

The same shades in the terminal and on a page. Both probabilities are beside the deepest shades, and below the answer is
what a reward alone would say: one number for all tokens.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from sdpo_tts.errors import visible, visible_lines

if TYPE_CHECKING:
    from sdpo_tts.policy.learning.credit import Piece

FULL = 3.0  # nats at which a shade is deepest
STRONGEST = 8
DIFFERENT, VERY_DIFFERENT = 0.1, 1.0  # nats from which spaces become visible, and from which probabilities are printed
DARK = 0.6  # depth from which black letters on a shade are hard to read
RED, BLUE = (220, 50, 47), (38, 110, 210)
BLANKS = {" ": "·", "\t": "→", "\n": "↵\n"}
END = "(end)"


@dataclass(frozen=True)
class Heat:
    """One attempt to draw. `advantage` is what GRPO gives to each of its tokens. The `thought` before it, of
    `thought_tokens` tokens, is folded away."""

    title: str
    pieces: Sequence[Piece]
    feedback: str
    advantage: float
    thought: str = ""
    thought_tokens: int = 0

    @property
    def folded(self) -> str:
        """The text in place of the thought; empty if there is none."""
        return f"a thought of {self.thought_tokens} tokens" if self.thought else ""

    @property
    def strongest(self) -> list[Piece]:
        """Where teacher and student differ most, if they differ enough."""
        ranked = sorted(self.pieces, key=lambda piece: -abs(piece.log_ratio))
        return [piece for piece in ranked[:STRONGEST] if differs(piece)]


def differs(piece: Piece) -> bool:
    return abs(piece.log_ratio) > DIFFERENT


def shade(log_ratio: float, background: tuple[int, int, int]) -> tuple[int, int, int]:
    """RGB between the background and full red or blue."""
    depth = min(1.0, abs(log_ratio) / FULL)
    red, green, blue = (
        round(back + depth * (ink - back)) for back, ink in zip(background, BLUE if log_ratio > 0 else RED, strict=True)
    )
    return red, green, blue


def spelt(text: str) -> str:
    """A piece on one line, with invisible characters spelt out."""
    return visible(text).replace(" ", BLANKS[" "]) or END


def probability(logp: float) -> str:
    """In per cent: 61 %, 2.5 %, under 0.1 %."""
    share = 100 * math.exp(logp)
    return "under 0.1 %" if share < 0.1 else f"{share:.0f} %" if share >= 9.95 else f"{share:.1f} %"


def change(piece: Piece) -> str:
    """The student's probability and the teacher's, if they are far apart; otherwise empty."""
    if abs(piece.log_ratio) < VERY_DIFFERENT:
        return ""
    return f"{probability(piece.student_logp)} → {probability(piece.teacher_logp)}"


def parts(piece: Piece) -> tuple[list[str], list[str]]:
    """Its text, split at spaces if they are to be visible, followed by the line ends with which it closes."""
    if not differs(piece):
        return [piece.text], []
    split = [part for part in re.split(r"([ \t\n])", piece.text) if part] or [END]
    closing = len(list(takewhile(lambda part: part == "\n", reversed(split))))
    return split[: len(split) - closing], split[len(split) - closing :]


def reward_alone(advantage: float) -> str:
    return f"Reward alone (GRPO) gives every token of this attempt the same advantage: {advantage:+.2f}"


def terminal(heat: Heat, *, whole: bool = False) -> Group:
    """For a Rich console; `whole`: with the thought."""
    heads = ("piece", "student", "teacher", "log(teacher/student)", "the teacher's choices")
    table = Table(*heads, box=None, pad_edge=False)
    for piece in heat.strongest:
        choices = "  ".join(_likely(piece))
        chances = probability(piece.student_logp), probability(piece.teacher_logp)
        table.add_row(Text(spelt(piece.text)), *chances, f"{piece.log_ratio:+.2f}", Text(choices))
    legend = Text(
        "red: the teacher disagrees; blue: it reinforces; behind a line, if they are far apart: the student's "
        "probability → the teacher's; on shades, · is a space and ↵ a line end", style="dim",
    )  # fmt: skip
    told = visible_lines(heat.thought.strip()) if whole else f"({heat.folded})"
    thought = [Text(told, style="dim"), Text("")] if heat.folded else []
    return Group(Text(heat.title, style="bold"), legend, Text(""), *thought, _body(heat.pieces), Text(""), table,
                 Text(""),
                 Text(reward_alone(heat.advantage), style="dim"), Text(""),
                 Text(visible_lines(heat.feedback)))  # fmt: skip


def _body(pieces: Sequence[Piece]) -> Text:
    """The answer as it is, with remarks about its pieces after each line."""
    body = Text()
    notes: dict[int, list[str]] = defaultdict(list)
    for piece in pieces:
        if told := change(piece):
            notes[body.plain.count("\n")].append(f"{spelt(piece.text.strip() or piece.text)} {told}")
        body.append_text(_shaded(piece))
    lines = list(body.split("\n", allow_blank=True))
    for number, told_of in notes.items():
        lines[number].append(f"  {', '.join(told_of)}", style="dim")
    return Text("\n").join(lines)


def _shaded(piece: Piece) -> Text:
    red, green, blue = shade(piece.log_ratio, (24, 24, 24))
    before, closing = parts(piece)
    seen = "".join(BLANKS.get(part) or visible_lines(part) for part in (*before, *closing))
    return Text(seen, style=f"#f4f4f4 on rgb({red},{green},{blue})")


def page(heat: Heat) -> str:
    """A self-contained HTML page."""
    from sdpo_tts.publish.templates import render

    return render(
        "heat.html.j2", heat=heat, parts=parts, change=change, spelt=spelt, probability=probability, ink=_ink,
        choices=_choices, reward=reward_alone(heat.advantage),
    )  # fmt: skip


def _choices(piece: Piece) -> str:
    return ", ".join(_likely(piece))


def _likely(piece: Piece) -> list[str]:
    """The teacher's choices, without very unlikely ones."""
    return [f"{spelt(text)} {share:.0%}" for text, share in piece.alternatives if share >= 0.005]


def _ink(piece: Piece) -> str:
    """Its shade, as CSS."""
    depth = min(1.0, abs(piece.log_ratio) / FULL)
    readable = "; color: #fff" if depth > DARK else ""
    return f"background: rgb(var(--{'blue' if piece.log_ratio > 0 else 'red'}) / {depth:.2f}){readable}"
