"""The tests of a problem file: written in it, or in files beside it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from sdpo_tts.errors import UserError
from sdpo_tts.problem.document import Document, Location, Refused, quoted
from sdpo_tts.problem.model import Test
from sdpo_tts.problem.reading.package import is_litter
from sdpo_tts.problem.schema import CaseShape, TestsShape
from sdpo_tts.problem.values import natural


class _NoNumber(Exception):
    """`NaN` or `Infinity`, which Python's reader accepts as JSON."""


@dataclass(frozen=True)
class _Case:
    """A test and where it comes from, for messages: a place in the problem file, and possibly two files."""

    test: Test
    location: Location
    files: tuple[Path, Path] | None = None


def read_tests(document: Document, tiers: TestsShape, *, as_json: bool, answers: bool = True) -> tuple[Test, ...]:
    """All tests, shown ones first, each tier in the order of the file, and files in natural order.

    `as_json`: require what function mode needs. `answers` False: a test may have no output, because an interactor may
    not need one. Raises `UserError`.
    """
    if not answers:
        tiers = TestsShape(shown=_with_answers(tiers.shown), held_out=_with_answers(tiers.held_out))
    cases = [*_tier(document, "shown", tiers.shown), *_tier(document, "held_out", tiers.held_out)]
    if not cases:
        raise document.error(("tests",), "no tests", "give at least one under `shown` or `held_out`")
    _refuse_twins(document, cases)
    if as_json:
        for case in cases:
            _demand_json(document, case)
    return tuple(case.test for case in cases)


def _with_answers(shapes: list[CaseShape]) -> list[CaseShape]:
    """With an empty output for each test in the file that has none."""
    lacking = (shape.files is None and shape.output is None for shape in shapes)
    return [s.model_copy(update={"output": ""}) if lacks else s for s, lacks in zip(shapes, lacking, strict=True)]


def _tier(document: Document, tier: str, shapes: list[CaseShape]) -> Iterator[_Case]:
    for index, shape in enumerate(shapes):
        location = ("tests", tier, index)
        if shape.files is not None:
            yield from _from_files(document, location, shape)
        else:
            name = f"{tier.replace('_', '-')}-{index + 1}"
            yield _Case(_inline(document, location, shape, name), location)


def _inline(document: Document, location: Location, shape: CaseShape, name: str) -> Test:
    if shape.input is None or shape.output is None:
        key = "input" if shape.input is None else "output"
        raise document.error(location, f"missing key `{key}`", "a test has `input` and `output`, or `files`")
    return Test(name, _ended(shape.input), _ended(shape.output), shown=location[1] == "shown")


def _ended(text: str) -> bytes:
    """With a final newline, unless empty: an author who writes no input means none."""
    return (text if not text or text.endswith("\n") else text + "\n").encode()


def _from_files(document: Document, location: Location, shape: CaseShape) -> Iterator[_Case]:
    if shape.input is not None or shape.output is not None:
        key = "input" if shape.input is not None else "output"
        raise document.error((*location, key), f"`{key}` beside `files`", "use one or the other", at_key=True)
    with document.at(*location, "files"):
        for source in _matches(document, shape.files or ""):
            answer = document.contained(_answer(document, source))
            name = source.relative_to(document.path.parent).with_suffix("").as_posix()
            test = Test(name, _read(source), _read(answer), shown=location[1] == "shown")
            yield _Case(test, location, (source, answer))


def _matches(document: Document, pattern: str) -> list[Path]:
    document.beside(pattern)
    if not pattern.endswith(".in"):
        raise Refused(f"{quoted(pattern)} does not end in `.in`", "for example tests/shown/*.in")
    try:
        root = document.path.parent
        found = [path for path in root.glob(pattern) if not is_litter(path.relative_to(root).as_posix())]
    except (ValueError, NotImplementedError, OSError, RuntimeError):
        raise Refused(f"{quoted(pattern)} is not a file pattern", "for example tests/shown/*.in") from None
    if not found:
        raise Refused(f"no file matches {quoted(pattern)}", "patterns are relative to the problem folder")
    return sorted((document.contained(path) for path in found), key=lambda path: natural(str(path)))


def _answer(document: Document, source: Path) -> Path:
    found = [path for path in (source.with_suffix(".out"), source.with_suffix(".ans")) if path.exists()]
    name = quoted(str(source.relative_to(document.path.parent)))
    if not found:
        raise Refused(f"{name} has no .out or .ans file beside it")
    if len(found) > 1:
        raise Refused(f"{name} has both an .out and an .ans file beside it", "remove one")
    return found[0]


def _read(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise UserError("not a regular file", where=str(path))
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}", where=str(path)) from None


def _refuse_twins(document: Document, cases: list[_Case]) -> None:
    seen: set[str] = set()
    for case in cases:
        if case.test.name in seen:
            hint = "two patterns match the same file" if case.files else ""
            raise document.error((*case.location, "files"), f"test {quoted(case.test.name)} appears twice", hint)
        seen.add(case.test.name)


def _demand_json(document: Document, case: _Case) -> None:
    """One value per line as input (blank lines do not count), one value as output."""
    for number, line in enumerate(case.test.input.splitlines(), start=1):
        fault = line.strip() and json_fault(line)
        if fault:
            _refuse_json(document, case, "input", (number, fault[1]), fault[2], "one JSON value per line")
    if fault := json_fault(case.test.expected):
        _refuse_json(document, case, "output", (fault[0], fault[1]), fault[2], "one JSON value")


def _refuse_json(document: Document, case: _Case, key: str, place: tuple[int, int], reason: str, hint: str) -> NoReturn:
    line, column = place
    if case.files is None:
        what = f"`{key}` is not JSON at its line {line}, column {column}: {reason}"
        raise document.error((*case.location, key), what, f"function mode needs {hint}")
    path = case.files[0 if key == "input" else 1]
    raise UserError(f"not JSON: {reason}", where=f"{path}:{line}:{column}", hint=f"function mode needs {hint}")


def json_fault(raw: bytes) -> tuple[int, int, str] | None:
    """Line, column and reason why `raw` is not one JSON value."""
    try:
        json.loads(raw.decode(), parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        return error.lineno, error.colno, error.msg[:1].lower() + error.msg[1:]
    except UnicodeDecodeError as error:
        return raw[: error.start].count(b"\n") + 1, 1, "not UTF-8"
    except _NoNumber as error:
        return 1, 1, str(error)
    except ValueError:  # the sandbox's Python has the same limit
        return 1, 1, f"an integer of more than {sys.get_int_max_str_digits()} digits"
    except RecursionError:
        return 1, 1, "nested too deeply"
    return None


def _refuse_constant(name: str) -> NoReturn:
    raise _NoNumber(f"{name} is not a JSON number")
