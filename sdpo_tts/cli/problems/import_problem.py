"""`sdpo-tts import`: converts another format into a native folder."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdpo_tts.cli.command import USAGE, contradictory, orderly, tell
from sdpo_tts.cli.complete import problems
from sdpo_tts.cli.problem_sets import by_running, rows
from sdpo_tts.cli.settings import refuse_idle
from sdpo_tts.errors import UserError, visible

if TYPE_CHECKING:
    from sdpo_tts.problem.reading.draft import Reading


def import_problem(
    context: typer.Context,
    source: Annotated[
        Path,
        typer.Argument(help="A package (folder or zip), a folder of tests, FILE, or FILE#ID.", autocompletion=problems),
    ],
    folder: Annotated[Path | None, typer.Argument(help="The folder to make; default: the problem's name.")] = None,
    statement: Annotated[Path | None, typer.Option(help="File with the statement: .tex, .md or .txt.")] = None,
    every: Annotated[
        bool,
        typer.Option("--all", help="All rows of a file, each into a folder below FOLDER. Exit code 2 if one fails."),
    ] = False,
) -> None:
    """Convert a problem from another format into a folder, print its path, and say what was left out.

    It reads Kattis/ICPC and Polygon packages, Competitive Companion, rows of LiveCodeBench, CodeContests, HumanEval,
    APPS, TACO and MBPP, Harbor tasks, and folders of *.in with *.out or *.ans (docs/formats.md). All other commands
    read these formats too.
    """
    with orderly():
        if every:
            refuse_idle(context, "with --all", "statement")
        code = _import_all(source, folder or Path()) if every else _import(source, folder, statement)
    raise typer.Exit(code)


def _import(source: Path, folder: Path | None, statement: Path | None) -> int:
    from sdpo_tts.cli.questions import read_statement
    from sdpo_tts.problem import read_problem
    from sdpo_tts.problem.formats import NeedsRun

    text = read_statement(statement) if statement else ""
    try:
        reading = read_problem(source, text)
    except NeedsRun as need:
        reading = by_running(need)
    if reading.native:
        raise UserError("is already a native problem", where=str(source), hint="copy its folder")
    _write(reading, folder or Path(reading.problem.slug))
    tell([*reading.notes, *contradictory(reading.problem)])
    return 0


def _import_all(source: Path, folder: Path) -> int:
    from sdpo_tts.problem.reading.draft import count

    written, refused = 0, 0
    for identifier, reading in rows(source):
        why = reading.what if isinstance(reading, UserError) else _fault(reading, folder / reading.problem.slug)
        refused += bool(why)
        written += not why
        if why:
            print(visible(f"{identifier}: {why}"), file=sys.stderr)
    print(f"{count(written, 'problem')} written, {refused} could not be", file=sys.stderr)
    return USAGE if refused or not written else 0


def _fault(reading: Reading, folder: Path) -> str:
    """Why it could not be written, for example a row of the same name; empty if it was."""
    try:
        _write(reading, folder)
    except UserError as error:
        return f"{folder}: {error.what}"
    return ""


def _write(reading: Reading, folder: Path) -> None:
    from sdpo_tts.problem.writer import write_native

    write_native(reading, folder)
    print(folder)
