"""`sdpo-tts export`: a run to hand on."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from sdpo_tts.cli.command import RunPath, orderly, tell
from sdpo_tts.cli.existing_run import find_run
from sdpo_tts.errors import UserError


def export(
    context: typer.Context,
    run: RunPath,
    to: Annotated[
        Path | None, typer.Option(help="Where to: a new folder, FILE.zip or FILE.tar.gz. Default: a folder here.")
    ] = None,
) -> None:
    """Put a run's program, adapter, report, journal and manifest into one folder or archive, and print its path.

    Absolute paths and the names of users and hosts are left out.
    """
    with orderly():
        print(_export(find_run(run, context), to))


def _export(folder: Path, to: Path | None) -> Path:
    from sdpo_tts.publish.bundle import ARCHIVES, fill, named, pack
    from sdpo_tts.record import RunDir

    run = RunDir.existing(folder)
    target = to or Path(f"{folder.resolve().parent.name}-{folder.resolve().name}")
    if target.exists():
        raise UserError("already exists", where=str(target), hint="name a new one with --to")
    home = target.absolute().parent
    try:
        home.mkdir(parents=True, exist_ok=True)
        # Renamed away when it is whole, so there may be nothing left to clean up.
        with tempfile.TemporaryDirectory(dir=home, prefix=".export-", ignore_cleanup_errors=True) as part:
            whole = Path(part) / named(target)
            whole.mkdir()
            lacking = fill(run, whole)
            if target.name.endswith(ARCHIVES):
                pack(whole, archive := Path(part) / target.name)
                whole = archive
            whole.rename(target)
    except OSError as error:
        raise UserError(f"cannot write the export: {error.strerror}", where=str(target)) from None
    tell(lacking)
    return target
