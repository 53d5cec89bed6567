"""Detects programs that contain the answers of shown tests instead of computing them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from sdpo_tts.problem import Problem

ANSWERS = 2  # a program with this many different answers of shown tests as literals is cheating
SHORT = 3  # answers of at most this many characters may appear in any program
_STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"' + r"|'((?:[^'\\\n]|\\.)*)'")


def hard_coded(program: str, problem: Problem) -> bool:
    """Whether it contains the whole input of a shown test, or the answers of several, as literals.

    A word that the statement names as an answer (YES, equilateral) is allowed in any program.
    """
    found = set(_literals(program))
    inputs = {_text(test.input) for test in problem.shown} if problem.function is None else set()
    if any(" " in one and one in found for one in inputs):
        return True
    answers = {_text(test.expected) for test in problem.shown}
    telling = {one for one in answers if len(one) >= SHORT and not _is_word_of(one, problem.statement)}
    return len(telling & found) >= ANSWERS


def _is_word_of(answer: str, statement: str) -> bool:
    return answer.isalpha() and answer in statement


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
