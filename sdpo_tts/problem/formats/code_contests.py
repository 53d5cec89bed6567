"""CodeContests rows: the data set's own fields, or the flat ones of harnesses (`content`, `labels`, `test`).

The fields: `contest_problem.proto` of github.com/google-deepmind/code_contests. Memory in bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from sdpo_tts.errors import UserError
from sdpo_tts.problem.document import quoted
from sdpo_tts.problem.model import Limits, Test
from sdpo_tts.problem.reading import fields
from sdpo_tts.problem.reading.draft import Draft, in_tiers, number, to_bytes, with_samples
from sdpo_tts.problem.reading.programs import add

_TIERS = {"public_tests": "tests/shown", "private_tests": "tests/held-out", "generated_tests": "tests/generated"}
_SUFFIXES = {2: ".cpp", 3: ".py", "CPP": ".cpp", "PYTHON3": ".py"}
_MOST_PROGRAMS = 3
_CHECKERS = "if several answers are right, only the one in the row is accepted"


def fits(row: dict[str, Any]) -> bool:
    return ("public_tests" in row and "description" in row) or ("content" in row and "test" in row)


def id_of(row: dict[str, Any]) -> str:
    return fields.identifier(row.get("id", row.get("name", "")))


def draft(row: dict[str, Any], path: Path, where: str, statement: str) -> Draft:
    """Raises `UserError`."""
    return _flat(row, path, where, statement) if "content" in row else _original(row, path, where, statement)


def _original(row: dict[str, Any], path: Path, where: str, statement: str) -> Draft:
    tests = [test for key, folder in _TIERS.items() for test in _columns(row.get(key), folder, where)]
    return Draft(
        path=path,
        where=where,
        slug=fields.text(row, "name"),
        title=fields.text(row, "name"),
        statement=with_samples(statement or fields.text(row, "description"), tests),
        tests=tests,
        limits=_limits(row, where),
        notes=(*_files(row), _CHECKERS),
        programs=_programs(row.get("solutions")),
        source="CodeContests",
        judging_told=False,
    )


def _flat(row: dict[str, Any], path: Path, where: str, statement: str) -> Draft:
    labels = fields.from_json(row.get("labels") or "{}", where)
    name = fields.text(labels, "name") if isinstance(labels, dict) else ""
    text = statement or fields.text(row, "content")
    tests, notes = in_tiers(list(_pairs(row.get("test"), where)), text)
    return Draft(
        path=path,
        where=where,
        slug=name or f"code-contests-{id_of(row)}",
        title=name,
        statement=with_samples(text, tests),
        tests=tests,
        notes=("the row sets no limits: using the defaults", *notes, _CHECKERS),
        source="CodeContests",
        judging_told=False,
    )


def _columns(told: Any, folder: str, where: str) -> Iterator[Test]:
    """`{input: [...], output: [...]}`, or a list of `{input, output}`."""
    if told is None:
        return
    pairs = told if isinstance(told, list) else _zipped(told, folder, where)
    for index, pair in enumerate(pairs, start=1):
        given, wanted = (pair.get("input"), pair.get("output")) if isinstance(pair, dict) else (None, None)
        yield _test(f"{folder}/{index}", given, wanted, where, shown=folder == "tests/shown")


def _zipped(told: Any, folder: str, where: str) -> list[dict[str, Any]]:
    inputs, outputs = (told.get("input"), told.get("output")) if isinstance(told, dict) else (None, None)
    if not isinstance(inputs, list) or not isinstance(outputs, list) or len(inputs) != len(outputs):
        raise UserError(f"{folder}: `input` and `output` are not lists of the same length", where=where)
    return [{"input": given, "output": wanted} for given, wanted in zip(inputs, outputs, strict=True)]


def _pairs(told: Any, where: str) -> Iterator[Test]:
    """`[{input: {stdin: ...}, output: {stdout: ...}}]`, possibly as JSON text."""
    told = fields.from_json(told, where)
    if not isinstance(told, list):
        raise UserError("`test` is not a list", where=where)
    for index, pair in enumerate(told, start=1):
        given, wanted = (pair.get("input"), pair.get("output")) if isinstance(pair, dict) else (None, None)
        given = given.get("stdin") if isinstance(given, dict) else None
        wanted = wanted.get("stdout") if isinstance(wanted, dict) else None
        yield _test(str(index), given, wanted, where, shown=False)


def _test(name: str, given: Any, wanted: Any, where: str, *, shown: bool) -> Test:
    if not isinstance(given, str) or not isinstance(wanted, str):
        raise UserError(f"{name} has no input and output", where=where)
    return Test(name, to_bytes(given, where), to_bytes(wanted, where), shown)


def _limits(row: dict[str, Any], where: str) -> Limits:
    limits = Limits()
    if (memory := row.get("memory_limit_bytes")) and number(memory, "memory limit in bytes", where):
        limits = replace(limits, memory_bytes=round(number(memory, "memory limit in bytes", where)))
    if seconds := _seconds(row.get("time_limit"), where):
        limits = replace(limits, time_s=seconds)
    return limits


def _seconds(told: Any, where: str) -> float:
    """A protobuf Duration (`seconds` and `nanos`), or its JSON form `2.5s`. 0 means none."""
    if isinstance(told, dict):
        parts = (number(told.get(key) or 0, "time limit", where) for key in ("seconds", "nanos"))
        whole, nanos = parts
        return whole + nanos / 1e9
    return number(str(told).removesuffix("s"), "time limit", where) if told else 0.0


def _files(row: dict[str, Any]) -> list[str]:
    files = {"stdin": fields.text(row, "input_file"), "stdout": fields.text(row, "output_file")}
    return [f"{stream} is used instead of the file {quoted(name)}" for stream, name in files.items() if name]


def _programs(told: Any) -> tuple[tuple[str, bytes], ...]:
    """A few accepted solutions; rejected ones are left out, because the row does not say why they were rejected."""
    found: dict[str, bytes] = {}
    languages, sources = (told.get("language"), told.get("solution")) if isinstance(told, dict) else (None, None)
    if isinstance(languages, list) and isinstance(sources, list):
        for index, (language, source) in enumerate(zip(languages, sources, strict=False), start=1):
            suffix = _SUFFIXES.get(language) if isinstance(language, int | str) else None
            if suffix and isinstance(source, str) and sum(name.endswith(suffix) for name in found) < _MOST_PROGRAMS:
                add(found, "accepted", f"{index}{suffix}", source.encode(errors="replace"))
    return tuple(found.items())
