"""Constant Python expressions as JSON values, read from their syntax: nothing is executed."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from typing import Any

_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_MOST = 10**30  # of a number in arithmetic: keeps powers and products small
_MOST_WRITTEN = 10**4000  # Python writes no decimal number above 4300 digits, but reads longer hexadecimal ones


class NotConstant(Exception):
    """The expression is not constant, or JSON cannot express it."""


def constant(node: ast.expr, depth: int = 32) -> Any:
    """The value of literals, lists, tuples (as lists), mappings with text keys, and arithmetic. Raises NotConstant.

    `depth`: how deeply the expression may be nested.
    """
    if not depth:
        raise NotConstant
    if isinstance(node, ast.Constant):
        return _plain(node.value)
    if isinstance(node, ast.List | ast.Tuple):
        return [constant(element, depth - 1) for element in node.elts]
    if isinstance(node, ast.Dict):
        keys = [constant(key, 1) if key else None for key in node.keys]
        if not all(isinstance(key, str) for key in keys):
            raise NotConstant
        return {key: constant(value, depth - 1) for key, value in zip(keys, node.values, strict=True)}
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        value = _number(constant(node.operand, depth - 1))
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _computed(node.op, constant(node.left, depth - 1), constant(node.right, depth - 1))
    raise NotConstant


def _plain(value: object) -> Any:
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise NotConstant from None
    elif value is not None and not _can_be_written(value):
        raise NotConstant
    return value


def _can_be_written(value: object) -> bool:
    """Whether JSON, and Python's writer of it, can express the number."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and abs(value) < _MOST_WRITTEN


def _computed(kind: ast.operator, left: Any, right: Any) -> Any:
    if isinstance(kind, ast.Add) and isinstance(left, str) and isinstance(right, str):
        return left + right
    if isinstance(kind, ast.Pow) and not 0 <= _number(right) <= 64:
        raise NotConstant
    try:
        return _plain(_number(_OPERATORS[type(kind)](_number(left), _number(right))))
    except ArithmeticError:
        raise NotConstant from None


def _number(value: object) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > _MOST:
        raise NotConstant
    return value
