"""Groups of tests that bring points: from problem files of three kinds to the judge, the archive and the end of a run."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import problemtools
import pytest
from typer.testing import CliRunner

from sdpo_tts.cli.main import app
from sdpo_tts.cli.solving.ending import say_the_end
from sdpo_tts.cli.solving.solve import app as solve_app
from sdpo_tts.discovery.attempt import Judged
from sdpo_tts.discovery.budget import Budget
from sdpo_tts.discovery.methods.archive import Archive
from sdpo_tts.discovery.methods.best_of_k import BestOfK
from sdpo_tts.discovery.solve import Solver
from sdpo_tts.discovery.state import Parts, SolverSettings
from sdpo_tts.errors import UserError
from sdpo_tts.judge import Judge, Judgement, Verdict
from sdpo_tts.judge.evaluator import Evaluator
from sdpo_tts.judge.scoring import points, shown_share
from sdpo_tts.problem import Group, Problem, Test, load_problem, read_problem
from sdpo_tts.problem.writer import write_native
from sdpo_tts.record import Journal, RunDir, read_events
from sdpo_tts.view import RunState
from tests.conftest import ROOT
from tests.fakes import CharacterChat, ScriptedSampler, Version, WordJudge, judged
from tests.packages import KATTIS_YAML, POLYGON, polygon, write_files
from tests.test_judge import SUM

# Shown: one, two. Of the held-out ones a program may pass some, whatever it does on the shown ones.
TESTS = (
    Test("one", b"3 4\n", b"7\n", True), Test("two", b"10 -2\n", b"8\n", True), Test("small/1", b"1 1\n", b"2\n", False),
    Test("small/2", b"2 2\n", b"4\n", False), Test("signs/1", b"-1 -1\n", b"-2\n", False), Test("signs/2", b"-3 1\n", b"-2\n", False),
    Test("large/1", b"1000 1\n", b"1001\n", False), Test("large/2", b"2000 2\n", b"2002\n", False),
)  # fmt: skip
ANY = Group("any", 8.0, ("one", "small/2", "large/2"), any=True)
GROUPS = (
    Group("shown", 10.0, ("one", "two")), Group("small", 30.0, ("small/1", "small/2")),
    Group("signs", 20.0, ("signs/1", "signs/2"), each=True), Group("large", 40.0, ("large/1", "large/2"), requires=("small",)),
)  # fmt: skip
SCORED = replace(SUM, tests=TESTS, groups=GROUPS)
NAMES = [test.name for test in TESTS]


@pytest.mark.parametrize(
    ("failed", "score"),
    [((), 100), (NAMES, 0), (("one",), 90), (("signs/1",), 90), (("small/2",), 30), (("large/1", "signs/1", "signs/2"), 40), (("two", "small/1"), 20)],
)
def test_points(failed: Sequence[str], score: float) -> None:
    assert points(SCORED, set(NAMES) - set(failed)) == score
    assert [points(replace(SCORED, groups=(ANY,)), passed) for passed in ({"one", "small/2"}, {"large/2"}, {"two"}, set())] == [8, 8, 0, 0]
    assert shown_share(replace(SCORED, groups=(ANY,)), {"one"}) == 1 and shown_share(replace(SCORED, groups=(ANY,)), {"two", "large/2"}) == 0
    assert points(SUM, {"one"}) is None and SUM.full_points is None and SCORED.full_points == 100


NATIVE = """\
format: sdpo-solve/1
title: Sum
statement: Add.
tests:
  shown:
    - {input: 1 2, output: 3}
  held_out:
    - {input: 2 2, output: 4}
    - {input: 3 2, output: 5}
groups:
  - name: samples
    points: 0
    tests: [shown-1]
  - name: rest
    points: 12.5
    tests: [held-*]
    score: each
    requires: [samples]
"""


def test_groups_of_a_native_file_and_back(tmp_path: Path) -> None:
    file = write_files(tmp_path, {"sum/problem.yaml": NATIVE}) / "sum"
    problem = load_problem(file)
    assert problem.groups == (Group("samples", 0.0, ("shown-1",)), Group("rest", 12.5, ("held-out-1", "held-out-2"), True, ("samples",)))
    write_native(read_problem(file), tmp_path / "again")
    again = load_problem(tmp_path / "again")
    assert again.groups == problem.groups
    assert problem.digest == "d4c9ee16483ad75c274647008599ff61c5fa2e7f73c7674185f05d752d1ff624"
    write_files(file, {"problem.yaml": NATIVE.replace("score: each", "score: any")})
    assert load_problem(file).groups[1] == Group("rest", 12.5, ("held-out-1", "held-out-2"), False, ("samples",), True)
    assert load_problem(file).digest != problem.digest
    write_native(read_problem(file), tmp_path / "any")
    assert load_problem(tmp_path / "any").groups == load_problem(file).groups
    plain = write_files(tmp_path, {"plain/problem.yaml": NATIVE.partition("groups:")[0]}) / "plain"
    assert load_problem(plain).digest == "c1372609ba7adc2090e12c8847dd7f7a7aca1cb3c4158d3bca75a806b5844398"
    assert load_problem(plain).digest != problem.digest


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        ("points: 12.5", "points: many", "15:13", "`many` is not a number of points (hint: for example 30)"),
        ("[held-*]", "[heldout-*]", "16:13", "no test is called `heldout-*` (hint: a name without `.in`, or a pattern: tests/1-*)"),
        ("score: each", "score: some", "17:12", "`some` is not a way to score a group"),
        ("[samples]", "[others]", "18:16", "`others` is not a group defined before it"),
        ("name: rest", "name: samples", "14:11", "two groups are called `samples`"),
        ("score: each", "scores: each", "17:5", "unknown key `scores`"),
    ],
)
def test_a_wrong_group_is_one_line(tmp_path: Path, old: str, new: str, place: str, message: str) -> None:
    folder = write_files(tmp_path, {"problem.yaml": NATIVE.replace(old, new)})
    with pytest.raises(UserError) as raised:
        load_problem(folder)
    assert str(raised.value).startswith(f"{folder / 'problem.yaml'}:{place}: {message}"), str(raised.value)


def scoring(folder: Path, groups: dict[str, str], tests: dict[str, int], version: str = "legacy") -> Problem:
    """A Kattis package: `groups` are the files of settings, `tests` the number of tests of each folder of data/secret."""
    top = KATTIS_YAML.replace("2025-09", version).replace("name: {en: Sum, sv: Summa}", "name: Sum" if version == "legacy" else "name: {en: Sum}")
    files = {"problem.yaml": f"{top}type: scoring\n{groups.get('problem.yaml', '')}", "problem_statement/problem.en.tex": "Add.", "statement/problem.en.md": "Add."}
    for name, number in tests.items():
        for i in range(number):
            files |= {f"data/{name}/{i}.in": f"{name} {i}\n", f"data/{name}/{i}.ans": "1\n"}
    return load_problem(write_files(folder, files | {f"data/{name}": text for name, text in groups.items() if name != "problem.yaml"}))


LEGACY = {
    "testdata.yaml": "grader_flags: ignore_sample\n",
    "secret/testdata.yaml": "range: 0 100\n",
    "secret/a/testdata.yaml": "accept_score: 30\nrange: 0 30\ngrader_flags: min\non_reject: break\n",
    "secret/b/testdata.yaml": "accept_score: 5\non_reject: continue\ngrader_flags: sum\n",
    "secret/c/testdata.yaml": "accept_score: 40\non_reject: continue\ngrader_flags: avg\n",
    "secret/d/testdata.yaml": "accept_score: 7\non_reject: continue\ngrader_flags: min max first_error\n",
    "secret/e/testdata.yaml": "accept_score: 11\non_reject: break\ngrader_flags: max\n",
}


def graded(flags: str, results: Sequence[tuple[str, float]]) -> tuple[str, float]:
    """By problemtools' own grader."""
    grader = Path(problemtools.__file__).parent / "support" / "default_grader"
    told = "".join(f"{verdict} {score}\n" for verdict, score in results)
    done = subprocess.run([sys.executable, grader, *flags.split()], input=told, capture_output=True, text=True, check=True)
    verdict, score = done.stdout.split()
    return verdict, float(score)


def test_points_of_older_kattis_packages_are_what_its_grader_says(tmp_path: Path) -> None:
    problem = scoring(tmp_path, LEGACY, {"sample": 1, "secret/a": 2, "secret/b": 4, "secret/c": 3, "secret/d": 2, "secret/e": 2})
    flags = {"a": "min", "b": "sum", "c": "avg", "d": "min max first_error", "e": "max"}
    scores = {"a": 30, "b": 5, "c": 40, "d": 7, "e": 11}
    assert problem.full_points == 108
    for seed in range(8):
        right = {test.name: bool(np.random.default_rng([seed, i]).integers(2)) for i, test in enumerate(problem.tests)}
        groups = []
        for group, flag in flags.items():
            own = [name for name in right if f"secret/{group}/" in name]
            if group == "e":  # judging ends with the first rejected test
                own = own[: next((i for i, name in enumerate(own, start=1) if not right[name]), None)]
            groups.append(graded(flag, [("AC", scores[group]) if right[name] else ("WA", 0) for name in own]))
        _, secret = graded("", groups)
        assert points(problem, {name for name, passed in right.items() if passed}) == pytest.approx(secret)


MODERN = {
    "secret/a/test_group.yaml": "max_score: 30\n",
    "secret/b/test_group.yaml": "max_score: 60\nscore_aggregation: sum\nrequire_pass: [sample, secret/a]\n",
    "secret/c/test_group.yaml": "max_score: 10\nscore_aggregation: min\nrequire_pass: secret/a\n",
}


def test_points_of_newer_kattis_packages(tmp_path: Path) -> None:
    problem = scoring(tmp_path, MODERN, {"sample": 1, "secret/a": 2, "secret/b": 3, "secret/b/deep": 1, "secret/c": 2}, "2025-09")
    assert [(one.name, one.points, len(one.tests), one.each, one.requires) for one in problem.groups] == [
        ("sample", 0.0, 1, False, ()), ("a", 30.0, 2, False, ()), ("b", 60.0, 4, True, ("sample", "a")), ("c", 10.0, 2, False, ("a",)),
    ]  # fmt: skip
    single = scoring(tmp_path / "single", {"secret/test_group.yaml": ""}, {"secret": 4}, "2025-09")
    assert single.groups == (Group("secret", 100.0, tuple(test.name for test in single.tests), True),)


@pytest.mark.parametrize(
    ("files", "version", "why"),
    [
        ({"secret/testdata.yaml": "grader_flags: min\n"}, "legacy", "the groups' points are not added up"),
        ({"secret/a/testdata.yaml": "grader_flags: min\n", "secret/testdata.yaml": "grader_flags: max\n"}, "legacy", "the groups' points are not added up"),
        ({"testdata.yaml": "grading: custom\n", "secret/a/testdata.yaml": "grading: default\n"}, "legacy", "the package has its own way to give points"),
        ({"problem.yaml": "grading: {objective: min}\n"}, "legacy", "the lowest score is the best"),
        ({"problem.yaml": "grading: {reject_score: 1}\n"}, "legacy", "the package has its own way to give points"),
        ({"secret/a/test_group.yaml": "score_aggregation: sum\n"}, "2025-09", "`max_score` is `unbounded`"),
        ({"secret/a/test_group.yaml": "", "secret/test_group.yaml": "score_aggregation: min\n"}, "2025-09", "the groups' points are not added up"),
    ],
)
def test_other_ways_to_score_are_left_out_and_said(tmp_path: Path, files: dict[str, str], version: str, why: str) -> None:
    problem = scoring(tmp_path, files, {"secret/a": 2}, version)
    assert problem.groups == ()
    assert f"{why}: scores are left out, so solved means that all tests pass" in read_problem(tmp_path).notes


def test_groups_within_groups_of_older_packages(tmp_path: Path) -> None:
    """Groups of the same name in two groups are two groups, and a group that takes the least of its groups is none."""
    tests = {"secret/a/1": 1, "secret/b/1": 2}
    problem = scoring(tmp_path / "sums", {"secret/a/1/testdata.yaml": "accept_score: 30\n"}, tests)
    assert [(group.name, group.points) for group in problem.groups] == [("a/1", 30.0), ("b/1", 2.0)]
    least = scoring(tmp_path / "least", {"secret/a/testdata.yaml": "grader_flags: min\n"}, tests)
    assert least.groups == ()
    twins = scoring(tmp_path / "twins", {}, {"sample": 1, "secret/sample": 1})
    assert twins.groups == ()


def test_a_required_group_without_tests_requires_nothing(tmp_path: Path) -> None:
    problem = scoring(tmp_path, MODERN, {"secret/a": 1, "secret/b": 1}, "2025-09")
    assert [group.requires for group in problem.groups] == [(), ("a",)]
    write_native(read_problem(tmp_path), tmp_path / "native")
    assert load_problem(tmp_path / "native").groups == problem.groups


def test_eight_tenths_are_eight_tenths() -> None:
    tenths = replace(SCORED, groups=tuple(Group(name, 0.1, (name,)) for name in NAMES))
    assert points(tenths, NAMES) == tenths.full_points == 0.8


def test_points_of_polygon(tmp_path: Path) -> None:
    told = [("1", 1, "g0"), ("1", 0, "g1"), ("1", 0, "g1"), ("1", 5, "g2"), ("1", 5, "g2"), ("1", 10, "g2"), ("1", 2, "")]
    tests = "".join(f'<test method="manual" points="{points}.0" {f"""group="{group}" """ if group else ""}/>' for _, points, group in told)
    groups = (
        '<groups><group name="g2" points-policy="each-test"><dependencies><dependency group="g1"/></dependencies></group>'
        '<group name="g1" points="30" points-policy="complete-group"><dependencies><dependency group="g2"/></dependencies></group></groups>'
    )
    xml = POLYGON.replace("<test-count>2", "<test-count>7").partition("<tests>")
    rest = xml[2].partition("</tests>")[2]
    fine = groups.replace('<dependencies><dependency group="g2"/></dependencies>', "")
    files = {f"tests/0{i}{end}": f"{i}\n" for i in range(1, 8) for end in ("", ".a")}
    folder = write_files(polygon(tmp_path, f"{xml[0]}<tests>{tests}</tests>{fine}{rest}"), files)
    assert [(one.name, one.points, len(one.tests), one.each, one.requires) for one in load_problem(folder).groups] == [
        ("g0", 1.0, 1, True, ()), ("g1", 30.0, 2, False, ()), ("tests", 2.0, 1, True, ()),
        ("g2: 5 each", 10.0, 2, True, ("g1",)), ("g2: 10 each", 10.0, 1, True, ("g1",)),
    ]  # fmt: skip
    write_native(read_problem(folder), tmp_path / "native")
    assert load_problem(tmp_path / "native").groups == load_problem(folder).groups
    (folder / "problem.xml").write_text(f"{xml[0]}<tests>{tests}</tests>{groups}{rest}")
    with pytest.raises(UserError, match="groups of tests that require each other"):
        load_problem(folder)


@pytest.fixture(scope="module")
def judge(engine: None) -> Iterator[Judge]:
    with Judge(SCORED) as judge:
        yield judge


ADD = "a, b = map(int, input().split())\n"
PROGRAMS = [
    (f"{ADD}print(a + b)", 100.0, NAMES, []),
    # A failed sample ends it for all, but for points: what can bring some is run, up to its first failure.
    (f"{ADD}print(7 if a == 10 else a + b)", 90.0, ["one", "two"], ["small/1", "small/2", "signs/1", "signs/2", "large/1", "large/2"]),
    (f"{ADD}print(a + b if a > 0 and b > 0 and a != 2 else 0)", 0.0, ["one", "two"], ["small/1", "small/2", "signs/1", "signs/2"]),
    (f"{ADD}print(a + b if a != -1 else 0)", 90.0, [*NAMES[:5]], ["signs/2", "large/1", "large/2"]),
    ("print(", 0.0, [], []),
]


@pytest.mark.parametrize(("program", "score", "seen", "scored"), PROGRAMS)
def test_the_judge_tells_the_score_and_nothing_else_of_what_it_ran_for_that(
    judge: Judge, monkeypatch: pytest.MonkeyPatch, program: str, score: float, seen: list[str], scored: list[str]
) -> None:
    ran: list[str] = []
    run = Evaluator._run

    def noted(self: Evaluator, session: Any, test: Test) -> Any:
        ran.append(test.name)
        return run(self, session, test)

    monkeypatch.setattr(Evaluator, "_run", noted)
    judgement = judge.judge(program)
    assert (judgement.points, [outcome.test.name for outcome in judgement.outcomes], ran) == (score, seen, [*seen, *scored])
    assert judgement.solved is (score == 100)


def test_a_group_of_any_needs_one_test(engine: None) -> None:
    shown = Group("shown", 2.0, ("one", "small/1"), any=True)
    with Judge(replace(SCORED, groups=(ANY, shown)), workers=1) as judge:
        assert [judge.judge(f"{ADD}print(a + b if a {right} else 0)").points for right in ("== 3", "== 2", "== 10")] == [10, 8, 0]


def test_the_command_that_judges_tells_it(tmp_path: Path, engine: None) -> None:
    folder = write_files(tmp_path, {"problem.yaml": NATIVE, "half.py": "a, b = map(int, input().split())\nprint(a + b if a != 3 else 0)\n"})
    done = CliRunner().invoke(app, ["judge", str(folder), str(folder / "half.py")])
    assert done.exit_code == 3 and "score: 6.25 of 12.5 points\n" in done.stdout


def scored(number: int, passed: int, score: float) -> Judged:
    one = judged(number, f"p{number}", passed=passed)
    return replace(one, judgement=replace(one.judgement, points=score))


def test_the_reward_counts_points_of_shown_tests_alone() -> None:
    problem = replace(SUM, tests=(Test("0", b"", b"", True), Test("1", b"", b"", True), Test("2", b"", b"", False)))
    plain, heavy = Archive(problem), Archive(replace(problem, groups=(Group("a", 90.0, ("0", "2")), Group("b", 10.0, ("1",)))))
    for score in (0.0, 90.0):  # points by held-out tests change nothing
        one = scored(1, 1, score)  # passes test 0
        assert (plain.share(one), heavy.share(one)) == (0.5, 0.9)
        assert heavy.reward(one) == 0.5 * 0.9 + 0.5


class ScoringJudge(WordJudge):
    """Gives a program the points that its comment names, and never all tests."""

    def judge_each(self, programs: Sequence[str | None]) -> Iterator[tuple[int, Judgement]]:
        for i, judgement in super().judge_each(programs):
            yield i, replace(judgement, points=float((programs[i] or "0").strip()))


def test_a_run_ends_with_enough_points_and_keeps_the_best(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, chat = RunDir.at(tmp_path / "run"), CharacterChat()
    sampler = ScriptedSampler([f"```python\n{score}\n```" for score in (30, 70, 60, 90, 100, 100)])
    with Journal(run.events) as journal:
        journal.append(
            "run_started", method="best-of-k", problem="sum", title="Sum", seed=0, model="m", engine="e", device="cpu",
            tests=8, batch_size=2, max_attempts=None, max_tokens=None, max_seconds=None, points=100.0,
        )  # fmt: skip
        parts: Any = Parts(Version(), chat, sampler, ScoringJudge(SCORED, None), journal, run)  # type: ignore[arg-type]
        winner = Solver(parts, BestOfK(SCORED, chat, 2), Budget(), 0, SolverSettings(enough=65)).run()  # type: ignore[arg-type]
    assert winner and (winner.attempt.number, winner.judgement.solved) == (2, False)
    assert read_events(run.events)[-1]["reason"] == "enough" and winner.judgement.verdict == Verdict.WA
    say_the_end(run, SCORED, quiet=False)
    result = json.loads(run.result.read_text())
    assert (result["solved"], result["points"], result["of"], result["program"]) == (False, 70.0, 100.0, str(run.best("python3")))
    assert run.best("python3").read_text().strip() == "70" and run.checkpoint.exists()
    told = capsys.readouterr().err
    assert "Not solved: 70 of 100 points are enough." in told and "70 of 100 points, 0 of 8 tests passed (attempt 2)" in told


def test_the_best_attempt_is_that_with_most_points() -> None:
    def event(number: int, passed: int, score: float) -> dict[str, Any]:
        rest = {"step": 0, "verdict": "WA", "total": 8, "completion_tokens": 1, "truncated": False, "seconds": 0.0, "feedback_kind": ""}
        return {"type": "attempt_judged", "t": 0.0, "attempt": number, "passed": passed, "points": score, "program_sha": None, **rest}

    best = RunState.of([event(1, 3, 10.0), event(2, 2, 40.0), event(3, 5, 40.0), event(4, 7, 30.0)]).best
    assert best and best.attempt == 3


def test_enough_needs_scores() -> None:
    done = CliRunner().invoke(solve_app, [str(ROOT / "problems" / "rle"), "--enough", "50"])
    assert (done.exit_code, done.stderr) == (2, "error: --enough: the problem has no scores (hint: `groups` in problem.yaml)\n")
