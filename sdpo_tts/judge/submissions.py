"""A problem's own programs with known verdicts: `submissions/<verdict>/NAME`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sdpo_tts.judge.verdict import Verdict
from sdpo_tts.problem import Problem
from sdpo_tts.problem.language import language
from sdpo_tts.problem.reading.package import is_litter

FOLDERS = {
    "accepted": Verdict.AC,
    "wrong_answer": Verdict.WA,
    "time_limit": Verdict.TLE,
    "runtime_error": Verdict.RE,
    "memory_limit": Verdict.MLE,
    "time_limit_exceeded": Verdict.TLE,  # the folder names in a Kattis package
    "run_time_error": Verdict.RE,
}


@dataclass(frozen=True)
class Submission:
    name: str
    source: str
    expected: Verdict


def read_source(path: Path) -> str:
    """A program in any encoding, from which `source_bytes` restores the same bytes. Raises OSError."""
    return path.read_bytes().decode("utf-8", "surrogateescape")


def submissions(problem: Problem, programs: Sequence[tuple[str, bytes]] = ()) -> list[Submission]:
    """Those in the problem's own language, by folder and name.

    `programs`: what the reader of a package or a row found; without it, the files beside a problem file.
    """
    suffix = Path(language(problem.language).source).suffix
    if programs:
        return _carried(programs, suffix)
    if problem.path.suffix not in (".yaml", ".yml"):
        return []
    root = problem.path.parent / "submissions"
    return [
        Submission(f"{folder}/{file.name}", read_source(file), expected)
        for folder, expected in FOLDERS.items()
        for file in sorted((root / folder).glob(f"*{suffix}"))
        if not is_litter(file.name)
    ]


def _carried(programs: Sequence[tuple[str, bytes]], suffix: str) -> list[Submission]:
    known = {name: source for name, source in programs if name.endswith(suffix) and name.partition("/")[0] in FOLDERS}
    return [
        Submission(name, known[name].decode("utf-8", "surrogateescape"), FOLDERS[name.partition("/")[0]])
        for name in sorted(known, key=lambda name: (list(FOLDERS).index(name.partition("/")[0]), name))
    ]
