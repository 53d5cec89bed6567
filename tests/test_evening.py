"""A contestant's evening: samples alone, a judge elsewhere, a hint and an own program; whole commands, with a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from sdpo_tts.cli.main import app
from sdpo_tts.record import read_events
from tests import forked
from tests.conftest import MODEL

# On the sample any output is right; on another input only the other program's. So a small model finds candidates, and
# what they print tells them apart.
PROBLEM = """format: sdpo-solve/1
title: Greeting
statement: |
  Write a program that prints a short greeting of your own choice. Keep it simple: one call of print.
limits: {time: 2s, memory: 64MiB}
checker: {program: any.py, convention: testlib}
tests:
  shown: [{input: "1", output: "hello"}]
"""
CHECKER = """import sys
given, output, answer = (open(name).read().split() for name in sys.argv[1:4])
sys.exit(0 if output and (given == ["1"] or output == answer) else 1)
"""
OPTIONS = (
    "--model", MODEL, "--method", "auto", "--sources", "base=2,feedback=1", "--no-distil", "--imitate", "none", "--dtype", "float32",
    "--seed", "1", "--max-new-tokens", "48", "--batch-size", "16", "--candidates", "1", "--json",
)  # fmt: skip


def solved(folder: Path, *words: str) -> dict[str, Any]:
    code, out, err = forked.run(forked.SOLVE, *words, cwd=folder)
    assert code == 0, err
    result: dict[str, Any] = json.loads(out)
    return result


def said(*words: str) -> str:
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.stderr
    return result.stderr + result.stdout


def test_an_evening(tmp_path: Path, engine: None, bundled_model: object) -> None:
    (tmp_path / "problem.yaml").write_text(PROBLEM)
    (tmp_path / "any.py").write_text(CHECKER)
    (tmp_path / "mine.py").write_text("raise SystemExit(1)\n")
    first = solved(tmp_path, "problem.yaml", *OPTIONS, "--max-attempts", "64")
    assert first["rests_on"] == "samples"
    run = Path(first["run"])
    run = run if run.is_absolute() else tmp_path / run
    assert "the judge says: wrong answer on test 2" in said("verdict", str(run), "wrong answer on test 2")
    assert "once it is resumed:\n" in said("hint", str(run), "print something cheerful")
    second = solved(tmp_path, "--resume", str(run), "--start", "mine.py", "--max-attempts", "128", "--json")
    assert second["attempt"] != first["attempt"] and Path(tmp_path, second["program"]).is_file()
    assert "the judge accepts" in said("verdict", str(run), "accepted")
    events = read_events(run / "events.jsonl")
    kinds = [event["type"] for event in events]
    assert events[1]["candidates"] == 1
    assert [kinds.count(kind) for kind in ("verdict_given", "solved", "start_judged", "hint_given")] == [2, 2, 1, 1]
    programs = [event["program"] for event in events if event["type"] == "solved"]
    assert programs[0] != programs[1]
    assert kinds.index("start_judged") > kinds.index("resumed")
    result = json.loads((run / "result.json").read_text())
    assert (result["solved"], result["accepted"]) == (True, "accepted")
    shown = said("show", str(run))
    assert "hint: print something cheerful" in shown and "started from mine.py: RE, 0 of 1 tests passed" in shown
    assert "the judge on attempt" in shown
