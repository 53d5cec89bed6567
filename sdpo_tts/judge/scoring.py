"""Scores: the points of groups of tests, from the tests that a program passes."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from math import fsum

from sdpo_tts.problem import Group, Problem


def points(problem: Problem, passed: Collection[str]) -> float | None:
    """The score of a program that passes the tests with these names; None if the problem has no scores."""
    if not problem.groups:
        return None
    # fsum: eight groups of 0.1 points are 0.8, which `--enough 0.8` must be satisfied with
    return fsum(_earned(group, passed) for group in problem.groups if open_to(group, problem, passed))


def open_to(group: Group, problem: Problem, passed: Collection[str]) -> bool:
    """Whether the program passes everything that the group requires."""
    required = (one for one in problem.groups if one.name in group.requires)
    return all(name in passed for one in required for name in one.tests)


def _earned(group: Group, passed: Collection[str]) -> float:
    right = sum(name in passed for name in group.tests)
    if group.each:
        return group.points * right / len(group.tests)
    return group.points if right >= (1 if group.any else len(group.tests)) else 0.0


def shown_share(problem: Problem, passed: Collection[str]) -> float:
    """The visible share of a program's score, from 0 to 1: of the points of groups with shown tests, as if they had no
    others. Without such points, the share of shown tests. Nothing about held-out tests enters."""
    seen = list(_as_shown(problem))
    most = sum(group.points for group in seen)
    if most:
        return sum(_earned(group, passed) for group in seen) / most
    shown = [test.name for test in problem.shown]
    return sum(name in passed for name in shown) / max(1, len(shown))


def _as_shown(problem: Problem) -> Iterator[Group]:
    shown = {test.name for test in problem.shown}
    for group in problem.groups:
        if tests := tuple(name for name in group.tests if name in shown):
            yield replace(group, tests=tests, requires=())
