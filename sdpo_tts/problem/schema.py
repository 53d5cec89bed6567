"""The shape of a native problem file: its keys, and whether each holds text, a list or a mapping."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Tag, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from sdpo_tts.errors import UserError
from sdpo_tts.problem.document import Document, Location, Null, quoted
from sdpo_tts.problem.values import nearest


def _refuse_null(value: object) -> object:
    if isinstance(value, Null):
        raise PydanticCustomError("null", "null")
    return value


def _refuse_nothing(value: object) -> object:
    return value if value else _refuse_null(value)


Text = Annotated[str, BeforeValidator(_refuse_null)]
Verbatim = Annotated[str, BeforeValidator(_refuse_nothing)]
"""Test data, in which `null` and `~` are plain text."""


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class LimitsShape(_Shape):
    time: Text | None = None
    memory: Text | None = None
    output: Text | None = None


class FunctionShape(_Shape):
    name: Text
    starter_code: Text = ""
    in_place: Text | None = None


def _program_alone(value: object) -> object:
    return {"program": value} if isinstance(value, str) and not isinstance(value, Null) else value


class ProgramShape(_Shape):
    """A program of the author's; without options it may be written as its path alone."""

    program: Text
    language: Text | None = None
    files: list[Text] = []
    arguments: list[Text] = []


class JudgeProgramShape(ProgramShape):
    """A checker or an interactor."""

    convention: Text


Script = Annotated[ProgramShape, BeforeValidator(_program_alone)]


class StressShape(_Shape):
    generator: Script
    brute: Script
    cases: Text = "100"


def _checker_kind(value: object) -> str:
    return "program" if isinstance(value, dict) else "text"


CheckerShape = Annotated[
    Annotated[Text, Tag("text")] | Annotated[JudgeProgramShape, Tag("program")], Discriminator(_checker_kind)
]


class CaseShape(_Shape):
    """Either `input` with `output`, or `files`."""

    input: Verbatim | None = None
    output: Verbatim | None = None
    files: Text | None = None


class TestsShape(_Shape):
    shown: list[CaseShape] = []
    held_out: list[CaseShape] = []


class GroupShape(_Shape):
    name: Text
    points: Text
    tests: list[Text]
    score: Text = "all"
    requires: list[Text] = []


class ProblemShape(_Shape):
    format: Text
    title: Text
    statement: Text | None = None
    statement_file: Text | None = None
    mode: Text = "stdin"
    language: Text = "python3"
    limits: LimitsShape = LimitsShape()
    checker: CheckerShape = "tokens"
    interactor: JudgeProgramShape | None = None
    stress: StressShape | None = None
    feedback: Text = "shown"
    function: FunctionShape | None = None
    tests: TestsShape
    run: dict[str, Text] = {}
    groups: list[GroupShape] = []


_SHAPES: dict[Location, type[_Shape]] = {
    (): ProblemShape,
    ("limits",): LimitsShape,
    ("function",): FunctionShape,
    ("tests",): TestsShape,
    ("checker",): JudgeProgramShape,
    ("interactor",): JudgeProgramShape,
    ("stress",): StressShape,
    ("stress", "generator"): ProgramShape,
    ("stress", "brute"): ProgramShape,
}
_EXPECTED = {
    "string_type": "text",
    "list_type": "a list",
    "model_type": "a mapping",
    "dict_type": "a mapping",
}


def read_shape(document: Document) -> ProblemShape:
    """Checks the shape only; the caller interprets the texts. Raises `UserError` for the first mistake."""
    try:
        return ProblemShape.model_validate(document.data)
    except ValidationError as error:
        # A misspelt key is also a missing one; the misspelling is the cause, so it is reported.
        faults = sorted(error.errors(include_url=False), key=lambda fault: fault["type"] != "extra_forbidden")
        raise _explain(document, faults[0]) from None


def _explain(document: Document, fault: ErrorDetails) -> UserError:
    location = fault["loc"]
    if location[:1] == ("checker",):
        location = ("checker", *location[2:])  # without the tag of the two forms
    name = quoted(str(location[-1])) if location else "the file"
    if fault["type"] == "missing":
        return document.error(location, f"missing key {name}")
    if fault["type"] == "extra_forbidden":
        inside = GroupShape if location[0] == "groups" else CaseShape
        names = _SHAPES.get(location[:-1], inside).model_fields
        return document.error(location, f"unknown key {name}", nearest(str(location[-1]), names), at_key=True)
    if fault["type"] == "null":
        return document.error(location, f"{name} must be text, not {_kind(fault['input'])}", 'write "" for empty text')
    if isinstance(location[-1] if location else "", int):
        name = "an entry"
    return document.error(location, f"{name} must be {_EXPECTED[fault['type']]}, not {_kind(fault['input'])}")


def _kind(value: object) -> str:
    if isinstance(value, Null):
        return "null" if value else "nothing"
    return "a mapping" if isinstance(value, dict) else "a list" if isinstance(value, list) else "text"
