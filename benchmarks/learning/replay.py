"""What does each recipe learn from the very same samples? No luck of sampling in it, and a fraction of a row's time.

    python -m benchmarks.learning.replay problems/triangle --recipes sdpo teacher-first 3e-4 --seeds 1 --times 4

Two batches are sampled once, as teacher-first does but without learning: 16 answers of the base, then half from the
bare question and half with feedback. Each recipe learns the first batch once and the second several times over, always
from an adapter that is new. After each time: the mean growth of the log-probability of answers that are known to pass
(nats per answer, from passing.jsonl), and how far the adapter has moved the distributions of unrelated passages (KL per
token). It is a guide to learning rates, losses and numbers of updates; what comes of it is told by a row that samples
anew after each batch. Lines are kept in replay.jsonl.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.learning import passing
from benchmarks.learning.__main__ import RECIPES, FailuresOnly, settings_of
from sdpo_tts.discovery.assemble import Policy, RunSettings, load_policy, make_strategy
from sdpo_tts.discovery.launch import make_judge
from sdpo_tts.discovery.measure.drift import drift, passages
from sdpo_tts.discovery.solve import Solver
from sdpo_tts.discovery.state import Parts
from sdpo_tts.policy import prompts
from sdpo_tts.policy.learning.lesson import Lesson
from sdpo_tts.problem import Problem, load_problem
from sdpo_tts.record import Journal, RunDir

RESULTS = Path(__file__).parent / "replay.jsonl"
SAMPLING = "--method auto --sources student=1,feedback=1"
Lessons = tuple[Sequence[Lesson], Sequence[Lesson]]


class Collector:
    """In a learner's place: keeps what it is given, from samples without and with help."""

    def __init__(self, learner: Any) -> None:
        self.settings, self.kept, self.given = learner.settings, learner.kept, list[Lessons]()

    def step(self, own: Sequence[Lesson], helped: Sequence[Lesson]) -> str:
        self.given.append((own, helped))
        return "nothing is learned yet"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("problems", nargs="+", type=Path)
    parser.add_argument("--recipes", nargs="+", required=True)
    parser.add_argument("--seeds", nargs="*", type=int, default=[1])
    parser.add_argument("--times", type=int, default=4, help="how often the second batch is learned")
    parser.add_argument("--model", default="qwen2.5-coder-0.5b")
    parser.add_argument("--max-new-tokens", type=int, default=384)
    asked = parser.parse_args()
    known = tomllib.loads(RECIPES.read_text(encoding="utf-8"))
    policy = None
    for seed in asked.seeds:
        for path in asked.problems:
            common = f"--model {asked.model} --seed {seed} --max-new-tokens {asked.max_new_tokens}"
            settings = settings_of(f"{SAMPLING} {common}")
            policy = policy or load_policy(settings.policy, seed, print)
            problem = load_problem(path)
            batches = sampled(problem, policy, settings)
            print(path.name, seed, [(len(own), len(helped)) for own, helped in batches], flush=True)
            for name in asked.recipes:
                row = {"problem": path.name, "recipe": name, "seed": seed, "model": asked.model}
                row |= learned(problem, policy, settings_of(f"{known[name]['options']} {common}"), batches, asked.times)
                print(json.dumps(row), flush=True)
                with RESULTS.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps(row) + "\n")


def sampled(problem: Problem, policy: Policy, settings: RunSettings) -> list[Lessons]:
    """What two batches give to learn from, but for what passes."""
    policy.network.renew(settings.seed)
    settings = replace(settings, solver=replace(settings.solver, keep_going=True))
    with make_judge(problem, settings) as judge, tempfile.TemporaryDirectory() as folder:
        run = RunDir.at(Path(folder) / "run")
        with Journal(run.events) as journal:
            strategy: Any = make_strategy(problem, policy, settings)
            strategy.learner = collector = Collector(strategy.learner)
            parts = Parts(policy.network, policy.chat, policy.sampler, judge, journal, run)
            solver = Solver(parts, strategy, settings.budget, settings.seed, settings.solver)
            for _ in range(2):
                FailuresOnly(strategy).learn(solver.batch())
                solver.step += 1
    return collector.given


def learned(
    problem: Problem, policy: Policy, settings: RunSettings, batches: Sequence[Lessons], times: int
) -> dict[str, Any]:
    """Of a new adapter: what each time of learning brings. The samples are not those of the adapter as it moves on, so
    no gap to what drew them is too large."""
    policy.network.renew(settings.seed)
    settings = replace(settings, learner=replace(settings.learner, max_gap=math.inf))
    learner: Any = make_strategy(problem, policy, settings).learner  # type: ignore[union-attr]
    question = policy.chat.prompt(prompts.student_text(problem))
    answers = passing.known(problem.slug, settings.policy.model)
    likelihoods = [passing.likelihood(policy, question, answers)]
    texts = [(name, policy.chat.plain(text)) for name, text in passages()]
    moved, seconds = [], []
    for own, helped in [batches[0], *[batches[1]] * times]:
        groups = [own if settings.method != "auto" or settings.auto.distil else []]
        if settings.method == "auto" and settings.learner.imitation.samples != "none":
            groups.append(helped)
        began = time.monotonic()
        learner.step(*groups)
        seconds.append(round(time.monotonic() - began, 1))
        likelihoods.append(passing.likelihood(policy, question, answers))
        moved.append(round(fmean(drift(policy.network, name, ids).kl for name, ids in texts), 5))
    return {"known": len(answers), "grown": passing.growth(likelihoods), "moved": moved, "seconds": seconds}


if __name__ == "__main__":
    main()
