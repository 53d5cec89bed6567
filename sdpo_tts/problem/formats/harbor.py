"""Harbor tasks (harborframework.com): `task.toml`, `instruction.md`, and `tests/` with input and output files.

Most Harbor tasks are tested by a program, `tests/test.sh`, from which no tests can be read. In tasks written by
`sdpo-tts export --harbor`, `tests/task.json` holds what the format cannot express.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field

from sdpo_tts.errors import UserError
from sdpo_tts.problem import values
from sdpo_tts.problem.formats.pairs import paired
from sdpo_tts.problem.model import Checker, Group, Limits, Test
from sdpo_tts.problem.reading.draft import Draft, Reading, quotes, with_samples, with_some_shown
from sdpo_tts.problem.reading.package import Package
from sdpo_tts.problem.reading.paste import Paste, read_paste, read_source

SETTINGS, INSTRUCTION, OWN = "task.toml", "instruction.md", "tests/task.json"
PROGRAM = "\n\n## Your program\n"
"""The heading after the statement in our own tasks: what follows is for an agent."""
_ELSEWHERE = "the task is for an agent; here the model writes a program that reads its input and prints the answer"


class _Limits(BaseModel):
    time_s: float
    memory_bytes: int
    output_bytes: int


class _Group(BaseModel):
    name: str
    points: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    tests: Annotated[list[str], Field(min_length=1)]
    each: bool
    requires: list[str]
    any: bool = False


class _Own(BaseModel):
    """What of `tests/task.json` is read."""

    limits: _Limits
    checker: str
    groups: list[_Group]


def fits(package: Package) -> bool:
    return package.has(SETTINGS) and package.has(INSTRUCTION)


def read(package: Package, path: Path, statement: str) -> Reading:
    """The problem of a task. Raises `UserError` if its tests are programs."""
    told, own = _settings(package), _own(package)
    inputs = [name for name in package.names("tests") if name.endswith(".in")]
    if not inputs:
        hint = "needed: tests/*.in with *.out or *.ans; a task tested by a program cannot be read"
        raise UserError("this Harbor task has no input and output files", where=str(path), hint=hint)
    paste = _paste(package, statement, mine=bool(own))
    text = statement or package.text(INSTRUCTION)
    tests = [replace(test, shown=test.shown or (not own and quotes(text, test))) for test in paired(package, inputs)]
    tests, notes = with_some_shown(tests) if not own else (tests, [])
    limits = Limits()
    time, memory = paste.time_s or limits.time_s, paste.memory_bytes or limits.memory_bytes
    draft = Draft(
        path=path,
        where=str(path),
        slug=package.title,
        title=_title(package, told, paste.title),
        statement=paste.statement if own else with_samples(paste.statement, tests, separated=paste.samples),
        tests=tests,
        limits=replace(limits, time_s=time, memory_bytes=memory),
        notes=(() if own else (_ELSEWHERE, *notes)),
        judging_told=False,
        statement_place=f"{INSTRUCTION} in it",
    )
    return (_as_written(draft, own, tests) if own else draft).finish()


def _settings(package: Package) -> dict[str, Any]:
    try:
        return tomllib.loads(package.text(SETTINGS))
    except tomllib.TOMLDecodeError as error:
        raise package.error(SETTINGS, f"not TOML: {error}") from None


def _own(package: Package) -> dict[str, Any]:
    """What `export --harbor` wrote; empty for other tasks."""
    try:
        told = json.loads(package.text(OWN)) if package.has(OWN) else {}
        return dict(told) if isinstance(told, dict) and told.get("format") == "sdpo-tts/1" else {}
    except (ValueError, RecursionError):
        return {}


def _paste(package: Package, statement: str, *, mine: bool) -> Paste:
    """In our own tasks, the original statement follows the title."""
    text = package.text(INSTRUCTION)
    if mine:
        return Paste(statement or text.partition(PROGRAM)[0].partition("\n")[2].strip())
    return read_paste(statement) if statement else read_source(text, ".md")


def _title(package: Package, told: dict[str, Any], title: str) -> str:
    """The first line of our own tasks; others have at most a name such as `org/name`."""
    first = package.text(INSTRUCTION).partition("\n")[0]
    task = told.get("task")
    name = str(task.get("name", "")).rpartition("/")[2] if isinstance(task, dict) else ""
    return title or (first.removeprefix("# ") if first.startswith("# ") else name or package.title)


def _as_written(draft: Draft, own: dict[str, Any], tests: list[Test]) -> Draft:
    """Limits, checker and groups as exported. Raises `UserError` for a damaged file."""
    try:
        shape = _Own(**own)
        limits, checker = Limits(**dict(shape.limits)), values.checker(shape.checker)
        groups = tuple(_group(**dict(row)) for row in shape.groups)
        if not {name for group in groups for name in group.tests} <= {test.name for test in tests}:
            raise ValueError
    except (TypeError, ValueError) as error:
        raise UserError(f"cannot be read: {type(error).__name__}", where=f"{draft.where}/{OWN}") from None
    return replace(draft, limits=limits, checker=checker, groups=groups, judging_told=checker != Checker())


def _group(name: str, points: float, tests: list[str], each: bool, requires: list[str], any: bool) -> Group:
    return Group(name, points, tuple(f"tests/{test}" for test in tests), each, tuple(requires), any)
