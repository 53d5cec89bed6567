"""The best program so far and the feedback on it, as lines of the panel."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import zip_longest

from rich.text import Text

from sdpo_tts.errors import visible
from sdpo_tts.record import AttemptRecord, RunDir

LEAST_ROWS = 5  # including the heading; with fewer, nothing of a program is shown
FOR_BOTH = 10  # with fewer rows feedback only gets those that the program leaves
BESIDE = 90  # columns from which feedback is beside the program instead of below


@dataclass(frozen=True)
class AttemptText:
    """What the model wrote in one attempt, and the feedback on it; without a program, the whole answer."""

    attempt: int
    program: str
    feedback: str
    is_program: bool = True

    @classmethod
    def of(cls, run: RunDir, attempt: int) -> AttemptText | None:
        """None if the attempt cannot be read."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            record = AttemptRecord.load(run.attempt(attempt))
            return cls(attempt, record.program or record.text, record.feedback, bool(record.program))
        return None


def section(shown: AttemptText, width: int, rows: int) -> list[Text]:
    """At most `rows` lines, none if there are too few. What does not fit is cut off at the end."""
    if rows < LEAST_ROWS:
        return []
    head = Text(f"best {'program' if shown.is_program else 'answer'}, attempt {shown.attempt}", style="dim")
    program, feedback = (_lines(text) for text in (shown.program, shown.feedback))
    if not feedback or width < BESIDE:
        return [head, *_one_below_the_other(program, list(filter(None, feedback)), rows - 1)]
    program, feedback = _cut(program, rows - 1), _cut(feedback, rows - 1)
    widest = (max(map(len, lines), default=0) for lines in (program, feedback))
    columns = max(len(head), _left(width - 3, *widest))
    head.append(f"{'':{columns + 3 - len(head)}}feedback on it")
    pairs = zip_longest(program, feedback, fillvalue="")
    return [head, *(Text.assemble(_fixed(left, columns), " │ ", (right, "italic")) for left, right in pairs)]


def _one_below_the_other(program: Sequence[str], feedback: Sequence[str], rows: int) -> list[Text]:
    for_feedback = min(1 + len(feedback), rows // 3) if feedback and rows + 1 >= FOR_BOTH else 0
    code = _cut(program, rows - for_feedback)
    lines = list(map(Text, code))
    if feedback and (rest := rows - len(code) - 1) > 0:
        lines.append(Text("feedback on it", style="dim"))
        lines += [Text(line, style="italic") for line in _cut(feedback, rest)]
    return lines


def _left(room: int, left: int, right: int) -> int:
    """Columns for a text `left` wide beside one `right` wide: half, or more or less if one of them needs it and the
    other does not."""
    half = room // 2
    return min(left, max(half, room - right)) if left > half else max(left, min(half, room - right))


def _lines(text: str) -> list[str]:
    """Nothing in them may control the terminal."""
    return [visible(line.expandtabs(4)) for line in text.strip("\n").splitlines()]


def _cut(lines: Sequence[str], rows: int) -> list[str]:
    if len(lines) <= rows:
        return list(lines)
    return [*lines[: max(0, rows - 1)], f"... {len(lines) - rows + 1} more lines"][:rows]


def _fixed(line: str, width: int) -> Text:
    text = Text(line)
    text.truncate(width, overflow="ellipsis", pad=True)
    return text
