"""Every number as files: one CSV per table, or one JSON object."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sdpo_tts.record import write_text
from sdpo_tts.record.atomic import to_json
from sdpo_tts.report.analysis import Analysis


def as_json(analysis: Analysis) -> str:
    """Infinite and undefined numbers become null."""
    return to_json(analysis.to_dict(), indent=2)


def write_csv(analysis: Analysis, folder: Path) -> list[Path]:
    """One file per table, named after it, with the column names of `analysis`; empty tables are left out."""
    written = []
    for name, rows in analysis.tables().items():
        if rows:
            written.append(folder / f"{name}.csv")
            write_text(written[-1], _table([asdict(row) for row in rows]), wait=False)
    return written


def _table(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0].keys(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
