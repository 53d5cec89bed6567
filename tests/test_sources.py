"""Which source found what, as reports say it."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from sdpo_tts.cli.main import app
from tests import synthetic


def named(folder: Path, sources: list[str]) -> None:
    """Gives the attempts of a journal their sources, in order."""
    (journal,) = folder.rglob("events.jsonl")
    events, left = [json.loads(line) for line in journal.read_text().splitlines()], iter(sources)
    told = [event | ({"source": next(left)} if event["type"] == "attempt_judged" else {}) for event in events]
    journal.write_text("".join(json.dumps(event) + "\n" for event in told))


def test_a_report_says_which_source_found_what(tmp_path: Path) -> None:
    for seed, first in ((1, 2), (2, None)):
        synthetic.write(tmp_path / f"auto-{seed}", "p", "auto", seed, synthetic.until(first, 4), 4, batch=4)
        named(tmp_path / f"auto-{seed}", ["base", "feedback", "feedback", "base"])
    synthetic.write(tmp_path / "best", "p", "best-of-k", 1, synthetic.until(None, 4), 4, batch=4)
    named(tmp_path / "best", ["base"] * 4)
    done = CliRunner().invoke(app, ["report", str(tmp_path), "--json"])
    assert done.exit_code == 0, done.output
    rows = [[row[key] for key in ("method", "source", "attempts", "passed", "first", "runs")]
            for row in json.loads(done.stdout)["sources"]]  # fmt: skip
    assert rows == [["auto", "base", 4, 0, 0, 2], ["auto", "feedback", 4, 1, 1, 2]], "one source alone is no news"
    page = (tmp_path / "report.html").read_text()
    assert "<h2>Sources</h2>" in page and "1 of 2 runs" in page
