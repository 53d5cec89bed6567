"""Runs candidates on generated inputs, groups them, consults the brute force, and decides which one to propose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sdpo_tts.discovery.consensus.authors import Authored
from sdpo_tts.discovery.consensus.groups import ANSWER, Group, Trace, chosen, grouped, splitting, traces, usable
from sdpo_tts.discovery.consensus.inputs import Inputs
from sdpo_tts.judge import Input, Judge, Output, Verdict
from sdpo_tts.judge.feedback.style import literal
from sdpo_tts.problem import Problem

ROUNDS = 3  # rounds of searching for inputs that split a group
BRUTE_PATIENCE = 5.0  # times the problem's time limit
OWN = "the problem's own brute force"
NOT_RUN = Output(b"", Verdict.CA)

Traced = tuple[list[Trace], Trace | None, list[bytes]]
"""Traces of the programs, that of the brute force if there is one, and the inputs."""


@dataclass(frozen=True)
class Decision:
    """`groups` of indices of programs, the largest first; `best` is the group to propose from, None if every group has
    a wrong program in it. `trusted`: a brute force that passes the samples has answered some of the inputs. `doubts`:
    why a program is presumably wrong, by index. `wrong`: indices of programs that are known to be wrong. `failed`: the
    inputs of tests from outside, by the index of a program that fails one."""

    groups: tuple[Group, ...]
    best: Group | None
    inputs: int
    trusted: bool
    doubts: dict[int, str] = field(default_factory=dict)
    wrong: frozenset[int] = frozenset()
    failed: dict[int, bytes] = field(default_factory=dict)

    @property
    def agrees(self) -> bool:
        """Whether the brute force gives the same answers as the best group."""
        return self.trusted and self.best is not None and not self.best.against


class Consensus:
    """Knows the inputs, and what each program wrote for them. If the model's generators and brute forces are bad, the
    worst result is fewer inputs and no brute force."""

    def __init__(
        self, problem: Problem, judge: Judge, seed: int, known: Mapping[bytes, bytes | None] | None = None
    ) -> None:
        """`known`: inputs that an external judge has revealed, with the right output if that is known too."""
        self._problem, self._judge, self._known = problem, judge, known or {}
        self._inputs = Inputs(problem, judge, seed, self._known)
        self._outputs: dict[tuple[str, bytes], Output] = {}
        self._brute = ""

    def prepare(self, authored: Authored) -> None:
        """With the model's programs; the problem's own come first. Raises SandboxError."""
        self._brute = self._trusted(authored.brutes)
        self._inputs.fill(authored.generators)

    def decide(self, programs: Sequence[str], rejected: Iterable[int] = ()) -> Decision:
        """Among programs that pass all samples. Programs at the indices `rejected` are known to be wrong, and so are
        those that fail a test from outside, and everything that behaves like them. Raises SandboxError."""
        traced, brute, given = self._searched(programs)
        groups = grouped(traced, brute)
        found = {place: self._failed(program) for place, program in enumerate(programs)}
        failed = {place: test for place, test in found.items() if test is not None}
        wrong = {*rejected, *failed}
        tainted = {place for group in groups if wrong & set(group.members) for place in group.members}
        best = chosen([group for group in groups if tainted.isdisjoint(group.members)])
        doubts = {place: self._doubt(programs[place], group, given) for group in groups for place in group.members
                  if group.against}  # fmt: skip
        trusted = brute is not None and any(one.startswith(ANSWER) for one in brute.classes)
        return Decision(tuple(groups), best, len(given), trusted, doubts, frozenset(tainted), failed)

    def _searched(self, programs: Sequence[str]) -> Traced:
        """The traces after more inputs were tried, as long as these split groups."""
        traced, brute, given = self._traced(programs)
        for _ in range(ROUNDS):
            before = len(grouped(traced))
            small = set(self._inputs.small)
            split = [given[i] for i in splitting(traced) if given and given[i] in small]
            if len(programs) < 2 or not self._inputs.more(split):
                break
            traced, brute, given = self._traced(programs)
            if len(grouped(traced)) == before:
                break
        return traced, brute, given

    def _failed(self, program: str) -> bytes | None:
        """The input of a test from outside, which programs of before were not judged on."""
        for given, expected in self._known.items():
            output = self._outputs.get((program, given))
            if output is None or expected is None:
                continue
            if output.failure or not self._judge.alike(given, expected, output.stdout):
                return given
        return None

    def _trusted(self, brutes: Sequence[str]) -> str:
        """The problem's own brute force, or the first that passes all samples; empty if none does."""
        if self._problem.stress:
            return OWN
        judged = self._judge.judge_many(brutes)
        return next((one for one, judgement in zip(brutes, judged, strict=True) if judgement.solved), "")

    def _traced(self, programs: Sequence[str]) -> Traced:
        """Traces of every program and of the brute force, on the inputs that can be used."""
        every = [*self._inputs.small, *self._inputs.large]
        rows = self._run(programs, every)
        fit = usable(rows, len(every), [i for i, one in enumerate(every) if one in self._known])
        failures = [sum(output.failure is not None for output in row) for row in rows]
        given = [every[i] for i in fit]
        if not given:  # nothing shows that any two of them behave alike
            return [Trace((program,), 0.0) for program in programs], None, []
        rows = [[row[i] for i in fit] for row in rows]
        if not self._brute:
            return _with_failures(traces(rows, given, self._judge.alike), failures), None, given
        small = set(self._inputs.small)
        self._run([self._brute], [one for one in given if one in small], BRUTE_PATIENCE)
        slow = [self._outputs.get((self._brute, one), NOT_RUN) for one in given]
        *traced, brute = traces([*rows, slow], given, self._judge.alike)
        return _with_failures(traced, failures), brute, given

    def _run(self, programs: Sequence[str], inputs: Sequence[bytes], patience: float = 1.0) -> list[list[Output]]:
        """Runs only what is not known yet."""
        for program in dict.fromkeys(programs):
            lacking = [one for one in inputs if (program, one) not in self._outputs]
            if program == OWN:
                found = self._judge.brute(lacking)
            else:
                (found,) = self._judge.trials([program], [Input(one) for one in lacking], patience=patience)
            self._outputs.update({(program, one): output for one, output in zip(lacking, found, strict=True)})
        return [[self._outputs[program, one] for one in inputs] for program in programs]

    def _doubt(self, program: str, group: Group, given: Sequence[bytes]) -> str:
        one = min((given[i] for i in group.against), key=len)
        own, slow = self._outputs[program, one], self._outputs[self._brute, one]
        wrote = literal(own.stdout) if not own.failure else f"nothing ({own.failure})"
        return (
            "The program passes all examples, but it is presumably wrong. On a generated input a slow, simple program "
            f"that passes all examples too writes something else; which of them is right is not certain.\n"
            f"Input: {literal(one)}\nOutput: {wrote}\nOutput of the slow program: {literal(slow.stdout)}"
        )


def _with_failures(traced: Sequence[Trace], failures: Sequence[int]) -> list[Trace]:
    return [replace(trace, failures=number) for trace, number in zip(traced, failures, strict=True)]
