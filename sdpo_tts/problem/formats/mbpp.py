"""MBPP rows: `text` (or `prompt`), `code`, and `test_list`, a list of assertions.

The first assertion is shown, the others and `challenge_test_list` are held out.
The format: github.com/google-research/google-research, folder `mbpp`.
"""

from __future__ import annotations

import ast
import textwrap
from pathlib import Path
from typing import Any

from sdpo_tts.errors import UserError
from sdpo_tts.problem.model import Function, Limits
from sdpo_tts.problem.reading import fields
from sdpo_tts.problem.reading.assertions import (
    Call,
    NeedsRun,
    call_of,
    checker_of,
    parsed,
    recorded,
    recorder,
    tests_of,
)
from sdpo_tts.problem.reading.constant import NotConstant
from sdpo_tts.problem.reading.draft import Draft, count

_LIMITS = Limits(time_s=3.0)


def fits(row: dict[str, Any]) -> bool:
    """Not rows of MBPP+, whose `test` says more than the list."""
    return "test_list" in row and "code" in row and ("text" in row or "prompt" in row) and "test" not in row


def id_of(row: dict[str, Any]) -> str:
    return fields.identifier(row.get("task_id", ""))


def draft(row: dict[str, Any], path: Path, where: str, statement: str) -> Draft:
    """Raises `UserError`, and `NeedsRun` if no assertion can become a test."""
    assertions = [*_texts(row, "test_list", where), *_texts(row, "challenge_test_list", where)]
    code = fields.source_text(row, "code", where)
    function = _function(code, assertions, where)
    text = statement or fields.source_text(row, "text" if "text" in row else "prompt", where)

    def drafted(calls: list[Call], notes: list[str]) -> Draft:
        return Draft(
            path=path,
            where=where,
            slug=f"mbpp-{id_of(row)}",
            title=function.name,
            statement=f"{text.strip()}\n\nAn example:\n```\n{assertions[0]}\n```" if text.strip() else "",
            tests=[*tests_of(calls[:1], "tests/shown", True), *tests_of(calls[1:], "tests/held-out", False)],
            limits=_LIMITS,
            checker=checker_of(calls),
            function=function,
            notes=(*notes, "arguments and results are JSON values: a tuple is a list"),
            programs=(("accepted/code.py", code.encode(errors="replace")),),
            source=f"MBPP {id_of(row)}",
        )

    calls, lost = _calls(assertions, function.name)
    if not calls:
        check = (
            f"{_setup(row, where)}\ndef check({function.name}):\n{textwrap.indent(chr(10).join(assertions), '    ')}\n"
        )
        note = "no assertion compares with a constant: the tests come from one run of the solution"
        program = recorder(code, check, function.name)
        raise NeedsRun(program, lambda output: drafted(recorded(output, where), [note]), where)
    told = [f"{count(lost, 'assertion')} left out: no comparison with a constant"] if lost else []
    return drafted(calls, told)


def _calls(assertions: list[str], name: str) -> tuple[list[Call], int]:
    """The assertions that can be read, and how many cannot."""
    calls = []
    for text in assertions:
        module = parsed(text)
        statements = module.body if module else []
        try:
            calls += [call_of(one.test, name) for one in statements if isinstance(one, ast.Assert)]
        except NotConstant:
            continue
    return calls, len(assertions) - len(calls)


def _function(code: str, assertions: list[str], where: str) -> Function:
    """The function in the row's own code that the assertions call."""
    module = parsed(code)
    defined = {node.name: node for node in (module.body if module else ()) if isinstance(node, ast.FunctionDef)}
    for text in assertions:
        for node in ast.walk(parsed(text) or ast.Module([], [])):
            if isinstance(node, ast.Name) and node.id in defined:
                head = defined[node.id]
                return Function(head.name, f"def {head.name}({ast.unparse(head.args)}):\n")
    raise UserError("no assertion calls a function that `code` defines", where=where)


def _setup(row: dict[str, Any], where: str) -> str:
    imports = _texts(row, "test_imports", where)
    return "\n".join([*imports, str(row.get("test_setup_code") or "")])


def _texts(row: dict[str, Any], key: str, where: str) -> list[str]:
    told = row.get(key) or []
    if not isinstance(told, list) or not all(isinstance(one, str) and len(one) <= fields.MAX_SOURCE for one in told):
        raise UserError(f"`{key}` is not a list of texts", where=where)
    return told
