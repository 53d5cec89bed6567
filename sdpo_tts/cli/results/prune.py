"""`sdpo-tts runs prune`: frees the space of finished runs."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdpo_tts.cli import options
from sdpo_tts.cli.command import orderly
from sdpo_tts.cli.questions import agreed
from sdpo_tts.cli.settings import settled
from sdpo_tts.errors import UserError, visible

if TYPE_CHECKING:
    from sdpo_tts.record import RunDir


@dataclass(frozen=True)
class Rest:
    """Something that can be deleted: a folder inside `run`, or the run's own."""

    run: RunDir
    folder: Path
    why: str

    @property
    def bytes(self) -> int:
        from sdpo_tts.record import folder_size

        return folder_size(self.folder)

    def delete(self) -> bool:
        """Whether it was deleted: not if a process has taken up the run meanwhile."""
        with suppress(UserError), self.run.lock():
            shutil.rmtree(self.folder)
            return True
        return False


def prune(
    context: typer.Context,
    runs: options.Runs = Path("runs"),
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking.")] = False,
) -> None:
    """List what can be deleted from runs, and ask: checkpoints of runs without a confirmed solution, and empty runs.

    A run without its checkpoint cannot be resumed. Journals, programs and adapters stay, and so do active runs.
    """
    from sdpo_tts.policy.memory_plan import size

    with orderly():
        rests = list(_rests(settled(context)["runs"]))
        for rest in rests:
            print(f"{size(rest.bytes):>10}  {visible(str(rest.folder))}  ({rest.why})")
        if not rests:
            print("nothing to delete", file=sys.stderr)
        elif yes or agreed(f"Delete {'it' if len(rests) == 1 else f'these {len(rests)}'}?", default=False):
            print(f"deleted: {size(_deleted(rests))}", file=sys.stderr)
        else:
            print("nothing was deleted", file=sys.stderr)


def _deleted(rests: list[Rest]) -> int:
    """Bytes that were freed."""
    freed = 0
    for rest in rests:
        amount = rest.bytes
        freed += amount if rest.delete() else 0
    return freed


def _rests(root: Path) -> Iterator[Rest]:
    """In each problem's folder, by name."""
    from sdpo_tts.cli.existing_run import ExistingRun
    from sdpo_tts.record import RunDir

    for run in map(RunDir, sorted(root.glob("*/*"))):
        if run.locked or not (run.attempts.is_dir() and run.logs.is_dir()):
            continue
        if not run.begun:
            yield Rest(run, run.path, "never began")
            continue
        with suppress(UserError):
            past, kept = ExistingRun(run, {}), run.checkpoint.parent
            if kept.is_dir() and past.finished and (past.awaits_verdict or not past.solved):
                yield Rest(run, kept, "proposed a program" if past.awaits_verdict else "ended unsolved")
