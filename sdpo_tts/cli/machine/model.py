"""`sdpo-tts model list|pull|rm`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from sdpo_tts.cli.command import orderly
from sdpo_tts.cli.complete import models
from sdpo_tts.cli.examples import epilog
from sdpo_tts.cli.usage.command import HELP, Command, Group

app = typer.Typer(cls=Group, context_settings=HELP, no_args_is_help=True)


@app.command("list", cls=Command, context_settings=HELP, epilog=epilog("model list"))
def list_models() -> None:
    """List the models of the catalogue, and whether they are on this machine."""
    from rich.console import Console
    from rich.table import Table

    from sdpo_tts.models.catalogue import entries
    from sdpo_tts.models.fetch import cache_root

    table = Table("name", "model", "size", "licence", "here")
    for entry in entries().values():
        here = "yes" if (cache_root() / entry.file).is_file() else "no"
        table.add_row(entry.name, entry.title, f"{entry.bytes / 1e6:.0f} MB", entry.licence, here)
    Console().print(table)


@app.command("pull", cls=Command, context_settings=HELP, epilog=epilog("model pull"))
def pull(
    name: Annotated[
        str, typer.Argument(help="A name from `sdpo-tts model list`, a model hub id, or auto.", autocompletion=models)
    ],
) -> None:
    """Download and prepare a model, and print the folder of its weights."""
    from sdpo_tts.models.weights import downloaded, locate
    from sdpo_tts.view import LiveLine, results_alone

    with orderly(), results_alone() as (results, terminal):
        with LiveLine(terminal) as line:
            line.show("working")
            located = locate(name, line.say)
            line.show(f"downloading {located.name}")
            folder = downloaded(located)
        print(folder, file=results)


@app.command("rm", cls=Command, context_settings=HELP, epilog=epilog("model rm"))
def remove(
    name: Annotated[str, typer.Argument(help="A name from `sdpo-tts model list`, or a hub id.", autocompletion=models)],
) -> None:
    """Delete a model's file and the weights made from it from this machine."""
    from sdpo_tts.models.removal import remove as removed

    with orderly():
        print(f"deleted: {removed(name) / 1e6:.0f} MB", file=sys.stderr)
