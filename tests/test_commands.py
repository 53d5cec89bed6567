"""The smaller commands, on a real engine."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sdpo_tts.cli.main import app
from sdpo_tts.discovery.assemble import Policy
from sdpo_tts.discovery.probe import STYLES, Probe
from sdpo_tts.judge import Judge
from sdpo_tts.policy.prompts import TEMPLATES
from tests.conftest import ROOT
from tests.fakes import CharacterChat, ScriptedSampler
from tests.test_judge import RIGHT, SUM

TRIANGLE = ROOT / "problems" / "triangle"


def test_judge_shows_what_the_model_would_be_told(engine: None) -> None:
    right = CliRunner().invoke(app, ["judge", str(TRIANGLE), str(TRIANGLE / "submissions/accepted/sorted.py")])
    assert (right.exit_code, right.stdout.splitlines()[-1]) == (0, "AC: 7 of 7 tests passed")
    wrong = CliRunner().invoke(app, ["judge", str(TRIANGLE), str(TRIANGLE / "submissions/wrong_answer/flat.py")])
    assert wrong.exit_code == 3
    assert "Output: 'possible\\n'\nExpected: 'impossible\\n'" in wrong.stdout


def test_check_finds_a_submission_in_the_wrong_folder(tmp_path: Path, engine: None) -> None:
    shutil.copytree(TRIANGLE, tmp_path / "triangle")
    folder = tmp_path / "triangle" / "submissions"
    shutil.rmtree(folder / "time_limit")
    assert CliRunner().invoke(app, ["check", str(tmp_path / "triangle")]).exit_code == 0
    (folder / "wrong_answer" / "sorted.py").write_text((folder / "accepted" / "sorted.py").read_text())
    result = CliRunner().invoke(app, ["check", str(tmp_path / "triangle")])
    assert result.exit_code == 2
    assert "wrong_answer/sorted.py" in result.stdout and "WRONG: expected WA" in result.stdout


def test_check_says_what_a_problem_lacks(tmp_path: Path, engine: None) -> None:
    shutil.copy(TRIANGLE / "problem.yaml", tmp_path)
    text = (tmp_path / "problem.yaml").read_text().partition("  held_out:")[0]
    (tmp_path / "problem.yaml").write_text(text)
    result = CliRunner().invoke(app, ["check", str(tmp_path)])
    assert result.exit_code == 0
    assert [line.partition(":")[0] for line in result.stderr.splitlines()] == ["note", "note"]
    assert "no held-out tests" in result.stderr and "no submissions to judge" in result.stderr


def test_model_list_names_the_catalogue() -> None:
    result = CliRunner().invoke(app, ["model", "list"])
    assert result.exit_code == 0 and "qwen2.5-coder-1.5b" in result.stdout


@pytest.mark.parametrize("command", ["judge", "check", "probe"])
def test_a_missing_problem_is_one_line(command: str, tmp_path: Path) -> None:
    arguments = [command, str(tmp_path / "none"), *(["x.py"] if command == "judge" else [])]
    result = CliRunner().invoke(app, arguments)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)


def test_probe_asks_a_teacher_for_each_failure(engine: None) -> None:
    """Two of three fail at first; each of them is asked once for every template and style."""
    right, wrong = f"```python\n{RIGHT}```", "```python\nprint(7)\n```"
    sampler = ScriptedSampler([right, wrong, wrong] + [right, wrong] * (len(TEMPLATES) * len(STYLES)))
    policy = Policy(None, CharacterChat(), sampler, {})  # type: ignore[arg-type]
    with Judge(SUM) as judge:
        rates = list(Probe(policy, judge, seed=0).rates(3))
    assert [(rate.passed, rate.samples) for rate in rates] == [(1, 3)] + [(1, 2)] * (len(TEMPLATES) * len(STYLES))
    assert {(rate.template, rate.style) for rate in rates[1:]} == {(t, s) for t in TEMPLATES for s in STYLES}
    assert all("Expected" in CharacterChat().text(prompt) for prompt in sampler.prompts[3:])
