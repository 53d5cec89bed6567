"""`sdpo-tts model list|pull|rm`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdpo_tts.cli.command import orderly
from sdpo_tts.cli.complete import models
from sdpo_tts.cli.examples import epilog
from sdpo_tts.cli.usage.command import HELP, Command, Group
from sdpo_tts.errors import SdpoError

if TYPE_CHECKING:
    from sdpo_tts.models.catalogue import Entry

ROW = "{:<19}{:<15}{:>6}{:>7}{:>7}  {:<11}{:<9}{}"
app = typer.Typer(cls=Group, context_settings=HELP, no_args_is_help=True)


@app.command("list", cls=Command, context_settings=HELP, epilog=epilog("model list"))
def list_models(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line, with hub id and commit.")] = False,
) -> None:
    """List the models of the catalogue: family, size, GPU, licence, thinking, and whether they are on this machine."""
    from sdpo_tts.models.catalogue import entries
    from sdpo_tts.models.weights import is_here

    rows = [(entry, is_here(entry)) for entry in entries().values()]
    if as_json:
        for entry, here in rows:
            print(json.dumps(_fields(entry, here)))
        return
    print(ROW.format("name", "family", "size", "GPU", "nf4", "licence", "thinking", "here"))
    for entry, here in rows:
        cards = (f"{card} GB" if (card := entry.card(kind)) else "-" for kind in ("bfloat16", "nf4"))
        size, told = _size(entry.parameters), "yes" if here else "no"
        print(ROW.format(entry.name, entry.family, size, *cards, entry.licence, entry.thinking, told))
    print("GPU: the smallest for answers of 2048 tokens; nf4: with --quantization nf4")


def _size(parameters: int) -> str:
    return f"{parameters / 1e9:.1f}B" if parameters >= 1e9 else f"{parameters / 1e6:.0f}M"


def _fields(entry: Entry, here: bool) -> dict[str, Any]:
    told = ("name", "title", "repo", "revision", "file", "family", "parameters", "licence", "thinking", "auto")
    cards = {kind: entry.card(kind) for kind in entry.memory}
    return {**{field: getattr(entry, field) for field in told}, "card_gb": cards, "here": here}


@contextmanager
def _named() -> Iterator[None]:
    """Errors that name the option of other commands name the argument of these."""
    try:
        yield
    except SdpoError as error:
        error.where = "NAME" if error.where == "--model" else error.where
        raise


@app.command("pull", cls=Command, context_settings=HELP, epilog=epilog("model pull"))
def pull(
    name: Annotated[
        str, typer.Argument(help="A name from `sdpo-tts model list`, a model hub id, or auto.", autocompletion=models)
    ],
) -> None:
    """Download and prepare a model, and print the folder of its weights."""
    from sdpo_tts.models.weights import locate
    from sdpo_tts.view import LiveLine, results_alone

    with orderly(), _named(), results_alone() as (results, terminal):
        with LiveLine(terminal) as line:
            line.show("working")
            located = locate(name, line.status)
        print(located.source, file=results)


@app.command("rm", cls=Command, context_settings=HELP, epilog=epilog("model rm"))
def remove(
    name: Annotated[str, typer.Argument(help="A name from `sdpo-tts model list`, or a hub id.", autocompletion=models)],
) -> None:
    """Delete a model's file and the weights made from it from this machine."""
    from sdpo_tts.models.removal import remove as removed

    with orderly(), _named():
        print(f"deleted: {removed(name) / 1e6:.0f} MB", file=sys.stderr)
