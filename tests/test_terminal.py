"""Nothing that a model, a server, a data set or a journal says can steer the terminal, whichever command prints it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from sdpo_tts.cli.command import tell
from sdpo_tts.cli.machine.doctor import _say
from sdpo_tts.cli.main import app
from sdpo_tts.cli.problems.judge import _show
from sdpo_tts.cli.solving.compare import _tell
from sdpo_tts.doctor import Report
from sdpo_tts.doctor.finding import failed
from sdpo_tts.errors import UserError
from sdpo_tts.judge.feedback.text import Feedback
from sdpo_tts.judge.verdict import Judgement, Verdict
from sdpo_tts.judge.verdict import TestOutcome as Outcome
from sdpo_tts.problem import Test as ProblemTest
from sdpo_tts.problem import load_problem
from sdpo_tts.view import RunState, make_view, summary
from sdpo_tts.view.live import panel
from tests import synthetic
from tests.conftest import ROOT

CLEAR = "\x1b[2J"
SKIPPED = {"v": 1, "seq": 0, "t": 0.0, "type": "step_skipped", "step": 0, "reason": CLEAR}
STARTED = [{"v": 1, "seq": 0, **event} for event in synthetic.events("rle", "sdpo", 0, [False] * 16, 16)][1]
ENDED = {"v": 1, "seq": 0, "t": 0.0, "type": "run_ended", "reason": CLEAR, "attempts": 0, "tokens": 0, "seconds": 0.0,
         "sampling_seconds": 0.0, "judging_seconds": 0.0, "learning_seconds": 0.0}  # fmt: skip
OUTCOME = Outcome(ProblemTest(CLEAR, b"", b"", shown=True), Verdict.WA, 0.1, 0.2, 4096, 0, None, b"", b"", detail=CLEAR)


def harmless(text: str) -> bool:
    """It is there, but as an escape."""
    return r"\x1b[2J" in text and "\x1b" not in text


@pytest.mark.parametrize("mode", ["plain", "quiet"])
def test_lines_of_a_run(mode: str) -> None:
    view = make_view(mode, file := io.StringIO())  # type: ignore[arg-type]
    view.trouble(f"the server says: {CLEAR}")
    for event in (STARTED, SKIPPED, ENDED):
        view.event(event)
    assert harmless(file.getvalue())


def test_the_panel_and_the_summary_of_a_run() -> None:
    console = Console(file=(file := io.StringIO()), width=80, height=24, color_system=None, force_terminal=True)
    console.print(panel(RunState.of([STARTED, SKIPPED]), "", 0.0, 80, 24))
    assert "no learning step: [2J" in file.getvalue() and "\x1b" not in file.getvalue()
    assert harmless(summary(RunState.of([STARTED, ENDED]), Path("run")))


def test_notes_and_messages(capsys: pytest.CaptureFixture[str]) -> None:
    for say in (lambda text: tell([text]), _tell):
        say(CLEAR)
        assert harmless(capsys.readouterr().err)


def test_findings_of_the_doctor() -> None:
    console = Console(file=(file := io.StringIO()), highlight=False)
    _say(Report("endpoint", failed(CLEAR, CLEAR), 0.0), console)
    assert harmless(file.getvalue())


def test_verdicts(capsys: pytest.CaptureFixture[str]) -> None:
    judgement = Judgement(Verdict.WA, (OUTCOME,), 1)
    _show(judgement, Feedback("wrong_answer", CLEAR), load_problem(ROOT / "problems" / "triangle"))
    assert harmless(said := capsys.readouterr().out) and said.count(r"\x1b") == 3


def test_names_of_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sdpo_tts.cli.problems.import_problem.rows", lambda file: [(CLEAR, UserError(CLEAR))])
    assert harmless(CliRunner().invoke(app, ["import", "--all", str(tmp_path)]).stderr)


def test_journals_of_others(tmp_path: Path) -> None:
    journal = synthetic.write(tmp_path, "rle", "sdpo", 0, [False] * 16, 16) / "events.jsonl"
    events = map(json.loads, journal.read_text().splitlines())
    told = ({**event, "reason": CLEAR} if event["type"] == "run_ended" else event for event in events)
    journal.write_text("".join(f"{json.dumps(event)}\n" for event in told))
    assert harmless(CliRunner().invoke(app, ["runs", "--runs", str(tmp_path)]).stdout)
