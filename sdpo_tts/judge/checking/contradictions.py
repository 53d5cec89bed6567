"""Tests that no program can pass together."""

from __future__ import annotations

from collections.abc import Iterator

from sdpo_tts.judge.checking.checker import compare
from sdpo_tts.judge.checking.checker_json import compare_json
from sdpo_tts.problem import Mode, Problem, Test


def contradictions(problem: Problem) -> Iterator[tuple[Test, Test]]:
    """Tests with another output than the first test with the same input, after that one. None if a program of the
    problem's author decides, which may accept both outputs."""
    if problem.checker.program or problem.interactor:
        return
    first: dict[bytes, Test] = {}
    for test in problem.tests:
        other = first.setdefault(test.input.rstrip(), test)
        if not (_accepts(problem, other, test) or _accepts(problem, test, other)):
            yield other, test


def _accepts(problem: Problem, test: Test, other: Test) -> bool:
    """Whether the output of `other` is right for `test`."""
    if test.expected == other.expected:
        return True
    how = compare_json if problem.mode is Mode.FUNCTION else compare
    try:
        return how(problem.checker, test.expected, other.expected).ok
    except (ValueError, RecursionError):  # not a JSON value that can be read
        return False
