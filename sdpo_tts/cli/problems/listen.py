"""`sdpo-tts listen`: makes a folder for each problem that the browser extension Competitive Companion sends."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdpo_tts.cli.command import orderly, tell, writing
from sdpo_tts.errors import UserError, visible

if TYPE_CHECKING:
    from sdpo_tts.problem.formats.companion import Task
    from sdpo_tts.problem.reading.draft import Reading

PORT = 10045  # one of the ports that the extension sends to by default


def listen(
    folder: Annotated[Path, typer.Argument(help="Where to make the problems' folders.")] = Path(),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Must be the port that the extension is set to.")] = PORT,
    once: Annotated[bool, typer.Option("--once", help="Stop after one problem or contest.")] = False,
    ask: Annotated[bool | None, typer.Option(help="Ask for statements. Default: only on a terminal.")] = None,
    solve: Annotated[
        str | None,
        typer.Option(
            help="Solve each problem at once with these options of sdpo-solve, such as '--max-time 30m' ('' for none).",
            metavar="OPTIONS",
        ),
    ] = None,
) -> None:
    """Wait for problems from the browser, and make a folder for each, with samples and limits. Ctrl-C ends it.

    The command then asks for the statement. The extension sends only samples, so add held-out tests. Only this machine
    (127.0.0.1) can connect; web pages are refused. The editor extension CPH may run at the same time, on its own port:
    both get each problem, and CPH opens the empty source file in the folder with the samples.

    For practice and finished contests: Codeforces forbids AI that diagnoses errors from the judge's feedback during a
    contest, AtCoder bans generative AI in ABC and ARC Div. 2.
    """
    with orderly():
        from sdpo_tts.cli.problems.solving import options_of

        options = None if solve is None else options_of(solve)
        asking = sys.stdin.isatty() if ask is None else ask
        _listen(Inbox(folder, asking, options), port, once=once)


@dataclass(frozen=True)
class Inbox:
    """What happens to each problem that arrives: its folder goes below `root`, its statement is asked for (`ask`), and
    it is solved with these options (None: not solved)."""

    root: Path
    ask: bool
    options: list[str] | None = None


def _listen(inbox: Inbox, port: int, *, once: bool) -> None:
    from sdpo_tts.cli.problems.cph import PORT as CPH
    from sdpo_tts.cli.problems.receiver import HOST, Receiver

    if port == CPH:
        print(f"note: CPH uses port {CPH} too, and only one program can listen on it", file=sys.stderr)
    taken: Counter[str] = Counter()
    with Receiver(port) as receiver:
        print("for practice and finished contests: during many contests such help is forbidden", file=sys.stderr)
        print(f"listening on http://{HOST}:{receiver.port}: click the extension's plus sign", file=sys.stderr)
        for task in receiver.tasks():
            batch, size = (task.batch.id, task.batch.size) if task.batch else ("", 1)
            taken[batch] += 1
            print(visible(task.name) + (f" ({taken[batch]} of {size})" if size > 1 else ""), file=sys.stderr)
            try:
                _take(task, inbox)
            except UserError as error:
                print(f"skipped: {error}", file=sys.stderr)
            if once and taken[batch] >= size:
                return


def _take(task: Task, inbox: Inbox) -> None:
    """Writes the folder at once, without a statement; then asks for the statement, and solves it. Raises UserError."""
    from sdpo_tts.cli.problems import solving
    from sdpo_tts.cli.questions import ask_statement
    from sdpo_tts.problem.formats.companion import task_draft
    from sdpo_tts.problem.reading.paste import Paste
    from sdpo_tts.problem.writer import STATEMENT

    reading = task_draft(task, inbox.root, task.name, Paste("none yet")).finish()
    folder = inbox.root / reading.problem.slug
    source = _folder(task, reading, folder)
    print(folder, flush=True)
    tell(reading.notes)
    paste = ask_statement() if inbox.ask else Paste("")
    if not paste.statement:
        print(f"the statement is still missing: put it into {folder / STATEMENT}", file=sys.stderr)
        return
    asked = task_draft(task, inbox.root, task.name, paste).finish()  # a statement may name a tolerance
    tell(note for note in asked.notes if note not in reading.notes)
    _with_statement(asked, folder)
    if inbox.options is not None:
        solving.solve(folder, inbox.options, source)


def _folder(task: Task, reading: Reading, folder: Path) -> Path:
    """Write the problem without a statement, and what CPH needs; the path of the empty source file."""
    from sdpo_tts.cli.problems.cph import write_cph
    from sdpo_tts.problem.language import language
    from sdpo_tts.problem.writer import write_native

    write_native(replace(reading, problem=replace(reading.problem, statement="")), folder)
    source = folder / language(reading.problem.language).source
    with writing("the file for CPH"):
        write_cph(task, source)
    return source


def _with_statement(reading: Reading, folder: Path) -> None:
    from sdpo_tts.problem.writer import STATEMENT, problem_yaml

    with writing("the statement"):
        (folder / "problem.yaml").write_text(problem_yaml(reading), encoding="utf-8")
        (folder / STATEMENT).write_text(f"{reading.problem.statement}\n", encoding="utf-8")
