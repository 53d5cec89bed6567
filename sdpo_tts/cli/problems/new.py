"""`sdpo-tts new`: writes a problem file from pasted text."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdpo_tts.cli.command import orderly, tell, writing
from sdpo_tts.cli.questions import agreed, ask_block, ask_statement, paste_in
from sdpo_tts.errors import UserError

if TYPE_CHECKING:
    from sdpo_tts.problem.reading.draft import Reading
    from sdpo_tts.problem.reading.paste import Paste

STATEMENTS = frozenset({".txt", ".md", ".tex"})
"""Suffixes of files that may hold a statement but not a whole problem."""


def new(
    folder: Annotated[Path, typer.Argument(help="Folder to make; its name is the title if the text has none.")],
    title: Annotated[str, typer.Option(help="Another title.")] = "",
    statement: Annotated[Path | None, typer.Option(help="File with the statement, instead of pasting it.")] = None,
) -> None:
    """Write a commented problem.yaml and print its path. Asks for the statement.

    Paste the whole page from Codeforces, AtCoder, Kattis or CSES: title, limits and samples are read from it. The
    command asks for whatever the text lacks.
    """
    with orderly():
        print(make(folder, title, statement))


def make(folder: Path, title: str, statement: Path | None) -> Path:
    """The path of the new problem.yaml. Raises UserError."""
    from sdpo_tts.problem import load_problem
    from sdpo_tts.problem.template import template
    from sdpo_tts.problem.writer import demand_free

    demand_free(folder)
    paste = paste_in(statement) if statement else ask_statement()
    if not paste.statement:
        raise UserError("no statement", hint="paste it, or name its file")
    reading = _read(paste, folder, title)
    problem = reading.problem
    samples = [(test.input.decode(), test.expected.decode()) for test in problem.tests]
    content = template(problem.title, problem.statement, samples, problem.limits, problem.checker)
    path = folder / "problem.yaml"
    with writing("the problem"):
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    load_problem(path)  # the pasted text may contain something that a problem cannot hold
    tell(reading.notes)
    print("next: add held-out tests, then `sdpo-tts check` it, then `sdpo-solve` it", file=sys.stderr)
    return path


def _read(paste: Paste, folder: Path, title: str) -> Reading:
    """What the text says, plus the answers to what it lacks."""
    from sdpo_tts.problem import Limits, Test
    from sdpo_tts.problem.reading.draft import Draft, with_samples

    limits = Limits()
    pairs = list(paste.samples) or _ask_samples()
    tests = [
        Test(f"tests/shown/{number}", given.encode(), wanted.encode(), shown=True)
        for number, (given, wanted) in enumerate(pairs, start=1)
    ]
    statement = with_samples(paste.statement, tests, separated=paste.samples)
    name = title or paste.title or folder.resolve().name
    time, memory = paste.time_s or limits.time_s, paste.memory_bytes or limits.memory_bytes
    draft = Draft(
        folder, str(folder), name, name, statement, tests, replace(limits, time_s=time, memory_bytes=memory),
        judging_told=False,
    )  # fmt: skip
    reading = draft.finish()
    return replace(reading, notes=(*_read_off(paste), *reading.notes)) if paste.samples else reading


def _read_off(paste: Paste) -> list[str]:
    """What was found in the text, so that the user can check it."""
    from sdpo_tts.problem.reading.draft import count

    told = [count(len(paste.samples), "sample")]
    told += [f"{paste.time_s:g} s"] if paste.time_s else []
    told += [f"{paste.memory_bytes / 2**20:g} MiB"] if paste.memory_bytes else []
    return [f"read from the text: {', '.join(told)}"]


def _ask_samples() -> list[tuple[str, str]]:
    """Inputs and outputs, at least one. The first input may be empty: some problems have no input."""
    samples: list[tuple[str, str]] = []
    while True:
        number = len(samples) + 1
        given = ask_block(f"Sample {number}, input" + ("; leave empty to finish" if samples else ""))
        if samples and not given.strip():
            return samples
        wanted = ask_block(f"Sample {number}, output")
        if not wanted.strip():
            raise UserError(f"sample {number} has no output", hint="an output needs at least one line")
        samples.append((given, wanted))


def offered(path: Path) -> Path:
    """The problem made from the statement at `path`, if the user agrees; `path` itself if it is not a statement. Raises
    UserError if the user cannot be asked, or if the answer is no."""
    if path.suffix not in STATEMENTS or not path.is_file():
        return path
    folder = path.with_suffix("")
    error = UserError(
        "a statement, not a problem yet", where=str(path), hint=f"sdpo-tts new {folder} --statement {path}"
    )
    if not sys.stdin.isatty():
        raise error
    if not agreed(f"{path} is a statement. Make the problem {folder} from it?", default=True):
        raise error
    return make(folder, "", path)
