"""Judges the hostile corpus, prints its table of verdicts, and with `--write` puts it into benchmarks/judge.md.

    python -m benchmarks.corpus [--write] [--load N]

`--load` keeps N processes spinning meanwhile. Exit code 1 when a program got another verdict than it must get.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from benchmarks.report import table, write
from tests.hostile.corpus import Result, entries, judge_all


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--load", type=int, default=0, metavar="N")
    options = parser.parse_args()
    with load(options.load):
        results = list(judge_all(entries()))
    for faulty in (result for result in results if result.fault):
        print(f"{faulty.entry.file}: {faulty.fault}", file=sys.stderr)
    text = report(results)
    print(text)
    if options.write:
        write("judge.md", "corpus", text)
    return any(result.fault for result in results)


def report(results: Sequence[Result]) -> str:
    by_file = {result.entry.file: result for result in results}
    rows = [_row(entry.group, by_file[entry.file]) for entry in entries()]
    counts = Counter(str(result.entry.verdict) for result in results)
    python = sum(result.entry.language == "python3" for result in results)
    right = sum(not result.fault for result in results)
    summary = ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
    head = f"{len(results)} programs ({python} in Python, {len(results) - python} in C++), {right} judged right"
    return f"{head}: {summary}.\n\n{table(('group', 'program', 'what it does', 'must get', 'got'), rows)}"


def _row(group: str, result: Result) -> tuple[str, str, str, str, str]:
    entry = result.entry
    got = str(result.judgement.verdict) if not result.fault else f"**{result.judgement.verdict}**"
    return group, f"`{entry.file}`", entry.about.replace("|", "\\|"), entry.verdict, got


@contextmanager
def load(processes: int) -> Iterator[None]:
    """So many processes that spin until the end of the block."""
    spinners = [multiprocessing.Process(target=_spin, daemon=True) for _ in range(processes)]
    for spinner in spinners:
        spinner.start()
    try:
        yield
    finally:
        for spinner in spinners:
            spinner.terminate()
            spinner.join()


def _spin() -> None:
    while True:
        pass


if __name__ == "__main__":
    sys.exit(main())
