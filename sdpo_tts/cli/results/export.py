"""`sdpo-tts export`: packs a run, or a problem, to share."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdpo_tts.cli.command import load_reading, orderly, tell
from sdpo_tts.cli.complete import runs
from sdpo_tts.cli.existing_run import ExistingRun, find_run
from sdpo_tts.errors import UserError

if TYPE_CHECKING:
    from sdpo_tts.problem import Problem


def export(
    context: typer.Context,
    run: Annotated[
        Path,
        typer.Argument(help="A run, last, or a problem's folder for its newest run; with --harbor also a problem.",
                       autocompletion=runs),
    ],
    to: Annotated[
        Path | None, typer.Option(help="Target: a new folder, FILE.zip or FILE.tar.gz. Default: a folder here.")
    ] = None,
    harbor: Annotated[bool, typer.Option("--harbor", help="Write the problem as a Harbor task instead.")] = False,
) -> None:  # fmt: skip
    """Put a run's program, adapter, report, journal and manifest into one folder or archive, and print its path.

    Absolute paths and the names of users and hosts are left out. With --harbor the folder is a task for Harbor: the
    problem, its tests, and a program that passes them, if there is one.
    """
    with orderly():
        if harbor:
            problem, program = _problem(run, context)
            print(_written(to or Path(f"{problem.slug}-harbor"), partial(_harbor, problem, program)))
        else:
            folder = find_run(run, context)
            name = f"{folder.resolve().parent.name}-{folder.resolve().name}"
            print(_written(to or Path(name), partial(_bundle, folder)))


def _problem(given: Path, context: typer.Context) -> tuple[Problem, str | None]:
    """The problem at a path, with an accepted program of its own; or the problem of a run, with the program it
    found."""
    from sdpo_tts.judge import Verdict
    from sdpo_tts.judge.submissions import read_source, submissions

    if given.exists() and not (given / "events.jsonl").is_file():
        reading = load_reading(given)
        own = submissions(reading.problem, reading.programs)
        return reading.problem, next((one.source for one in own if one.expected is Verdict.AC), None)
    past = ExistingRun.open(find_run(given, context))
    problem = past.problem()
    solution = past.run.solution(problem.language)
    return problem, read_source(solution) if solution.exists() else None


def _harbor(problem: Problem, program: str | None, folder: Path) -> list[str]:
    from sdpo_tts.publish.harbor.task import write_task

    write_task(problem, folder, program)
    return [] if program is not None else ["without a solution: no program is known that passes all tests"]


def _bundle(folder: Path, whole: Path) -> list[str]:
    from sdpo_tts.publish.bundle import fill
    from sdpo_tts.record import RunDir

    return fill(RunDir.existing(folder), whole)


def _written(target: Path, fill: Callable[[Path], list[str]]) -> Path:
    """The folder or archive that `fill` fills, written completely or not at all; prints what `fill` returns."""
    from sdpo_tts.publish.bundle import ARCHIVES, named, pack

    if target.exists():
        raise UserError("already exists", where=str(target), hint="choose a new one with --to")
    home = target.absolute().parent
    try:
        home.mkdir(parents=True, exist_ok=True)
        # it was renamed away once complete, so there may be nothing left to clean up
        with tempfile.TemporaryDirectory(dir=home, prefix=".export-", ignore_cleanup_errors=True) as part:
            whole = Path(part) / named(target)
            whole.mkdir()
            lacking = fill(whole)
            if target.name.endswith(ARCHIVES):
                pack(whole, archive := Path(part) / target.name)
                whole = archive
            whole.rename(target)
    except OSError as error:
        raise UserError(f"cannot write the export: {error.strerror}", where=str(target)) from None
    tell(lacking)
    return target
