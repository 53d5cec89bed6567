"""HumanEval and HumanEval+ rows: `prompt`, `entry_point`, `canonical_solution`, and a `test` of assertions.

Nothing in a row is executed here. Assertions are read as syntax: those that compare a call on constants with a constant
become tests of function mode. The examples in the prompt's docstring become the shown tests. The format:
github.com/openai/human-eval.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sdpo_tts.errors import UserError
from sdpo_tts.problem import values
from sdpo_tts.problem.document import Refused
from sdpo_tts.problem.model import Function, Limits
from sdpo_tts.problem.reading import fields
from sdpo_tts.problem.reading.assertions import (
    Call,
    NeedsRun,
    agreeing,
    assertions,
    checker_of,
    examples,
    recorded,
    recorder,
    tests_of,
)
from sdpo_tts.problem.reading.draft import Draft, count, with_some_shown

_LIMITS = Limits(time_s=3.0)  # the benchmark's own timeout


def fits(row: dict[str, Any]) -> bool:
    """Not rows of HumanEvalPack, which are in six languages."""
    return "entry_point" in row and "prompt" in row and "test" in row and "declaration" not in row


def id_of(row: dict[str, Any]) -> str:
    return fields.identifier(row.get("task_id", ""))


def draft(row: dict[str, Any], path: Path, where: str, statement: str) -> Draft:
    """Raises `UserError`, and `NeedsRun` if no assertion can become a test."""
    prompt, name = fields.source_text(row, "prompt", where), _name(row, where)
    solution = f"{prompt}{row.get('canonical_solution', '')}"

    def drafted(shown: list[Call], calls: list[Call], notes: list[str]) -> Draft:
        shown, wrong = agreeing(shown, calls)
        told = [f"{count(wrong, 'example')} of the docstring left out, contradicted by the assertions"] * bool(wrong)
        tests = [*tests_of(shown, "tests/shown", True), *tests_of(calls, "tests/held-out", False)]
        tests, more = with_some_shown(tests)
        return Draft(
            path=path,
            where=where,
            slug=id_of(row),
            title=name,
            statement=statement or f"Implement the function `{name}` as its docstring says.",
            tests=tests,
            limits=_LIMITS,
            checker=checker_of([*shown, *calls]),
            function=Function(name, prompt),
            notes=(*told, *notes, "arguments and results are JSON values: a tuple is a list", *more),
            programs=(("accepted/canonical.py", solution.encode(errors="replace")),),
            source=f"HumanEval {id_of(row)}",
        )

    check = fields.source_text(row, "test", where)
    shown, (calls, lost) = list(examples(prompt, name)), assertions(check, where)
    if not calls:
        note = "no assertion compares with a constant: the held-out tests come from one run of the solution"
        program = recorder(solution, check, name)
        raise NeedsRun(program, lambda output: drafted(shown, recorded(output, where), [note]), where)
    return drafted(shown, calls, _notes(lost))


def _notes(lost: int) -> list[str]:
    return [f"{count(lost, 'statement')} of `check` left out: no comparison with a constant"] if lost else []


def _name(row: dict[str, Any], where: str) -> str:
    try:
        return values.identifier(str(row.get("entry_point")))
    except Refused as refused:
        raise UserError(f"`entry_point`: {refused.what}", where=where) from None
