"""Rows of a benchmark file by their ids, and the two lists of the paper (arXiv 2601.20802, appendix D.3).

The paper numbers LiveCodeBench's problems from 2025-02-01 up to 2025-05-01, 131 of them, from 0 in the order of the
file (release v6). Hard: fewer than half of 64 samples of its base model pass, and some method found a solution. Very
hard: fewer than 3 % pass.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sdpo_tts.errors import UserError

PAPER = {
    "paper-hard": (1, 3, 10, 43, 46, 59, 69, 74, 86, 91, 92, 95, 100, 103, 111, 120, 125, 127, 129),
    "paper-very-hard": (3, 10, 46, 74, 91, 92, 95, 103, 125),
}
FIRST_DAY, AFTER, NUMBER = "2025-02-01", "2025-05-01", 131


def chosen(file: Path, ids: str) -> list[str]:
    """The row names given by `ids`: a comma-separated list, or one of the paper's lists. Raises UserError."""
    if ids not in PAPER:
        return [one.strip() for one in ids.split(",")]
    names = [str(row["question_id"]) for row in _rows(file) if FIRST_DAY <= str(row.get("contest_date", "")) < AFTER]
    if len(names) != NUMBER:
        raise UserError(
            f"the paper numbers {NUMBER} problems from {FIRST_DAY} to {AFTER}; this file has {len(names)} of them",
            where=str(file), hint="its file is LiveCodeBench's code generation, release v6",
        )  # fmt: skip
    return [names[number] for number in PAPER[ids]]


def _rows(file: Path) -> Iterator[dict[str, Any]]:
    opened = gzip.open if file.suffix == ".gz" else open
    try:
        with opened(file, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _row(line, f"{file}:{number}")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise UserError(f"cannot be read: {error}", where=str(file)) from None


def _row(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError:
        row = None
    if not isinstance(row, dict) or "question_id" not in row:
        raise UserError("not a row of LiveCodeBench: it has no question_id", where=where)
    return row
