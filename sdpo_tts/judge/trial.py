"""Runs programs on inputs without known answers: what they write, not whether it is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sdpo_tts.judge.compiler import source_bytes
from sdpo_tts.judge.containers.container import Command, ContainerLimits
from sdpo_tts.judge.containers.session import Session
from sdpo_tts.judge.facts import cause, cpu_kill_s, stack_bytes, wall_kill_s
from sdpo_tts.judge.resources import Resources
from sdpo_tts.judge.verdict import CompileError, Verdict
from sdpo_tts.problem import Function, Problem
from sdpo_tts.problem.language import Language

MIB = 2**20
MOST_OUTPUT_BYTES = MIB
MOST_FAILURES = 2  # after this many failures in a row, other than crashes, a program is not tried on the rest
SUPERVISOR_BYTES = 16 * MIB


@dataclass(frozen=True)
class Input:
    stdin: bytes = b""
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Output:
    """`failure`: why there is no answer; None if there is one."""

    stdout: bytes
    failure: Verdict | None
    cpu_s: float = 0.0


class Trial:
    """Runs programs of one language like submissions, no matter who wrote them. Thread-safe.

    `patience`: how many times the problem's time limit they may take. `function`: the function that they define.
    """

    def __init__(
        self, problem: Problem, language: Language, resources: Resources, function: Function | None, patience: float
    ) -> None:
        self._language, self._resources = language, resources
        limits = problem.limits
        self._argv = language.command(limits.memory_bytes, function)
        self._limits = replace(
            limits, time_s=patience * limits.time_s, memory_bytes=limits.memory_bytes + language.extra_memory_mib * MIB,
            output_bytes=min(limits.output_bytes, MOST_OUTPUT_BYTES),
        )  # fmt: skip

    def outputs(self, program: str, inputs: Sequence[Input]) -> list[Output]:
        """One per input, in order. Raises ContainerLost."""
        with self._resources.machine.shared():
            return self._outputs(program, inputs)

    def _outputs(self, program: str, inputs: Sequence[Input]) -> list[Output]:
        try:
            files = self._resources.compiler.compile(self._language, {self._language.source: source_bytes(program)})
        except CompileError:
            return [Output(b"", Verdict.CE)] * len(inputs)
        found: list[Output] = []
        with Session(self._resources.containers, self._container_limits(inputs), files) as session:
            for one in inputs:
                # Each costs much time. A crash costs little, and says nothing about the next input: this one may be
                # invalid.
                costly = [output.failure not in (None, Verdict.RE) for output in found[-MOST_FAILURES:]]
                hopeless = len(costly) == MOST_FAILURES and all(costly)
                found.append(found[-1] if hopeless else self._run(session, one))
        return found

    def _run(self, session: Session, one: Input) -> Output:
        limits = self._limits
        command = Command(
            (*self._argv, *one.arguments), cpu_kill_s(limits), wall_kill_s(limits), limits.output_bytes,
            stack_bytes(limits), memory_bytes=limits.memory_bytes,
        )  # fmt: skip
        facts = session.run(command, one.stdin)
        failed = cause(facts, limits)
        return Output(b"" if failed else facts.stdout, failed[0] if failed else None, facts.cpu_s)

    def _container_limits(self, inputs: Sequence[Input]) -> ContainerLimits:
        largest = max((len(one.stdin) for one in inputs), default=0)
        memory = self._limits.memory_bytes + SUPERVISOR_BYTES + largest + self._limits.output_bytes
        return ContainerLimits(memory, min(64 * MIB, self._limits.memory_bytes // 2))
