"""How many of a program's errors the feedback on it names, with and without what GCC quotes of its library.

    python -m benchmarks.compile_errors PROBLEM RUN...

The attempts of these runs that did not compile are compiled again, equal ones once. An error is a place in the
solution.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from benchmarks.report import table
from sdpo_tts.judge import Judge, Verdict
from sdpo_tts.judge.feedback.gcc import own_messages
from sdpo_tts.judge.feedback.style import clean
from sdpo_tts.judge.feedback.text import COMPILER_CHARS, COMPILER_LINES
from sdpo_tts.problem import load_problem
from sdpo_tts.record import AttemptRecord, RunDir

ERROR = re.compile(r"^(solution\.\w+:\d+:\d+): (?:fatal )?error: ", re.MULTILINE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("problem", type=Path)
    parser.add_argument("runs", type=Path, nargs="+")
    asked = parser.parse_args()
    texts = compiler_texts(asked.problem, [RunDir.existing(run) for run in asked.runs])
    errors = [places(text) for text in texts]
    print(f"{len(texts)} programs that do not compile, with {sum(map(len, errors))} errors\n")
    whole, own = ([cut(text) for text in kind] for kind in (texts, map(own_messages, texts)))
    head = ("feedback", "errors named", "programs of which all are named", "characters, mean")
    print(table(head, [row("as it is", whole, errors), row("without the library", own, errors)]))


def compiler_texts(problem: Path, runs: Sequence[RunDir]) -> list[str]:
    records = [AttemptRecord.load(file) for run in runs for file in sorted(run.attempts.iterdir())]
    programs = dict.fromkeys(record.program for record in records if record.verdict is Verdict.CE)
    with Judge(load_problem(problem)) as judge:
        return [judgement.compile_output for judgement in judge.judge_many(list(programs))]


def row(name: str, told: Sequence[str], errors: Sequence[set[str]]) -> list[str]:
    named = [places(text) for text in told]
    complete = sum(some == all_ for some, all_ in zip(named, errors, strict=True))
    return [name, str(sum(map(len, named))), str(complete), f"{sum(map(len, told)) / len(told):.0f}"]


def places(text: str) -> set[str]:
    return set(ERROR.findall(text))


def cut(text: str) -> str:
    return clean(text, COMPILER_CHARS, COMPILER_LINES)


if __name__ == "__main__":
    main()
