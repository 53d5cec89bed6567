"""The repository's own problems: their submissions get the verdicts that their folders say."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdpo_tts.judge import Judge, Verdict
from sdpo_tts.judge.submissions import submissions
from sdpo_tts.problem import Mode, load_problem
from tests.conftest import ROOT

PROBLEMS = sorted(path.parent for path in (ROOT / "problems").glob("*/problem.yaml"))
DEVELOPMENT = sorted(path.parent for path in (ROOT / "benchmarks/learning/problems").glob("*/problem.yaml"))


@pytest.mark.parametrize("folder", [*PROBLEMS, *DEVELOPMENT], ids=lambda folder: folder.name)
def test_submissions_get_their_verdicts(folder: Path, engine: None) -> None:
    problem = load_problem(folder)
    known = submissions(problem)
    assert {submission.expected for submission in known} >= {Verdict.AC, Verdict.WA}
    with Judge(problem) as judge:
        judgements = judge.judge_many([submission.source for submission in known])
    got = {one.name: judgement.verdict for one, judgement in zip(known, judgements, strict=True)}
    assert got == {one.name: one.expected for one in known}


def test_the_set_is_what_the_readme_says() -> None:
    problems = [load_problem(folder) for folder in PROBLEMS]
    assert len(problems) >= 12
    assert sum(problem.mode is Mode.FUNCTION for problem in problems) == 2
    assert {"python3", "cpp20"} == {problem.language for problem in problems}
    assert {"tokens", "floats", "program"} <= {problem.checker.kind for problem in problems}
    assert any(problem.interactor for problem in problems) and any(problem.stress for problem in problems)
    assert all(list(problem.shown) and list(problem.held_out) for problem in problems)
