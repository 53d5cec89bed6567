"""HumanEval rows: `prompt`, `entry_point`, `canonical_solution`, and a `test` of assertions.

Nothing of a row is executed here. Its assertions are read as syntax: those that compare a call on constants with a
constant become tests of function mode. The examples in the prompt's docstring become the shown ones.
The format: github.com/openai/human-eval.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdpo_tts.errors import UserError
from sdpo_tts.problem import values
from sdpo_tts.problem.document import Refused
from sdpo_tts.problem.model import Checker, Function, Limits, Test
from sdpo_tts.problem.reading.constant import NotConstant, constant
from sdpo_tts.problem.reading.draft import Draft, count, with_some_shown

_LIMITS = Limits(time_s=3.0)  # the benchmark's own time-out
_MAX_SOURCE = 1_000_000
_MOST_RECORDED = 50
_RECORDER = """\
import json, random
random.seed(0)
{solution}
{check}
def _recorded(*arguments):
    told = json.dumps(arguments)
    result = {name}(*arguments)
    print('\\n{{"arguments": ' + told + ', "result": ' + json.dumps(result) + '}}')
    return result
check(_recorded)
"""


@dataclass(frozen=True)
class _Call:
    """What a call must return. `tolerance` 0: exactly."""

    arguments: tuple[Any, ...]
    expected: Any
    tolerance: float = 0.0


def fits(row: dict[str, Any]) -> bool:
    return "entry_point" in row and "prompt" in row and "test" in row


def id_of(row: dict[str, Any]) -> str:
    return str(row.get("task_id", ""))[:100]


class NeedsRun(UserError):
    """No assertion compares with a constant. Where `program` is run in a sandbox, `draft` makes tests of its output."""

    def __init__(self, program: str, draft: Callable[[bytes], Draft], where: str) -> None:
        hint = "`sdpo-tts import` runs them in the sandbox"
        super().__init__("none of the assertions compares with a constant", where=where, hint=hint)
        self.program, self.draft = program, draft


def draft(row: dict[str, Any], path: Path, where: str, statement: str) -> Draft:
    """Raises `UserError`, and `NeedsRun` where no assertion can become a test."""
    prompt, name = _text(row, "prompt", where), _name(row, where)
    solution = f"{prompt}{row.get('canonical_solution', '')}"

    def drafted(shown: list[_Call], calls: list[_Call], notes: list[str]) -> Draft:
        tests = [*_tests(shown, "tests/shown", True), *_tests(calls, "tests/held-out", False)]
        tests, more = with_some_shown(tests)
        return Draft(
            path=path,
            where=where,
            slug=id_of(row),
            title=name,
            statement=statement or f"Implement the function `{name}` as its docstring says.",
            tests=tests,
            limits=_LIMITS,
            checker=_checker([*shown, *calls]),
            function=Function(name, prompt),
            notes=(*notes, "arguments and results are JSON values: a tuple is a list", *more),
            programs=(("accepted/canonical.py", solution.encode(errors="replace")),),
            source=f"HumanEval {id_of(row)}",
        )

    check = _text(row, "test", where)
    shown, (calls, lost) = list(_examples(prompt, name)), _assertions(check, where)
    if not shown and not calls:
        note = "the assertions draw their values at random: the tests are the values of one run"
        program = _RECORDER.format(solution=solution, check=check, name=name)
        raise NeedsRun(program, lambda output: drafted([], _recorded(output, where), [note]), where)
    shown, wrong = _agreeing(shown, calls)
    told = [f"{count(wrong, 'example')} of the docstring left out, which the assertions contradict"] if wrong else []
    told += [f"{count(lost, 'statement')} of `check` left out, which do not compare with a constant"] if lost else []
    return drafted(shown, calls, told)


def _agreeing(examples: list[_Call], calls: list[_Call]) -> tuple[list[_Call], int]:
    """The examples that no assertion contradicts, and how many there are of the others: docstrings do err."""
    known = {json.dumps(call.arguments): call.expected for call in calls}
    right = [e for e in examples if known.get(json.dumps(e.arguments), e.expected) == e.expected]
    return right, len(examples) - len(right)


def _recorded(output: bytes, where: str) -> list[_Call]:
    """The calls that the recorder told of, each once. Raises `UserError`."""
    calls: dict[bytes, _Call] = {}
    for line in output.splitlines():
        with suppress(ValueError, RecursionError):
            told = json.loads(line)
            if isinstance(told, dict) and isinstance(told.get("arguments"), list):
                calls.setdefault(line, _Call(tuple(told["arguments"]), told.get("result")))
    if not calls:
        raise UserError("no call of the function was seen when its assertions ran", where=where)
    return list(calls.values())[:_MOST_RECORDED]


def _text(row: dict[str, Any], key: str, where: str) -> str:
    value = row.get(key)
    if not isinstance(value, str) or len(value) > _MAX_SOURCE:
        raise UserError(f"`{key}` is not text of usual length", where=where)
    return value


def _name(row: dict[str, Any], where: str) -> str:
    try:
        return values.identifier(str(row.get("entry_point")))
    except Refused as refused:
        raise UserError(f"`entry_point`: {refused.what}", where=where) from None


def _tests(calls: list[_Call], folder: str, shown: bool) -> Iterator[Test]:
    for index, call in enumerate(calls, start=1):
        given = "".join(f"{json.dumps(argument)}\n" for argument in call.arguments)
        yield Test(f"{folder}/{index}", given.encode(), f"{json.dumps(call.expected)}\n".encode(), shown)


def _checker(calls: list[_Call]) -> Checker:
    tolerance = max(call.tolerance for call in calls)
    return Checker(kind="floats", absolute=tolerance, relative=tolerance) if tolerance else Checker()


def _parse(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _examples(prompt: str, name: str) -> Iterator[_Call]:
    """The `>>>` examples of the docstring whose call and result are constants."""
    import doctest  # it brings the debugger along

    module = _parse(prompt)
    functions = [node for node in (module.body if module else ()) if isinstance(node, ast.FunctionDef)]
    texts = [ast.get_docstring(function) or "" for function in functions if function.name == name]
    try:
        examples = doctest.DocTestParser().get_examples("\n".join(texts))
    except ValueError:  # a docstring whose indentation is uneven
        return
    for example in examples:
        # A comment may end the line.
        module = _parse(f"assert ({example.source.strip()}\n) == ({example.want.strip()}\n)")
        if example.want.strip() and module and isinstance(module.body[0], ast.Assert):
            try:
                yield _call(module.body[0].test, name)
            except NotConstant:
                continue


def _assertions(source: str, where: str) -> tuple[list[_Call], int]:
    """The calls that the assertions of `check(candidate)` make, and how many statements are none."""
    module = _parse(source)
    functions = [node for node in (module.body if module else ()) if isinstance(node, ast.FunctionDef)]
    checks = [function for function in functions if function.name == "check" and len(function.args.args) == 1]
    if len(checks) != 1:
        raise UserError("`test` defines no function `check(candidate)`", where=where)
    calls, lost = [], 0
    for statement in checks[0].body:
        if _says_nothing(statement):
            continue
        try:
            if not isinstance(statement, ast.Assert):
                raise NotConstant
            calls.append(_call(statement.test, checks[0].args.args[0].arg))
        except NotConstant:
            lost += 1
    return calls, lost


def _says_nothing(statement: ast.stmt) -> bool:
    """`assert True`, a docstring, a lone name."""
    if isinstance(statement, ast.Assert):
        return isinstance(statement.test, ast.Constant)
    return isinstance(statement, ast.Expr) and not isinstance(statement.value, ast.Call)


def _call(test: ast.expr, name: str) -> _Call:
    """`f(x) == c`, `f(x)`, `not f(x)`, `abs(f(x) - c) < e`, `round(f(x), 2) == c`. Raises NotConstant."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return _Call(_arguments(test.operand, name), False)
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return _Call(_arguments(test, name), True)
    left, operator, right = test.left, test.ops[0], test.comparators[0]
    if isinstance(operator, ast.Lt | ast.LtE) and _named(left) == "abs":
        return _near(left, right, name)
    if not isinstance(operator, ast.Eq | ast.Is):
        raise NotConstant
    if _named(left) == "tuple" and _named(right) == "tuple":
        left, right = _only_argument(left), _only_argument(right)
    if _named(left) == "round":
        return _rounded(left, right, name)
    return _Call(_arguments(left, name), constant(right))


def _near(left: ast.expr, right: ast.expr, name: str) -> _Call:
    difference = _only_argument(left)
    tolerance = constant(right)
    if not isinstance(difference, ast.BinOp) or not isinstance(difference.op, ast.Sub):
        raise NotConstant
    if not isinstance(tolerance, float) or not 0 < tolerance <= 1:
        raise NotConstant
    return _Call(_arguments(difference.left, name), constant(difference.right), tolerance)


def _rounded(left: ast.expr, right: ast.expr, name: str) -> _Call:
    """Rounded to `digits`, so right up to half of the last one."""
    assert isinstance(left, ast.Call)
    digits = constant(left.args[1]) if len(left.args) == 2 else None
    if not isinstance(digits, int) or not 1 <= digits <= 15:
        raise NotConstant
    return _Call(_arguments(left.args[0], name), constant(right), 0.5 * 10.0**-digits)


def _named(node: ast.expr) -> str:
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def _only_argument(node: ast.expr) -> ast.expr:
    if not isinstance(node, ast.Call) or len(node.args) != 1 or node.keywords:
        raise NotConstant
    return node.args[0]


def _arguments(node: ast.expr, name: str) -> tuple[Any, ...]:
    if _named(node) != name or not isinstance(node, ast.Call) or node.keywords:
        raise NotConstant
    return tuple(constant(argument) for argument in node.args)
