"""`sdpo-tts hint`, and the programs that the user brings to a run."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdpo_tts.cli.command import RunPath, orderly, writing
from sdpo_tts.cli.existing_run import ExistingRun, find_run
from sdpo_tts.cli.solving.ending import go_on, near
from sdpo_tts.cli.values import larger_budget, text_or_file
from sdpo_tts.errors import UserError

if TYPE_CHECKING:
    from sdpo_tts.discovery.assemble import RunSettings
    from sdpo_tts.problem import Problem


def hint(
    context: typer.Context,
    run: RunPath,
    text: Annotated[str, typer.Argument(help="The hint, as text or a file name.")],
) -> None:
    """Give a run a hint, while it is running or before you resume it.

    From the next batch on, the hint is in every prompt with feedback, which the teacher reads. The student's own prompt
    does not change, so the student has to learn from it.
    """
    from sdpo_tts.record import hints

    with orderly():
        past = ExistingRun.open(find_run(run, context))
        _demand_reader(past)
        if not (said := text_or_file(text, "TEXT")):
            raise UserError("an empty hint", where="TEXT")
        with writing("the hint"):
            hints.leave(past.run, said)
        print(_when(past), file=sys.stderr)


def _when(past: ExistingRun) -> str:
    """When the hint will be used; for a run that is not running, with the command that resumes it."""
    from sdpo_tts.record import read_events
    from sdpo_tts.view import RunState

    if past.run.locked:
        return f"The run will use the hint from its next batch on: {past.run.path}"
    state = RunState.of(read_events(past.run.events))
    if past.solved and not past.settings["solver"].get("keep_going"):
        return "The run will use the hint if its program is rejected: sdpo-tts verdict, then sdpo-solve --resume"
    command = go_on(near(past.run.path), larger_budget(state.reason, state))
    return f"The run will use the hint once it is resumed:\n{command}"


def _demand_reader(past: ExistingRun) -> None:
    """Raises UserError if no prompt of the run would hold a hint."""
    from sdpo_tts.discovery.launch import READS_FEEDBACK

    if (method := past.settings["method"]) not in READS_FEEDBACK:
        raise UserError(f"{method} does not read hints", where=str(past.run.path))
    if not (past.run.locked or past.run.checkpoint.exists()):
        raise UserError("the run is over and cannot be resumed", where=str(past.run.path))


def started_from(files: Sequence[Path], settings: RunSettings, problem: Problem) -> RunSettings:
    """The settings with these programs added. Raises UserError, also if the method has no use for a program or a
    hint."""
    from sdpo_tts.discovery.launch import demand_use

    before = settings.solver.start
    start = before | {file.name: _program(file, problem) for file in files}
    if len(start) < len(files) + len(before):
        raise UserError("two programs have the same name", where="--start", hint="rename one")
    settings = replace(settings, solver=replace(settings.solver, start=start))
    demand_use(settings)
    return settings


def _program(file: Path, problem: Problem) -> str:
    from sdpo_tts.problem.language import language

    known = language(problem.language)
    if file.suffix != Path(known.source).suffix:
        raise UserError(f"the name of {file} is not that of a {known.title} program", where="--start")
    try:
        if not file.is_file():
            raise UserError(f"no such file: {file}", where="--start")
        return file.read_text(encoding="utf-8-sig")  # prompts and the journal hold text
    except ValueError:
        raise UserError(f"{file} is not a text file in UTF-8", where="--start") from None
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}", where="--start") from None
