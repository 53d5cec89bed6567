"""APPS and TACO rows: `question`, `starter_code`, `solutions`, and `input_output`, which is JSON with the tests.

`input_output` has `inputs` and `outputs`; with `fn_name` they are the arguments and results of that function. The
formats: github.com/hendrycks/apps and github.com/FlagOpen/TACO.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from sdpo_tts.errors import UserError
from sdpo_tts.problem import values
from sdpo_tts.problem.document import Refused
from sdpo_tts.problem.model import Function, Limits, Test
from sdpo_tts.problem.reading import fields
from sdpo_tts.problem.reading.draft import MIB, Draft, in_tiers, number, to_bytes, with_samples
from sdpo_tts.problem.reading.programs import add

_MOST_PROGRAMS = 3
_SECONDS = re.compile(r"\s*([0-9.]+)\s*(?:s|sec|seconds?)\s*", re.IGNORECASE)
_MEMORY = re.compile(r"\s*([0-9.]+)\s*(?:mb|mib|megabytes?)\s*", re.IGNORECASE)


def fits(row: dict[str, Any]) -> bool:
    return "question" in row and "input_output" in row


def id_of(row: dict[str, Any]) -> str:
    """APPS numbers its problems; TACO has their names, or only their address."""
    told = (row.get(key) for key in ("problem_id", "id", "name", "url"))
    return next((fields.identifier(one) for one in told if one not in (None, "")), "")


def draft(row: dict[str, Any], path: Path, where: str, statement: str) -> Draft:
    """Raises `UserError`."""
    told = fields.from_json(row.get("input_output") or "{}", where)
    if not isinstance(told, dict):
        raise UserError("`input_output` is not a mapping", where=where)
    text = statement or fields.text(row, "question")
    function = _function(told, row, where)
    given = list(_called(told, where) if function else _written(told, where))
    tests, notes = in_tiers(given, "" if function else text)
    limits, more = _limits(row, where)
    return Draft(
        path=path,
        where=where,
        slug=id_of(row) or "problem",
        title=fields.text(row, "name") or (function.name if function else id_of(row)),
        statement=text if function else with_samples(text, tests),
        tests=tests,
        limits=limits,
        function=function,
        notes=(*more, *notes),
        programs=_programs(row, where),
        source=" ".join(part for part in ("TACO" if "tags" in row else "APPS", fields.text(row, "url")) if part),
        judging_told=False,
    )


def _function(told: dict[str, Any], row: dict[str, Any], where: str) -> Function | None:
    if not told.get("fn_name"):
        return None
    try:
        return Function(values.identifier(str(told["fn_name"])), fields.text(row, "starter_code"))
    except Refused as refused:
        raise UserError(f"`fn_name`: {refused.what}", where=where) from None


def _pairs(told: dict[str, Any], where: str) -> Iterator[tuple[int, Any, Any]]:
    inputs, outputs = told.get("inputs", []), told.get("outputs", [])
    if not isinstance(inputs, list) or not isinstance(outputs, list) or len(inputs) != len(outputs):
        raise UserError("`inputs` and `outputs` are not lists of the same length", where=where)
    for index, (given, wanted) in enumerate(zip(inputs, outputs, strict=True), start=1):
        yield index, given, wanted


def _written(told: dict[str, Any], where: str) -> Iterator[Test]:
    """In stdin mode: a text, or a list of lines."""
    for index, given, wanted in _pairs(told, where):
        texts = ["\n".join(one) if _is_lines(one) else one for one in (given, wanted)]
        if not all(isinstance(text, str) for text in texts):
            raise UserError(f"input and output of test {index} are not text", where=where)
        yield Test(str(index), to_bytes(texts[0], where), to_bytes(texts[1], where), shown=False)


def _is_lines(told: Any) -> bool:
    return isinstance(told, list) and all(isinstance(line, str) for line in told)


def _called(told: dict[str, Any], where: str) -> Iterator[Test]:
    """In function mode. If every result is alone in a list, as in most rows, that list is removed."""
    pairs = list(_pairs(told, where))
    packed = all(isinstance(wanted, list) and len(wanted) == 1 for _, _, wanted in pairs)
    for index, given, wanted in pairs:
        if not isinstance(given, list):
            raise UserError(f"the arguments of test {index} are not a list", where=where)
        lines = "\n".join(json.dumps(argument) for argument in given)
        result = json.dumps(wanted[0] if packed else wanted)
        yield Test(str(index), to_bytes(lines, where), to_bytes(result, where), shown=False)


def _limits(row: dict[str, Any], where: str) -> tuple[Limits, list[str]]:
    """TACO's limits, such as `2.0 seconds` and `256.0 megabytes`; APPS sets none."""
    limits = Limits()
    seconds = _SECONDS.fullmatch(fields.text(row, "time_limit"))
    memory = _MEMORY.fullmatch(fields.text(row, "memory_limit"))
    if seconds:
        limits = replace(limits, time_s=number(seconds[1], "time limit", where))
    if memory:
        limits = replace(limits, memory_bytes=round(number(memory[1], "memory limit", where) * MIB))
    lacking = [name for name, found in (("time", seconds), ("memory", memory)) if not found]
    return limits, [f"the row sets no {' and '.join(lacking)} limit: using the default"] if lacking else []


def _programs(row: dict[str, Any], where: str) -> tuple[tuple[str, bytes], ...]:
    """A few accepted solutions, in Python, possibly an old version."""
    told = fields.from_json(row.get("solutions") or "[]", where)
    found: dict[str, bytes] = {}
    sources = [source for source in told if isinstance(source, str)] if isinstance(told, list) else []
    for index, source in enumerate(sources[:_MOST_PROGRAMS], start=1):
        add(found, "accepted", f"{index}.py", source.encode(errors="replace"))
    return tuple(found.items())
