"""The same program judged many times while the other workers are busy: its verdict must be the same every time.

    python -m benchmarks.steady [--times N] [--workers N] [--write]

First a fixed piece of work is measured alone. Then a problem whose limit is 1.5 times that is judged N times (it must
be AC every time), and one whose limit is two thirds of it (TLE every time), with every worker busy.
"""

from __future__ import annotations

import argparse
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from benchmarks.report import table, write
from sdpo_tts.judge import Judge, Judgement
from sdpo_tts.problem import Problem
from tests.hostile.corpus import RIGHT, SUM

WORK = f"for i in range(3_000_000):\n    pass\n{RIGHT}"
MARGIN = 1.5
ONE_TEST = replace(SUM, tests=SUM.tests[:1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    alone_s = statistics.median(_cpu_s(judge(ONE_TEST, limit_s=10.0, times=5, workers=1)))
    rows = [row(limit, alone_s, options) for limit in (alone_s * MARGIN, alone_s / MARGIN)]
    head = ("limit", "alone", "with company: least", "median", "most", "verdicts")
    text = f"{options.times} times each, {options.workers} workers; seconds of CPU.\n\n{table(head, rows)}"
    print(text)
    if options.write:
        write("judge.md", "steady", text)


def row(limit_s: float, alone_s: float, options: argparse.Namespace) -> list[str]:
    judgements = judge(ONE_TEST, limit_s, options.times, options.workers)
    cpu_s = _cpu_s(judgements)
    numbers = (limit_s, alone_s, min(cpu_s), statistics.median(cpu_s), max(cpu_s))
    verdicts = Counter(str(judgement.verdict) for judgement in judgements)
    return [*(f"{number:.3f}" for number in numbers), ", ".join(f"{count} {name}" for name, count in verdicts.items())]


def judge(problem: Problem, limit_s: float, times: int, workers: int) -> list[Judgement]:
    limited = replace(problem, limits=replace(problem.limits, time_s=limit_s))
    with Judge(limited, workers=workers) as judge:
        return judge.judge_many([f"{WORK}# {number}\n" for number in range(times)])


def _cpu_s(judgements: Sequence[Judgement]) -> list[float]:
    return [judgement.outcomes[0].cpu_s for judgement in judgements]


if __name__ == "__main__":
    main()
