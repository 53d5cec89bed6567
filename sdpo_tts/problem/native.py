"""The native problem file, `format: sdpo-solve/1`, described in docs/problem-format.md."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields, replace

from sdpo_tts.problem import values
from sdpo_tts.problem.cases import read_tests
from sdpo_tts.problem.document import Document, Refused, quoted, read_text
from sdpo_tts.problem.groups import read_groups
from sdpo_tts.problem.language import language, languages
from sdpo_tts.problem.model import (
    Checker,
    Convention,
    FeedbackScope,
    Function,
    Group,
    Interactor,
    Limits,
    Mode,
    Problem,
    RunKey,
)  # fmt: skip
from sdpo_tts.problem.programs import read_checker, read_interactor, read_stress
from sdpo_tts.problem.schema import LimitsShape, ProblemShape, read_shape

FORMAT = "sdpo-solve/1"
_NOT_CONTENT = ("slug", "path", "digest", "run")


def read_native(document: Document) -> Problem:
    """The problem in a native file, with an empty digest.

    Raises `UserError` with `file:line:column`, the first mistake and a hint.
    """
    _demand_format(document)
    return _demand_arguments(document, _problem(document, read_shape(document)))


def digest(problem: Problem) -> str:
    """SHA-256, in hexadecimal, over all that can change a verdict or a prompt; the same on every machine."""
    content = {field.name: getattr(problem, field.name) for field in fields(problem)}
    for name in _NOT_CONTENT:
        del content[name]
    if not problem.groups:  # problems had digests before there were groups
        del content["groups"]
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), default=_canonical)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _canonical(value: object) -> object:
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    content = dict(vars(value))
    if isinstance(value, Group) and not value.any:  # groups had digests before there was this
        del content["any"]
    return content


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
    with document.at("feedback"):
        feedback = FeedbackScope(values.choice(shape.feedback, list(FeedbackScope), "feedback scope"))
    function = _function(document, shape, mode)  # before the tests, whose form depends on it
    problem = Problem(
        slug=values.slug(document.path.parent.resolve().name),
        title=title,
        statement=_statement(document, shape),
        mode=mode,
        language=_language(document, shape, mode),
        limits=_limits(document, shape.limits),
        tests=read_tests(document, shape.tests, as_json=mode is Mode.FUNCTION, answers=shape.interactor is None),
        feedback=feedback,
        checker=_checker(document, shape, mode),
        function=function,
        path=document.path,
        digest="",
        interactor=_interactor(document, shape, mode),
        stress=read_stress(document, shape.stress),
        run=tuple(_run_key(document, key, text) for key, text in shape.run.items()),
    )
    return replace(problem, groups=read_groups(document, shape.groups, [test.name for test in problem.tests]))


def _run_key(document: Document, key: str, text: str) -> RunKey:
    return RunKey(key, text, document.error(("run", key), "", at_key=True).where)


def _mode(document: Document, shape: ProblemShape) -> Mode:
    with document.at("mode"):
        return Mode(values.choice(shape.mode, list(Mode), "mode"))


def _language(document: Document, shape: ProblemShape, mode: Mode) -> str:
    with document.at("language"):
        key = values.choice(shape.language, languages(), "language")
    if mode is Mode.FUNCTION and not language(key).function:
        raise document.error(("language",), f"function mode is not for `{key}`", "use `python3`")
    return key


def _checker(document: Document, shape: ProblemShape, mode: Mode) -> Checker:
    checker = read_checker(document, shape.checker)
    if mode is Mode.FUNCTION and (checker.kind in ("lines", "kattis") or checker.ignore_case):
        name = quoted(str(shape.checker))
        raise document.error(("checker",), f"{name} is not for function mode", "results are JSON values, not text")
    return checker


def _interactor(document: Document, shape: ProblemShape, mode: Mode) -> Interactor | None:
    if shape.interactor is not None and mode is Mode.FUNCTION:
        raise document.error(("interactor",), "`interactor` is not for function mode", at_key=True)
    if shape.interactor is not None and shape.stress is not None:
        what = "`stress` beside `interactor`"
        raise document.error(("stress",), what, "a brute-force answer cannot be compared with a dialogue", at_key=True)
    if shape.interactor is not None and isinstance(shape.checker, str) and "checker" in shape.model_fields_set:
        what = f"checker {quoted(shape.checker)} beside `interactor`"
        raise document.error(("checker",), what, "the interactor judges; a checker program may judge what it writes")
    interactor = read_interactor(document, shape.interactor)
    if interactor and not isinstance(shape.checker, str) and interactor.convention is Convention.KATTIS:
        what = "a checker program beside an interactor with the convention `kattis`"
        raise document.error(("checker",), what, "only `testlib` interactors write a file for the checker", at_key=True)
    return interactor


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
        raise Refused(f"no such file: {quoted(relative)}", "paths are relative to the problem folder")
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


def _demand_arguments(document: Document, problem: Problem) -> Problem:
    """Each test has the argument that `in_place` names."""
    place = problem.function.in_place if problem.function else 0
    for test in problem.tests if place else ():
        given = sum(bool(line.strip()) for line in test.input.splitlines())
        if given < place:
            what = f"test {quoted(test.name)} has {given} argument{'s' * (given != 1)}, so none to change in place"
            raise document.error(("function", "in_place"), what)
    return problem


def _function(document: Document, shape: ProblemShape, mode: Mode) -> Function | None:
    if mode is Mode.STDIN:
        if shape.function is not None:
            raise document.error(("function",), "`function` needs `mode: function`", at_key=True)
        return None
    if shape.function is None:
        raise document.error(("mode",), "`mode: function` needs the key `function`", "function: {name: two_sum}")
    with document.at("function", "name"):
        name = values.identifier(shape.function.name)
    with document.at("function", "in_place"):
        in_place = values.count(shape.function.in_place, 255) if shape.function.in_place else 0
    return Function(name, shape.function.starter_code, in_place)
