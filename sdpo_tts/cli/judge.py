"""`sdpo-tts judge`: one program of your own through the sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sdpo_tts.cli.run import SOLVED, UNSOLVED, ProblemPath, load, orderly
from sdpo_tts.errors import UserError


def judge(
    problem: ProblemPath,
    program: Annotated[Path, typer.Argument(help="The source file to judge.")],
) -> None:
    """Judge a program, and print what the model would be told of it. Exit code 0: it passes all tests; 3: not."""
    with orderly():
        code = _judge(problem, program)
    raise typer.Exit(code)


def _judge(path: Path, program: Path) -> int:
    from sdpo_tts.judge import Judge, Verdict
    from sdpo_tts.judge.feedback import render

    problem = load(path)
    try:
        source = program.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise UserError(f"cannot read the program: {error.strerror}", where=str(program)) from None
    with Judge(problem, all_tests=True) as sandbox:
        judgement = sandbox.judge(source)
    for outcome in judgement.outcomes:
        megabytes = outcome.peak_bytes / 2**20
        line = f"{outcome.verdict:<4}{outcome.test.name:<24}{outcome.cpu_s:6.2f} s {megabytes:6.1f} MiB"
        print(line if outcome.verdict is Verdict.AC else f"{line}  {outcome.detail}")
    print(f"{judgement.verdict}: {judgement.passed} of {judgement.total} tests passed")
    if text := render(judgement, problem).text:
        print(f"\n{text}")
    return SOLVED if judgement.solved else UNSOLVED
