"""`sdpo-tts runs`: lists runs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdpo_tts.cli import options
from sdpo_tts.cli.command import orderly, tell
from sdpo_tts.cli.examples import epilog
from sdpo_tts.cli.settings import flags, settled
from sdpo_tts.cli.usage.command import HELP, Group
from sdpo_tts.errors import UserError

if TYPE_CHECKING:
    from sdpo_tts.record import RunDir
    from sdpo_tts.view import RunState

app = typer.Typer(cls=Group, context_settings=HELP, epilog=epilog("runs"))
ROW = "{:<18}{:<12}{:<20}{:>9}{:>10}{:>10}  {}"
HEAD = ROW.format("problem", "method", "outcome", "attempts", "time", "size", "run")


@app.callback(invoke_without_command=True)
def runs(
    context: typer.Context,
    runs: options.Runs = Path("runs"),
    most: Annotated[int, typer.Option("--most", min=1, help="List at most this many.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line, of all runs or --most.")] = False,
) -> None:
    """List runs, newest first: problem, method, outcome, attempts, time, size on disk and folder."""
    if context.invoked_subcommand:
        return
    from sdpo_tts.cli.existing_run import newest

    with orderly():
        root = settled(context)["runs"]
        found = newest(root)
        if not found:
            raise UserError("no runs here", where=str(root), hint="sdpo-solve makes runs; --runs names another folder")
        rows = _rows(found if as_json and "most" not in flags(context) else found[:most])
        for row in rows if as_json else ():
            print(json.dumps(row))
        if not as_json:
            _table(list(rows), most, len(found))


def _rows(runs: Sequence[RunDir]) -> Iterator[dict[str, Any]]:
    """The runs whose journal can be read; the others are named on stderr."""
    from sdpo_tts.record import folder_size, read_events
    from sdpo_tts.view import RunState

    for run in runs:
        try:
            state = RunState.of(read_events(run.events))
        except UserError as error:
            tell([f"not listed: {error}"])
            continue
        yield {
            "problem": state.problem, "method": state.method, "outcome": _outcome(run, state),
            "attempts": state.cost.attempts, "seconds": round(state.elapsed(state.cost.moment), 1),
            "bytes": folder_size(run.path), "run": str(run.path),
        }  # fmt: skip


def _outcome(run: RunDir, state: RunState) -> str:
    if state.own:
        return "solved by you"
    if state.solved_at:
        return f"{'proposed' if state.awaits_verdict else 'solved'} by {state.solved_at}"
    if state.reason is None:
        return "running" if run.locked else "died"
    limits = {"max_attempts": "attempts spent", "max_tokens": "tokens spent", "max_time": "time spent"}
    return limits.get(state.reason, state.reason)


def _table(rows: Sequence[dict[str, Any]], most: int, found: int) -> None:
    """Folders are in the last column, so that a narrow terminal breaks nothing else."""
    from sdpo_tts.errors import visible
    from sdpo_tts.policy.memory_plan import size
    from sdpo_tts.view.summary import duration

    wide = shutil.get_terminal_size().columns >= len(HEAD) + 40
    print(HEAD if wide else HEAD.removesuffix("run").rstrip())
    for row in rows:
        problem, method, outcome, run = (visible(row[name]) for name in ("problem", "method", "outcome", "run"))
        cells = [problem[:17], method, outcome, row["attempts"], duration(row["seconds"]), size(row["bytes"])]
        print(ROW.format(*cells, run) if wide else f"{ROW.format(*cells, '').rstrip()}\n  {run}")
    if found > most:
        print(f"and {found - most} older ones: --most {found}")
