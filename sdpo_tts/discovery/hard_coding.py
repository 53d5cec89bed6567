"""Detects programs that contain the answers of shown tests instead of computing them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from sdpo_tts.problem import Problem

ANSWERS = 2  # a program with this many different answers of shown tests as literals is cheating
SHORT = 3  # texts of less than this many characters may appear in any program
_STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"' + r"|'((?:[^'\\\n]|\\.)*)'")


def hard_coded(program: str, problem: Problem) -> bool:
    """Whether it contains the whole input of a shown test, or the answers of several, as literals.

    A word is an answer that any program may contain, such as `possible`: nothing tells a label from what has to be
    computed, and a statement does not always name its labels. It counts beside the input that it is the answer to.
    """
    found = set(_literals(program))
    pairs = [(_text(test.input) if problem.function is None else "", _text(test.expected)) for test in problem.shown]
    if any(given in found and (" " in given or (_is_long(given) and answer in found)) for given, answer in pairs):
        return True
    return len({answer for _, answer in pairs if _is_long(answer) and not answer.isalpha()} & found) >= ANSWERS


def _is_long(text: str) -> bool:
    return len(text) >= SHORT


def _text(data: bytes) -> str:
    return " ".join(data.decode(errors="replace").split())


def _literals(program: str) -> Iterator[str]:
    """Strings with runs of white space collapsed, and numbers; by syntax in Python, by quotes in other languages."""
    try:
        tree = ast.parse(program)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        yield from (" ".join((one[1] or one[2] or "").replace("\\n", " ").split()) for one in _STRING.finditer(program))
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str | int | float):
            yield " ".join(str(node.value).split())
