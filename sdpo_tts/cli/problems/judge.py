"""`sdpo-tts judge`: one program of your own through the sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdpo_tts.cli.command import SOLVED, UNSOLVED, ProblemPath, load, orderly
from sdpo_tts.errors import UserError

if TYPE_CHECKING:
    from sdpo_tts.judge import Judgement
    from sdpo_tts.problem import Problem


def judge(
    problem: ProblemPath,
    program: Annotated[Path, typer.Argument(help="The source file to judge.")],
    language: Annotated[
        str | None, typer.Option(help="Language, if the file's name does not show it: python3, cpp20, ...")
    ] = None,
) -> None:
    """Judge a program, and print the feedback that a model would get. Exit code: 0 if it passes all tests, else 3."""
    with orderly():
        code = _judge(problem, program, language)
    raise typer.Exit(code)


def _judge(path: Path, program: Path, key: str | None) -> int:
    from sdpo_tts.judge import Judge
    from sdpo_tts.judge.containers.engine import demand_language
    from sdpo_tts.judge.feedback.text import FeedbackStyle

    problem = load(path)
    try:
        source = program.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise UserError(f"cannot read the program: {error.strerror}", where=str(program)) from None
    chosen = _language(problem, program, key)
    demand_language(chosen, {problem.language, *problem.author_languages})
    with Judge(problem, all_tests=True, languages=[chosen], style=FeedbackStyle()) as sandbox:
        judgement = sandbox.judge(source, chosen)
    _show(judgement, problem)
    return SOLVED if judgement.solved else UNSOLVED


def _language(problem: Problem, program: Path, key: str | None) -> str:
    """What `--language` says, else the suffix; the problem's own where several share it, and where there is none.

    Raises UserError for one that there is not, and for a suffix that tells nothing.
    """
    from sdpo_tts.problem.language import language, language_of

    if key is not None:
        language(key)
        return key
    if not program.suffix:
        return problem.language
    if found := language_of(program.name):
        return problem.language if language(found).source == language(problem.language).source else found
    what = f"no language has the suffix {program.suffix!r}"
    raise UserError(what, where=str(program), hint="give it with --language")


def _show(judgement: Judgement, problem: Problem) -> None:
    from sdpo_tts.judge import Verdict
    from sdpo_tts.judge.feedback.text import render

    for outcome in judgement.outcomes:
        megabytes = outcome.peak_bytes / 2**20
        line = f"{outcome.verdict:<4}{outcome.test.name:<24}{outcome.cpu_s:6.2f} s {megabytes:6.1f} MiB"
        print(line if outcome.verdict is Verdict.AC else f"{line}  {outcome.detail}")
    print(f"{judgement.verdict}: {judgement.passed} of {judgement.total} tests passed")
    if text := render(judgement, problem).text:
        print(f"\n{text}")
