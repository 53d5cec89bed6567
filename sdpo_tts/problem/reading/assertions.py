"""Assertions about a Python function, read from their syntax, or from one run of them: nothing is executed here."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeGuard

from sdpo_tts.errors import UserError
from sdpo_tts.problem.document import quoted
from sdpo_tts.problem.model import Checker, Test
from sdpo_tts.problem.reading.constant import NotConstant, constant
from sdpo_tts.problem.reading.draft import Draft

_MOST_RECORDED = 50
_FLOATS = 1e-6  # the tolerance of benchmarks for fractional results if none is given
_RECORDER = """\
import json, random
random.seed(0)
def _recorded(*arguments):
    try:
        told = json.dumps(arguments, allow_nan=False)
    except (TypeError, ValueError):
        return {name}(*arguments)
    result = {name}(*arguments)
    try:
        print('\\n{{"arguments": ' + told + ', "result": ' + json.dumps(result, allow_nan=False) + '}}')
    except (TypeError, ValueError):
        pass
    return result
try:
    exec(compile({solution!r}, "solution", "exec"), globals())
    exec(compile({check!r}, "check", "exec"), globals())
    check(_recorded)
except ImportError as error:
    print('\\n' + json.dumps({{"missing": str(error.name or error)}}))
except Exception as error:
    print('\\n' + json.dumps({{"failed": type(error).__name__}}))
"""


@dataclass(frozen=True)
class Call:
    """A call and its required result. `tolerance` 0: exact."""

    arguments: tuple[Any, ...]
    expected: Any
    tolerance: float = 0.0


class NeedsRun(UserError):
    """No assertion compares with a constant. If `program` is run in a sandbox, `draft` makes tests from its output."""

    def __init__(self, program: str, draft: Callable[[bytes], Draft], where: str) -> None:
        hint = "`sdpo-tts import` runs them in the sandbox"
        super().__init__("no assertion compares with a constant", where=where, hint=hint)
        self.program, self.draft = program, draft


def recorder(solution: str, check: str, name: str) -> str:
    """A program that runs `check` on the row's own solution, and prints the calls for `recorded`."""
    return _RECORDER.format(solution=solution, check=check, name=name)


def recorded(output: bytes, where: str) -> list[Call]:
    """The calls printed by the recorder, each once. Raises `UserError`."""
    calls: dict[bytes, Call] = {}
    for line in output.splitlines():
        with suppress(ValueError, RecursionError):
            told = json.loads(line)
            if isinstance(told, dict) and isinstance(told.get("arguments"), list):
                result = told.get("result")
                calls.setdefault(line, Call(tuple(told["arguments"]), result, _usual_tolerance(result)))
            elif isinstance(told, dict) and told.keys() <= {"missing", "failed"}:
                _refuse(told, where)
    if not calls:
        raise UserError("no call of the function was seen when its assertions ran", where=where)
    return list(calls.values())[:_MOST_RECORDED]


def _refuse(told: dict[str, Any], where: str) -> None:
    if "missing" in told:
        raise UserError(
            f"the assertions import {quoted(str(told['missing']))}, which the sandbox does not have", where=where
        )
    if "failed" in told:
        raise UserError(f"the row's own solution fails its assertions ({quoted(str(told['failed']))})", where=where)


def _usual_tolerance(result: Any) -> float:
    """As in `is_floats` of HumanEval+."""
    values = result if isinstance(result, list) else [result]
    return _FLOATS if values and all(isinstance(value, float) for value in values) else 0.0


def agreeing(examples: list[Call], calls: list[Call]) -> tuple[list[Call], int]:
    """The examples that no assertion contradicts, and the number of the others: docstrings can be wrong."""
    known = {json.dumps(call.arguments): call for call in calls}
    right = [example for example in examples if _agree(example, known.get(json.dumps(example.arguments)))]
    return right, len(examples) - len(right)


def _agree(example: Call, call: Call | None) -> bool:
    """Two numbers also agree if one is a rounded form of the other, within the larger tolerance."""
    if call is None or call.expected == example.expected:
        return True
    tolerance = max(call.tolerance, example.tolerance)
    numbers = all(isinstance(one.expected, float) for one in (call, example))
    return numbers and bool(tolerance) and abs(call.expected - example.expected) <= tolerance


def tests_of(calls: Sequence[Call], folder: str, shown: bool) -> Iterator[Test]:
    for index, call in enumerate(calls, start=1):
        given = "".join(f"{json.dumps(argument)}\n" for argument in call.arguments)
        yield Test(f"{folder}/{index}", given.encode(), f"{json.dumps(call.expected)}\n".encode(), shown)


def checker_of(calls: list[Call]) -> Checker:
    tolerance = max(call.tolerance for call in calls)
    return Checker(kind="floats", absolute=tolerance, relative=tolerance) if tolerance else Checker()


def parsed(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def examples(prompt: str, name: str) -> Iterator[Call]:
    """The `>>>` examples of the docstring whose call and result are constants."""
    import doctest  # it would import the debugger

    module = parsed(prompt)
    functions = [node for node in (module.body if module else ()) if isinstance(node, ast.FunctionDef)]
    texts = [ast.get_docstring(function) or "" for function in functions if function.name == name]
    try:
        examples = doctest.DocTestParser().get_examples("\n".join(texts))
    except ValueError:  # a docstring with uneven indentation
        return
    for example in examples:
        # A comment may end the line.
        module = parsed(f"assert ({example.source.strip()}\n) == ({example.want.strip()}\n)")
        if example.want.strip() and module and isinstance(module.body[0], ast.Assert):
            try:
                yield call_of(module.body[0].test, name)
            except NotConstant:
                continue


def assertions(source: str, where: str) -> tuple[list[Call], int]:
    """The calls that the assertions of `check(candidate)` make, and how many statements are none."""
    module = parsed(source)
    functions = [node for node in (module.body if module else ()) if isinstance(node, ast.FunctionDef)]
    checks = [function for function in functions if function.name == "check" and len(function.args.args) == 1]
    if len(checks) != 1:
        raise UserError("`test` defines no function `check(candidate)`", where=where)
    name = checks[0].args.args[0].arg
    looped, lost = _looped(checks[0].body, name), 0
    calls = list(looped)
    for statement in checks[0].body:
        if _says_nothing(statement) or (looped and isinstance(statement, ast.Assign | ast.For)):
            continue
        try:
            if not isinstance(statement, ast.Assert):
                raise NotConstant
            calls.append(call_of(statement.test, name))
        except NotConstant:
            lost += 1
    return calls, lost


def _looped(body: Sequence[ast.stmt], name: str) -> list[Call]:
    """HumanEval+: `inputs = [...]`, `results = [...]`, and a loop over both; none if it is written differently."""
    loops = [node for node in body if isinstance(node, ast.For)]
    lists = {
        node.targets[0].id: node.value
        for node in body
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)
    }
    if len(loops) != 1 or lists.keys() != {"inputs", "results"} or not _calls_with_all(loops[0], name):
        return []
    try:
        inputs, results = constant(lists["inputs"]), constant(lists["results"])
    except NotConstant:
        return []
    if not isinstance(inputs, list) or not isinstance(results, list) or len(inputs) != len(results):
        return []
    pairs = [(one, result) for one, result in zip(inputs, results, strict=True) if isinstance(one, list)]
    return [Call(tuple(one), result, _usual_tolerance(result)) for one, result in pairs]


def _calls_with_all(loop: ast.For, name: str) -> bool:
    """Whether the loop goes over `zip(inputs, results)` and calls `name(*one)`, comparing the result unchanged."""
    zipped = [node for node in ast.walk(loop.iter) if _named_call(node, "zip")]
    over = [[argument.id for argument in node.args if isinstance(argument, ast.Name)] for node in zipped]
    calls = [node for node in ast.walk(loop) if _named_call(node, name)]
    compared = [node for node in loop.body if isinstance(node, ast.Expr) and _named_call(node.value, "assertion")]
    direct = any(call in node.value.args for node in compared for call in calls if isinstance(node.value, ast.Call))
    starred = all(len(call.args) == 1 and isinstance(call.args[0], ast.Starred) and not call.keywords for call in calls)
    return over == [["inputs", "results"]] and len(calls) == len(loop.body) == 1 and direct and starred


def _named_call(node: ast.AST, name: str) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def _says_nothing(statement: ast.stmt) -> bool:
    """`assert True`, a docstring, or a lone name."""
    if isinstance(statement, ast.Assert):
        return isinstance(statement.test, ast.Constant)
    return isinstance(statement, ast.Expr) and not isinstance(statement.value, ast.Call)


def call_of(test: ast.expr, name: str) -> Call:
    """`f(x) == c`, `f(x)`, `not f(x)`, `abs(f(x) - c) < e`, `round(f(x), 2) == c`. Raises NotConstant."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return Call(_arguments(test.operand, name), False)
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return Call(_arguments(test, name), True)
    left, operator, right = test.left, test.ops[0], test.comparators[0]
    if isinstance(operator, ast.Lt | ast.LtE) and _named(left) == "abs":
        return _near(left, right, name)
    if not isinstance(operator, ast.Eq | ast.Is):
        raise NotConstant
    if _named(left) == "tuple" and _named(right) == "tuple":
        left, right = _only_argument(left), _only_argument(right)
    if _named(left) == "round":
        return _rounded(left, right, name)
    return Call(_arguments(left, name), constant(right))


def _near(left: ast.expr, right: ast.expr, name: str) -> Call:
    difference = _only_argument(left)
    tolerance = constant(right)
    if not isinstance(difference, ast.BinOp) or not isinstance(difference.op, ast.Sub):
        raise NotConstant
    if not isinstance(tolerance, float) or not 0 < tolerance <= 1:
        raise NotConstant
    return Call(_arguments(difference.left, name), constant(difference.right), tolerance)


def _rounded(left: ast.expr, right: ast.expr, name: str) -> Call:
    """Rounded to `digits`, so correct to half of the last digit."""
    assert isinstance(left, ast.Call)
    digits = constant(left.args[1]) if len(left.args) == 2 else None
    if not isinstance(digits, int) or not 1 <= digits <= 15:
        raise NotConstant
    return Call(_arguments(left.args[0], name), constant(right), 0.5 * 10.0**-digits)


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
