"""`sdpo-tts new`: a problem file from what is pasted."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sdpo_tts.cli.command import orderly, writing
from sdpo_tts.errors import UserError


def new(
    folder: Annotated[Path, typer.Argument(help="Folder to make; its name becomes the title.")],
    title: Annotated[str, typer.Option(help="Another title.")] = "",
    statement: Annotated[Path | None, typer.Option(help="File with the statement, instead of pasting it.")] = None,
) -> None:
    """Write a commented problem.yaml and print its path. Asks for the statement and the samples."""
    with orderly():
        print(_new(folder, title or folder.resolve().name, statement))


def _new(folder: Path, title: str, statement: Path | None) -> Path:
    from sdpo_tts.cli.questions import ask_statement, read_statement
    from sdpo_tts.problem import load_problem
    from sdpo_tts.problem.template import template
    from sdpo_tts.problem.writer import demand_free

    demand_free(folder)
    text = read_statement(statement) if statement else ask_statement()
    if not text.strip():
        raise UserError("no statement", hint="paste it, or name its file")
    content = template(title, text, _ask_samples())
    path = folder / "problem.yaml"
    with writing("the problem"):
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    load_problem(path)  # what was pasted may be what a problem cannot hold
    print("next: add held-out tests, then `sdpo-tts check` it, then `sdpo-solve` it", file=sys.stderr)
    return path


def _ask_samples() -> list[tuple[str, str]]:
    """Inputs and outputs, at least one. The first input may be empty: a problem may have none."""
    from sdpo_tts.cli.questions import ask_block

    samples: list[tuple[str, str]] = []
    while True:
        number = len(samples) + 1
        given = ask_block(f"Sample {number}, input" + ("; nothing: no more samples" if samples else ""))
        if samples and not given.strip():
            return samples
        wanted = ask_block(f"Sample {number}, output")
        if not wanted.strip():
            raise UserError(f"sample {number} has no output", hint="an output has at least one line")
        samples.append((given, wanted))
