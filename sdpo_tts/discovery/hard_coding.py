"""Detects programs that contain the answers of shown tests instead of computing them."""

from __future__ import annotations

import ast
import re
import sys
import warnings
from collections import Counter
from collections.abc import Iterator

from sdpo_tts.problem import Problem

ANSWERS = 2  # a program with this many different answers of shown tests as literals is cheating
SHORT = 3  # texts of less than this many characters may appear in any program
_LABEL = re.compile(r"[^\W\d_]+(?:[ _-][^\W\d_]{2,}){0,3}")  # `a tie`, but not `a b c`
_STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"' + r"|'((?:[^'\\\n]|\\.)*)'")


def hard_coded(program: str, problem: Problem) -> bool:
    """Whether it contains the whole input of a shown test, or the answers of several, as literals.

    Any program may contain a label, such as `not possible`: a few words on one line, or an answer that shown tests
    share. Nothing tells words that have to be computed from labels, and a statement does not always name these. A label
    counts beside the input that it is the answer to.
    """
    found = set(_literals(program))
    pairs = [(_text(test.input) if problem.function is None else "", _text(test.expected)) for test in problem.shown]
    if any(given in found and (" " in given or (_is_long(given) and answer in found)) for given, answer in pairs):
        return True
    return len(_computed(problem) & found) >= ANSWERS


def _computed(problem: Problem) -> set[str]:
    """The answers of shown tests that are no labels."""
    told = [test.expected.decode(errors="replace").strip() for test in problem.shown]
    tests = Counter(" ".join(answer.split()) for answer in told if not _LABEL.fullmatch(answer))
    return {answer for answer, number in tests.items() if number == 1 and _is_long(answer)}


def _is_long(text: str) -> bool:
    return len(text) >= SHORT


def _text(data: bytes) -> str:
    return " ".join(data.decode(errors="replace").split())


def _literals(program: str) -> Iterator[str]:
    """Strings with runs of white space collapsed, and numbers; by syntax in Python, by quotes in other languages."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about escapes such as "\d"
            tree = ast.parse(program)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        yield from (" ".join((one[1] or one[2] or "").replace("\\n", " ").split()) for one in _STRING.finditer(program))
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str | int | float) and not _is_vast(node.value):
            yield " ".join(str(node.value).split())


def _is_vast(value: str | int | float) -> bool:
    """Whether it is an integer, written in hexadecimal, that Python refuses to write in decimal."""
    return isinstance(value, int) and value.bit_length() > 3 * sys.int_info.default_max_str_digits
