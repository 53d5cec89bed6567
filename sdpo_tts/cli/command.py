"""What every command needs around its work: errors become one line and an exit code, and signals end it cleanly."""

from __future__ import annotations

import errno
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from sdpo_tts.cli.complete import problems, runs
from sdpo_tts.cli.examples import EXAMPLES, epilog
from sdpo_tts.cli.usage.command import HELP, Command
from sdpo_tts.errors import SdpoError, UserError, visible
from sdpo_tts.streams import lost_output, make_lossy

if TYPE_CHECKING:
    from sdpo_tts.problem import Problem
    from sdpo_tts.problem.reading.draft import Reading

SOLVED, FAULT, USAGE, UNSOLVED, SETUP, SANDBOX, INTERRUPTED, TERMINATED = 0, 1, 2, 3, 4, 5, 130, 143
HUNG_UP = 129
# for a file or folder that the user chose, if nothing handled the error earlier
FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG})
PROBLEM_HELP = "A problem.yaml, its folder, or another format (docs/formats.md)."
RUN_HELP = "A run: its folder or name; last for the newest; or a problem's folder for its newest run."
ProblemPath = Annotated[Path, typer.Argument(help=PROBLEM_HELP, autocompletion=problems)]
RunPath = Annotated[Path, typer.Argument(help=RUN_HELP, autocompletion=runs)]


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP, handled like Ctrl-C so that everything is cleaned up."""

    def __init__(self, number: int) -> None:
        self.exit_code = HUNG_UP if number == signal.SIGHUP else TERMINATED


def run_process(app: typer.Typer, *, keep_code: bool = False) -> None:
    """Run `app` as this process. A closed or full stream does not end it, nor does one that cannot encode the output.

    If stdout lost some of the output, that is reported and the command fails; not with `keep_code`, because then the
    results are in files too.
    """
    make_lossy()
    try:
        app()
    except SystemExit as end:
        if why := lost_output():
            print(f"error: not everything could be written to stdout: {why}", file=sys.stderr)
            if not end.code and not keep_code:
                raise SystemExit(SETUP) from None
        raise


@contextmanager
def orderly() -> Iterator[None]:
    """Turn errors and signals inside the block into typer.Exit."""

    def terminate(signum: int, frame: FrameType | None) -> None:
        raise Terminated(signum)

    # a process that ignores the end of its terminal (nohup) goes on
    taken = [one for one in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(one) is not signal.SIG_IGN]
    before = {number: signal.signal(number, terminate) for number in taken}
    try:
        yield
    except SdpoError as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(error.exit_code) from None
    except Terminated as end:
        raise typer.Exit(end.exit_code) from None
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    except Exception as error:
        if lack := _lack(error):
            print(f"error: {visible(lack)}", file=sys.stderr)
            raise typer.Exit(SETUP) from None
        if isinstance(error, OSError) and error.errno in FORBIDDEN and error.filename:
            print(f"error: {visible(str(error.filename))}: {error.strerror}", file=sys.stderr)
            raise typer.Exit(USAGE) from None
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def writing(what: str, hint: str = "") -> Iterator[None]:
    """Raises UserError if a file that the user wants cannot be written."""
    try:
        yield
    except OSError as error:
        raise UserError(f"cannot write {what}: {error.strerror}", where=str(error.filename), hint=hint) from None


def _lack(error: Exception) -> str:
    """What the machine ran out of; empty if the error is something else."""
    from sdpo_tts.record.disk_full import is_full

    if is_full(error):
        return f"a disk is full: {error}"
    if "torch" in sys.modules:
        from sdpo_tts.policy.memory import ran_out

        if ran_out(error):
            return "memory ran out, for the model or for a single answer (hint: a smaller --model or --max-new-tokens)"
    return ""


def app_of(command: Callable[..., None], name: str, kind: type[Command] = Command) -> typer.Typer:
    """An application with one command."""
    app = typer.Typer(pretty_exceptions_show_locals=False)
    ending = epilog(name) if name in EXAMPLES else None
    app.command(name, cls=kind, context_settings=HELP, epilog=ending)(command)
    return app


def load(path: Path, *, quiet: bool = False) -> Problem:
    """The problem at `path`, in any format; prints what could not be carried over, and tests that contradict each
    other. Raises UserError, also for an unknown setting under `run`."""
    return load_reading(path, quiet=quiet).problem


def load_reading(path: Path, *, quiet: bool = False) -> Reading:
    """As `load`, with the programs that come with a package or a row."""
    from sdpo_tts.cli.settings import of_problem
    from sdpo_tts.problem import read_problem

    reading = read_problem(path)
    of_problem(reading.problem)
    if not quiet:
        tell([*reading.notes, *contradictory(reading.problem)])
    return reading


def contradictory(problem: Problem) -> Iterator[str]:
    """A line about tests that no program can pass together, if there are any."""
    from sdpo_tts.judge.checking.contradictions import contradictions
    from sdpo_tts.problem.reading.draft import count

    if found := [*contradictions(problem)]:
        names = " and ".join(visible(test.name) for test in found[0])
        more = f" ({count(len(found) - 1, 'more pair')} like this)" if found[1:] else ""
        yield f"tests {names} have the same input but different outputs, so no program can pass both{more}"


def load_libraries(*, quiet: bool = False) -> None:
    """Import what takes many seconds on a slow machine, and say so on a terminal."""
    from sdpo_tts.view import LiveLine

    with nullcontext() if quiet else LiveLine(sys.stderr) as line:
        if line:
            line.show("loading PyTorch")
        import sdpo_tts.discovery.assemble  # noqa: F401


def tell(notes: Iterable[str]) -> None:
    """Print what an importer left out or added."""
    for note in notes:
        print(f"note: {visible(note)}", file=sys.stderr)
