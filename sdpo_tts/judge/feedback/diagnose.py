"""A second look at a failed program, after its verdict: why did it fail? It changes no verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice

from sdpo_tts.errors import UserError
from sdpo_tts.judge.checking.checker import ValidatorError
from sdpo_tts.judge.compiler import Files, source_bytes
from sdpo_tts.judge.containers.container import Command, ContainerLimits, ContainerLost
from sdpo_tts.judge.containers.session import Session
from sdpo_tts.judge.facts import Facts, stack_bytes
from sdpo_tts.judge.feedback.findings import of_sanitizer, of_witness
from sdpo_tts.judge.feedback.style import FeedbackStyle
from sdpo_tts.judge.resources import Resources
from sdpo_tts.judge.verdict import CompileError, Diagnosis, TestOutcome, Verdict
from sdpo_tts.problem import Limits, Problem, Test
from sdpo_tts.problem.language import Language

MIB = 2**20
MOST_SECONDS = 3.0  # of CPU, even if the limit is higher: a slow program soon shows where it is slow
EXTRA_S = 0.5  # to start, and to write down what was seen
BUSY_S = 2.0  # of waiting for a processor, so that the findings do not depend on what else the machine does
SLOWER = 2  # slowdown of a sanitized program, according to its makers
STOPPED = 124  # exit code of `timeout` when the time was up
SANITIZER_BYTES = 256 * MIB
FINDINGS, FINDINGS_BYTES = "/tmp/diagnosis", 512 * 1024  # as in `sandbox/diagnose.py`
SMALL_CASES = 50

Retry = Callable[[Session, Test], TestOutcome]


class Diagnoser:
    """Knows what to try on a failed program. Thread-safe."""

    def __init__(
        self, problem: Problem, language: Language, limits: Limits, resources: Resources, style: FeedbackStyle
    ) -> None:
        self._problem, self._language, self._limits, self._resources = problem, language, limits, resources
        self._style = style

    def diagnose(
        self, program: str, failed: TestOutcome, container_limits: ContainerLimits, retry: Retry
    ) -> Diagnosis:
        """`failed` is the outcome that feedback describes; `retry` runs the program on another test."""
        found = Diagnosis(program)
        try:
            if failed.verdict is Verdict.WA:
                return self._shrink(found, failed, container_limits, retry)
            if self._language.sanitize:
                return self._sanitize(found, failed)
            return self._witness(found, failed, container_limits)
        except (ContainerLost, CompileError, ValidatorError, UserError):
            return found  # the verdict stands, and feedback does without

    def _shrink(
        self, found: Diagnosis, failed: TestOutcome, container_limits: ContainerLimits, retry: Retry
    ) -> Diagnosis:
        """The smallest of the generated tests that it fails, if smaller than the one it failed."""
        if not (self._style.smallest and self._problem.stress):
            return found
        made = [test for test in islice(self._resources.stress, SMALL_CASES) if _size(test) < _size(failed.test)]
        with Session(self._resources.containers, container_limits, self._files(found.source)) as session:
            for test in sorted(made, key=_size):
                if (outcome := retry(session, test)).verdict is Verdict.WA:
                    return replace(found, smallest=outcome)
                if outcome.verdict is not Verdict.AC:
                    break
        return found

    def _witness(self, found: Diagnosis, failed: TestOutcome, container_limits: ContainerLimits) -> Diagnosis:
        part = {Verdict.RE: self._style.values, Verdict.TLE: self._style.stack, Verdict.MLE: self._style.memory}
        if not (self._language.diagnose and part.get(failed.verdict)):
            return found
        found = replace(found, seconds=self._seconds())
        facts = self._run(failed, container_limits, self._files(found.source), found.seconds)
        return of_witness(found, facts.kept, facts.stdout)

    def _sanitize(self, found: Diagnosis, failed: TestOutcome) -> Diagnosis:
        crashed = failed.verdict is Verdict.RE and failed.signal is not None
        if not (self._style.sanitizer if crashed else failed.verdict is Verdict.TLE and self._style.stack):
            return found
        # Shadow memory and redzones take about twice as much again as the program itself.
        container_limits = ContainerLimits(3 * self._limits.memory_bytes + SANITIZER_BYTES, 64 * MIB)
        seconds = MOST_SECONDS if crashed else self._seconds()  # a crash ends by itself
        files = self._files(found.source, self._language.sanitize)
        facts = self._run(failed, container_limits, files, seconds * SLOWER)
        if crashed and facts.exit_code == STOPPED:
            return found  # it took another path, so where it was stopped says nothing about the crash
        return of_sanitizer(found, facts.stderr)

    def _files(self, program: str, sanitize: Sequence[str] = ()) -> Files:
        language = replace(self._language, compile=tuple(sanitize)) if sanitize else self._language
        return self._resources.compiler.compile(language, {language.source: source_bytes(program)})

    def _run(self, failed: TestOutcome, container_limits: ContainerLimits, files: Files, seconds: float) -> Facts:
        limits = self._limits
        argv = self._language.diagnosis(failed.verdict, seconds, limits.memory_bytes, self._problem.function)
        command = Command(
            argv, seconds + EXTRA_S, 2 * seconds + EXTRA_S + BUSY_S, limits.output_bytes, stack_bytes(limits),
            keep=FINDINGS, keep_bytes=FINDINGS_BYTES,
        )  # fmt: skip
        with Session(self._resources.containers, container_limits, files) as session:
            if self._problem.interactor:
                return self._resources.validator.converse(session, command, failed.test).submission
            return session.run(command, failed.test.input)

    def _seconds(self) -> float:
        return min(self._limits.time_s, MOST_SECONDS)


def _size(test: Test) -> int:
    return len(test.input)
