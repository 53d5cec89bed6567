"""`sdpo-tts judge`: runs one program of yours in the sandbox."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdpo_tts.cli import options
from sdpo_tts.cli.command import SOLVED, UNSOLVED, ProblemPath, load, orderly
from sdpo_tts.cli.settings import settled
from sdpo_tts.errors import UserError, visible, visible_lines

if TYPE_CHECKING:
    from sdpo_tts.judge import Judge, Judgement
    from sdpo_tts.judge.feedback.text import Feedback
    from sdpo_tts.problem import Problem


def judge(
    context: typer.Context,
    problem: ProblemPath,
    program: Annotated[Path, typer.Argument(help="The source file to judge.")],
    language: Annotated[
        str | None, typer.Option(help="Language, if the file's name does not show it: python3, cpp20, ...")
    ] = None,
    diagnose: options.Diagnose = "all",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Judge a program, and print the feedback that a model would get. Exit code: 0 if it passes all tests,
    otherwise 3."""
    with orderly():
        code = _judge(context, problem, program, language, as_json=as_json)
    raise typer.Exit(code)


def _judge(context: typer.Context, path: Path, program: Path, key: str | None, *, as_json: bool) -> int:
    from sdpo_tts.judge import Judge
    from sdpo_tts.judge.containers.engine import demand_language
    from sdpo_tts.judge.evaluator import seen_by_a_run
    from sdpo_tts.judge.feedback.text import render

    problem = load(path)
    source, chosen = _source(program), _language(problem, program, key)
    style = options.setting("diagnose", settled(context, problem)["diagnose"])
    demand_language(chosen, {problem.language, *problem.author_languages})
    with Judge(problem, all_tests=True, languages=[chosen], style=style) as sandbox:
        judgement = _judged(sandbox, source, chosen)
    seen = replace(judgement, outcomes=tuple(seen_by_a_run(judgement.outcomes, problem)))
    told = render(seen, problem, style=style)
    if as_json:
        print(json.dumps(_fields(judgement, told)))
    else:
        _show(judgement, told, problem)
    return SOLVED if judgement.solved else UNSOLVED


def _judged(sandbox: Judge, source: str, language: str) -> Judgement:
    try:
        return sandbox.judge(source, language)
    except KeyboardInterrupt:
        print("stopping: removing the sandbox's containers", file=sys.stderr)
        raise


def _source(program: Path) -> str:
    """Raises UserError, also for a pipe or a device, which might never end."""
    from sdpo_tts.judge.submissions import read_source

    if program.exists() and not (program.is_file() or program.is_dir()):
        raise UserError("the program is not a regular file", where=str(program), hint="save it to a file first")
    try:
        return read_source(program)
    except OSError as error:
        raise UserError(f"cannot read the program: {error.strerror}", where=str(program)) from None


def _language(problem: Problem, program: Path, key: str | None) -> str:
    """`--language`, or else the file's suffix: the problem's own language if several share the suffix, or there is
    none.

    Raises UserError for an unknown language, and for a suffix that does not tell the language.
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


def _fields(judgement: Judgement, told: Feedback) -> dict[str, Any]:
    """Times in seconds, memory in bytes; `feedback`: what the model would read."""
    names = ("verdict", "cpu_s", "wall_s", "peak_bytes", "exit_code", "signal", "detail")
    return {
        "verdict": judgement.verdict,
        "solved": judgement.solved,
        "passed": judgement.passed,
        "total": judgement.total,
        **({} if judgement.points is None else {"points": judgement.points}),
        "tests": [
            {"name": one.test.name, "shown": one.test.shown, **{name: getattr(one, name) for name in names}}
            for one in judgement.outcomes
        ],
        "compile_output": judgement.compile_output,
        "feedback": asdict(told),
    }


def _show(judgement: Judgement, told: Feedback, problem: Problem) -> None:
    from sdpo_tts.judge import Verdict

    for outcome in judgement.outcomes:
        megabytes = outcome.peak_bytes / 2**20
        line = f"{outcome.verdict:<4}{outcome.test.name:<24}{outcome.cpu_s:6.2f} s {megabytes:6.1f} MiB"
        print(visible(line if outcome.verdict is Verdict.AC else f"{line}  {outcome.detail}"))
    print(f"{judgement.verdict}: {judgement.passed} of {judgement.total} tests passed")
    if judgement.points is not None:
        print(f"score: {judgement.points:g} of {problem.full_points:g} points")
    if told.text:
        print(f"\n{visible_lines(told.text)}")
