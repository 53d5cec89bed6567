"""The author's own programs, in files beside the problem file: checker, interactor, generator, brute force."""

from __future__ import annotations

from pathlib import PurePosixPath

from sdpo_tts.problem import values
from sdpo_tts.problem.document import Document, Location, Refused, quoted
from sdpo_tts.problem.language import language, language_of, languages
from sdpo_tts.problem.model import Checker, Convention, Interactor, Program, Stress
from sdpo_tts.problem.schema import JudgeProgramShape, ProgramShape, StressShape

MOST_CASES = 10_000


def read_checker(document: Document, shape: str | JudgeProgramShape) -> Checker:
    """Raises `UserError`, like all readers here."""
    if isinstance(shape, str):
        with document.at("checker"):
            return values.checker(shape)
    convention = _convention(document, ("checker",), shape)
    return Checker(kind="program", program=_program(document, ("checker",), shape), convention=convention)


def read_interactor(document: Document, shape: JudgeProgramShape | None) -> Interactor | None:
    if shape is None:
        return None
    location = ("interactor",)
    return Interactor(_program(document, location, shape), _convention(document, location, shape))


def read_stress(document: Document, shape: StressShape | None) -> Stress | None:
    if shape is None:
        return None
    with document.at("stress", "cases"):
        cases = values.count(shape.cases, MOST_CASES)
    generator = _program(document, ("stress", "generator"), shape.generator)
    return Stress(generator, _program(document, ("stress", "brute"), shape.brute), cases)


def _convention(document: Document, location: Location, shape: JudgeProgramShape) -> Convention:
    with document.at(*location, "convention"):
        return Convention(values.choice(shape.convention, list(Convention), "convention"))


def _program(document: Document, location: Location, shape: ProgramShape) -> Program:
    key = _language(document, location, shape)
    with document.at(*location, "program"):
        source = _read(document, shape.program)
    files = []
    for index, name in enumerate(shape.files):
        with document.at(*location, "files", index):
            files.append((_name(name, language(key).source), _read(document, name)))
    return Program(key, source, tuple(files), tuple(shape.arguments))


def _language(document: Document, location: Location, shape: ProgramShape) -> str:
    if shape.language is not None:
        with document.at(*location, "language"):
            return values.choice(shape.language, languages(), "language")
    with document.at(*location, "program"):
        if key := language_of(shape.program):
            return key
        raise Refused(f"the language of {quoted(shape.program)} is unknown", "add `language`")


def _name(path: str, taken: str) -> str:
    """The file's name where the program runs: without folders."""
    name = PurePosixPath(path).name
    if name == taken:
        raise Refused(f"{quoted(path)} would have the same name as the program itself", "rename it")
    return name


def _read(document: Document, relative: str) -> bytes:
    path = document.beside(relative)
    if not path.is_file():
        raise Refused(f"no such file: {quoted(relative)}", "paths are relative to the problem folder")
    try:
        return path.read_bytes()
    except OSError as error:
        raise Refused(f"{quoted(relative)} cannot be read: {error.strerror}") from None
