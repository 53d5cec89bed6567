"""The native problem file, `format: sdpo-solve/1`, described in docs/problem-format.md."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields, replace

from sdpo_tts.problem import values
from sdpo_tts.problem.cases import read_tests
from sdpo_tts.problem.document import Document, Refused, quoted, read_text
from sdpo_tts.problem.model import FeedbackScope, Function, Limits, Mode, Problem, RunKey
from sdpo_tts.problem.schema import LimitsShape, ProblemShape, read_shape

FORMAT = "sdpo-solve/1"
LANGUAGES = ("python3", "cpp20")
_NOT_CONTENT = ("slug", "path", "digest", "run")


def read_native(document: Document) -> Problem:
    """The problem of a native file, its digest left empty.

    Raises `UserError` with `file:line:column`, the first fault and a hint.
    """
    _demand_format(document)
    return _problem(document, read_shape(document))


def digest(problem: Problem) -> str:
    """SHA-256, in hexadecimal, over all that can change a verdict or a prompt; the same on every machine."""
    content = {field.name: getattr(problem, field.name) for field in fields(problem)}
    for name in _NOT_CONTENT:
        del content[name]
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), default=_canonical)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _canonical(value: object) -> object:
    return hashlib.sha256(value).hexdigest() if isinstance(value, bytes) else vars(value)


def _demand_format(document: Document) -> None:
    data = document.data
    if data == "":
        raise document.error((), "the file is empty", f"the first line is `format: {FORMAT}`")
    if isinstance(data, dict) and "format" not in data:
        raise document.error((), "missing key `format`", f"the first line is `format: {FORMAT}`")


def _problem(document: Document, shape: ProblemShape) -> Problem:
    with document.at("format"):
        values.choice(shape.format, (FORMAT,), "known format")
    with document.at("title"):
        title = values.title(shape.title)
    mode = _mode(document, shape)
    with document.at("checker"):
        checker = values.checker(shape.checker)
    with document.at("feedback"):
        feedback = FeedbackScope(values.choice(shape.feedback, list(FeedbackScope), "feedback scope"))
    function = _function(document, shape, mode)  # before the tests, whose form depends on it
    return Problem(
        slug=values.slug(document.path.parent.resolve().name),
        title=title,
        statement=_statement(document, shape),
        mode=mode,
        language=_language(document, shape, mode),
        limits=_limits(document, shape.limits),
        tests=read_tests(document, shape.tests, as_json=mode is Mode.FUNCTION),
        feedback=feedback,
        checker=checker,
        function=function,
        path=document.path,
        digest="",
        run=tuple(_run_key(document, key, text) for key, text in shape.run.items()),
    )


def _run_key(document: Document, key: str, text: str) -> RunKey:
    return RunKey(key, text, document.error(("run", key), "", at_key=True).where)


def _mode(document: Document, shape: ProblemShape) -> Mode:
    with document.at("mode"):
        return Mode(values.choice(shape.mode, list(Mode), "mode"))


def _language(document: Document, shape: ProblemShape, mode: Mode) -> str:
    with document.at("language"):
        language = values.choice(shape.language, LANGUAGES, "language")
    if mode is Mode.FUNCTION and language != "python3":
        raise document.error(("language",), f"function mode is not for `{language}`", "use `python3`")
    return language


def _statement(document: Document, shape: ProblemShape) -> str:
    if shape.statement_file is None:
        if shape.statement is None:
            raise document.error((), "missing key `statement`", "or `statement_file`")
        with document.at("statement"):
            return values.statement(shape.statement)
    if shape.statement is not None:
        what = "`statement_file` beside `statement`"
        raise document.error(("statement_file",), what, "use one or the other", at_key=True)
    with document.at("statement_file"):
        return values.statement(_text_beside(document, shape.statement_file))


def _text_beside(document: Document, relative: str) -> str:
    path = document.beside(relative)
    if not path.exists():
        raise Refused(f"there is no file {quoted(relative)}", "paths are relative to the problem folder")
    return read_text(path)


def _limits(document: Document, shape: LimitsShape) -> Limits:
    limits = Limits()
    if shape.time is not None:
        with document.at("limits", "time"):
            limits = replace(limits, time_s=values.duration(shape.time))
    if shape.memory is not None:
        with document.at("limits", "memory"):
            limits = replace(limits, memory_bytes=values.memory(shape.memory))
    if shape.output is not None:
        with document.at("limits", "output"):
            limits = replace(limits, output_bytes=values.output_size(shape.output))
    return limits


def _function(document: Document, shape: ProblemShape, mode: Mode) -> Function | None:
    if mode is Mode.STDIN:
        if shape.function is not None:
            raise document.error(("function",), "`function` needs `mode: function`", at_key=True)
        return None
    if shape.function is None:
        raise document.error(("mode",), "`mode: function` needs the key `function`", "function: {name: two_sum}")
    with document.at("function", "name"):
        return Function(values.identifier(shape.function.name), shape.function.starter_code)
