"""What a person brings to a run: hints, programs of their own, and the verdict of a judge elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sdpo_tts.cli.existing_run import ExistingRun
from sdpo_tts.cli.main import app
from sdpo_tts.cli.solving.solve import app as solve_app
from sdpo_tts.cli.solving.verdict import _fields as verdict_fields
from sdpo_tts.cli.solving.verdict import put_aside
from sdpo_tts.discovery import checkpoint
from sdpo_tts.discovery.assemble import RunSettings
from sdpo_tts.discovery.budget import Budget
from sdpo_tts.discovery.consensus.contest import Contest
from sdpo_tts.discovery.methods.archive import Archive
from sdpo_tts.discovery.methods.auto import Auto, AutoSettings
from sdpo_tts.discovery.methods.context import ContextSettings, TeacherContext
from sdpo_tts.discovery.methods.multi_turn import MultiTurn
from sdpo_tts.discovery.person.rejection import rejected, rejections
from sdpo_tts.discovery.solve import Solver
from sdpo_tts.discovery.source import Source
from sdpo_tts.discovery.state import Parts, SolverSettings
from sdpo_tts.judge import Judgement, Verdict
from sdpo_tts.judge.verdict import TestOutcome
from sdpo_tts.policy.prompts import student_text
from sdpo_tts.problem import Problem, load_problem
from sdpo_tts.record import Event, Journal, RunDir, hints, read_events
from sdpo_tts.view import RunState, outcome
from tests.conftest import ROOT
from tests.fakes import CharacterChat, LateQueue, ScriptedSampler, Version, judged
from tests.test_consensus import ADD, ADD_TOO, AND_AGAIN, BOUND, BOUND_TOO, answers, authored
from tests.test_consensus import WRONG as WRONG_ONE
from tests.test_consensus import solver as consensus_solver
from tests.test_judge import SUM

HINT = "add the two numbers"
WRONG = "```python\nprint(7)\n```"
RIGHT = "```python\nright\n```"


class PrintingJudge:
    """Passes the program `right`; any other one passes nothing, and what it is tells its output."""

    def __init__(self, problem: Problem = SUM) -> None:
        self.problem = problem

    def queue(self) -> LateQueue:
        return LateQueue(self.judge_each)

    def recall(self, failed: Sequence[str]) -> None:
        """It has no generated tests."""

    def judge_each(self, programs: Sequence[str | None]) -> Any:
        for place, program in enumerate(programs):
            verdict = Verdict.AC if program and program.startswith("right") else Verdict.WA
            outcomes = tuple(
                TestOutcome(test, verdict, 0.0, 0.0, 0, 0, None, (program or "").encode(), b"")
                for test in self.problem.tests
            )
            yield place, Judgement(verdict, outcomes, len(outcomes))


def context(hint: str = "", most: int = 8192) -> TeacherContext:
    return TeacherContext(SUM, CharacterChat(), ContextSettings(hint=hint, max_prompt_tokens=most), 0)  # type: ignore[arg-type]


def auto(hint: str = "", **settings: Any) -> Auto:
    chosen = AutoSettings(**{"sources": "base=1,feedback=1,repair=1", **settings})
    return Auto(SUM, CharacterChat(), None, context(hint), chosen, 0, 3)  # type: ignore[arg-type]


def solver(run: RunDir, journal: Journal, sampler: ScriptedSampler, strategy: Any, attempts: int, **settings: Any) -> Solver:
    parts = Parts(Version(), CharacterChat(), sampler, PrintingJudge(), journal, run)  # type: ignore[arg-type]
    return Solver(parts, strategy, Budget(max_attempts=attempts), 0, SolverSettings(**settings))


def texts(sampler: ScriptedSampler) -> list[str]:
    return [CharacterChat().text(prompt) for prompt in sampler.prompts]


# Hints


def test_the_teacher_and_a_repair_read_a_hint_and_the_student_does_not() -> None:
    chat = CharacterChat()
    for one in (context(HINT), context()):
        if not one.hint:
            one.advise(HINT)
        prompts = [one.prompts([judged(1, "x")])[0], one.repair("x", "wrong"), one.told(["a", "b"]), one.told(["a"])]
        assert all(prompt and chat.text(prompt).count(HINT) == 1 for prompt in prompts)
    method = auto(HINT)
    method.learn([replace(judged(1, "x"), outputs="x")])
    told = {draw.source: chat.text(draw.prompt) for draw in method.draws(3)}
    assert told.keys() == {Source.BASE, Source.FEEDBACK, Source.REPAIR}
    assert [source for source in told if HINT not in told[source]] == [Source.BASE]
    assert told[Source.BASE] == student_text(SUM)


def test_a_hint_gives_way_before_feedback_would_have_no_room() -> None:
    bare = CharacterChat().text(context().prompts([judged(1, "x")])[0])  # type: ignore[arg-type]
    short = context("h" * 500, most=len(bare))
    assert CharacterChat().text(short.prompts([judged(1, "x")])[0]) == bare  # type: ignore[arg-type]
    chains = MultiTurn(SUM, CharacterChat(), len(bare), hint="h" * 500)  # type: ignore[arg-type]
    assert CharacterChat().text(chains.draws(1)[0].prompt) == student_text(SUM)


def test_a_conversation_reads_the_hint_from_its_first_turn() -> None:
    method = MultiTurn(SUM, CharacterChat(), 8192, hint=HINT)  # type: ignore[arg-type]
    (draw,) = method.draws(1)
    assert draw.source is Source.FEEDBACK and HINT in CharacterChat().text(draw.prompt)


def after(kind: str, count: int, action: Callable[[], None]) -> Callable[[Event], None]:
    """Does something at the `count`-th event of a kind."""
    seen = []

    def hear(event: Event) -> None:
        seen.append(event["type"])
        if event["type"] == kind and seen.count(kind) == count:
            action()

    return hear


def test_a_hint_left_while_a_run_is_running_is_read_from_its_next_batch_on_after_resuming_too(tmp_path: Path) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    run, sampler = RunDir.at(tmp_path / "run"), ScriptedSampler([WRONG] * 12)
    with Journal(run.events) as journal, pytest.raises(KeyboardInterrupt):
        journal.subscribe(after("batch_sampled", 1, lambda: hints.leave(run, HINT)))
        journal.subscribe(after("attempt_judged", 7, stop))
        solver(run, journal, sampler, auto(sources="feedback=1"), 12).run()
    with Journal(run.events) as journal:
        again = solver(run, journal, sampler, auto(sources="feedback=1"), 12)
        checkpoint.resume(again)
        again.run()
    told = [HINT in text for text in texts(sampler)]
    assert told == [False] * 3 + [True] * 9, "none twice, none lost"
    assert [event["text"] for event in read_events(run.events) if event["type"] == "hint_given"] == [HINT]
    assert all(text.count(HINT) <= 1 for text in texts(sampler))


# Programs of one's own


def test_own_programs_are_judged_first_become_parents_and_are_no_attempts(tmp_path: Path) -> None:
    run, sampler = RunDir.at(tmp_path / "run"), ScriptedSampler([WRONG] * 6)
    with Journal(run.events) as journal:
        one = solver(run, journal, sampler, auto(sources="repair=1"), 6, start={"mine.py": "my program\n"})
        one.run()
    events = read_events(run.events)
    assert [event["type"] for event in events[:2]] == ["start_judged", "batch_sampled"]
    assert (events[0]["name"], events[0]["number"], events[0]["verdict"]) == ("mine.py", -1, "WA")
    assert events[-1]["attempts"] == 6
    parents = [event["parent"] for event in events if event["type"] == "attempt_judged"]
    assert parents[:3] == [None] * 3 and -1 in parents[3:]
    assert any("my program" in text for text in texts(sampler)[3:])
    with Journal(run.events) as journal:
        again = solver(run, journal, sampler, auto(), 6, start={"mine.py": "my program\n"})
        checkpoint.resume(again)
        again.run()
    assert [event["type"] for event in read_events(run.events)].count("start_judged") == 1


def test_a_conversation_goes_on_from_an_own_program(tmp_path: Path) -> None:
    run, sampler = RunDir.at(tmp_path / "run"), ScriptedSampler([WRONG] * 2)
    chains = MultiTurn(SUM, CharacterChat(), 8192, 2)  # type: ignore[arg-type]
    with Journal(run.events) as journal:
        solver(run, journal, sampler, chains, 2, start={"mine.py": "my program\n"}).run()
    assert all("Earlier attempts at this problem failed" in text for text in texts(sampler))


def test_an_own_program_that_passes_everything_is_the_solution(tmp_path: Path) -> None:
    run = RunDir.at(tmp_path / "run")
    with Journal(run.events) as journal:
        winner = solver(run, journal, ScriptedSampler([]), auto(), 6, start={"a.py": "x", "b.py": "right\n"}).run()
    assert winner and run.solution("python3").read_text() == "right\n"
    solved, ended = read_events(run.events)[-2:]
    assert (solved["own"], ended["reason"], ended["attempts"]) == ("b.py", "solved", 0)


# The command line

SOLVE = (str(ROOT / "problems" / "sum-line"), "--runs")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--method", "best-of-k", "--hint", "x"), "--hint: best-of-k cannot use it (hint: --method auto or sdpo"),
        (("--start", "mine.py"), "--start: sdpo cannot use it (hint: --method auto or multi-turn)"),
        (("--method", "auto", "--start", "gone.py"), "--start: no such file: gone.py"),
        (("--method", "auto", "--start", "mine.cpp"), "--start: the name of mine.cpp is not that of a Python 3 program"),
        (("--method", "auto", "--start", "latin.py"), "--start: latin.py is not a text file in UTF-8"),
        (("--method", "auto", "--start", "mine.py", "--start", "b/mine.py"), "--start: two programs have the same name"),
        (("--hint", "x" * 5000), "--hint: a hint of 5000 characters"),
        (("--hint", "noise.txt"), "--hint: not a text file in UTF-8"),
        (("--hint", "caf\udce9"), "--hint: not text in UTF-8"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_loaded(
    words: tuple[str, ...], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "b").mkdir()
    for name in ("mine.py", "b/mine.py"):
        (tmp_path / name).write_text("print(1)\n")
    (tmp_path / "latin.py").write_bytes(b"# caf\xe9\n")
    (tmp_path / "noise.txt").write_bytes(b"\xff\xfe\x81")
    result = CliRunner().invoke(solve_app, [*SOLVE, str(tmp_path / "runs"), *words])
    assert result.exit_code == 2 and result.stderr.splitlines()[-1].startswith(f"error: {told}"), result.stderr
    assert not (tmp_path / "runs").exists()


def test_hint_and_programs_are_settings_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "idea.txt").write_text("sort first\n")
    (tmp_path / "mine.py").write_text("print(1)\n")
    begun: list[RunSettings] = []
    monkeypatch.setattr("sdpo_tts.cli.solving.solve._solve", lambda job, **rest: begun.append(job.settings) or 3)
    words = ("--model", "smollm2-135m", "--method", "auto", "--hint", "idea.txt", "--start", "mine.py")
    monkeypatch.setattr("sdpo_tts.discovery.assemble.check_policy", lambda settings: None)
    assert CliRunner().invoke(solve_app, [*SOLVE, "runs", *words]).exit_code == 3
    assert (begun[0].context.hint, begun[0].solver.start) == ("sort first", {"mine.py": "print(1)\n"})
    kept = json.loads(json.dumps(begun[0].effective(type("Told", (), {"batch_size": None})())))  # type: ignore[arg-type]
    assert RunSettings.of(kept) == begun[0]


def test_hint_tells_when_it_will_be_read_and_show_shows_it(tmp_path: Path) -> None:
    run = RunDir.at(tmp_path / "run")
    with Journal(run.events) as journal:
        one = solver(run, journal, ScriptedSampler([WRONG] * 3), auto("first"), 3, start={"mine.py": "x"})
        one.run()
    told = {"settings": {"method": "auto", "context": {"hint": "first"}, "budget": {}}, "problem": {"slug": "sum"}}
    run.manifest.write_text(json.dumps(told))
    start = ExistingRun.open(run.path).settings["solver"]["start"]
    assert start == {"mine.py": "x"}, "another file of this name is not taken for it"
    said = CliRunner().invoke(app, ["hint", str(run.path), "second"])
    assert (said.exit_code, "once it is resumed" in said.stderr) == (0, True), said.stderr
    assert f"sdpo-solve --resume {run.path} --max-attempts 6" in said.stderr, "its budget is spent"
    shown = CliRunner().invoke(app, ["show", str(run.path)]).stdout
    assert shown.splitlines()[1:4] == ["hint: first", "hint: second", "started from mine.py: WA, 0 of 3 tests passed"]
    assert CliRunner().invoke(app, ["hint", str(run.path), " "]).stderr == "error: TEXT: an empty hint\n"
    run.manifest.write_text(json.dumps({**told, "settings": {**told["settings"], "method": "grpo"}}))
    refused = CliRunner().invoke(app, ["hint", str(run.path), "x"])
    assert (refused.exit_code, "grpo does not read hints" in refused.stderr) == (2, True)


# The verdict of a judge elsewhere

CONTEST = """format: sdpo-solve/1
title: Sum
statement: Add.
limits: {time: 1s, memory: 64MiB}
tests:
  shown: [{input: "3 4", output: "7"}, {input: "10 -2", output: "8"}]
"""


def contest(folder: Path, told: Sequence[str], **settings: Any) -> RunDir:
    """A run that has ended, as the commands find it."""
    (folder / "problem.yaml").write_text(CONTEST)
    run = RunDir.at(folder / "run")
    with Journal(run.events) as journal:
        one = consensus_solver(run, journal, told, **settings)
        limits = {"max_attempts": None, "max_tokens": None, "max_seconds": None}
        journal.append(
            "run_started", method="best-of-k", problem="sum", title="Sum", seed=0, model="m", engine="torch",
            device="cpu", tests=2, batch_size=2, candidates=one.settings.candidates, **limits,
        )  # fmt: skip
        one.run()
    problem = {"slug": "sum", "path": str(folder / "problem.yaml"), "digest": load_problem(folder).digest}
    kept = {"method": "best-of-k", "context": {}, "budget": {}, "solver": {"candidates": 3}}
    run.manifest.write_text(json.dumps({"settings": kept, "problem": problem}))
    return run


def told(run: RunDir, *words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["verdict", str(run.path), *words])
    return result.exit_code, result.stderr


def resumed(run: RunDir, answers: Sequence[str], heard: list[str] | None = None, **settings: Any) -> Event:
    """The last `solved` of the run gone on with; `heard`: the feedback that is learned from."""
    with Journal(run.events) as journal:
        one = consensus_solver(run, journal, answers, **settings)
        checkpoint.resume(one)
        learn = lambda batch: (heard.extend(each.feedback.text for each in batch) if heard is not None else None) or ""  # noqa: E731
        one.strategy.learn = learn  # type: ignore[method-assign]
        one.run()
    return [event for event in read_events(run.events) if event["type"] == "solved"][-1]


def test_what_a_judge_elsewhere_rejects_is_dropped_with_all_that_behaves_like_it(tmp_path: Path) -> None:
    """Two wrong programs agree, and win; told so, the run proposes the other one at once, from the batch in hand."""
    run = contest(tmp_path, [*answers(BOUND, BOUND_TOO, ADD), *authored()], batch=3)
    assert run.solution("python3").read_text() in (f"{BOUND}\n", f"{BOUND_TOO}\n")
    state = RunState.of(read_events(run.events))
    assert re.fullmatch(
        r"Proposed: attempt [12] passes all samples \(2\); 2 of 3 candidates agree on \d+ generated inputs\.",
        outcome(state, solved=True),
    )
    assert (len(state.passing), state.awaits_verdict) == (3, True)
    code, said = told(run, "Wrong answer on test 5")
    assert code == 0 and said.startswith("Not solved: the judge says: Wrong answer on test 5.\n") and "--resume" in said
    assert (run.path / "rejected-1.py").is_file() and not run.solution("python3").exists()
    assert json.loads(run.result.read_text())["solved"] is False
    assert ExistingRun.open(run.path).solved is False
    heard: list[str] = []
    solved = resumed(run, [*authored(), *answers(BOUND_TOO, ADD_TOO, AND_AGAIN)], heard, batch=3)
    assert solved["attempt"] in (3, 5, 6) and run.solution("python3").read_text() != f"{BOUND}\n"
    assert heard[:2] == ["The program passes all examples, but the judge that decides says: Wrong answer on test 5."] * 2
    events = read_events(run.events)
    assert [event["seq"] for event in events] == list(range(len(events)))
    assert [e["type"] for e in events].count("verdict_given") == 1 and RunState.of(events).reason == "solved"
    assert told(run, "accepted") == (0, f"Solved: the judge accepts attempt {solved['attempt']}.\n")
    result = json.loads(run.result.read_text())
    assert (result["solved"], result["accepted"], result["rests_on"]) == (True, "accepted", solved["rests_on"])
    assert ExistingRun.open(run.path).solved and not run.checkpoint.exists()
    assert told(run, "wrong answer")[0] == 2, "nothing waits for a verdict"


def test_a_test_that_the_person_knows_is_run_from_now_on(tmp_path: Path) -> None:
    run = contest(tmp_path, [*answers(BOUND, WRONG_ONE)], candidates=1)
    for name, text in {"5.in": "1 2\n", "5.out": "3\n"}.items():
        (tmp_path / name).write_text(text)
    assert told(run, "WA", "--input", str(tmp_path / "5.in"), "--expected", str(tmp_path / "5.out"))[0] == 0
    heard: list[str] = []
    resumed(run, [*answers(BOUND_TOO, ADD), *authored()], heard, candidates=1)
    assert "Input: '1 2\\n'" in heard[0] and "Expected: '3\\n'" in heard[0]
    judged = {event["attempt"]: event for event in read_events(run.events) if event["type"] == "attempt_judged"}
    assert [(judged[number]["verdict"], judged[number]["total"]) for number in (1, 3, 4)] == [("AC", 2), ("WA", 3), ("AC", 3)]
    assert judged[3]["failing"] == "elsewhere-1"


def test_a_test_without_input_is_a_test_too(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    (tmp_path / "bom").write_bytes(b"\xef\xbb\xbf3\r\n")
    fields = verdict_fields("WA", tmp_path / "empty", tmp_path / "bom")
    assert (fields["input"], fields["expected"]) == ("", "3\n")
    (rejection,) = rejections([{"type": "verdict_given", "attempt": 1, **fields}]).values()
    assert rejection.test and (rejection.test.input, rejection.test.expected) == (b"", b"3\n")


@pytest.mark.parametrize(
    ("given", "expected", "said"),
    [("abc\n", "3\n", "error: --input: not JSON: "), ("1\n2\n", "abc\n", "error: --expected: not JSON: "), ("1\n", "", "error: --exp")],
)
def test_a_test_that_a_function_cannot_be_called_with_is_refused(given: str, expected: str, said: str, tmp_path: Path) -> None:
    run = contest(tmp_path, answers(BOUND, BOUND_TOO), candidates=1)
    text = CONTEST.replace("title", "mode: function\nfunction: {name: add}\ntitle")
    (tmp_path / "problem.yaml").write_text(text.replace("3 4", "3\\n4").replace("10 -2", "10\\n-2"))
    kept = json.loads(run.manifest.read_text())
    kept["problem"]["digest"] = load_problem(tmp_path).digest
    run.manifest.write_text(json.dumps(kept))
    (tmp_path / "in").write_text(given)
    (tmp_path / "out").write_text(expected)
    code, text = told(run, "WA", "--input", str(tmp_path / "in"), "--expected", str(tmp_path / "out"))
    assert code == 2 and text.startswith(said) and ExistingRun.open(run.path).awaits_verdict


def test_tokens_spent_on_a_rejected_proposal_stay_spent(tmp_path: Path) -> None:
    run = contest(tmp_path, [*answers(BOUND, BOUND_TOO, ADD), *authored()], batch=3)
    assert told(run, "wrong answer")[0] == 0
    resumed(run, [*authored(), *answers(BOUND_TOO, ADD_TOO, AND_AGAIN)], batch=3)
    events = read_events(run.events)
    assert events[-1]["tokens"] == RunState.of(events).cost.tokens


def test_a_rejected_program_is_put_aside_though_the_command_was_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = contest(tmp_path, answers(BOUND, BOUND_TOO), candidates=1)
    monkeypatch.setattr("sdpo_tts.cli.solving.verdict.put_aside", lambda run: None)
    assert told(run, "wrong answer")[0] == 0 and run.solution("python3").exists()
    monkeypatch.undo()
    past = ExistingRun.open(run.path)
    assert past.rejected
    (run.path / "rejected-2.py").write_text("an older one")
    put_aside(run)
    assert not run.solution("python3").exists() and (run.path / "rejected-1.py").read_text() == f"{BOUND}\n"


def test_a_hint_for_a_run_that_awaits_a_verdict_names_the_next_command(tmp_path: Path) -> None:
    run = contest(tmp_path, answers(BOUND, BOUND_TOO), candidates=1)
    kept = json.loads(run.manifest.read_text())
    kept["settings"]["method"] = "auto"
    run.manifest.write_text(json.dumps(kept))
    said = CliRunner().invoke(app, ["hint", str(run.path), "sort first"])
    assert (said.exit_code, "sdpo-tts verdict" in said.stderr) == (0, True), said.stderr


def test_where_nothing_is_shown_a_rejected_program_is_not_proposed_again(tmp_path: Path) -> None:
    """With --keep-going there is a checkpoint although held-out tests passed."""
    hidden = replace(SUM, tests=tuple(replace(test, shown=False) for test in SUM.tests))
    run = RunDir.at(tmp_path / "run")
    with Journal(run.events) as journal:
        one = consensus_solver(run, journal, answers(BOUND, ADD), candidates=1, keep_going=True, attempts=4)
        one.parts.judge.problem = hidden
        given = {"type": "verdict_given", "attempt": 1, "words": "wrong answer", "verdict": "WA"}
        first, again, other = (judged(number, "x", passed=3) for number in (1, 2, 3))
        batch = [replace(one, attempt=replace(one.attempt, program=text)) for one, text in zip((first, again, other), "aab", strict=True)]
        monkey = pytest.MonkeyPatch()
        monkey.setattr("sdpo_tts.discovery.checkpoint.recorded", lambda solver, number, events: batch[0])
        crowned: list[Any] = []
        contest = Contest(one, lambda winner, **told: crowned.append(winner), [given])
        monkey.undo()
        settled = contest.settle(batch)
        contest.propose(final=True)
    assert [each.judgement.solved for each in settled] == [False, False, True]
    assert [each.attempt.program for each in crowned] == ["b"]


def test_an_earlier_candidate_that_fails_a_test_from_outside_is_not_proposed(tmp_path: Path) -> None:
    """It fails in another way than what was rejected, and was judged before the test was known."""
    other = "lambda s: {'1 2': 5}.get(s.strip(), sum(map(int, s.split())))"
    run = contest(tmp_path, [*answers(BOUND, BOUND_TOO, other), *authored()], batch=3)
    for name, text in {"5.in": "1 2\n", "5.out": "3\n"}.items():
        (tmp_path / name).write_text(text)
    assert told(run, "WA", "--input", str(tmp_path / "5.in"), "--expected", str(tmp_path / "5.out"))[0] == 0
    heard: list[str] = []
    solved = resumed(run, [*authored(), *answers(WRONG_ONE, ADD, ADD_TOO)], heard, batch=3, candidates=1)
    assert solved["attempt"] in (5, 6)
    assert len(heard) == 3 and all("Expected: '3\\n'" in text for text in heard)


def test_what_the_judge_said_is_not_replaced_by_a_doubt(tmp_path: Path) -> None:
    run = contest(tmp_path, [*answers(BOUND, BOUND_TOO, "lambda s: max(sum(map(int, s.split())), 6)"), *authored()], batch=3)
    assert told(run, "wrong answer")[0] == 0
    heard: list[str] = []
    resumed(run, [*authored(ADD), *answers(ADD_TOO, AND_AGAIN, ADD)], heard, batch=3, candidates=1)
    assert ["judge that decides says" in text for text in heard] == [True, True, False]
    assert "presumably wrong" in heard[2]


def test_a_rejected_success_of_a_pooled_run_is_not_its_winner_any_more(tmp_path: Path) -> None:
    pooled = {"candidates": 1, "keep_going": True}
    run = contest(tmp_path, answers(BOUND, WRONG_ONE, ADD, WRONG_ONE), attempts=4, **pooled)
    assert told(run, "wrong answer")[0] == 0
    solved = resumed(run, [*answers(WRONG_ONE, WRONG_ONE), *authored()], attempts=6, **pooled)
    assert solved["attempt"] == 3 and run.solution("python3").read_text() == f"{ADD}\n"


def test_time_between_a_run_s_end_and_a_verdict_is_not_the_run_s(tmp_path: Path) -> None:
    run = contest(tmp_path, answers(BOUND, WRONG_ONE), candidates=1)
    lines = [json.loads(line) for line in run.events.read_text().splitlines()]
    ended = lines[-1]["t"]
    assert told(run, "time limit exceeded")[0] == 0
    *_, given = (json.loads(line) for line in run.events.read_text().splitlines())
    assert given["verdict"] == "TLE"
    with run.events.open("w") as file:
        file.writelines(json.dumps(line) + "\n" for line in (*lines, {**given, "t": ended + 3600}))
    with Journal(run.events) as journal:
        one = consensus_solver(run, journal, [], candidates=1)
        checkpoint.resume(one)
    assert one.spent.elapsed < 60


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("splendid",), "error: VERDICT: 'splendid' is not a verdict"),
        (("Accepted on the samples, wrong answer on test 5",), "error: VERDICT: 'Accepted on the samples, wrong answer"),
        (("AC: 4, TLE: 1",), "error: VERDICT: 'AC: 4, TLE: 1' is two verdicts"),
        (("wrong answer \udce9",), "error: VERDICT: not text in UTF-8"),
        (("wrong answer", "--expected", "x"), "error: --expected: --expected without --input"),
        (("wrong answer", "--input", "gone"), "error: --input: gone cannot be read"),
    ],
)
def test_verdicts_that_make_no_sense(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    code, text = told(RunDir(tmp_path), *words)
    assert code == 2 and text.startswith(said)


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("Accepted", "AC"), ("AC (120 ms)", "AC"), ("not accepted", "WA"), ("Wrong answer on test 5 (time: 15 ms)", "WA"),
        ("Time limit exceeded on test 12", "TLE"), ("TLE", "TLE"), ("Idleness limit exceeded", "TLE"), ("MLE", "MLE"),
        ("OK", "AC"), ("Correct!", "AC"), ("incorrect", "WA"), ("Run Time Error", "RE"), ("Compilation error", "CE"), ("hacked", "WA"),
    ],
)  # fmt: skip
def test_what_judges_say(words: str, kind: str) -> None:
    assert verdict_fields(words, None, None) == {"words": words, "verdict": kind}


def test_what_a_judge_says_reaches_the_archive_beside_other_programs_that_pass_the_samples() -> None:
    archive, one = Archive(SUM), replace(judged(1, "x", passed=2), outputs="same")
    for number, words in enumerate(("not accepted", "wrong answer", "wrong answer"), start=1):
        archive.add(rejected(replace(one, attempt=replace(one.attempt, number=number)), words))
    assert [entry.feedback for entry in archive.entries.values()] == ["not accepted", "wrong answer"]


def test_a_run_that_has_proposed_nothing_gets_no_verdict(tmp_path: Path) -> None:
    run = contest(tmp_path, answers(WRONG_ONE, WRONG_ONE), attempts=2)
    assert "no proposed program" in told(run, "wrong answer")[1]
