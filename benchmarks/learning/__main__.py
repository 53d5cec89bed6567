"""What does the model learn in a few batches in which nothing passes? One row for each problem, recipe and seed.

    python -m benchmarks.learning problems/triangle problems/dedup --recipes sdpo teacher-first --seeds 1 2 3
    python -m benchmarks.learning problems/triangle --settings "mine: --method auto --sources student=1,feedback=1"
    python -m benchmarks.learning --table

A row samples, judges and learns as `sdpo-solve` does, but passing programs are left out of learning, so that nothing
but failures teaches. Then it draws fresh samples of the bare question, and one from the teacher's prompt (the question
with the feedback) for each that failed: how many pass, and what share of the shown tests. Before that, after every
batch, the growth of the log-probability of answers that are known to pass (passing.jsonl, made by the base's rows:
`--recipes base --batches 0`); `--fresh 0` measures that alone. Recipes are in recipes.toml. Rows are kept in
results.jsonl; the same command goes on where it was stopped. Several processes may share the work: each takes a row
that nobody has taken (OMP_NUM_THREADS=1 each gets more done than one with two threads).
"""

from __future__ import annotations

import argparse
import json
import shlex
import tempfile
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from benchmarks.learning import passing
from benchmarks.learning.claims import claimed
from benchmarks.report import table
from sdpo_tts.cli import options
from sdpo_tts.cli.run_options import run_command
from sdpo_tts.discovery.assemble import Policy, RunSettings, load_policy, make_guard, make_strategy
from sdpo_tts.discovery.attempt import Attempt, Judged
from sdpo_tts.discovery.launch import make_judge
from sdpo_tts.discovery.methods.context import TeacherContext
from sdpo_tts.discovery.methods.strategy import Strategy
from sdpo_tts.discovery.solve import Solver
from sdpo_tts.discovery.state import Parts
from sdpo_tts.judge import Judge
from sdpo_tts.judge.feedback.text import render
from sdpo_tts.policy import prompts
from sdpo_tts.policy.batch import Ids
from sdpo_tts.policy.learning.metrics import Step
from sdpo_tts.policy.program import extract_program
from sdpo_tts.problem import load_problem
from sdpo_tts.record import Journal, RunDir
from sdpo_tts.stats.intervals import wilson

HERE = Path(__file__).parent
RESULTS, RECIPES = HERE / "results.jsonl", HERE / "recipes.toml"
HEADER = ("problem", "recipe", "after", "tokens", "seeds", "nats", "student", "90 %", "share", "teacher", "first")
STUDENT, TEACHER = 20, 21  # streams of random numbers, apart from the solver's
KEY = ("problem", "recipe", "seed", "batches", "model", "max_new_tokens", "fresh")


class FailuresOnly:
    """A strategy that learns nothing from what passes."""

    def __init__(self, strategy: Strategy) -> None:
        self._strategy = strategy
        self.name, self.batch_size, self.learner = strategy.name, strategy.batch_size, strategy.learner
        self.draws, self.state, self.restore = strategy.draws, strategy.state, strategy.restore
        self.begin, self.advise = strategy.begin, strategy.advise

    def learn(self, batch: Sequence[Judged]) -> Step | str:
        failed = [judged for judged in batch if not judged.judgement.solved]
        return self._strategy.learn(failed) if failed else "all of this batch passes"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("problems", nargs="*", type=Path)
    parser.add_argument("--recipes", nargs="*", default=[])
    parser.add_argument("--settings", nargs="*", default=[], help="'NAME: options of sdpo-solve'")
    parser.add_argument("--seeds", nargs="*", type=int, default=[1])
    parser.add_argument("--batches", nargs="*", type=int, default=[5], help="measure after so many")
    parser.add_argument("--fresh", type=int, default=48)
    parser.add_argument("--model", default="qwen2.5-coder-0.5b")
    parser.add_argument("--max-new-tokens", type=int, default=384)
    parser.add_argument("--table", action="store_true")
    asked = parser.parse_args()
    known = tomllib.loads(RECIPES.read_text(encoding="utf-8"))
    recipes = {name: known[name]["options"] for name in asked.recipes} | dict(map(_named, asked.settings))
    policy = None
    for seed, problem, (name, text) in product(asked.seeds, asked.problems, recipes.items()):
        batches = max(asked.batches)
        key = {"problem": problem.name, "recipe": name, "seed": seed, "batches": batches, "model": asked.model}
        key |= {"max_new_tokens": asked.max_new_tokens, "fresh": asked.fresh}
        with claimed(RESULTS, key, KEY) as mine:
            if not mine:
                continue
            most = f"--max-new-tokens {asked.max_new_tokens}"
            settings = settings_of(f"{text} --model {asked.model} --seed {seed} {most}")
            policy = policy or load_policy(settings.policy, seed, print)
            policy.network.renew(seed)
            for row in rows(problem, settings, policy, asked.batches, asked.fresh):
                keep({**key, **row, "options": text})
    if asked.table or not asked.problems:
        print(table(HEADER, told()))


def settings_of(text: str) -> RunSettings:
    """What `sdpo-solve` makes of these options."""
    context = run_command().make_context("settings", shlex.split(text))
    return options.run_settings(context.params)


def rows(
    path: Path, settings: RunSettings, policy: Policy, after: Sequence[int], fresh: int
) -> Iterator[dict[str, Any]]:
    """What was measured after each number of batches."""
    problem = load_problem(path)
    settings = replace(settings, solver=replace(settings.solver, keep_going=True))
    with make_judge(problem, settings) as judge, tempfile.TemporaryDirectory() as folder:
        run = RunDir.at(Path(folder) / "run")
        with Journal(run.events) as journal:
            strategy = FailuresOnly(make_strategy(problem, policy, settings))
            guard = make_guard(strategy, settings.guard)
            parts = Parts(policy.network, policy.chat, policy.sampler, judge, journal, run, guard)
            solver = Solver(parts, strategy, settings.budget, settings.seed, settings.solver)
            question = policy.chat.prompt(prompts.student_text(problem))
            answers = passing.known(problem.slug, settings.policy.model)
            likelihoods = [passing.likelihood(policy, question, answers)]
            passed: list[list[int]] = []
            for batch in range(max(after) + 1):
                if batch in after:
                    yield {
                        "after": batch, "passed_in_batches": passed[:], "solved_first": first(passed),
                        "known": len(answers), "grown": passing.growth(likelihoods),
                    } | (measured(policy, judge, settings, batch, fresh) if fresh else {})
                if batch < max(after):
                    passed.append(one_batch(solver))
                    likelihoods.append(passing.likelihood(policy, question, answers))


def one_batch(solver: Solver) -> list[int]:
    """Numbers of the attempts that passed."""
    batch = solver.batch()
    solver.learn(batch)
    solver.step += 1
    return [judged.attempt.number for judged in batch if judged.judgement.solved]


def first(passed: Sequence[Sequence[int]]) -> int | None:
    return min((number for numbers in passed for number in numbers), default=None)


def measured(policy: Policy, judge: Judge, settings: RunSettings, batch: int, fresh: int) -> dict[str, Any]:
    """Pass rates of fresh samples of the student, and of its teacher for those that failed."""
    question = policy.chat.prompt(prompts.student_text(judge.problem))
    student = sampled(policy, judge, settings, [question] * fresh, [settings.seed, STUDENT, batch])
    context = TeacherContext(judge.problem, policy.chat, settings.context, settings.seed)
    failed = [judged for judged in student if not judged.judgement.solved]
    prompts_of = [(judged, context.told([judged.feedback.text])) for judged in failed]
    told = [(judged, prompt) for judged, prompt in prompts_of if prompt]
    teacher = sampled(policy, judge, settings, [prompt for _, prompt in told], [settings.seed, TEACHER, batch])
    if batch == 0:
        kept = {"problem": judge.problem.slug, "model": settings.policy.model, "seed": settings.seed}
        passing.keep([*student, *teacher], kept)
    return {
        "student": [solved(student), len(student)],
        "teacher": [solved(teacher), len(teacher)],
        "student_share": share(student),
        "teacher_share": share(teacher),
        "cut": [truncated(student), truncated(teacher)],
        "teacher_of": by_verdict([judged for judged, _ in told], teacher),
        "tokens": fmean(len(judged.attempt.sample.response) for judged in student),
    }


def sampled(
    policy: Policy, judge: Judge, settings: RunSettings, asked: Sequence[Ids], stream: list[int]
) -> list[Judged]:
    samples = policy.sampler.sample(asked, [np.random.default_rng([*stream, i]) for i in range(len(asked))])
    texts = [policy.chat.text(sample.answer) for sample in samples]
    programs = [extract_program(text) for text in texts]
    return [
        Judged(
            Attempt(i, 0, i, 0, sample, text, program), judgement,
            render(judgement, judge.problem, style=settings.solver.style, **sample.cut),
        )
        for i, (sample, text, program, judgement) in enumerate(
            zip(samples, texts, programs, judge.judge_many(programs), strict=True)
        )
    ]  # fmt: skip


def solved(batch: Sequence[Judged]) -> int:
    return sum(judged.judgement.solved for judged in batch)


def truncated(batch: Sequence[Judged]) -> int:
    return sum(judged.attempt.sample.truncated for judged in batch)


def by_verdict(failed: Sequence[Judged], teacher: Sequence[Judged]) -> dict[str, list[int]]:
    """By the verdict on the attempt whose feedback the teacher has read: its answers that pass, and all."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for attempt, answer in zip(failed, teacher, strict=True):
        count = counts[str(attempt.judgement.verdict)]
        count[0] += answer.judgement.solved
        count[1] += 1
    return dict(counts)


def share(batch: Sequence[Judged]) -> float | None:
    """Mean share of the shown tests that pass."""
    shares = [
        fmean([outcome.verdict == "AC" for outcome in judged.judgement.outcomes if outcome.test.shown] or [0])
        for judged in batch
    ]
    return round(fmean(shares), 4) if shares else None


def keep(row: dict[str, Any]) -> None:
    with RESULTS.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(row) + "\n")


def told() -> Iterator[tuple[str, ...]]:
    """The kept rows, over seeds."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for line in RESULTS.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        groups[row["model"], row["problem"], row["recipe"], row["after"], row["max_new_tokens"]].append(row)
    for (_, problem, recipe, after, most), found in sorted(groups.items()):
        grown = [row["grown"][-1] for row in found if row.get("grown")]
        firsts = ", ".join(str(row["solved_first"] or "-") for row in found)
        yield (
            problem, recipe, str(after), str(most), str(len(found)), f"{fmean(grown):+.1f}" if grown else "-",
            *_rates([row for row in found if row["fresh"]]), firsts,
        )  # fmt: skip


def _rates(found: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    if not found:
        return ("-",) * 4
    passed, drawn = (sum(row["student"][i] for row in found) for i in (0, 1))
    taught, asked = (sum(row["teacher"][i] for row in found) for i in (0, 1))
    low, high = wilson(passed, drawn, 0.9)
    shares = fmean(row["student_share"] for row in found)
    return f"{passed} of {drawn}", f"{low:.0%} to {high:.0%}", f"{shares:.2f}", f"{taught} of {asked}"


def _named(text: str) -> tuple[str, str]:
    name, _, rest = text.partition(":")
    return name.strip(), rest.strip()


if __name__ == "__main__":
    main()
