"""The text about a judged program that the model learns from.

It describes the most telling failure: the first runtime error, otherwise the first timeout, otherwise memory or output,
otherwise the compiler's text, otherwise the two shortest wrong answers (as the paper's judge does).
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from sdpo_tts.judge.feedback.details import Remarks, call, value
from sdpo_tts.judge.feedback.gcc import own_messages
from sdpo_tts.judge.feedback.style import FIELD_CHARS, FIELD_LINES, FeedbackStyle, clean, literal
from sdpo_tts.judge.verdict import Judgement, TestOutcome, Verdict
from sdpo_tts.problem import Problem, Test

__all__ = ["Feedback", "FeedbackStyle", "most_telling", "render"]

TOTAL_CHARS = 2000
COMPILER_CHARS, COMPILER_LINES = 1000, 20
MOST_FRAMES, MOST_WRONG = 3, 2
SIGNALLED = ("killed by SIGSEGV", "killed by SIGABRT", "killed by SIGFPE")  # how a runtime ends a program
_FRAME = re.compile(r'^  File "(?P<file>[^"]*)", line (?P<line>\d+), in .*$')

KINDS = {
    Verdict.RE: "runtime_error",
    Verdict.TLE: "time_limit",
    Verdict.MLE: "memory_limit",
    Verdict.OLE: "output_limit",
    Verdict.WA: "wrong_answer",
}


@dataclass(frozen=True)
class Feedback:
    """`text` is empty, and `kind` is `none`, if every test passed, the judge itself failed, or the answer was
    cancelled."""

    kind: str
    text: str


def render(
    judgement: Judgement, problem: Problem, *, truncated: bool = False, only_thought: bool = False,
    style: FeedbackStyle | None = None,
) -> Feedback:  # fmt: skip
    """Feedback on one attempt, of at most 2000 characters; `truncated` answers were cut off by the token budget, those
    of `only_thought` ended before their thought did."""
    writer = _Writer(problem, style or FeedbackStyle(), judgement)
    match judgement.verdict:
        case Verdict.AC:
            return Feedback("none", "")
        case Verdict.JE:
            return Feedback("none", "")  # the judge's error, from which nothing can be learned
        case Verdict.CA:
            return Feedback("none", "")
        case Verdict.NC if only_thought:
            what = "The answer ended before its thought did, so that there is no program."
            return Feedback("only_thought", f"{what} Think for a shorter time and decide sooner.")
        case Verdict.NC if truncated:
            return Feedback("truncated", "The answer was too long and was cut off before its end. Be much shorter.")
        case Verdict.NC:
            return Feedback("format", "Incorrect format: the answer holds no complete program in a fenced code block.")
        case Verdict.CE:
            said = clean(own_messages(judgement.compile_output), COMPILER_CHARS, COMPILER_LINES)
            return Feedback("compile_error", f"The program does not compile.\n\n{said}")
    chosen = most_telling(judgement.outcomes)
    told = [outcome for outcome in chosen if problem.may_quote(outcome.test)]
    if not told:
        return _held_out(judgement, chosen[0])
    told = writer.with_smallest(told)
    text = "\n\n".join([*(writer.failure(outcome) for outcome in told), *writer.examples(told)])
    return Feedback(KINDS[chosen[0].verdict], text[:TOTAL_CHARS])


def most_telling(outcomes: Sequence[TestOutcome]) -> list[TestOutcome]:
    """The failures to describe: one, or up to two wrong answers."""
    for verdict in (Verdict.RE, Verdict.TLE, Verdict.MLE, Verdict.OLE):
        if found := [outcome for outcome in outcomes if outcome.verdict is verdict]:
            return found[:1]
    wrong = [outcome for outcome in outcomes if outcome.verdict is Verdict.WA]
    return sorted(wrong, key=lambda outcome: len(outcome.test.input) + len(outcome.stdout))[:MOST_WRONG]


def _held_out(judgement: Judgement, outcome: TestOutcome) -> Feedback:
    said = {
        Verdict.RE: f"ends with a runtime error{_kind(outcome)}",
        Verdict.TLE: "takes too long",
        Verdict.MLE: "uses too much memory",
        Verdict.OLE: "writes too much",
        Verdict.WA: "gives a wrong answer",
    }[outcome.verdict]
    text = f"The program passes {judgement.passed} of {judgement.total} tests. On a test that is not shown it {said}."
    return Feedback("held_out", clean(text, TOTAL_CHARS, FIELD_LINES))


def _kind(outcome: TestOutcome) -> str:
    """Not its exit code: a program may end with a byte of what it has read."""
    kind = _exception(outcome.stderr) or (outcome.detail if outcome.detail in SIGNALLED else "")
    return f" ({kind})" if kind else ""


def _exception(stderr: bytes) -> str:
    """The class of the exception that a traceback ends with, if it is built into Python: any other name may contain
    what the program has read."""
    name = solution_error(stderr).partition(":")[0]
    known = getattr(builtins, name, None)
    return name if isinstance(known, type) and issubclass(known, BaseException) else ""


class _Writer:
    """Text about one failure, in the given style."""

    def __init__(self, problem: Problem, style: FeedbackStyle, judgement: Judgement) -> None:
        self.problem, self.style = problem, style
        self.diagnosis = judgement.diagnosis
        self.remarks = Remarks(problem, style, judgement.diagnosis)

    def with_smallest(self, told: list[TestOutcome]) -> list[TestOutcome]:
        """The smallest wrong answer that was found comes first; the number of failures stays the same."""
        smallest = self.diagnosis.smallest if self.diagnosis and self.style.smallest else None
        return [smallest, *told[: MOST_WRONG - 1]] if smallest else told

    def failure(self, outcome: TestOutcome) -> str:
        """What happened, and below it what was found out about it."""
        return "\n".join([self.happened(outcome), *self.remarks.on(outcome)])

    def happened(self, outcome: TestOutcome) -> str:
        limits, input_ = self.problem.limits, self.given(outcome.test)
        given = f"Call: {input_}" if self.as_call else f"Input: {input_}"
        match outcome.verdict:
            case Verdict.RE:
                return f"Runtime error:\n{runtime_error(outcome)}\n\nLast executed input: {input_}"
            case Verdict.TLE if self.problem.interactor:
                talk = f"Interaction (> the program, < the judge):\n{_interaction(outcome)}"
                return f"Time limit exceeded: {outcome.detail}.\n{given}\n{talk}"
            case Verdict.TLE:
                return f"Time limit exceeded: more than {limits.time_s:g} s ({outcome.detail}).\n{given}"
            case Verdict.MLE:
                return f"Memory limit exceeded: more than {limits.memory_bytes / 2**20:g} MiB.\n{given}"
            case Verdict.OLE if self.problem.interactor:
                return f"Output limit exceeded: {outcome.detail}.\n{given}"
            case Verdict.OLE:
                return f"Output limit exceeded: more than {limits.output_bytes / 2**20:g} MiB.\n{given}"
        return self.wrong_answer(outcome, given)

    def wrong_answer(self, outcome: TestOutcome, given: str) -> str:
        """A checker program's message is quoted, because it may accept other answers than the expected one."""
        output, expected = self.result(outcome.stdout), self.result(outcome.test.expected)
        said = f"\nJudge: {clean(outcome.detail)}" if outcome.detail else ""
        if self.problem.interactor:
            return f"Wrong answer.\n{given}\nDialogue (> the program, < the judge):\n{_interaction(outcome)}{said}"
        name = "Result" if self.problem.function else "Output"
        if self.problem.checker.kind == "program":
            return f"Wrong answer.\n{given}\n{name}: {output}\nA right answer: {expected}{said}"
        difference = "".join(f"\n{line}" for line in [self.remarks.difference(outcome)] if line)
        return f"Wrong answer.\n{given}\n{name}: {output}\nExpected: {expected}{difference}"

    def examples(self, told: Sequence[TestOutcome]) -> list[str]:
        """Shown tests as exact examples, without those that a wrong answer has just quoted. None for an interaction,
        whose tests are for the interactor only."""
        if self.problem.interactor:
            return []
        quoted = [outcome.test for outcome in told if outcome.verdict is Verdict.WA]
        tests = [test for test in self.problem.shown if test not in quoted and self.problem.may_quote(test)]
        lines = [self.example(test) for test in tests[: self.style.examples]]
        head = f"Exact examples ({'call' if self.as_call else 'input'} -> expected):"
        return ["\n".join([head, *lines])] if lines else []

    def example(self, test: Test) -> str:
        if self.as_call:
            return f"{call(self.problem, test)} -> {value(test.expected)}"
        return f"{literal(test.input)} -> {literal(test.expected)}"

    @property
    def as_call(self) -> bool:
        return self.style.calls and self.problem.function is not None

    def given(self, test: Test) -> str:
        return call(self.problem, test) if self.as_call else self.field(test.input)

    def result(self, data: bytes) -> str:
        return value(data) if self.as_call else self.field(data)

    def field(self, data: bytes) -> str:
        return literal(data) if self.style.literals else "\n" + clean(data.decode(errors="replace"))


def _interaction(outcome: TestOutcome) -> str:
    """The beginning of the dialogue and, if it is longer, its end."""
    lines = outcome.stdout.decode(errors="replace").splitlines()
    if len(lines) > 2 * FIELD_LINES:
        lines = [*lines[:FIELD_LINES], f"... ({len(lines) - 2 * FIELD_LINES} lines)", *lines[-FIELD_LINES:]]
    return clean("\n".join(lines), 2 * FIELD_CHARS, 2 * FIELD_LINES + 1)


def runtime_error(outcome: TestOutcome) -> str:
    """The solution's own frames of a traceback with its last line; without one, the cause (a signal, an exit code)."""
    lines = outcome.stderr.decode(errors="replace").splitlines()
    frames = [
        f"line {found['line']}: {text.strip()}"
        for at, text in pairwise(lines)
        if (found := _FRAME.match(at)) and found["file"].endswith("solution.py")
    ]
    error = solution_error(outcome.stderr)
    if not error:
        return "\n".join(filter(None, [outcome.detail, clean("\n".join(lines[-3:]))]))
    return clean("\n".join([*frames[-MOST_FRAMES:], error]), 4 * FIELD_CHARS)


def solution_error(stderr: bytes) -> str:
    """The last line of a Python traceback (`ValueError: ...`), or an empty string."""
    lines = stderr.decode(errors="replace").rstrip().splitlines()
    return clean(lines[-1]) if any(_FRAME.match(line) for line in lines) else ""
