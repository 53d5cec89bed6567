"""`sdpo-tts listen`: the browser extension Competitive Companion sends a problem, and its folder appears."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdpo_tts.cli.command import orderly, tell, writing
from sdpo_tts.errors import UserError, visible

if TYPE_CHECKING:
    from sdpo_tts.problem.formats.companion import Task

PORT = 10045  # one of those that the extension sends to without being told


def listen(
    folder: Annotated[Path, typer.Argument(help="Where to make the problems' folders.")] = Path(),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Must be the port that the extension is set to.")] = PORT,
    once: Annotated[bool, typer.Option("--once", help="Stop after one problem or contest.")] = False,
    ask: Annotated[bool | None, typer.Option(help="Ask for statements. Default: if run on a terminal.")] = None,
) -> None:
    """Wait for problems from the browser. Samples and limits are filled in, the statement is asked for. Ctrl-C ends.

    The extension sends only samples, so add held-out tests. Only this machine (127.0.0.1) can connect; web pages are
    refused.
    """
    with orderly():
        _listen(folder, port, once=once, ask=sys.stdin.isatty() if ask is None else ask)


def _listen(folder: Path, port: int, *, once: bool, ask: bool) -> None:
    from sdpo_tts.cli.problems.receiver import HOST, Receiver

    taken: Counter[str] = Counter()
    with Receiver(port) as receiver:
        print(f"listening on http://{HOST}:{receiver.port}: click the extension's plus sign", file=sys.stderr)
        for task in receiver.tasks():
            batch, size = (task.batch.id, task.batch.size) if task.batch else ("", 1)
            taken[batch] += 1
            print(visible(task.name) + (f" ({taken[batch]} of {size})" if size > 1 else ""), file=sys.stderr)
            try:
                _take(task, folder, ask)
            except UserError as error:
                print(f"skipped: {error}", file=sys.stderr)
            if once and taken[batch] >= size:
                return


def _take(task: Task, root: Path, ask: bool) -> None:
    """Writes the folder at once, without a statement; then asks for that. Raises UserError."""
    from sdpo_tts.cli.questions import ask_statement
    from sdpo_tts.problem.formats.companion import task_draft
    from sdpo_tts.problem.writer import STATEMENT, problem_yaml, write_native

    reading = task_draft(task, root, task.name, "none yet").finish()
    problem = reading.problem
    folder = root / problem.slug
    write_native(replace(reading, problem=replace(problem, statement="")), folder)
    print(folder, flush=True)
    tell(reading.notes)
    statement = ask_statement() if ask else ""
    if statement.strip():
        asked = task_draft(task, root, task.name, statement).finish()  # a statement may name a tolerance
        tell(note for note in asked.notes if note not in reading.notes)
        with writing("the statement"):
            (folder / "problem.yaml").write_text(problem_yaml(asked), encoding="utf-8")
            (folder / STATEMENT).write_text(f"{asked.problem.statement}\n", encoding="utf-8")
    else:
        print(f"the statement is still missing: put it into {folder / STATEMENT}", file=sys.stderr)
