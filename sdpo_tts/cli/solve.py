"""`sdpo-solve problem.yaml`: the main job."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdpo_tts.cli import options
from sdpo_tts.cli.run import PROBLEM_HELP, SOLVED, UNSOLVED, app_of, load, orderly
from sdpo_tts.cli.settings import settled

if TYPE_CHECKING:
    from sdpo_tts.discovery.assemble import RunSettings
    from sdpo_tts.discovery.attempt import Judged
    from sdpo_tts.problem import Problem
    from sdpo_tts.record import RunDir
    from sdpo_tts.view import View


def solve(
    context: typer.Context,
    problem: Annotated[Path, typer.Argument(help=PROBLEM_HELP)],
    method: options.Method = "sdpo",
    seed: options.Seed = 0,
    max_attempts: options.MaxAttempts = None,
    max_tokens: options.MaxTokens = None,
    max_time: options.MaxTime = None,
    keep_going: options.KeepGoing = False,
    model: options.Model = "auto",
    device: options.Device = "auto",
    dtype: options.Dtype = "auto",
    max_new_tokens: options.MaxNewTokens = 512,
    batch_size: options.BatchSize = None,
    base_samples: options.BaseSamples = 0,
    learning_rate: options.LearningRate = 1e-4,
    updates: options.Updates = 1,
    teacher: options.Teacher = "frozen",
    teacher_rate: options.TeacherRate = 0.01,
    alpha: options.Alpha = 1.0,
    support: options.Support = "student",
    top_k: options.TopK = 20,
    grpo_weight: options.GrpoWeight = 0.0,
    feedback: options.Feedback = "real",
    template: options.Template = "before-order",
    solutions: options.Solutions = True,
    critic: options.Critic = "none",
    critic_model: options.CriticModel = "",
    preset: options.Preset = None,
    config: options.Config = None,
    runs: options.Runs = Path("runs"),
    quiet: options.Quiet = False,
    as_json: options.AsJson = False,
) -> None:
    """Sample programs, run them in the sandbox, learn from the error text; until one passes all tests.

    Options may also stand in files and variables (docs/settings.md); `sdpo-tts config` shows which of them hold.

    stdout gets the path of the program (or --json). Exit codes: 0 solved, 2 usage or problem file, 3 budget spent,
    4 environment, 5 sandbox, 130 and 143 interrupted, 1 a fault of ours.
    """
    with orderly():
        task = load(problem, quiet=quiet)
        chosen = settled(context, task)
        code = _solve(task, options.run_settings(chosen), chosen["runs"], quiet=quiet, as_json=as_json)
    raise typer.Exit(code)


def _solve(problem: Problem, settings: RunSettings, runs: Path, *, quiet: bool, as_json: bool) -> int:
    from sdpo_tts.record import RunDir
    from sdpo_tts.view import captured_logs, make_view

    run = RunDir.create(runs, problem.slug, settings.method, settings.seed)
    try:
        with (
            run.lock(),
            captured_logs(run.logs / "run.log") as terminal,
            make_view("quiet" if quiet else None, terminal) as view,
        ):
            winner = _run(problem, settings, run, view)
    finally:
        _say_the_end(run, problem.language, quiet=quiet)
    if as_json:
        print(json.dumps(json.loads(run.result.read_text(encoding="utf-8"))))
    elif winner:
        print(run.solution(problem.language))
    return SOLVED if winner else UNSOLVED


def _run(problem: Problem, settings: RunSettings, run: RunDir, view: View) -> Judged | None:
    """The run itself, between the first event and the last."""
    from sdpo_tts.discovery.assemble import load_policy, make_critic, make_guard, make_strategy
    from sdpo_tts.discovery.solve import Parts, Solver
    from sdpo_tts.judge import Judge
    from sdpo_tts.record import Journal, manifest, write_json

    budget = settings.budget
    view.status("starting the sandbox")
    with Judge(problem) as judge, Journal(run.events) as journal:
        journal.subscribe(view.event)
        policy = load_policy(settings.policy, settings.seed, view.status)
        strategy = make_strategy(problem, policy, settings)
        effective = settings.effective(strategy)
        write_json(
            run.manifest,
            manifest(problem, settings=effective, argv=sys.argv, sandbox=judge.versions(), model=policy.facts),
        )
        journal.append(
            "run_started", method=strategy.name, problem=problem.slug, title=problem.title, seed=settings.seed,
            model=policy.facts["name"], engine=policy.facts["engine"], device=policy.facts["device"],
            tests=len(problem.tests), batch_size=strategy.batch_size, max_attempts=budget.max_attempts,
            max_tokens=budget.max_tokens, max_seconds=budget.max_seconds,
        )  # fmt: skip
        parts = Parts(
            policy.network, policy.chat, policy.sampler, judge, journal, run,
            make_guard(strategy, settings.guard), make_critic(problem, policy, settings),
        )  # fmt: skip
        return Solver(parts, strategy, budget, settings.seed, settings.solver).run()


def _say_the_end(run: RunDir, language: str, *, quiet: bool) -> None:
    """Write result.json and tell where everything is, however the run ended."""
    from sdpo_tts.record import read_events, write_json
    from sdpo_tts.view import RunState, summary

    if not run.events.exists():
        return
    state = RunState.of(read_events(run.events))
    solution = run.solution(language) if state.solved_at is not None else None
    write_json(run.result, {
        "solved": state.solved_at is not None,
        "reason": state.reason,
        "attempt": state.solved_at,
        "attempts": state.cost.attempts,
        "steps": len(state.steps),
        "tokens": state.cost.tokens,
        "seconds": state.wall_seconds,
        "program": str(solution) if solution else None,
        "run": str(run.path),
    })  # fmt: skip
    if not quiet:
        if solution:
            print(f"\n{solution.read_text(encoding='utf-8').rstrip()}\n", file=sys.stderr)
        print(summary(state, run.path, solution), file=sys.stderr)


app = app_of(solve, "sdpo-solve")


def main() -> None:
    app()
