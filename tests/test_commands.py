"""The smaller commands, on a real engine."""

from __future__ import annotations

import errno
import json
import os
import shutil
from contextlib import nullcontext
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any, cast

import pytest
import typer
from typer.testing import CliRunner

from sdpo_tts.cli.command import orderly
from sdpo_tts.cli.existing_run import find_run, unfinished
from sdpo_tts.cli.main import app
from sdpo_tts.cli.solving.compare import _with_model
from sdpo_tts.cli.solving.ending import probed
from sdpo_tts.cli.solving.probe import _as_json, _as_table
from sdpo_tts.cli.solving.solve import app as solve_app
from sdpo_tts.discovery.assemble import Policy, RunSettings
from sdpo_tts.discovery.measure.probe import Probe, Rate
from sdpo_tts.judge import Judge, Verdict
from sdpo_tts.judge.feedback.text import FeedbackStyle, render
from sdpo_tts.models.catalogue import entries
from sdpo_tts.models.weights import Weights
from sdpo_tts.policy.prompts import TEMPLATES
from sdpo_tts.problem import read_problem
from sdpo_tts.record import AttemptRecord, RunDir
from sdpo_tts.stats import newcombe
from tests import synthetic
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


def test_judge_tells_exactly_what_a_run_would(tmp_path: Path, engine: None) -> None:
    """All tests are listed; the model is told of the shown ones, and of held-out ones up to the first failure."""
    problem = """format: sdpo-solve/1
title: Echo
statement: Print the input.
limits: {time: 1s, memory: 64MiB}
tests:
  shown: [{input: a somewhat longer first line, output: a somewhat longer first line}]
  held_out: [{input: b, output: b}, {input: c, output: c}]
"""
    (tmp_path / "problem.yaml").write_text(problem)
    (tmp_path / "wrong.py").write_text("print('x')")
    (tmp_path / "held.py").write_text("s = input()\nprint(s if len(s) > 1 else s + '?')")
    for name in ("wrong", "held"):
        result = CliRunner().invoke(app, ["judge", str(tmp_path), str(tmp_path / f"{name}.py"), "--json"])
        found = json.loads(result.stdout)
        with Judge(read_problem(tmp_path).problem, style=FeedbackStyle()) as judge:
            judgement = judge.judge((tmp_path / f"{name}.py").read_text())
        told = render(judgement, judge.problem)
        assert (result.exit_code, found["feedback"]) == (3, {"kind": told.kind, "text": told.text})
        assert [one["verdict"] for one in found["tests"]][1:] == ["WA", "WA"]
        assert (found["verdict"], found["solved"], found["total"]) == ("WA", False, 3)
    assert "passes 1 of 3 tests" in found["feedback"]["text"]
    (tmp_path / "problem.yaml").write_text(problem + "run: {diagnose: none}\n")
    plain = CliRunner().invoke(app, ["judge", str(tmp_path), str(tmp_path / "wrong.py"), "--diagnose", "difference"])
    silent = CliRunner().invoke(app, ["judge", str(tmp_path), str(tmp_path / "wrong.py")])
    assert ("First difference" in plain.stdout, "First difference" in silent.stdout) == (True, False)


def test_judge_gives_a_source_as_it_is(tmp_path: Path, engine: None) -> None:
    source = b"# coding: latin-1\na = list(map(int, input().split()))\nassert len('\xe9') == 1, '\xe9'\n"
    rest = (TRIANGLE / "submissions/accepted/sorted.py").read_bytes()
    (tmp_path / "a.py").write_bytes(source.partition(b"\na =")[0] + b"\nassert len('\xe9') == 1\n" + rest)
    result = CliRunner().invoke(app, ["judge", str(TRIANGLE), str(tmp_path / "a.py")])
    assert result.exit_code == 0, result.stdout
    (tmp_path / "b.py").write_bytes(source + b"raise ValueError('\xe9')\n")
    failing = CliRunner().invoke(app, ["judge", str(TRIANGLE), str(tmp_path / "b.py")])
    assert failing.exit_code == 3 and "ValueError" in failing.stdout


def test_judge_does_not_wait_for_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.py")
    result = CliRunner().invoke(app, ["judge", str(TRIANGLE), str(tmp_path / "a.py")])
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1) and "not a regular file" in result.stderr


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


def test_model_list_names_the_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDPO_TTS_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    entry = entries()["qwen3.5-4b"]
    (here := tmp_path / "hub" / "models--Qwen--Qwen3.5-4B" / "snapshots" / entry.revision).mkdir(parents=True)
    (here / "model.safetensors.index.json").write_text('{"weight_map": {"embed": "model-1.safetensors"}}')
    (here / "model-1.safetensors").touch()
    result = CliRunner().invoke(app, ["model", "list"])
    rows = {line.split()[0]: line.split() for line in result.stdout.splitlines()}
    assert max(map(len, result.stdout.splitlines())) <= 80 and set(entries()) < rows.keys()
    assert rows["qwen3.5-4b"] == ["qwen3.5-4b", "qwen3_5", "4.2B", "16", "GB", "8", "GB", "Apache-2.0", "optional", "yes"]
    assert (rows["gpt-oss-20b"][5:], rows["smollm2-135m"][-1]) == (["-", "Apache-2.0", "always", "no"], "no")
    told = [json.loads(line) for line in CliRunner().invoke(app, ["model", "list", "--json"]).stdout.splitlines()]
    assert [one["name"] for one in told if one["here"]] == ["qwen3.5-4b"] and len(told) == len(entries())
    assert {"repo": "Qwen/Qwen3.5-4B", "revision": entry.revision, "card_gb": {"bfloat16": 16, "nf4": 8}}.items() <= told[5].items()


@pytest.mark.parametrize("command", ["judge", "check", "probe"])
def test_a_missing_problem_is_one_line(command: str, tmp_path: Path) -> None:
    arguments = [command, str(tmp_path / "none"), *(["x.py"] if command == "judge" else [])]
    result = CliRunner().invoke(app, arguments)
    assert (result.exit_code, result.stderr) == (2, f"error: {tmp_path}/none: no such file or folder\n")
    (tmp_path / "nine").mkdir()
    result = CliRunner().invoke(app, arguments)
    assert result.stderr.endswith(f"no such file or folder (hint: did you mean {tmp_path}/nine?)\n")


def test_probe_asks_a_teacher_for_each_failure(engine: None) -> None:
    """Two of three fail at first; each is asked once for every template and style, but the same question only once."""
    right, wrong, raises = (f"```python\n{text}\n```" for text in (RIGHT, "print(7)", "n = 3\nprint(1 // (n - 3))"))
    styles = ("plain", "literals+examples", "+values", "+stack", "all")
    sampler = ScriptedSampler([right, wrong, raises] + ([right, wrong] * 2 + [right]) * len(TEMPLATES))
    policy = Policy(None, CharacterChat(), sampler, {})  # type: ignore[arg-type]
    with Judge(SUM, style=FeedbackStyle()) as judge:
        rates = list(Probe(policy, judge, seed=0).rates(3, styles=styles))
    assert [(rate.template, rate.style) for rate in rates[1:]] == [(t, s) for t in TEMPLATES for s in styles]
    # The values are news of the one that raised, whose second answer was wrong; no part has more to say of either.
    assert [(rate.passed, rate.samples) for rate in rates] == [(1, 3)] + [(1, 2), (1, 2), (2, 2), (1, 2), (2, 2)] * len(TEMPLATES)
    assert [rate.changed for rate in rates[1:6]] == [0, 2, 2, 2, 2]
    asked = [CharacterChat().text(prompt) for prompt in sampler.prompts[3:]]
    assert ["Values on line 1" in text or "Values on line 2: n = 3" in text for text in asked[:5]] == [False] * 4 + [True]


def test_probe_shows_the_failed_program_to_a_repair(engine: None) -> None:
    right, wrong, none = f"```python\n{RIGHT}\n```", "```python\nprint(7777)\n```", "no program"
    sampler = ScriptedSampler([right, wrong, none, wrong, wrong, right])
    policy = Policy(None, CharacterChat(), sampler, {})  # type: ignore[arg-type]
    with Judge(SUM, style=FeedbackStyle()) as judge:
        rates = list(Probe(policy, judge, seed=0).rates(3, ["before-order"], ["all"], repair=True))
    assert [(rate.template, rate.passed, rate.samples) for rate in rates[1:]] == [("before-order", 0, 2), ("repair", 1, 2)], "what had no program is asked as before"
    asked = [CharacterChat().text(prompt) for prompt in sampler.prompts]
    assert ["print(7777)" in text for text in asked] == [False] * 5 + [True]


@pytest.mark.parametrize(
    ("teacher", "repair", "said"),
    [
        (15, 2, "By source: the bare question 0%, feedback 23%, repair 3%. --method auto would sample most from feedback."),
        (0, 0, "No source passed: --method auto would divide its samples by the share of tests passed."),
    ],
)
def test_probe_ends_with_what_auto_would_do(teacher: int, repair: int, said: str) -> None:
    screen = StringIO()
    rates = [measured(0, 64, "student", ""), measured(teacher, 64), measured(repair, 64, "repair")]
    _as_table(iter(rates), screen)
    assert screen.getvalue().splitlines()[-1] == said


def measured(passed: int, samples: int, template: str = "before-order", style: str = "all") -> Rate:
    return Rate(template, style, passed, samples, 80.0, (("WA", samples - passed),))


@pytest.mark.parametrize(
    ("student", "teacher", "sampling", "learning"),
    [
        ((0, 64), (15, 64), "nine times in ten within 56 attempts at best.", "passes more often (+15 to +33 points): there is something to learn. A conversation (--method multi-turn) asks it directly"),
        ((32, 64), (9, 32), "nine times in ten within about 4 attempts (3 to 5).", "passes less often (-37 to -4 points): learning from it may do harm."),
        ((2, 64), (2, 62), "nine times in ten within about 73 attempts (25 to 221).", "there is no significant difference (-6 to +7 points): more --samples"),
    ],
)  # fmt: skip
def test_probe_says_what_it_found(
    student: tuple[int, int], teacher: tuple[int, int], sampling: str, learning: str
) -> None:
    others = [measured(*teacher, style="plain"), measured(*teacher), measured(0, 9, "after-order")]
    screen, lines = StringIO(), StringIO()
    _as_table(iter([measured(*student, "student", ""), *others]), screen)
    assert screen.getvalue().splitlines()[-2].endswith(sampling)
    assert "the teacher (before-order, all)" in screen.getvalue() and learning in screen.getvalue().splitlines()[-1]
    _as_json(iter([measured(*student, "student", ""), *others]), lines)
    first, _, second, _ = map(json.loads, lines.getvalue().splitlines())
    assert first["more_low"] is None and (second["more_low"], second["more_high"]) == newcombe(student, teacher)


def test_on_a_terminal_what_a_probe_found_breaks_between_words(monkeypatch: pytest.MonkeyPatch) -> None:
    rates = [measured(2, 64, "student", ""), measured(2, 62)]
    piped, terminal = StringIO(), StringIO()
    _as_table(iter(rates), piped)
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    _as_table(iter(rates), terminal)
    for whole, broken in zip(*(screen.getvalue().split("\n\n") for screen in (piped, terminal)), strict=True):
        assert max(map(len, broken.splitlines())) <= 80 < max(map(len, whole.splitlines()))
        assert broken.split() == whole.split()


def test_probe_of_what_always_passes_finds_nothing_to_learn() -> None:
    screen = StringIO()
    _as_table(iter([measured(8, 8, "student", ""), measured(0, 0)]), screen)
    assert screen.getvalue().endswith("\n\nEvery sample passes: there is nothing to learn.\n")


def test_probe_refuses_what_is_no_style() -> None:
    result = CliRunner().invoke(app, ["probe", str(TRIANGLE), "--styles", "parts,loud"])
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1) and "'loud' is not one of forms" in result.stderr


def test_judge_takes_the_language_from_the_name(tmp_path: Path, engine: None) -> None:
    """A suffix that several languages share is the problem's own language; `--language` stands above all."""
    cpp = "#include <iostream>\nint main() { std::cout << __cplusplus; }\n"
    for name in ("a.cpp", "a.cc", "a", "a.txt", "a.rs"):
        (tmp_path / name).write_text(cpp)
    triangle = str(TRIANGLE)

    def said(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["judge", *arguments])
        return result.exit_code, result.stderr if result.exit_code != 3 else result.stdout

    for name, key in (("a.cpp", None), ("a.cc", None), ("a", "cpp20")):
        code, text = said(triangle, str(tmp_path / name), *(["--language", key] if key else []))
        assert code == 3 and "Output: '202002'" in text
    assert "Output: '201703'" in said(triangle, str(tmp_path / "a.cpp"), "--language", "cpp17")[1]
    assert "does not compile" in said(triangle, str(tmp_path / "a"))[1], "taken for the problem's Python"
    assert "no language has the suffix '.txt' (hint: give it with --language)" in said(triangle, str(tmp_path / "a.txt"))[1]
    code, text = said(triangle, str(tmp_path / "a"), "--language", "cobol")
    assert (code, text.count("\n")) == (2, 1) and "unknown language 'cobol'" in text


def test_judge_says_in_one_line_that_no_image_has_the_language(
    tmp_path: Path, engine: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sdpo_tts.judge.containers.engine.find_image", lambda _, keys: None if "rust" in keys else "some")
    (tmp_path / "a.rs").write_text("fn main() {}")
    result = CliRunner().invoke(app, ["judge", str(TRIANGLE), str(tmp_path / "a.rs")])
    assert (result.exit_code, result.stderr.count("\n")) == (4, 1)
    assert "no sandbox image has language 'rust'" in result.stderr and "--languages default,rust" in result.stderr


def test_what_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "statement").write_text("Add.")
    words = ["new", str(tmp_path / "file" / "mine"), "--statement", str(tmp_path / "statement")]
    result = CliRunner().invoke(app, words, input="1 2\nEND\n3\nEND\nEND\n")
    place = tmp_path / "file" / "mine"
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.endswith(f"error: {place}: cannot write the problem: Not a directory\n")


def test_a_place_that_nobody_may_use_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as caught, orderly():
        raise PermissionError(errno.EACCES, "Permission denied", "/root/runs")
    assert (caught.value.exit_code, capsys.readouterr().err) == (2, "error: /root/runs: Permission denied\n")
    with pytest.raises(FileNotFoundError), orderly():
        raise FileNotFoundError(errno.ENOENT, "no such file", "ours")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a problem and three runs, one of which did not begin."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(TRIANGLE, tmp_path / "problems" / "triangle")
    for i, (problem, outcomes) in enumerate((("triangle", [False] * 3 + [True]), ("rle", [False] * 16), ("triangle", [False] * 16))):
        folder = synthetic.write(tmp_path / "runs", problem, "best-of-k", i, outcomes, 16)
        os.utime(folder / "events.jsonl", (i, i))
    RunDir.at(tmp_path / "runs" / "rle" / "sdpo-s9").events.touch()
    return tmp_path


def test_runs_are_listed_the_newest_first(desk: Path) -> None:
    listed = CliRunner().invoke(app, ["runs", "--json"])
    rows = [json.loads(line) for line in listed.stdout.splitlines()]
    assert [(row["problem"], row["outcome"], row["attempts"]) for row in rows] == [
        ("triangle", "attempts spent", 16), ("rle", "attempts spent", 16), ("triangle", "solved by 4", 16),
    ]  # fmt: skip
    assert all(row["bytes"] > 1000 and row["run"].startswith("runs/") for row in rows)
    assert len(CliRunner().invoke(app, ["runs", "--json", "--most", "2"]).stdout.splitlines()) == 2
    for columns in ("80", "160"):
        table = CliRunner().invoke(app, ["runs", "--most", "2"], env={"COLUMNS": columns}).stdout
        assert "runs/triangle/best-of-k-s2" in table and "best-of-k-s0" not in table and "and 1 older" in table
        assert max(map(len, table.splitlines())) <= int(columns)


def test_a_run_whose_journal_is_damaged_is_named_and_hides_no_other(desk: Path) -> None:
    (desk / "runs" / "rle" / "best-of-k-s1" / "events.jsonl").write_text('{"v": "1", "seq": 0, "t": 0, "type": "solved"}\n')
    for options in ([], ["--json"]):
        listed = CliRunner().invoke(app, ["runs", *options])
        assert listed.exit_code == 0 and listed.stdout.count("triangle/") == 2 and "older" not in listed.stdout
        assert listed.stderr.startswith("note: not listed: runs/rle/best-of-k-s1/events.jsonl:1: ")


@pytest.mark.long
@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("last", "triangle/best-of-k-s2"),
        ("problems/triangle", "triangle/best-of-k-s2"),
        ("problems/triangle/problem.yaml", "triangle/best-of-k-s2"),
        ("rle", "rle/best-of-k-s1"),
        ("runs/rle", "rle/best-of-k-s1"),
        ("best-of-k-s0", "triangle/best-of-k-s0"),
        ("runs/triangle/best-of-k-s0", "triangle/best-of-k-s0"),
    ],
)
def test_a_run_is_named_in_short(desk: Path, given: str, meant: str) -> None:
    """`export`, as one of the commands that take a RUN, names its folder after the run."""
    result = CliRunner().invoke(app, ["export", given])
    assert (result.exit_code, result.stdout) == (0, f"{meant.replace('/', '-')}\n"), result.output
    assert CliRunner().invoke(app, ["report", given, "--json"]).exit_code == 0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("import --all problems --statement x", "--statement: has no effect with --all"),
        ("show last --device cpu", "--device: has no effect without --tokens or --html"),
        ("drift last --samples 3", "--samples: has no effect without PROBLEMS"),
        ("probe problems/triangle --sweep --templates before-order --styles all", "--sweep: has no effect with --templates and"),
        ("compare problems/triangle --take 3", "--take: has no effect without --probe"),
        ("compare problems/triangle --keep hard", "--keep: has no effect without --probe"),
        ("compare problems/triangle --cpus 2", "--cpus: has no effect without --on ray"),
        ("compare problems/triangle --limit 2", "--limit: has no effect on folders"),
        ("problems/triangle --endpoint-model x", "--endpoint-model: has no effect without --endpoint"),
        ("problems/triangle --critic self --critic-model x", "--critic-model: has no effect without a --critic on a server"),
        ("--resume last --enough 3", "--enough: the problem has no scores"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(desk: Path, line: str, said: str) -> None:
    problem = {"path": str(TRIANGLE / "problem.yaml"), "digest": read_problem(TRIANGLE).problem.digest}
    RunDir(desk / "runs" / "triangle" / "best-of-k-s2").manifest.write_text(json.dumps({"problem": problem}))
    words = line.split()
    result = CliRunner().invoke(solve_app if words[0] in ("problems/triangle", "--resume") else app, words)
    assert (result.exit_code, result.stderr.splitlines()[-1].startswith(f"error: {said}")) == (2, True), result.stderr


def test_a_run_that_is_not_there_is_one_line(desk: Path) -> None:
    for command in (["show"], ["drift"], ["export"], ["report"]):
        result = CliRunner().invoke(app, [*command, "nowhere"])
        assert result.exit_code == 2
        assert result.stderr == (
            "error: nowhere: no run here, nor one of this problem in runs "
            "(hint: the newest run is runs/triangle/best-of-k-s2)\n"
        )


def test_an_attempt_is_shown_without_a_model(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The best one, with its feedback; and nothing in it steers the terminal."""
    run = RunDir(desk / "runs" / "triangle" / "best-of-k-s2")
    run.attempts.mkdir()
    run.manifest.write_text(json.dumps({"problem": {"slug": "triangle"}, "settings": {}}))
    AttemptRecord(1, 0, 0, "Mine:\n\x1b[2J", "x", "Wrong answer", Verdict.WA, (), (), ()).save(run.attempt(1))
    monkeypatch.setattr("sdpo_tts.discovery.assemble.load_policy", None)
    result = CliRunner().invoke(app, ["show", "last"])
    assert result.stdout == "triangle, attempt 1: WA\n\nMine:\n\\x1b[2J\n\nfeedback:\nWrong answer\n", result.output
    AttemptRecord(2, 0, 0, "Mine", "x", "", Verdict.WA, (), (), (), "Let me\x1b[2J see\n", 9).save(run.attempt(2))
    folded, told = (CliRunner().invoke(app, ["show", "last", "--attempt", "2", *more]).stdout for more in ([], ["--thoughts"]))
    assert folded == "triangle, attempt 2: WA\n\n(a thought of 9 tokens; --thoughts shows it)\n\nMine\n"
    assert told == "triangle, attempt 2: WA\n\nthought:\nLet me\\x1b[2J see\n\nanswer:\nMine\n"
    AttemptRecord(17, 1, 0, "of a batch that was undone", "x", "", Verdict.WA, (), (), ()).save(run.attempt(17))
    for number in ("7", "17"):
        assert f"the run has no attempt {number} " in CliRunner().invoke(app, ["show", "last", "--attempt", number]).stderr


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        ("[]", "the run's manifest is missing or damaged"),
        ('{"problem": 1, "settings": {}}', "the run's manifest is missing or damaged"),
        ('{"settings": {}}', "the run's manifest lacks `problem`"),
        ('{"problem": {}, "settings": {}}', "the run's manifest lacks `slug`"),
    ],
)
def test_a_manifest_of_the_wrong_shape_is_one_line(desk: Path, manifest: str, said: str) -> None:
    run = RunDir(desk / "runs" / "triangle" / "best-of-k-s2")
    run.attempts.mkdir()
    AttemptRecord(1, 0, 0, "Mine", "x", "", Verdict.WA, (), (), ()).save(run.attempt(1))
    run.manifest.write_text(manifest)
    result = CliRunner().invoke(app, ["show", "last"])
    assert (result.exit_code, result.stderr) == (2, f"error: {run.manifest.relative_to(desk)}: {said}\n")


def test_an_unsolved_run_is_to_be_probed_with_its_own_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = shutil.copytree(ROOT / "problems" / "sum-line", tmp_path / "my problem")
    problem, run = read_problem(folder).problem, RunDir(tmp_path)
    assert probed(problem, run) == "'my problem'", "its manifest is gone"
    for asked, told in (
        ({"model": "auto"}, "'my problem'"), ({"model": "./a model"}, "'my problem' --model './a model'"),
        ({"model": "auto", "endpoint": "http://x/v1", "endpoint_model": "y"}, "'my problem'"),
    ):  # fmt: skip
        run.manifest.write_text(json.dumps({"settings": {"policy": asked}}))
        assert probed(problem, run) == told


def test_a_problem_to_probe_is_named_so_that_it_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where its path has no folder to name: the current folder, a package's folder, a row of a file."""
    monkeypatch.chdir(tmp_path)
    for given, told in (("problem.yaml", str(tmp_path)), ("package", "package"), ("rows.jsonl#T/0", "'rows.jsonl#T/0'")):
        problem = replace(read_problem(TRIANGLE).problem, path=Path(given))
        assert probed(problem, RunDir(tmp_path)) == told


def test_a_run_in_the_current_folder_has_its_name(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder := desk / "runs" / "triangle" / "best-of-k-s2")
    assert find_run(Path(), cast(typer.Context, None)) == folder
    (folder / "logs").mkdir()
    monkeypatch.chdir(folder / "logs")
    assert find_run(Path(".."), cast(typer.Context, None)) == folder


def noisy(answer: Any) -> Any:
    """A library that writes to the descriptors themselves, as progress bars and C++ do."""

    def speak(*_: object, **more: object) -> Any:
        for descriptor in (1, 2):
            os.write(descriptor, b"Failed to load gemm_4bit_forward 50%\r")
        return answer

    return speak


def test_what_libraries_write_does_not_reach_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sdpo_tts.models.weights.locate", noisy(Weights("x", str(tmp_path))))
    monkeypatch.setattr("sdpo_tts.doctor.examine", noisy([]))
    assert CliRunner().invoke(app, ["model", "pull", "x"]).stdout == f"{tmp_path}\n"
    assert CliRunner().invoke(app, ["doctor", "--json"]).stdout == "[]\n"
    assert _with_model(RunSettings()).policy.model == "x"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("options", "templates", "styles"),
    [
        ((), ["before-order"], ["all"]),
        (("--sweep",), list(TEMPLATES), ["plain", "literals", "literals+examples", "all"]),
        (("--templates", "after-order", "--styles", "plain,all"), ["after-order"], ["plain", "all"]),
    ],
)
def test_a_probe_measures_one_teacher_unless_asked_for_more(
    options: tuple[str, ...], templates: list[str], styles: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says on stderr how far it is."""
    asked: list[Any] = []

    class Rates:
        def __init__(self, policy: object, judge: object, seed: int, tell: Any) -> None:
            tell("student", 100, 1, 4)

        def rates(self, samples: int, *which: Any, repair: bool) -> Any:
            asked.append([list(one) for one in which])
            return iter([measured(0, 4, "student", ""), measured(1, 4)])

    monkeypatch.setattr("sdpo_tts.discovery.measure.probe.Probe", Rates)
    monkeypatch.setattr("sdpo_tts.judge.Judge", lambda problem, style: nullcontext())
    monkeypatch.setattr("sdpo_tts.discovery.assemble.load_policy", lambda *_, **__: nullcontext())
    monkeypatch.setattr("sdpo_tts.view.live_line.SILENCE_S", 0.0)
    result = CliRunner().invoke(app, ["probe", str(TRIANGLE), "--samples", "4", *options])
    assert result.exit_code == 0 and asked == [[templates, styles]], result.output
    assert "student: sampling: 100 tokens, 1 of 4 answers; at most " in result.stderr
    assert result.stdout.startswith("prompt") and "100 tokens" not in result.stdout


def test_what_else_lies_among_runs_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / SUM.slug).mkdir()
    (tmp_path / SUM.slug / "latest").symlink_to(tmp_path / "nowhere")
    assert list(unfinished(tmp_path, SUM)) == []


@pytest.mark.parametrize("command", ["rm", "pull"])
def test_a_model_s_argument_is_not_called_an_option(command: str) -> None:
    done = CliRunner().invoke(app, ["model", command, "smollm2"])
    assert (done.exit_code, done.stderr) == (
        2, "error: NAME: no model is called 'smollm2' (hint: did you mean smollm2-135m?)\n",
    )  # fmt: skip
