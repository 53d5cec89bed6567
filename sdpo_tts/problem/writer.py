"""Writes a problem as a native folder: problem.yaml, statement.md, tests, submissions."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from glob import escape
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from sdpo_tts.errors import UserError
from sdpo_tts.problem import groups
from sdpo_tts.problem.document import quoted
from sdpo_tts.problem.language import language
from sdpo_tts.problem.model import Checker, Convention, Limits, Program, Test
from sdpo_tts.problem.native import FORMAT
from sdpo_tts.problem.reading.draft import MIB, Reading
from sdpo_tts.problem.values import natural

STATEMENT = "statement.md"


class Block(str):
    """Text to be written as a block, if YAML can."""


class _Dumper(yaml.SafeDumper):
    """For plain data; multi-line text becomes a block."""


def _represent(dumper: _Dumper, text: Block) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style="|" if "\n" in text else None)


_Dumper.add_representer(Block, _represent)


def write_native(reading: Reading, folder: Path) -> None:
    """Makes `folder`, which must not exist or must be empty. Nothing else is written. Raises `UserError`.

    The folder loads as a problem with the same digest.
    """
    files = _files(reading)  # everything is rendered before the first byte is written
    new = demand_free(folder)
    try:
        for name, content in files:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    except OSError as error:
        if new:
            shutil.rmtree(folder, ignore_errors=True)
        raise UserError(f"cannot be written: {error.strerror}", where=str(folder)) from None


def demand_free(folder: Path) -> bool:
    """Whether the folder does not exist yet. Raises `UserError` if it exists and is not empty."""
    try:
        new = not folder.exists()
        if not new and any(folder.iterdir()):
            raise UserError("exists already", where=str(folder), hint="name another folder")
        return new
    except OSError as error:
        raise UserError(f"cannot be made: {error.strerror}", where=quoted(str(folder))) from None


def problem_yaml(reading: Reading) -> str:
    """The text of problem.yaml; its statement and tests are in files beside it."""
    problem = reading.problem
    function = problem.function
    data: dict[str, Any] = {
        "format": FORMAT,
        "title": problem.title,
        "statement_file": STATEMENT,
        "mode": str(problem.mode),
        "language": problem.language,
        "limits": limits_as_text(problem.limits),
        "feedback": str(problem.feedback),
    }
    if problem.checker != Checker():
        data["checker"] = checker_as_text(problem.checker)
    if problem.interactor:
        data["interactor"] = _program("interactor", problem.interactor.program, problem.interactor.convention)
    if function:
        data["function"] = {"name": function.name, "starter_code": Block(function.starter_code)}
    if problem.run:
        data["run"] = {one.key: one.text for one in problem.run}
    tiers = {"shown": list(problem.shown), "held_out": list(problem.held_out)}
    folders = [_folder(test) for test in problem.tests]
    data["tests"] = {tier: list(_patterns(tests, folders)) for tier, tests in tiers.items() if tests}
    if problem.groups:
        data["groups"] = groups.as_data(problem.groups, [test.name for test in problem.tests])
    return _comment(reading) + dump(data)


def dump(data: Any) -> str:
    return str(yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**9))


def comment(text: str) -> str:
    """`text` as one line of YAML comment."""
    return "# " + "".join(c if c.isprintable() else " " for c in text) + "\n"


def _comment(reading: Reading) -> str:
    lines = [f"From {reading.source}"] if reading.source else []
    if reading.notes:
        lines += ["Notes of the import:", *(f"- {note}" for note in reading.notes)]
    return "".join(comment(line) for line in lines)


def _files(reading: Reading) -> list[tuple[str, bytes]]:
    problem = reading.problem
    files = {"problem.yaml": problem_yaml(reading).encode(), STATEMENT: f"{problem.statement}\n".encode()}
    for test in problem.tests:
        files |= {f"{test.name}.in": test.input, f"{test.name}.out": test.expected}
    if problem.checker.program:
        files |= _sources("checker", problem.checker.program)
    if problem.interactor:
        files |= _sources("interactor", problem.interactor.program)
    files |= {f"submissions/{name}": source for name, source in reading.programs}
    for name in files:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name:
            raise UserError(f"a test named {quoted(name)}", where=str(problem.path))
    return list(files.items())


def _folder(test: Test) -> str:
    return str(PurePosixPath(test.name).parent)


def _patterns(tests: list[Test], folders: list[str]) -> Iterator[dict[str, str]]:
    """One pattern for a folder whose tests are all here, in natural order; otherwise one per test."""
    for folder, group in groupby(tests, key=_folder):
        members = [test.name for test in group]
        whole = folders.count(folder) == len(members) and folder != "."
        if whole and members == sorted(members, key=lambda name: natural(f"{name}.in")):
            yield {"files": f"{escape(folder)}/*.in"}
        else:
            yield from ({"files": f"{escape(name)}.in"} for name in members)


def limits_as_text(limits: Limits) -> dict[str, str]:
    """In the form of the key `limits`."""
    return {
        "time": f"{limits.time_s:.12f}".rstrip("0").rstrip(".") + "s",
        "memory": _size(limits.memory_bytes),
        "output": _size(limits.output_bytes),
    }


def _size(amount: int) -> str:
    return f"{amount // MIB}MiB" if amount % MIB == 0 else f"{amount}B"


def checker_as_text(checker: Checker) -> str | dict[str, Any]:
    """In the form that `values.checker` reads, or the mapping of a program."""
    if checker.program:
        return _program("checker", checker.program, checker.convention)
    tolerances = [("absolute", checker.absolute), ("relative", checker.relative)]
    given = [(name, f"{value!r}") for name, value in tolerances if value is not None]
    if checker.kind != "kattis":
        switches = [("ignore_case", checker.ignore_case), ("exact_spaces", checker.exact_spaces)]
        return " ".join([checker.kind, *_switched_on(switches), *(word for pair in given for word in pair)])
    switches = [("case_sensitive", not checker.ignore_case), ("space_change_sensitive", checker.exact_spaces)]
    flags = [word for name, value in given for word in (f"float_{name}_tolerance", value)]
    return " ".join(["kattis", *_switched_on(switches), *flags])


def _switched_on(switches: list[tuple[str, bool]]) -> list[str]:
    return [name for name, is_on in switches if is_on]


def _program(folder: str, program: Program, convention: Convention) -> dict[str, Any]:
    told: dict[str, Any] = {
        "program": f"{folder}/{language(program.language).source}",
        "language": program.language,
        "convention": str(convention),
    }
    lists = {"files": [f"{folder}/{name}" for name, _ in program.files], "arguments": list(program.arguments)}
    return told | {key: value for key, value in lists.items() if value}


def _sources(folder: str, program: Program) -> dict[str, bytes]:
    main = {f"{folder}/{language(program.language).source}": program.source}
    return main | {f"{folder}/{name}": content for name, content in program.files}
