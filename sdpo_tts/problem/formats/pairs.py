"""A folder (or zip archive) of `NAME.in` with `NAME.out` or `NAME.ans`, as kept by online-judge-tools and others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from sdpo_tts.errors import UserError
from sdpo_tts.problem.model import Test
from sdpo_tts.problem.reading.draft import Draft, Reading, with_samples, with_some_shown
from sdpo_tts.problem.reading.latex import latex_to_text
from sdpo_tts.problem.reading.package import Package
from sdpo_tts.problem.reading.statement import markdown_to_text
from sdpo_tts.problem.values import natural

_STATEMENTS = ("statement.md", "statement.txt", "statement.tex", "problem.md", "problem.txt", "problem.tex")
_SAMPLE = re.compile(r"samples?|examples?|shown", re.IGNORECASE)
_ANSWERS = (".out", ".ans")


def read(package: Package, path: Path, statement: str) -> Reading:
    """The tests of a folder; the statement is in its statement.md, .txt or .tex. Raises `UserError`."""
    inputs = [name for name in package.names() if name.endswith(".in")]
    if not inputs:
        hint = "needed: a problem.yaml, a problem.xml, or *.in with *.out or *.ans"
        raise UserError("no problem in it", where=str(path), hint=hint)
    tests, notes = with_some_shown(list(paired(package, inputs)))
    return Draft(
        path=path,
        where=str(path),
        slug=package.title,
        title=package.title,
        statement=with_samples(statement or _statement(package), tests),
        tests=tests,
        notes=("the folder sets no limits: using the defaults", *notes),
        judging_told=False,
        statement_place=f"{_STATEMENTS[0]} in it",
    ).finish()


def paired(package: Package, inputs: list[str]) -> Iterator[Test]:
    """The tests in these files, in natural order; shown if the name says that it is a sample. Raises `UserError` for
    one without its output."""
    for name in sorted(inputs, key=natural):
        stem = name.removesuffix(".in")
        answers = [stem + suffix for suffix in _ANSWERS if package.has(stem + suffix)]
        if len(answers) != 1:
            fault = "has both an .out and an .ans file beside it" if answers else "has no .out or .ans file beside it"
            raise package.error(name, fault)
        yield Test(stem, package.read(name), package.read(answers[0]), shown=_is_sample(stem))


def _is_sample(stem: str) -> bool:
    """By a word in the name: `sample-1`, `example/2`, `tests/shown/3`."""
    words = re.split(r"[^A-Za-z]+", stem)
    return any(_SAMPLE.fullmatch(word) for word in words)


def _statement(package: Package) -> str:
    for name in _STATEMENTS:
        if package.has(name):
            text = package.text(name)
            return latex_to_text(text).text if PurePosixPath(name).suffix == ".tex" else markdown_to_text(text)[0]
    return ""
