"""Rows of LiveCodeBench's code generation: `question_title`, `public_test_cases`, `private_test_cases`, ...

Private tests are JSON, or JSON in a pickle in zlib in base64. The pickle is never loaded: its one text is extracted.
The format: `lcb_runner/benchmarks/code_generation.py` of github.com/LiveCodeBench/LiveCodeBench.
"""

from __future__ import annotations

import base64
import binascii
import json
import pickletools
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sdpo_tts.errors import UserError
from sdpo_tts.problem import values
from sdpo_tts.problem.document import Refused
from sdpo_tts.problem.model import Function, Limits, Test
from sdpo_tts.problem.reading import fields
from sdpo_tts.problem.reading.draft import MIB, Draft, to_bytes, with_samples

MAX_BYTES = 512 * MIB  # for the private tests of one row
_LIMITS = Limits(time_s=6.0, memory_bytes=1024 * MIB)  # 6 s is the benchmark's own; it sets no memory limit
_TEXTS = {"SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE"}
_FRAME = {"PROTO", "FRAME", "MEMOIZE", "BINPUT", "LONG_BINPUT", "PUT", "STOP"}


def fits(row: dict[str, Any]) -> bool:
    return "question_content" in row and ("public_test_cases" in row or "private_test_cases" in row)


def id_of(row: dict[str, Any]) -> str:
    return fields.identifier(row.get("question_id", ""))


def draft(row: dict[str, Any], path: Path, where: str, statement: str) -> Draft:
    """Raises `UserError`."""
    shown = list(_tests(fields.from_json(row.get("public_test_cases", "[]"), where), "tests/shown", where))
    held_out = list(_tests(_private(row.get("private_test_cases", "[]"), where), "tests/held-out", where))
    kinds = {kind for kind, _ in [*shown, *held_out]}
    if len(kinds) > 1:
        raise UserError("tests of both kinds, stdin and functional", where=where)
    tests = [test for _, test in [*shown, *held_out]]
    function = _function(row, where) if kinds == {"functional"} else None
    text = statement or fields.text(row, "question_content")
    places = (fields.text(row, "platform"), fields.text(row, "contest_date"))
    return Draft(
        path=path,
        where=where,
        slug=id_of(row),
        title=fields.text(row, "question_title"),
        statement=text if function else with_samples(text, tests),
        tests=tests,
        limits=_LIMITS,
        function=function,
        notes=(f"the row sets no limits: using {_LIMITS.time_s:g} s, as in the benchmark, and 1 GiB",),
        source=" ".join(part for part in ("LiveCodeBench", *places) if part),
        judging_told=False,
    )


def _function(row: dict[str, Any], where: str) -> Function:
    metadata = fields.from_json(row.get("metadata") or "{}", where)
    name = metadata.get("func_name") if isinstance(metadata, dict) else None
    try:
        return Function(values.identifier(str(name)), fields.text(row, "starter_code"))
    except Refused as refused:
        raise UserError(f"`metadata.func_name`: {refused.what}", where=where) from None


def _tests(told: Any, folder: str, where: str) -> Iterator[tuple[str, Test]]:
    if not isinstance(told, list):
        raise UserError("the tests are not a list", where=where)
    for number, one in enumerate(told, start=1):
        if not isinstance(one, dict) or not all(isinstance(one.get(key), str) for key in ("input", "output")):
            raise UserError(f"{folder}/{number} has no `input` and `output`", where=where)
        given, wanted = to_bytes(one["input"], where), to_bytes(one["output"], where)
        yield str(one.get("testtype", "stdin")), Test(f"{folder}/{number}", given, wanted, folder == "tests/shown")


def _private(told: Any, where: str) -> Any:
    """Plain JSON, or packed."""
    try:
        return json.loads(told) if isinstance(told, str) else told
    except (ValueError, RecursionError):
        return fields.from_json(_unpacked(told, where), where)


def _unpacked(packed: str, where: str) -> str:
    try:
        unpacker = zlib.decompressobj()
        pickled = unpacker.decompress(base64.b64decode(packed, validate=True), MAX_BYTES)
        if unpacker.unconsumed_tail:
            raise UserError(f"private tests of more than {MAX_BYTES >> 20} MiB", where=where)
        return only_text(pickled)
    except (binascii.Error, zlib.error, ValueError) as error:
        raise UserError(f"the private tests cannot be unpacked: {error}"[:200], where=where) from None


def only_text(pickled: bytes) -> str:
    """The text in a pickle of a single text. Nothing is executed; any other pickle is refused with ValueError."""
    texts: list[str] = []
    for opcode, argument, _ in pickletools.genops(pickled):
        if opcode.name in _TEXTS:
            texts.append(str(argument))
        elif opcode.name not in _FRAME:
            raise ValueError(f"a pickle with {opcode.name}, not of one text")
    if len(texts) != 1:
        raise ValueError("not a pickle of one text")
    return texts[0]
