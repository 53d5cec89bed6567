"""Runs candidates on generated inputs, groups them, consults the brute force, and decides which one to propose."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sdpo_tts.discovery.consensus.authors import Authored
from sdpo_tts.discovery.consensus.groups import Group, Trace, chosen, grouped, splitting, traces, usable
from sdpo_tts.discovery.consensus.inputs import Inputs
from sdpo_tts.judge import Input, Judge, Output, Verdict
from sdpo_tts.judge.feedback.style import literal
from sdpo_tts.problem import Problem

ROUNDS = 3  # rounds of searching for inputs that split a group
BRUTE_PATIENCE = 5.0  # times the problem's time limit
OWN = "the problem's own brute force"
NOT_RUN = Output(b"", Verdict.CA)


@dataclass(frozen=True)
class Decision:
    """`groups` of indices of programs, the largest first; `best` is the group to propose from, None if every group has
    a rejected program in it. `trusted`: there was a brute force that passes the samples. `doubts`: why a program is
    presumably wrong, by index."""

    groups: tuple[Group, ...]
    best: Group | None
    inputs: int
    trusted: bool
    doubts: dict[int, str] = field(default_factory=dict)

    @property
    def agrees(self) -> bool:
        """Whether the brute force gives the same answers as the best group."""
        return self.trusted and self.best is not None and not self.best.against


class Consensus:
    """Knows the inputs, and what each program wrote for them. If the model's generators and brute forces are bad, the
    worst result is fewer inputs and no brute force."""

    def __init__(self, problem: Problem, judge: Judge, seed: int, known: Iterable[bytes] = ()) -> None:
        self._problem, self._judge = problem, judge
        self._inputs = Inputs(problem, judge, seed, known)
        self._outputs: dict[tuple[str, bytes], Output] = {}
        self._brute = ""

    def prepare(self, authored: Authored) -> None:
        """With the model's programs; the problem's own come first. Raises SandboxError."""
        self._brute = self._trusted(authored.brutes)
        self._inputs.fill(authored.generators)

    def decide(self, programs: Sequence[str], rejected: Iterable[int] = ()) -> Decision:
        """Among programs that pass all samples. Programs at the indices `rejected` are known to be wrong, and so is
        everything that behaves like them. Raises SandboxError."""
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
        groups = grouped(traced, brute)
        tainted = set(rejected)
        best = chosen([group for group in groups if not tainted & set(group.members)])
        doubts = {place: self._doubt(programs[place], group, given) for group in groups for place in group.members
                  if group.against}  # fmt: skip
        return Decision(tuple(groups), best, len(given), brute is not None, doubts)

    def _trusted(self, brutes: Sequence[str]) -> str:
        """The problem's own brute force, or the first that passes all samples; empty if none does."""
        if self._problem.stress:
            return OWN
        judged = self._judge.judge_many(brutes)
        return next((one for one, judgement in zip(brutes, judged, strict=True) if judgement.solved), "")

    def _traced(self, programs: Sequence[str]) -> tuple[list[Trace], Trace | None, list[bytes]]:
        """Traces of every program and of the brute force, on the inputs that can be used."""
        every = [*self._inputs.small, *self._inputs.large]
        rows = self._run(programs, every)
        fit = usable(rows, len(every))
        given = [every[i] for i in fit]
        if not given:  # nothing shows that any two of them behave alike
            return [Trace((program,), 0.0) for program in programs], None, []
        rows = [[row[i] for i in fit] for row in rows]
        if not self._brute:
            return traces(rows, given, self._judge.alike), None, given
        small = set(self._inputs.small)
        self._run([self._brute], [one for one in given if one in small], BRUTE_PATIENCE)
        slow = [self._outputs.get((self._brute, one), NOT_RUN) for one in given]
        *traced, brute = traces([*rows, slow], given, self._judge.alike)
        return traced, brute, given

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
