"""Harbor tasks: read where their tests are files, written with a judge of their own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from sdpo_tts.cli.main import app
from sdpo_tts.errors import UserError
from sdpo_tts.judge.checking.checker import compare
from sdpo_tts.problem import Checker, Function, Group, Limits, Problem, load_problem, read_problem
from sdpo_tts.publish.harbor import judge
from sdpo_tts.publish.harbor.task import write_task
from tests.conftest import ROOT
from tests.packages import write_files
from tests.test_judge import RIGHT, SUM

TOML = 'schema_version = "1.4"\n[task]\nname = "usaco/sum"\n[verifier]\ntimeout_sec = 60.0\n[environment]\ncpus = 1\n'
FILES = {
    "task.toml": TOML, "environment/Dockerfile": "FROM python:3.13\n", "tests/test.sh": "python3 /tests/run.py\n",
    "instruction.md": "Add two numbers.\n\nTime limit: 3 s\n\nSample input:\n3 4\n\nSample output:\n7\n",
    "tests/cases/1.in": "1 1\n", "tests/cases/1.out": "2\n", "tests/cases/2.in": "3 4\n", "tests/cases/2.ans": "7\n",
}  # fmt: skip


GROUP = {"name": "a", "points": 5, "tests": ["cases/1"], "each": True, "requires": []}
LIMITS = {"time_s": 1.5, "memory_bytes": 2**27, "output_bytes": 2**20}
OWN = {"format": "sdpo-tts/1", "limits": LIMITS, "checker": "tokens", "groups": [GROUP]}
DAMAGED: tuple[dict[str, object], ...] = (
    {"limits": LIMITS | {"time_s": None}}, {"checker": 3}, {"groups": [GROUP | {"points": "x"}]}, {"groups": [GROUP | {"tests": []}]},
    {"groups": [GROUP | {"points": -1}]}, {"groups": [GROUP | {"tests": ["cases/9"]}]},
)  # fmt: skip


def test_a_task_of_another_whose_tests_are_files(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "task", FILES)
    done = CliRunner().invoke(app, ["import", str(folder), str(tmp_path / "sum")])
    assert done.exit_code == 0 and "note: the task is for an agent; here the model writes a program" in done.stderr
    problem = load_problem(tmp_path / "sum")
    assert (problem.title, problem.limits.time_s) == ("sum", 3.0) and problem.statement.startswith("Add two numbers.")
    assert [(test.input, test.shown) for test in problem.tests] == [(b"3 4\n", True), (b"1 1\n", False)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tests/cases/1.in": None, "tests/cases/2.in": None}, "this Harbor task has no input and output files (hint: "),
        ({"task.toml": "name = [\n"}, "task.toml: not TOML: "),
        ({"tests/cases/1.out": None}, "tests/cases/1.in: has no .out or .ans file beside it"),
        ({"tests/task.json": '{"format": "sdpo-tts/1", "limits": 3}'}, "tests/task.json: cannot be read: "),
        *(({"tests/task.json": json.dumps(OWN | change)}, "tests/task.json: cannot be read: ") for change in DAMAGED),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path: Path, change: dict[str, str | None], message: str) -> None:
    files = {name: text for name, text in {**FILES, **change}.items() if text is not None}
    with pytest.raises(UserError, match=re.escape(message)):
        read_problem(write_files(tmp_path, files))


SCORED = replace(
    SUM, limits=Limits(1.5, 128 * 2**20, 2**20), checker=Checker(kind="floats", absolute=1e-3),
    groups=(Group("a", 30.0, ("one", "two")), Group("b", 70.0, ("three",), True, ("a",))),
)  # fmt: skip


def test_there_and_back_nothing_is_lost(tmp_path: Path) -> None:
    write_task(SCORED, tmp_path / "sum", RIGHT)
    told = tomllib.loads((tmp_path / "sum" / "task.toml").read_text())
    assert told["task"]["name"] == "sdpo-tts/sum" and told["verifier"]["timeout_sec"] > 3 * 3 * 1.5
    again = load_problem(tmp_path / "sum")
    assert (again.title, again.statement, again.limits, again.checker) == ("Sum", "Add.", SCORED.limits, SCORED.checker)
    assert [(one.input, one.expected, one.shown) for one in again.tests] == [(one.input, one.expected, one.shown) for one in SUM.tests]
    names = {new.name: old.name for new, old in zip(again.tests, SUM.tests, strict=True)}
    assert [replace(group, tests=tuple(map(names.get, group.tests))) for group in again.groups] == list(SCORED.groups)  # type: ignore[arg-type]
    assert read_problem(tmp_path / "sum").notes == ()


@pytest.mark.long
@pytest.mark.parametrize(
    ("problem", "program", "reward"),
    [
        (SUM, RIGHT, 1.0),
        (SUM, "print(7)", 0.0),
        (SUM, f"{RIGHT}raise SystemExit(1)", 0.0),
        (SCORED, f"{RIGHT}if a == 1: print(9)", 0.3),
        (SCORED, "a, b = map(int, input().split())\nprint(a + b + 0.0005)", 1.0),
        (replace(SCORED, groups=(Group("a", 0.0, ("one",)),)), RIGHT, 1.0),
        (replace(SUM, limits=replace(SUM.limits, time_s=0.3)), "while True: pass", 0.0),
        (replace(SUM, limits=replace(SUM.limits, memory_bytes=64 * 2**20)), f"x = bytearray(10**8)\n{RIGHT}", 0.0),
    ],
)
def test_the_judge_of_a_task(tmp_path: Path, problem: Problem, program: str, reward: float) -> None:
    write_task(problem, tmp_path / "task")
    agent = write_files(tmp_path / "app", {"solution.py": program})
    target = tmp_path / "logs" / "reward.txt"
    tests = tmp_path / "task" / "tests"
    subprocess.run([sys.executable, tests / "judge.py", tests, agent, target], check=True, capture_output=True)
    assert float(target.read_text()) == pytest.approx(reward)
    assert "/tests/judge.py /tests /app /logs/verifier/reward.txt" in (tests / "test.sh").read_text()


TOKENS = st.sampled_from([b"1", b"01", b"+1", b"1.0", b"1.0004", b"1.01", b"-1", b"x", b"X", b"1e0", b"nan", b"", b"1000", b"1000.5", b"9" * 5000])


@given(st.lists(TOKENS, max_size=3), st.lists(TOKENS, max_size=3), st.sampled_from([
    Checker(), Checker(ignore_case=True), Checker(kind="exact"), Checker(kind="floats", absolute=1e-3), Checker(kind="floats", relative=1e-3),
]))  # fmt: skip
def test_it_compares_as_the_sandbox_does(expected: list[bytes], actual: list[bytes], checker: Checker) -> None:
    told = {name: getattr(checker, name) for name in ("kind", "ignore_case", "absolute", "relative")}
    want, got = b" ".join(expected), b" ".join(actual)
    assert judge.agree(told, want, got) == compare(checker, want, got).ok


@pytest.mark.parametrize(
    ("problem", "what"),
    [
        (replace(SUM, function=Function("f")), "functions"),
        (replace(SUM, checker=Checker(kind="unordered")), "the checker `unordered`"),
        (replace(SUM, language="rust"), "programs in Rust"),
    ],
)
def test_what_its_judge_cannot_do_is_refused(tmp_path: Path, problem: Problem, what: str) -> None:
    with pytest.raises(UserError, match=f"{re.escape(what)} cannot be carried over into a Harbor task"):
        write_task(problem, tmp_path / "x")
    assert not list(tmp_path.iterdir())


def test_the_command_writes_a_problem_with_its_accepted_program(tmp_path: Path) -> None:
    to = tmp_path / "rle"
    done = CliRunner().invoke(app, ["export", str(ROOT / "problems" / "rle"), "--harbor", "--to", str(to)])
    assert (done.exit_code, done.stdout) == (0, f"{to}\n"), done.stderr
    assert (to / "solution" / "solve.sh").is_file() and json.loads((to / "tests" / "task.json").read_text())["format"] == "sdpo-tts/1"
    assert len(load_problem(to).tests) == len(load_problem(ROOT / "problems" / "rle").tests)
    again = CliRunner().invoke(app, ["export", str(ROOT / "problems" / "rle"), "--harbor", "--to", str(to)])
    assert (again.exit_code, again.stderr) == (2, f"error: {to}: already exists (hint: choose a new one with --to)\n")
