"""Points of Kattis packages: `test_group.yaml` of version 2025-09, `testdata.yaml` of older ones.

The specification: "Result aggregation" in `spec/2025-09.md` and "Graders" in `spec/legacy.md` of
github.com/Kattis/problem-package-format. Unsupported scoring is reported in notes, and then there are no points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from sdpo_tts.problem.document import Null, Value, parse_document
from sdpo_tts.problem.model import Group, Test
from sdpo_tts.problem.reading.package import Package

SECRET, SAMPLE = "data/secret", "data/sample"
NO_SCORES = "scores are left out, so solved means that all tests pass"
_AGGREGATORS = ("sum", "avg", "max", "min")

Config = Mapping[str, Value]


class _Unlike(Exception):
    """Points are given in a way that is not supported here."""


@dataclass(frozen=True)
class Scores:
    groups: tuple[Group, ...] = ()
    notes: tuple[str, ...] = ()


def read_scores(configs: Configs, tests: Sequence[Test], *, legacy: bool) -> Scores:
    """For a problem of the type `scoring`. Raises `UserError` for files that are not YAML."""
    try:
        read = _legacy if legacy else _modern
        groups = tuple(read(configs, _folders(tests, nested=legacy)))
        if len({group.name for group in groups}) < len(groups):
            raise _Unlike("two groups have the same name")
    except _Unlike as why:
        return Scores(notes=(f"{why}: {NO_SCORES}",))
    return Scores(groups) if any(group.points for group in groups) else Scores(notes=(f"no points: {NO_SCORES}",))


def _folders(tests: Sequence[Test], *, nested: bool) -> dict[str, tuple[str, ...]]:
    """The names of the tests in each folder, samples first. Only if `nested` may groups contain groups."""
    found: dict[str, tuple[str, ...]] = {}
    for test in tests:
        parts = PurePosixPath(test.name).parent.parts
        folder = "/".join(parts if nested else parts[:3])
        found[folder] = (*found.get(folder, ()), test.name)
    return found


@dataclass(frozen=True)
class Configs:
    """The settings of groups. `fill` inserts the package's constants; `grading` is the problem's own key, by which
    older packages may set scores for all tests."""

    package: Package
    fill: Callable[[str], str]
    grading: Config

    def own(self, folder: str, name: str) -> Config:
        path = f"{folder}/{name}"
        if not self.package.has(path):
            return {}
        data = parse_document(self.fill(self.package.text(path)), self.package.path / path).data
        return data if isinstance(data, dict) else {}

    def inherited(self, folder: str) -> Config:
        """In older packages, a group inherits settings from the group that contains it."""
        parents = [str(parent) for parent in PurePosixPath(folder).parents if str(parent).startswith("data")]
        told: dict[str, Value] = {}
        for one in (*reversed(parents), folder):
            told |= self.own(one, "testdata.yaml")
        return told | {key: self.grading[key] for key in ("accept_score", "reject_score") if key in self.grading}


def _modern(configs: Configs, folders: Mapping[str, tuple[str, ...]]) -> Iterator[Group]:
    secret = configs.own(SECRET, "test_group.yaml")
    if SAMPLE in folders:
        yield Group("sample", 0.0, folders[SAMPLE])
    if SECRET in folders:
        yield Group("secret", _number(secret, "max_score", "100"), folders[SECRET], _sums(secret, "sum"))
        return
    if not _sums(secret, "sum"):
        raise _Unlike("the groups' points are not added up")
    for folder, tests in folders.items():
        if folder != SAMPLE:
            told = configs.own(folder, "test_group.yaml")
            requires = tuple(map(_called, _words(told, "require_pass")))
            points = _number(told, "max_score", "unbounded")
            yield Group(_called(folder), points, tests, _sums(told, "pass-fail"), requires)


def _legacy(configs: Configs, folders: Mapping[str, tuple[str, ...]]) -> Iterator[Group]:
    """A test that passes scores `accept_score`; the grader's flags say how the scores of a group are combined."""
    if _text(configs.grading, "objective") == "min":
        raise _Unlike("the lowest score is the best")
    outer = {str(parent) for folder in folders for parent in PurePosixPath(folder).parents if str(parent) != "."}
    if any(_aggregator(configs.inherited(parent)) != "sum" for parent in outer):
        raise _Unlike("the groups' points are not added up")
    if any(_text(configs.inherited(folder), "grading") == "custom" for folder in {*outer, *folders}):
        raise _Unlike("the package has its own way to give points")
    without_sample = "ignore_sample" in _words(configs.inherited("data"), "grader_flags")
    for folder, tests in folders.items():
        told = configs.inherited(folder)
        if (folder == SAMPLE and without_sample) or not (points := _number(told, "accept_score", "1")):
            continue
        if _number(told, "reject_score", "0"):
            raise _Unlike("the package has its own way to give points")
        aggregator = _aggregator(told)
        if aggregator == "max" and (_text(told, "on_reject") or "break") == "break":
            tests = tests[:1]  # if it fails, no other is judged
        points *= len(tests) if aggregator == "sum" else 1
        yield Group(_called(folder), points, tests, each=aggregator in ("sum", "avg"), any=aggregator == "max")


def _called(folder: str) -> str:
    """`data/secret/group1`, or `secret/group1` in `require_pass`, is group1; `data/secret/group1/a` is group1/a."""
    return folder.removeprefix("data/").removeprefix("secret/")


def _sums(told: Config, default: str) -> bool:
    """Whether each test has its own points."""
    return (_text(told, "score_aggregation") or default) == "sum"


def _aggregator(told: Config) -> str:
    """The last one counts."""
    return next((word for word in reversed(_words(told, "grader_flags")) if word in _AGGREGATORS), "sum")


def _number(told: Config, key: str, default: str) -> float:
    try:
        number = float(_text(told, key) or default)
    except ValueError:
        number = -1.0
    if not 0 <= number < 1e9:
        raise _Unlike(f"`{key}` is `{_text(told, key) or default}`")
    return number


def _text(told: Config, key: str) -> str:
    value = told.get(key)
    return value.strip() if isinstance(value, str) and not isinstance(value, Null) else ""


def _words(told: Config, key: str) -> list[str]:
    value = told.get(key)
    return [str(word) for word in value] if isinstance(value, list) else _text(told, key).split()
