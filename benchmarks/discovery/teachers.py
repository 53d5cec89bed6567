"""How good a teacher the model is to itself, on the problems of some stages: question 9 of README.md.

    python -m benchmarks.discovery.teachers main seldom tune [--samples 64] [--engine vllm] [--device cuda]

Samples from the student's prompt and, for each that failed, one from its teacher's, with the settings of the stages;
nothing is trained. What has been measured is kept in journals/teachers.jsonl; the same command goes on where it was
stopped, and prints the table once more.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.discovery.__main__ import JOURNALS, PROBLEMS, plan
from benchmarks.report import table
from sdpo_tts.cli.problem_sets import packaged
from sdpo_tts.discovery.assemble import Policy, PolicySettings, load_policy
from sdpo_tts.discovery.measure.probe import Probe
from sdpo_tts.judge import Judge
from sdpo_tts.problem import load_problem
from sdpo_tts.record.atomic import write_text
from sdpo_tts.stats.intervals import wilson

TEMPLATE, STYLE = "before-order", "all"  # those of settings.toml
KEPT = JOURNALS / "teachers.jsonl"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stages", nargs="+")
    parser.add_argument("--samples", type=int, default=64)
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--device", default="auto")
    asked = parser.parse_args()
    problems = {slug: path for stage in asked.stages for slug, path in of_stage(stage)}
    known = measured()
    missing = {slug: path for slug, path in problems.items() if slug not in known}
    if missing:
        settings = PolicySettings(plan()["main"]["model"], asked.device, engine=asked.engine)
        with load_policy(settings, 0, print) as policy:
            for slug, path in missing.items():
                keep(slug, measure(policy, path, asked.samples))
    known = measured()
    print(table(("problem", "base", "90 %", "its teacher", "90 %"), [row(slug, known[slug]) for slug in problems]))


def of_stage(stage: str) -> Iterator[tuple[str, Path]]:
    """The problems that it was run on, by slug, each where it is."""
    for slug in json.loads((JOURNALS / stage / "comparison.json").read_bytes())["problems"]:
        own = PROBLEMS / slug
        yield slug, own if own.exists() else Path(f"{packaged()}#{slug.replace('-', '/')}")


def measure(policy: Policy, path: Path, samples: int) -> list[dict[str, Any]]:
    """The student's rate and the teacher's."""
    with Judge(load_problem(path)) as judge:
        return [asdict(rate) for rate in Probe(policy, judge, 0).rates(samples, [TEMPLATE], [STYLE])]


def keep(slug: str, rates: list[dict[str, Any]]) -> None:
    known = {**measured(), slug: rates}
    write_text(KEPT, "".join(f"{json.dumps({'problem': slug, 'rates': rates})}\n" for slug, rates in known.items()))


def measured() -> dict[str, list[dict[str, Any]]]:
    lines = KEPT.read_text().splitlines() if KEPT.exists() else []
    return {one["problem"]: one["rates"] for one in map(json.loads, lines)}


def row(slug: str, rates: list[dict[str, Any]]) -> list[str]:
    return [slug, *(cell for rate in rates for cell in told(rate["passed"], rate["samples"]))]


def told(passed: int, samples: int) -> tuple[str, str]:
    low, high = wilson(passed, samples)
    return f"{passed} of {samples}", f"{100 * low:.1f} to {100 * high:.1f} %"


if __name__ == "__main__":
    main()
