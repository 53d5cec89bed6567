"""Problems without held-out tests: candidates, inputs made for them, a brute force, and which program is proposed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sdpo_tts.discovery import checkpoint
from sdpo_tts.discovery.budget import Budget
from sdpo_tts.discovery.consensus.arguments import ArgumentShape
from sdpo_tts.discovery.consensus.authors import BRUTES, GENERATORS, Authored, generator_text
from sdpo_tts.discovery.consensus.decision import Consensus
from sdpo_tts.discovery.consensus.groups import Group, Trace, chosen, grouped, traces, usable
from sdpo_tts.discovery.consensus.shape import TextShape
from sdpo_tts.discovery.methods.best_of_k import BestOfK
from sdpo_tts.discovery.solve import Solver
from sdpo_tts.discovery.state import Parts, SolverSettings
from sdpo_tts.judge import Input, Judge, Judgement, Output, Verdict
from sdpo_tts.judge.verdict import TestOutcome
from sdpo_tts.problem import FeedbackScope, Problem, Test, load_problem
from sdpo_tts.record import Event, Journal, RunDir, read_events
from tests.conftest import ROOT
from tests.fakes import CharacterChat, LateQueue, ScriptedSampler, Version
from tests.test_author_programs import NO_NEGATIVES, STRESSED
from tests.test_judge import RIGHT, SUM

SAMPLES = replace(SUM, tests=tuple(SUM.shown))
"""Two numbers, `3 4` and `10 -2`; no held-out tests."""
ADD = "lambda s: sum(map(int, s.split()))"
ADD_TOO = "lambda s: sum(int(x) for x in s.split())"
AND_AGAIN = "lambda s: int(s.split()[0]) + int(s.split()[1])"
BOUND = "lambda s: max(sum(map(int, s.split())), 7)"  # right on both samples
BOUND_TOO = "lambda s: max(7, sum(map(int, s.split())))"
WRONG = "lambda s: 7"
NUMBERS = "lambda s, seed, size: f'{-int(seed)} {seed}'"


class EvaluatingJudge:
    """A program is an expression, called in this process with the input and the arguments; it prints what it returns."""

    def __init__(self, problem: Problem = SAMPLES) -> None:
        self.problem = problem
        self.added: list[Any] = []

    def queue(self) -> LateQueue:
        return LateQueue(self.judge_each)

    def recall(self, failed: Sequence[str]) -> None:
        """It has no generated tests."""

    def add(self, test: Any) -> None:
        self.added.append(test)

    def judge_each(self, programs: Sequence[str | None]) -> Any:
        yield from ((place, self._judged(program or "")) for place, program in enumerate(programs))

    def judge_many(self, programs: Sequence[str]) -> list[Judgement]:
        return [self._judged(program) for program in programs]

    def trials(
        self, programs: Sequence[str], inputs: Sequence[Input], language: str | None = None, *, patience: float = 1.0
    ) -> list[list[Output]]:
        return [[self._output(program, one) for one in inputs] for program in programs]

    def alike(self, given: bytes, left: bytes, right: bytes) -> bool:
        return left.split() == right.split()

    def _judged(self, program: str) -> Judgement:
        tests = (*self.problem.tests, *self.added)
        outputs = [self._output(program, Input(test.input)) for test in tests]
        outcomes = tuple(
            TestOutcome(
                test, Verdict.AC if self.alike(b"", out.stdout, test.expected) else Verdict.WA, 0.0, 0.0, 0, 0, None,
                out.stdout, b"",
            )
            for test, out in zip(tests, outputs, strict=True)
        )  # fmt: skip
        verdict = next((one.verdict for one in outcomes if one.verdict is not Verdict.AC), Verdict.AC)
        return Judgement(verdict, outcomes, len(tests))

    def _output(self, program: str, one: Input) -> Output:
        try:
            return Output(f"{eval(program)(one.stdin.decode(), *one.arguments)}\n".encode(), None)
        except Exception:
            return Output(b"", Verdict.RE)


def answers(*programs: str) -> list[str]:
    return [f"```python\n{program}\n```" for program in programs]


def authored(*brutes: str) -> list[str]:
    """What the model answers to questions for generators, all alike, and brute forces."""
    return answers(*[NUMBERS] * GENERATORS, *brutes, *["pass"] * (BRUTES - len(brutes)))


def solver(
    run: RunDir, journal: Journal, told: Sequence[str], batch: int = 2, attempts: int | None = None, **settings: Any
) -> Solver:
    chat: Any = CharacterChat()
    parts = Parts(Version(), chat, ScriptedSampler(told), EvaluatingJudge(), journal, run)  # type: ignore[arg-type]
    strategy = BestOfK(SAMPLES, chat, batch)
    return Solver(parts, strategy, Budget(max_attempts=attempts), 0, SolverSettings(**{"candidates": 3, **settings}))


def solve(folder: Path, told: Sequence[str], **settings: Any) -> tuple[RunDir, list[Event]]:
    run = RunDir.at(folder / "run")
    with Journal(run.events) as journal:
        solver(run, journal, told, **settings).run()
    return run, read_events(run.events)


def last(events: Sequence[Event], kind: str) -> Event:
    return next(event for event in reversed(events) if event["type"] == kind)


# The run


def test_a_run_gathers_candidates_and_proposes_one_of_the_largest_group(tmp_path: Path) -> None:
    """The first program that passes the samples is wrong, two others agree."""
    told = [*answers(BOUND, WRONG, ADD, ADD, ADD_TOO, WRONG), *authored()]
    run, events = solve(tmp_path, told)
    sought, solved = last(events, "consensus_sought"), last(events, "solved")
    assert sought["candidates"] == [1, 3, 5] and sought["groups"] == [[3, 5], [1]], "equal programs count once"
    assert (solved["rests_on"], solved["agreeing"], solved["candidates"], solved["brute"]) == ("consensus", 2, 3, "none")
    assert solved["attempt"] == 3 and solved["inputs"] == sought["inputs"] > 20
    assert run.solution("python3").read_text() == f"{ADD}\n"
    assert run.checkpoint.exists(), "a judge elsewhere may not accept it"
    assert (last(events, "run_ended")["reason"], sought["completion_tokens"] > 0) == ("solved", True)


def test_a_smaller_group_wins_where_a_brute_force_speaks_for_it(tmp_path: Path) -> None:
    told = [*answers(BOUND, BOUND_TOO, ADD, WRONG), *authored(WRONG, ADD_TOO)]
    _, events = solve(tmp_path, told)
    solved = last(events, "solved")
    assert (solved["attempt"], solved["agreeing"], solved["brute"]) == (3, 1, "agrees"), "one that fails the samples is none"


def test_where_nobody_agrees_with_the_brute_force_the_run_goes_on(tmp_path: Path) -> None:
    """What it speaks against learns that it is presumably wrong."""
    heard: list[str] = []
    run = RunDir.at(tmp_path / "run")
    told = [*answers(BOUND, BOUND_TOO), *authored(ADD), *answers(WRONG, WRONG), *answers(ADD_TOO, AND_AGAIN)]
    with Journal(run.events) as journal:
        one = solver(run, journal, told, candidates=2)
        one.strategy.learn = lambda batch: heard.extend(each.feedback.text for each in batch) or ""  # type: ignore
        one.run()
    events = read_events(run.events)
    first = next(event for event in events if event["type"] == "consensus_sought")
    assert (first["chosen"], first["doubted"], first["brute"]) == (None, [1, 2], "disagrees")
    assert all("presumably wrong" in text and "not certain" in text for text in heard[:2])
    solved = last(events, "solved")
    assert (solved["attempt"], solved["brute"], solved["agreeing"]) == (5, "agrees", 2)


def test_a_brute_force_that_nobody_agrees_with_is_not_believed_forever(tmp_path: Path) -> None:
    wrong = answers(*[BOUND + " + 0" * i for i in range(6)])
    _, events = solve(tmp_path, [*wrong[:2], *authored(ADD), *wrong[2:]], candidates=2)
    sought = [(len(event["doubted"]), event["chosen"]) for event in events if event["type"] == "consensus_sought"]
    assert [doubted for doubted, _ in sought] == [2, 4, 0] and sought[-1][1] is not None
    assert (last(events, "solved")["brute"], last(events, "solved")["agreeing"]) == ("disagrees", 6)


def test_at_the_end_of_the_budget_the_best_there_is_is_proposed(tmp_path: Path) -> None:
    _, events = solve(tmp_path, [*answers(WRONG, ADD), *authored(BOUND)], attempts=2)
    solved = last(events, "solved")
    assert (solved["rests_on"], solved["brute"], solved["candidates"]) == ("samples", "disagrees", 1)
    assert last(events, "run_ended")["reason"] == "solved"


def test_one_candidate_is_as_it_always_was(tmp_path: Path) -> None:
    _, events = solve(tmp_path, answers(WRONG, BOUND), candidates=1)
    assert [event["type"] for event in events][-2:] == ["solved", "run_ended"]
    assert last(events, "solved")["rests_on"] == "samples"


def test_a_program_that_carries_the_answers_is_proposed_only_where_there_is_no_other(tmp_path: Path) -> None:
    cheat = "lambda s: {'3 4': 7, '10 -2': 8}[s.strip()]"
    _, events = solve(tmp_path, [*answers(cheat, ADD), *authored()], attempts=2)
    assert (last(events, "solved")["attempt"], last(events, "consensus_sought")["candidates"]) == (2, [2])
    _, events = solve(tmp_path / "alone", [*answers(cheat, WRONG), *authored()], attempts=2)
    assert last(events, "solved")["attempt"] == 1


def test_candidates_are_not_waited_for_forever(tmp_path: Path) -> None:
    """The first came with attempt 1: four batches more are enough."""
    told = [*answers(ADD, WRONG), *answers(*[WRONG] * 8), *authored()]
    _, events = solve(tmp_path, told)
    assert (last(events, "solved")["attempt"], last(events, "run_ended")["attempts"]) == (1, 10)


def test_an_interrupted_run_decides_as_an_undisturbed_one(tmp_path: Path) -> None:
    told = [*answers(BOUND, WRONG, ADD, ADD_TOO), *authored()]
    _, whole = solve(tmp_path / "whole", told)
    run = RunDir.at(tmp_path / "stopped")

    def stop(event: Event) -> None:
        if event["type"] == "attempt_judged" and event["attempt"] == 3:
            raise KeyboardInterrupt

    with Journal(run.events) as journal, pytest.raises(KeyboardInterrupt):
        journal.subscribe(stop)
        solver(run, journal, told[:4]).run()
    with Journal(run.events) as journal:
        again = solver(run, journal, told[4:])
        checkpoint.resume(again)
        again.run()
    untimed = [{k: v for k, v in last(e, "consensus_sought").items() if k not in ("t", "seq")}
               for e in (whole, read_events(run.events))]  # fmt: skip
    assert untimed[0] == untimed[1] and untimed[0]["candidates"] == [1, 3, 4]


# Groups


def outputs(*texts: str | None) -> list[Output]:
    return [Output(b"", Verdict.RE) if text is None else Output(text.encode(), None, 0.1) for text in texts]


def test_groups_follow_the_checker_and_inputs_that_crash_most_say_nothing() -> None:
    rows = [outputs("a", "b", None), outputs("A", "b", None), outputs("c", "b", "x"), outputs("a", None, None)]
    assert usable(rows, 3) == [0, 1]
    kept = [row[:2] for row in rows]
    traced = traces(kept, [b"1", b"2"], lambda given, left, right: left.lower() == right.lower())
    assert [group.members for group in grouped(traced)] == [(0, 1), (3,), (2,)], "the quicker first"


def test_what_the_brute_force_does_not_answer_says_nothing() -> None:
    traced = [Trace(("answer 0", "answer 0"), 2.0), Trace(("answer 0", "answer 1"), 1.0), Trace(("answer 0", "answer 0"), 1.0)]
    slow = Trace(("answer 0", "TLE"), 0.0)
    groups = grouped(traced, slow)
    assert [group.against for group in groups] == [(), ()]
    assert chosen(groups) == Group((2, 0), (), 1.0), "the quicker one of the group first"
    assert chosen(grouped(traced, Trace(("answer 0", "answer 1"), 0.0))) == Group((1,), (), 1.0)


def test_without_inputs_nothing_says_that_programs_are_alike() -> None:
    one = Test("one", b"\n", b"7\n", shown=True)  # nothing in it can be varied
    consensus = Consensus(replace(SAMPLES, tests=(one,)), EvaluatingJudge(), 0)  # type: ignore[arg-type]
    consensus.prepare(Authored())
    decision = consensus.decide([WRONG, "lambda s: 3 + 4"], rejected=[0])
    assert decision.inputs == 0 and decision.best and decision.best.members == (1,)


class SlowJudge(EvaluatingJudge):
    """Programs with `slow` in them are too slow for large inputs."""

    def _output(self, program: str, one: Input) -> Output:
        slow = "slow" in program and len(one.stdin) > 20
        return Output(b"", Verdict.TLE, 2.0) if slow else replace(super()._output(program, one), cpu_s=1.0)


def test_of_programs_that_agree_one_that_answers_large_inputs_is_proposed_though_most_are_too_slow() -> None:
    judge = SlowJudge(replace(SAMPLES, tests=(Test("one", b"3 4\n", b"7\n", True), Test("two", b"1\n", b"1\n", True))))
    consensus = Consensus(judge.problem, judge, 0)  # type: ignore[arg-type]
    consensus.prepare(Authored())
    slow = [f"(lambda slow: {ADD})({i})" for i in range(3)]
    decision = consensus.decide([*slow, ADD])
    assert decision.best and (len(decision.best.members), decision.best.members[0]) == (4, 3)


def test_a_known_input_counts_though_most_programs_crash_on_it() -> None:
    """Where two that crash on it were rejected, a program that answers it is not like them."""
    given = b"40 2\n"
    crash = "lambda s: 1 // (s.split()[0] != '40') and sum(map(int, s.split()))"
    consensus = Consensus(SAMPLES, EvaluatingJudge(), 0, {given: None})  # type: ignore[arg-type]
    consensus.prepare(Authored())
    decision = consensus.decide([crash, crash + " ", ADD], rejected=[0, 1])
    assert decision.best and decision.best.members == (2,)


def test_a_brute_force_without_an_answer_supports_nothing() -> None:
    consensus = Consensus(SAMPLES, EvaluatingJudge(), 0)  # type: ignore[arg-type]
    consensus.prepare(Authored((), ("lambda s: {'3 4': 7, '10 -2': 8}[s.strip()]",)))
    decision = consensus.decide([BOUND])
    assert not decision.agrees and decision.best and decision.inputs > 20


def test_a_long_run_does_not_try_ever_more_inputs() -> None:
    wide = replace(SAMPLES, tests=(Test("one", b"1 99999\n", b"100000\n", shown=True),))
    consensus = Consensus(wide, EvaluatingJudge(wide), 0)  # type: ignore[arg-type]
    consensus.prepare(Authored())
    found = [consensus.decide([BOUND, ADD]).inputs for _ in range(20)]
    assert found[0] < found[-1] == found[-2]


# Inputs


@pytest.mark.parametrize(
    "sample", [b"9" * 400, b"-" + b"9" * 5000, b"2\n" + b"9" * 400 + b" 3\n4 5\n", b"3\r\n1\t2\r\n3 4", b"", b"1e9 \xff\n"]
)
def test_whatever_the_samples_are_they_can_be_varied(sample: bytes) -> None:
    shape = TextShape([sample])
    made = [shape.mutated(np.random.default_rng(i), large=i % 2 == 0) for i in range(40)]
    assert len(set(made)) > (1 if sample else 0) and {shape.fits(one) for one in made} == {True}
    big = ArgumentShape([b"-100000000000000000000\n1e999\n"])
    assert all(big.fits(big.mutated(np.random.default_rng(i))) for i in range(20))


def test_texts_of_zeros_and_ones_and_padded_numbers_keep_their_form() -> None:
    bits, clock = TextShape([b"4\n0101\n", b"3\n110\n"]), TextShape([b"09:30\n", b"17:05\n"])
    rngs = [np.random.default_rng(i) for i in range(40)]
    assert {letter for rng in rngs for letter in bits.mutated(rng).splitlines()[1].decode()} == {"0", "1"}
    assert {tuple(map(len, clock.mutated(rng).split(b":"))) for rng in rngs} == {(2, 3)}


def test_a_table_stays_a_table() -> None:
    shape = ArgumentShape([b"[[1, 3], [2, 6], [8, 9]]\n[[1, 2], [3, 4]]\n"])
    made = [[json.loads(line) for line in shape.mutated(np.random.default_rng(i)).splitlines()] for i in range(20)]
    assert {len(row) for tables in made for table in tables for row in table} == {2}
    assert len({len(pairs) for pairs, _ in made}) > 3 and {len(square) for _, square in made} == {2}


def test_the_author_of_a_generator_reads_no_input_where_no_test_may_be_quoted() -> None:
    assert "3 4" in generator_text(SAMPLES)
    assert "3 4" not in generator_text(replace(SAMPLES, feedback=FeedbackScope.NONE))


@pytest.mark.parametrize("name", ["diagonal", "fence", "dedup", "csv-total", "last-word", "pair-sum", "time-add"])
def test_mutations_keep_the_shape_of_the_samples_and_held_out_inputs_have_it(name: str) -> None:
    problem = load_problem(ROOT / "problems" / name)
    shape, rng = TextShape([test.input for test in problem.shown]), np.random.default_rng(0)
    made = [shape.mutated(rng, large=i % 5 == 0) for i in range(40)]
    made += [shape.mutated(rng, of=one) for one in made[:10]]
    assert all(map(shape.fits, made)) and len(set(made)) > 15
    assert all(shape.fits(test.input) for test in problem.tests)


@pytest.mark.parametrize(
    "given", [b"3\n1 2 3\n4 5 6\n", b"x\n", b"2\n1 2\n3 4\n5 6\n", b"2\na b\nc d\n", b"\xff\n", b"2 2\n1 2\n3 4\n"]
)
def test_inputs_of_another_shape_are_refused(given: bytes) -> None:
    problem = load_problem(ROOT / "problems" / "diagonal")
    assert not TextShape([test.input for test in problem.shown]).fits(given)


def test_arguments_keep_their_kinds() -> None:
    shape, rng = ArgumentShape([b'[1, 2]\n"ab"\n1.5\ntrue\n']), np.random.default_rng(0)
    made = [shape.mutated(rng) for _ in range(20)]
    assert all(map(shape.fits, made)) and len(set(made)) > 10
    assert all(len(one.splitlines()) == 4 and [json.loads(line) for line in one.splitlines()] for one in made)
    for wrong in (b"[1]\n", b'["x"]\n"ab"\n1.5\ntrue\n', b"no JSON\n", b"[1]\n2\n1.5\ntrue\n"):
        assert not shape.fits(wrong)


# Whatever the model writes

BAD = {
    "endless output": "while True: print('1 2')",
    "endless": "while True: pass",
    "another shape": "print('a b c')",
    "crash": "raise SystemExit(3)",
    "nothing": "",
    "no program": "this is not Python",
    "much memory": "x = bytearray(10**10)",
    "reads on": "import sys\nwhile True: sys.stdin.read() or input()",
    "not text": "import sys\nsys.stdout.buffer.write(bytes([255, 254, 10]))",
    "wrong answers": "print(*[7] * 2)",
}


QUICK = replace(SAMPLES, limits=replace(SAMPLES.limits, time_s=0.2))


@pytest.fixture(scope="module")
def judge(engine: None) -> Any:
    with Judge(QUICK) as judge:
        yield judge


def test_bad_generators_and_brute_forces_do_no_harm(judge: Judge) -> None:
    """Ten of them as both, and among the candidates too; the only right brute force comes last."""
    right = "a, b = map(int, input().split())\nprint(a + b)\n"
    bound = [right.replace("a + b", "max(a + b, 7)"), right.replace("a + b", "max(7, b + a)")]
    consensus = Consensus(QUICK, judge, 0)
    consensus.prepare(Authored(tuple(BAD.values()), (*BAD.values(), right)))
    decision = consensus.decide([*bound, right, BAD["crash"]])
    assert decision.agrees and decision.best and decision.best.members == (2,)
    assert set(decision.doubts) == {0, 1, 3} and "Input: '" in decision.doubts[0]


def test_a_brute_force_that_passes_the_samples_and_then_fails_says_nothing(judge: Judge) -> None:
    once = "a, b = map(int, input().split())\nprint({(3, 4): 7, (10, -2): 8}[a, b])\n"
    consensus = Consensus(QUICK, judge, 0)
    consensus.prepare(Authored((), (once,)))
    decision = consensus.decide(["print(sum(map(int, input().split())))\n"])
    assert not decision.trusted and decision.best and not decision.best.against, "it agrees with nobody"


def test_the_problem_s_own_generator_and_brute_force_come_first(engine: None) -> None:
    problem = replace(STRESSED, tests=tuple(STRESSED.shown), limits=QUICK.limits)
    with Judge(problem) as judge:
        consensus = Consensus(problem, judge, 0)
        consensus.prepare(Authored())
        decision = consensus.decide([NO_NEGATIVES, NO_NEGATIVES.replace("+", " + "), RIGHT])
        told = judge.brute([b"x\n", b"y\n", b"3 4\n"])
    assert [one.stdout for one in told] == [b"", b"", b"7\n"], "it only crashes on what is no input"
    assert decision.agrees and decision.best and decision.best.members == (2,)


def test_trials_tell_what_is_written_and_why_not(judge: Judge) -> None:
    ((fine, wrong),) = judge.trials(["n = int(input())\nprint(2 * n)"], [Input(b"4\n"), Input(b"x\n")])
    assert (fine.stdout, fine.failure, wrong.failure) == (b"8\n", None, Verdict.RE)
    ((told,),) = judge.trials(["import sys\nprint(sys.argv[1:])"], [Input(arguments=("1", "small"))], "python3")
    assert told.stdout == b"['1', 'small']\n"
    (row,) = judge.trials([BAD["crash"]], [Input(b"1\n")] * 9)
    assert {output.failure for output in row} == {Verdict.RE} and len(row) == 9
    (row,) = judge.trials(["print(int(input()))"], [Input(one) for one in (b"x\n", b"y\n", b"3\n")])
    assert row[-1].stdout == b"3\n", "it only crashes on what is no input"
    assert judge.alike(b"", b"1  2\n", b"1 2") and not judge.alike(b"", b"1", b"2")
