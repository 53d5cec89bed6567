"""What the browser extension Competitive Companion sends: limits and samples, no statement, no other tests.

The format: README.md of github.com/jmerle/competitive-companion. Time in ms, memory in MB.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sdpo_tts.errors import UserError
from sdpo_tts.problem.document import quoted
from sdpo_tts.problem.model import Limits, Test
from sdpo_tts.problem.reading import fields
from sdpo_tts.problem.reading.draft import MIB, Draft, to_bytes, with_samples
from sdpo_tts.problem.reading.paste import Paste, read_source

MOST_TESTS = 1000
_Text = Annotated[str, Field(max_length=64 * MIB)]
_SAMPLES_ONLY = "samples only: add held-out tests, or a program that hard-codes the samples passes"
_STATEMENTS = (".md", ".txt", ".tex")


class _Shape(BaseModel):
    """Unknown keys, from a later version of the extension, are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class SampleShape(_Shape):
    input: _Text
    output: _Text


class Stream(_Shape):
    type: Literal["stdin", "stdout", "file", "regex"] = "stdin"
    fileName: Annotated[str, Field(max_length=200)] = ""
    pattern: Annotated[str, Field(max_length=200)] = ""


class Batch(_Shape):
    """The tasks of one click: a contest of `size` problems."""

    id: Annotated[str, Field(max_length=100)]
    size: Annotated[int, Field(ge=1)]


class Task(_Shape):
    name: Annotated[str, Field(min_length=1, max_length=300)]
    group: Annotated[str, Field(max_length=300)] = ""
    url: Annotated[str, Field(max_length=2000)] = ""
    interactive: bool = False
    memoryLimit: Annotated[float, Field(strict=False, gt=0, lt=1e9)]
    timeLimit: Annotated[float, Field(strict=False, gt=0, lt=1e9)]
    tests: Annotated[list[SampleShape], Field(max_length=MOST_TESTS)]
    testType: Literal["single", "multiNumber"] = "single"
    input: Stream = Stream()
    output: Stream = Stream(type="stdout")
    languages: dict[str, Any] = {}
    batch: Batch | None = None


def fits(row: dict[str, Any]) -> bool:
    return "tests" in row and "timeLimit" in row and "memoryLimit" in row


def id_of(row: dict[str, Any]) -> str:
    return fields.identifier(row.get("name"))


def parse(row: object, where: str) -> Task:
    """Raises `UserError`, naming the first wrong field."""
    try:
        return Task.model_validate(row)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in fault["loc"]) or "the task"
        raise UserError(f"`{place}`: {fault['msg'][:1].lower() + fault['msg'][1:]}", where=where) from None


def draft(row: dict[str, Any], path: Path, where: str, statement: str) -> Draft:
    """The statement is looked for beside the file: for `task.json` in `task.md`, `.txt` or `.tex`."""
    return task_draft(parse(row, where), path, where, Paste(statement) if statement else _statement_beside(path))


def task_draft(task: Task, path: Path, where: str, paste: Paste) -> Draft:
    """The draft of a task. Raises `UserError` for an interactive one: the extension sends no interactor."""
    if task.interactive:
        raise UserError("interactive problems are not supported", where=where)
    tests = [
        Test(f"tests/shown/{number}", to_bytes(test.input, where), to_bytes(test.output, where), shown=True)
        for number, test in enumerate(task.tests, start=1)
    ]
    return Draft(
        path=path,
        where=where,
        slug=task.name,
        title=task.name,
        statement=with_samples(paste.statement, tests, separated=paste.samples),
        tests=tests,
        limits=Limits(time_s=task.timeLimit / 1000, memory_bytes=round(task.memoryLimit * MIB)),
        notes=(*_notes(task), _SAMPLES_ONLY),
        source=" ".join(part for part in (task.group, task.url) if part),
        judging_told=False,
        statement_place=f"{path.with_suffix('.md').name} beside it",
    )


def _notes(task: Task) -> list[str]:
    streams = [(task.input, "stdin"), (task.output, "stdout")]
    return [
        f"{standard} is used instead of the file {quoted(stream.fileName or stream.pattern)}"
        for stream, standard in streams
        if stream.type != standard
    ]


def _statement_beside(path: Path) -> Paste:
    for suffix in _STATEMENTS:
        beside = path.with_suffix(suffix)
        if beside != path and beside.is_file() and beside.stat().st_size <= MIB:
            return read_source(beside.read_text(encoding="utf-8", errors="replace"), suffix)
    return Paste("")
