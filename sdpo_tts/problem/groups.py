"""Groups of tests with points: reading them from a native file, and writing them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from glob import escape
from graphlib import CycleError, TopologicalSorter
from pathlib import PurePosixPath
from typing import Any

from sdpo_tts.problem import values
from sdpo_tts.problem.document import Document, Refused, quoted
from sdpo_tts.problem.model import Group
from sdpo_tts.problem.schema import GroupShape

SCORES = ("all", "each", "any")


def read_groups(document: Document, shapes: Sequence[GroupShape], names: Sequence[str]) -> tuple[Group, ...]:
    """`names` are the names of all tests. Raises `UserError`, naming the place."""
    groups: list[Group] = []
    for index, shape in enumerate(shapes):
        known = [group.name for group in groups]
        with document.at("groups", index, "name"):
            if shape.name in known:
                raise Refused(f"two groups are called {quoted(shape.name)}")
        with document.at("groups", index, "points"):
            points = _points(shape.points)
        with document.at("groups", index, "score"):
            score = values.choice(shape.score, SCORES, "way to score a group")
        tests = tuple(_tests(document, index, shape, names))
        for place, required in enumerate(shape.requires):
            with document.at("groups", index, "requires", place):
                values.choice(required, known, "group defined before it")
        groups.append(Group(shape.name, points, tests, score == "each", tuple(shape.requires), score == "any"))
    return tuple(groups)


def _points(text: str) -> float:
    try:
        points = float(text)
    except ValueError:
        points = -1.0
    if not 0 <= points < 1e9:
        raise Refused(f"{quoted(text)} is not a number of points", "for example 30")
    return points


def _tests(document: Document, index: int, shape: GroupShape, names: Sequence[str]) -> Iterator[str]:
    """Each test once, in the order of the problem's tests."""
    found: set[str] = set()
    for place, pattern in enumerate(shape.tests):
        with document.at("groups", index, "tests", place):
            matching = {name for name in names if fnmatchcase(name, pattern)}
            if not matching:
                raise Refused(f"no test is called {quoted(pattern)}", "a name without `.in`, or a pattern: tests/1-*")
            found |= matching
    if not found:
        raise document.error(("groups", index, "tests"), "the group has no tests")
    yield from (name for name in names if name in found)


def in_order(groups: Sequence[Group]) -> tuple[Group, ...]:
    """Each after those that it requires; one that it requires but that has no tests is left out. Raises `Refused` if
    groups require each other."""
    by_name = {group.name: group for group in groups}
    try:
        order = TopologicalSorter({group.name: group.requires for group in groups}).static_order()
        groups = [by_name[name] for name in order if name in by_name]
    except CycleError:
        raise Refused("groups of tests that require each other") from None
    return tuple(
        replace(group, requires=tuple(name for name in group.requires if name in by_name)) for group in groups
    )


def as_data(groups: Sequence[Group], names: Sequence[str]) -> list[dict[str, Any]]:
    """As in a native file; `names` are the names of all tests."""
    return [
        {
            "name": group.name,
            "points": f"{group.points:.12g}",
            "tests": _patterns(group, names),
            **({"score": "each" if group.each else "any"} if group.each or group.any else {}),
            **({"requires": list(group.requires)} if group.requires else {}),
        }
        for group in groups
    ]


def _patterns(group: Group, names: Sequence[str]) -> list[str]:
    """One pattern for each folder whose tests are exactly those of the group; otherwise the tests one by one."""
    folder = f"{escape(str(PurePosixPath(group.tests[0]).parent))}/*"
    whole = {name for name in names if fnmatchcase(name, folder)}
    return [folder] if whole == set(group.tests) else [escape(name) for name in dict.fromkeys(group.tests)]
