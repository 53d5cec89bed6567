"""`sdpo-tts check`: is a problem file valid?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from sdpo_tts.cli.command import USAGE, ProblemPath, load_reading, orderly, tell
from sdpo_tts.errors import visible

if TYPE_CHECKING:
    from sdpo_tts.problem import Problem


def check(problem: ProblemPath) -> None:
    """Read a problem and judge its own submissions. Exit code 2: the file or a submission's verdict is wrong."""
    with orderly():
        wrong = _check(problem)
    raise typer.Exit(USAGE if wrong else 0)


def _check(path: Path) -> int:
    from sdpo_tts.judge import Judge
    from sdpo_tts.judge.submissions import submissions

    reading = load_reading(path)
    problem = reading.problem
    shown = sum(1 for _ in problem.shown)
    print(f"{problem.slug}: {problem.title}; {shown} shown and {len(problem.tests) - shown} held-out tests")
    known = submissions(problem, reading.programs)
    tell(_lacking(problem, known))
    with Judge(problem) as judge:
        judgements = judge.judge_many([submission.source for submission in known])
    wrong = 0
    for submission, judgement in zip(known, judgements, strict=True):
        right = judgement.verdict is submission.expected
        wrong += not right
        said = "ok" if right else f"WRONG: expected {submission.expected}"
        print(f"  {judgement.verdict:<4}{visible(submission.name):<40}{said}")
    return wrong


def _lacking(problem: Problem, known: Sequence[object]) -> Iterator[str]:
    """What a complete problem also has."""
    if all(test.shown for test in problem.tests):
        yield "no held-out tests: a run can only propose a program that passes the shown ones"
    if not known:
        yield "no submissions to judge: put programs into submissions/accepted, submissions/wrong_answer and so on"
