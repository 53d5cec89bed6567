"""One program on a problem's tests: compiled, run in a container of its own, compared on the host."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from types import TracebackType

from sdpo_tts.judge.checker import compare
from sdpo_tts.judge.container import (
    SETTLE_S,
    Cage,
    Command,
    Container,
    ContainerLost,
    ContainerOutOfMemory,
    Fleet,
)
from sdpo_tts.judge.facts import Facts, cause, cpu_kill_s, is_borderline, out_of_memory, size, stack_bytes, wall_kill_s
from sdpo_tts.judge.gate import Gate
from sdpo_tts.judge.language import Language
from sdpo_tts.judge.verdict import Judgement, TestOutcome, Verdict
from sdpo_tts.problem import Problem, Test

MIB = 2**20
SUPERVISOR_BYTES = 16 * MIB  # what PID 1 needs beside the test's input and output, which it holds too
COMPILE_CAGE = Cage(memory_bytes=1024 * MIB, tmpfs_bytes=256 * MIB)
COMPILE_CPU_S, COMPILE_WALL_S, COMPILE_OUTPUT_BYTES = 30.0, 90.0, MIB
CHECK_CPU_S, CHECK_WALL_S = 10.0, 30.0
KEPT_BYTES = 64 * 1024  # of each end of an output that an outcome keeps
# After so many time-outs the rest of a tier is left out: each one costs more than all quick tests together.
MOST_TIMEOUTS = 2


class Bench:
    """A borrowed container with the program in it; a new one takes its place when a test has spoiled it."""

    def __init__(self, fleet: Fleet, cage: Cage, files: dict[str, bytes]) -> None:
        self._fleet, self._cage, self._files = fleet, cage, files
        self._container: Container | None = None
        self._coming: deque[bytes] = deque()

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        if kind is None or issubclass(kind, CompileError):
            self.settle(SETTLE_S)
        else:
            self._drop()
        if self._container is not None:
            self._fleet.give_back(self._cage, self._container)

    def expect(self, inputs: Iterable[bytes]) -> None:
        """The inputs of the runs to come, in order: each is begun while the answer to the one before is looked at."""
        self._coming = deque(inputs)

    def run(self, command: Command, stdin: bytes = b"") -> Facts:
        """Raises ContainerLost."""
        ahead = self._ahead(stdin)
        if self._container is not None and not self._container.has_begun(command, stdin):
            self.settle(command.patience_s)
        if self._container is None:
            self._container = self._fleet.borrow(self._cage)
            self._container.load(self._files)
        try:
            facts = self._container.run(command, stdin, ahead)
        except ContainerOutOfMemory:
            facts = out_of_memory()
        # After an out-of-memory kill the engine calls any later loss of the container one too.
        if facts.dirty or facts.oom_kills:
            self._drop()
        return facts

    def _ahead(self, stdin: bytes) -> bytes | None:
        if self._coming and self._coming[0] is stdin:
            self._coming.popleft()
            return self._coming[0] if self._coming else None
        return None

    def settle(self, patience_s: float) -> None:
        """Nothing is begun any more: what is not wanted has ended well, or the container is gone."""
        if self._container is not None:
            try:
                self._container.settle(patience_s)
            except (ContainerLost, ContainerOutOfMemory):
                self._drop()

    def _drop(self) -> None:
        if self._container is not None:
            self._fleet.remove(self._container)
            self._container = None


class CompileError(Exception):
    """The compiler's text, or why it did not end well."""


class Trial:
    """Judges programs of one language on one problem. Safe to use from several threads."""

    def __init__(self, problem: Problem, language: Language, fleet: Fleet, gate: Gate, all_tests: bool) -> None:
        self.problem, self.language, self.fleet, self.gate = problem, language, fleet, gate
        self.all_tests = all_tests

    def judge(self, program: str) -> Judgement:
        """Shown tests first, then (if all passed, or `all_tests`) held-out ones. Raises ContainerLost."""
        started = time.monotonic()
        try:
            with self.gate.shared():
                outcomes = self._judge(program)
            compile_output = ""
            verdict = next((o.verdict for o in outcomes if o.verdict is not Verdict.AC), Verdict.AC)
        except CompileError as error:
            outcomes, verdict, compile_output = [], Verdict.CE, str(error)
        total, seconds = len(self.problem.tests), time.monotonic() - started
        return Judgement(verdict, tuple(outcomes), total, compile_output, seconds)

    def _judge(self, program: str) -> list[TestOutcome]:
        files = {self.language.source: program.encode(errors="replace")}
        if self.language.compile:
            files = self._compile(files)
        with Bench(self.fleet, self._cage(), files) as bench:
            self._check(bench)
            outcomes = self._tier(bench, self.problem.shown, to_the_end=True)
            if self.all_tests or all(outcome.verdict is Verdict.AC for outcome in outcomes):
                outcomes += self._tier(bench, self.problem.held_out, to_the_end=self.all_tests)
        return outcomes

    def _tier(self, bench: Bench, tests: Iterable[Test], to_the_end: bool) -> list[TestOutcome]:
        """To the end because feedback picks among all failures; else up to the first one."""
        outcomes: list[TestOutcome] = []
        tests = tuple(tests)
        bench.expect(test.input for test in tests)
        for test in tests:
            outcomes.append(self._run(bench, test))
            timeouts = sum(outcome.verdict is Verdict.TLE for outcome in outcomes)
            if self.all_tests:
                continue
            if timeouts >= MOST_TIMEOUTS or (outcomes[-1].verdict is not Verdict.AC and not to_the_end):
                break
        return outcomes

    def _run(self, bench: Bench, test: Test) -> TestOutcome:
        limits, command = self.problem.limits, self._command()
        facts = bench.run(command, test.input)
        if is_borderline(facts, limits):
            bench.settle(command.patience_s)  # what is begun ahead would be company for others who want to be alone
            with self.gate.alone():
                facts = bench.run(command, test.input)
        failure = cause(facts, limits)
        return self._outcome(test, facts, *(failure or self._compare(test, facts)))

    def _compare(self, test: Test, facts: Facts) -> tuple[Verdict, str]:
        comparison = compare(self.problem.checker, self.problem.mode, test.expected, facts.stdout)
        return (Verdict.AC if comparison.ok else Verdict.WA), comparison.detail

    def _outcome(self, test: Test, facts: Facts, verdict: Verdict, detail: str) -> TestOutcome:
        return TestOutcome(
            test=test,
            verdict=verdict,
            cpu_s=facts.cpu_s,
            wall_s=facts.wall_s,
            peak_bytes=facts.peak_bytes,
            exit_code=facts.exit_code,
            signal=facts.signal,
            stdout=_both_ends(facts.stdout),
            stderr=_both_ends(facts.stderr),
            detail=detail,
        )

    def _command(self) -> Command:
        limits, function = self.problem.limits, self.problem.function
        argv = (*self.language.function, function.name) if function else self.language.run
        return Command(argv, cpu_kill_s(limits), wall_kill_s(limits), limits.output_bytes, stack_bytes(limits))

    def _cage(self) -> Cage:
        limits = self.problem.limits
        largest = max((len(test.input) for test in self.problem.tests), default=0)
        memory = limits.memory_bytes + SUPERVISOR_BYTES + largest + limits.output_bytes
        return Cage(memory, min(64 * MIB, limits.memory_bytes // 2))

    def _check(self, bench: Bench) -> None:
        if self.language.check:
            stack = self.problem.limits.memory_bytes
            command = Command(self.language.check, CHECK_CPU_S, CHECK_WALL_S, COMPILE_OUTPUT_BYTES, stack)
            _demand_success(bench.run(command), "the syntax check", self.problem.limits.memory_bytes)

    def _compile(self, files: dict[str, bytes]) -> dict[str, bytes]:
        """The binary, by name. Raises CompileError, ContainerLost."""
        command = Command(
            self.language.compile,
            COMPILE_CPU_S,
            COMPILE_WALL_S,
            COMPILE_OUTPUT_BYTES,
            stack_bytes=COMPILE_CAGE.memory_bytes,
            keep=self.language.binary,
        )
        with Bench(self.fleet, COMPILE_CAGE, files) as bench:
            facts = bench.run(command)
        _demand_success(facts, "the compiler", COMPILE_CAGE.memory_bytes)
        return {self.language.binary: facts.kept}


def _demand_success(facts: Facts, who: str, memory_bytes: int) -> None:
    """Raises CompileError."""
    text = _both_ends(facts.stderr + facts.stdout).decode(errors="replace")
    if facts.oom_kills:
        raise CompileError(f"{text}\n{who} ran out of memory ({size(memory_bytes)})".strip())
    if facts.killed:
        reason = {"output": "wrote too much", "cpu": "took too much CPU time", "wall": "took too long"}
        raise CompileError(f"{text}\n{who} {reason[facts.killed]}".strip())
    if facts.exit_code != 0:
        raise CompileError(text.strip() or f"{who} failed without a message")


def _both_ends(data: bytes) -> bytes:
    if len(data) <= 2 * KEPT_BYTES:
        return data
    return data[:KEPT_BYTES] + b"\n...\n" + data[-KEPT_BYTES:]
