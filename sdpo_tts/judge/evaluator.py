"""Judges one program on a problem's tests: compiled, run in its own container, compared on the host."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from sdpo_tts.judge import scoring
from sdpo_tts.judge.checking.checker import Comparison, ValidatorError
from sdpo_tts.judge.compiler import COMPILE_OUTPUT_BYTES, both_ends, demand_success, source_bytes
from sdpo_tts.judge.containers.container import Command, ContainerLimits
from sdpo_tts.judge.containers.session import Session
from sdpo_tts.judge.facts import Facts, cause, cpu_kill_s, is_borderline, no_facts, stack_bytes, wall_kill_s
from sdpo_tts.judge.feedback.diagnose import Diagnoser
from sdpo_tts.judge.feedback.style import FeedbackStyle
from sdpo_tts.judge.feedback.text import most_telling
from sdpo_tts.judge.verdict import CompileError, Diagnosis, Judgement, TestOutcome, Verdict
from sdpo_tts.problem import Limits, Problem, Test
from sdpo_tts.problem.language import Language

if TYPE_CHECKING:
    from sdpo_tts.judge.resources import Resources

T = TypeVar("T")

MIB = 2**20
SUPERVISOR_BYTES = 16 * MIB  # what PID 1 needs besides the test's input and output, which it also holds
CHECK_CPU_S, CHECK_WALL_S = 10.0, 30.0
# After this many timeouts, overloaded checkers, or tests that could not be judged, the rest of a tier is skipped: each
# one costs more than all quick tests together.
MOST_TIMEOUTS = 2


class Evaluator:
    """Judges programs of one language on one problem. Thread-safe."""

    def __init__(
        self, problem: Problem, language: Language, resources: Resources, all_tests: bool, style: FeedbackStyle
    ) -> None:
        """`style`: what feedback contains, and so what the second look at a failed program is for."""
        self.problem, self.language, self.resources, self.all_tests = problem, language, resources, all_tests
        self.limits = _limits(problem, language)
        self._diagnoser = Diagnoser(problem, language, self.limits, resources, style)
        # Fixed for a batch, so that its programs are judged on the same tests in whatever order they come.
        self.counter_examples = resources.stress.kept()

    def judge(self, program: str) -> Judgement:
        """Shown tests first, then (if all passed, or `all_tests`) held-out ones. Raises ContainerLost."""
        started = time.monotonic()
        diagnosis, scored = None, list[TestOutcome]()
        try:
            with self.resources.machine.shared():
                outcomes = self._judge(program, scored)
                diagnosis = self._diagnose(program, seen_by_a_run(outcomes, self.problem))
            compile_output = ""
            verdict = next((o.verdict for o in outcomes if o.verdict is not Verdict.AC), Verdict.AC)
        except CompileError as error:
            outcomes, verdict, compile_output = [], Verdict.CE, str(error)
        total = len(self.problem.tests) + sum(outcome.test not in self.problem.tests for outcome in outcomes)
        seconds = time.monotonic() - started
        passed = {outcome.test.name for outcome in (*outcomes, *scored) if outcome.verdict is Verdict.AC}
        score = scoring.points(self.problem, passed)
        return Judgement(verdict, tuple(outcomes), total, compile_output, seconds, diagnosis, score)

    def _judge(self, program: str, scored: list[TestOutcome]) -> list[TestOutcome]:
        """`scored` collects the outcomes of tests that run only for points: nothing else may use them."""
        files = self.resources.compiler.compile(self.language, {self.language.source: source_bytes(program)})
        with Session(self.resources.containers, self._container_limits(), files) as session:
            self._check(session)
            outcomes = self._tier(session, [*self.problem.shown, *self.counter_examples], to_the_end=True)
            if _all_passed(outcomes):
                outcomes += self._stress(session)
            if self.all_tests or _all_passed(outcomes):
                outcomes += self._tier(session, self.problem.held_out, to_the_end=self.all_tests)
            if self.problem.groups and not self.all_tests and not _all_passed(outcomes):
                scored += self._for_points(session, outcomes)
        return outcomes

    def _for_points(self, session: Session, outcomes: Sequence[TestOutcome]) -> list[TestOutcome]:
        """Held-out tests that decide on points of a program that fails others: of each group that is open to it, up to
        the first failure if a failure costs all of its points, and none if it has them already."""
        known = {outcome.test.name: outcome.verdict is Verdict.AC for outcome in outcomes}
        tests, run = {test.name: test for test in self.problem.tests}, list[TestOutcome]()
        required = {name for group in self.problem.groups for name in group.requires}
        for group in self.problem.groups:
            left = [tests[name] for name in group.tests if name not in known]
            passed = {name for name, right in known.items() if right}
            partly = group.each or group.any
            lost = not partly and not all(known.get(name, True) for name in group.tests)
            worth = group.name in required or (group.points and not (group.any and passed.intersection(group.tests)))
            if left and worth and not lost and scoring.open_to(group, self.problem, passed):
                run += (more := self._tier(session, left, to_the_end=partly))
                known |= {outcome.test.name: outcome.verdict is Verdict.AC for outcome in more}
        return run

    def _diagnose(self, program: str, outcomes: Sequence[TestOutcome]) -> Diagnosis | None:
        """Only what feedback may quote."""
        failed = next(iter(most_telling(outcomes)), None)
        if failed is None or not self.problem.may_quote(failed.test):
            return None
        return self._diagnoser.diagnose(program, failed, self._container_limits(), self._run)

    def _stress(self, session: Session) -> list[TestOutcome]:
        """The first generated test that the program fails, which is kept; passing them proves nothing."""
        for test in self.resources.stress:
            outcome = self._run(session, test)
            if outcome.verdict is Verdict.AC:
                continue
            if outcome.verdict is not Verdict.JE:
                self.resources.stress.keep(test)
            return [outcome]
        return []

    def _tier(self, session: Session, tests: Iterable[Test], to_the_end: bool) -> list[TestOutcome]:
        """All tests if feedback chooses among the failures; otherwise up to the first failure."""
        outcomes: list[TestOutcome] = []
        tests = tuple(tests)
        session.expect(test.input for test in tests)
        for test in tests:
            outcomes.append(self._run(session, test))
            if not self.all_tests and _is_over(outcomes, to_the_end):
                break
        return outcomes

    def _run(self, session: Session, test: Test) -> TestOutcome:
        try:
            return self._converse(session, test) if self.problem.interactor else self._execute(session, test)
        except ValidatorError as error:
            return self._outcome(test, no_facts(), Verdict.JE, str(error))

    def _execute(self, session: Session, test: Test) -> TestOutcome:
        command = self._command()
        facts = self._measured(session, lambda: session.run(command, test.input), lambda facts: facts)
        failure = cause(facts, self.limits)
        return self._outcome(test, facts, *(failure or _verdict(self.resources.validator.compare(test, facts.stdout))))

    def _converse(self, session: Session, test: Test) -> TestOutcome:
        """If the interactor ends first, it decides; otherwise the submission's own failure; otherwise the
        interactor."""
        command = self._command()
        talk = self._measured(
            session, lambda: self.resources.validator.converse(session, command, test), lambda talk: talk.submission
        )
        facts = replace(talk.submission, stdout=talk.transcript)
        failure = cause(facts, self.limits)
        if failure and not talk.interactor_first:
            return self._outcome(test, facts, *failure)
        if talk.excess:
            said = f"it says so much that the interactor {talk.excess}"
            return self._outcome(test, facts, Verdict.OLE, said, strained=True)
        opinion = self.resources.validator.settle(talk, test)
        return self._outcome(test, facts, *(failure if failure and opinion.ok else _verdict(opinion)))

    def _measured(self, session: Session, run: Callable[[], T], facts_of: Callable[[T], Facts]) -> T:
        """A borderline timeout is measured again, alone."""
        found = run()
        if is_borderline(facts_of(found), self.limits):
            # Runs started ahead would disturb other programs that want to be alone.
            session.settle(self._command().patience_s)
            with self.resources.machine.exclusive(self._command().wall_s):
                return run()
        return found

    def _outcome(self, test: Test, facts: Facts, verdict: Verdict, detail: str, strained: bool = False) -> TestOutcome:
        return TestOutcome(
            test=test,
            verdict=verdict,
            cpu_s=facts.cpu_s,
            wall_s=facts.wall_s,
            peak_bytes=facts.peak_bytes,
            exit_code=facts.exit_code,
            signal=facts.signal,
            stdout=both_ends(facts.stdout),
            stderr=both_ends(facts.stderr),
            detail=detail,
            strained=strained,
        )

    def _command(self) -> Command:
        limits = self.limits
        argv = self.language.command(self.problem.limits.memory_bytes, self.problem.function)
        times = cpu_kill_s(limits), wall_kill_s(limits)
        return Command(
            argv, *times, limits.output_bytes, stack_bytes(limits), memory_bytes=limits.memory_bytes
        )  # fmt: skip

    def _container_limits(self) -> ContainerLimits:
        limits = self.limits
        largest = max((len(test.input) for test in self.problem.tests), default=0)
        memory = limits.memory_bytes + SUPERVISOR_BYTES + largest + limits.output_bytes
        return ContainerLimits(memory, min(64 * MIB, limits.memory_bytes // 2))

    def _check(self, session: Session) -> None:
        if self.language.check:
            memory = self.limits.memory_bytes
            command = Command(self.language.check, CHECK_CPU_S, CHECK_WALL_S, COMPILE_OUTPUT_BYTES, memory)
            demand_success(session.run(command), "the syntax check", memory)


def seen_by_a_run(outcomes: Iterable[TestOutcome], problem: Problem) -> list[TestOutcome]:
    """The outcomes that a run would have seen, out of those of all tests."""
    outcomes = tuple(outcomes)
    held_out = [outcome for outcome in outcomes if not outcome.test.shown]
    generated = [outcome for outcome in outcomes if outcome.test.shown and outcome.test not in problem.tests]
    shown = [outcome for outcome in outcomes if outcome.test.shown and outcome not in generated]
    seen: list[TestOutcome] = []
    for tier, to_the_end in ((shown, True), (generated, False), (held_out, False)):
        if _all_passed(seen):
            seen += _cut(tier, to_the_end)
    return seen


def _cut(outcomes: Sequence[TestOutcome], to_the_end: bool) -> Sequence[TestOutcome]:
    ends = [count for count in range(1, len(outcomes)) if _is_over(outcomes[:count], to_the_end)]
    return outcomes[: ends[0]] if ends else outcomes


def _is_over(outcomes: Sequence[TestOutcome], to_the_end: bool) -> bool:
    """Whether a tier ends after these outcomes."""
    costly = sum(outcome.strained or outcome.verdict in (Verdict.TLE, Verdict.JE) for outcome in outcomes)
    return costly >= MOST_TIMEOUTS or (outcomes[-1].verdict is not Verdict.AC and not to_the_end)


def _limits(problem: Problem, language: Language) -> Limits:
    memory = problem.limits.memory_bytes + language.extra_memory_mib * MIB
    return replace(problem.limits, memory_bytes=memory)


def _all_passed(outcomes: Iterable[TestOutcome]) -> bool:
    return all(outcome.verdict is Verdict.AC for outcome in outcomes)


def _verdict(comparison: Comparison) -> tuple[Verdict, str, bool]:
    return (Verdict.AC if comparison.ok else Verdict.WA), comparison.detail, comparison.strained
