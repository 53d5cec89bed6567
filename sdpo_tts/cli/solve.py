"""`sdpo-solve problem.yaml`: the main job."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdpo_tts.cli.run import SOLVED, UNSOLVED, app_of, demand, orderly, seconds

if TYPE_CHECKING:
    from sdpo_tts.discovery.attempt import Judged
    from sdpo_tts.problem import Problem
    from sdpo_tts.record import RunDir
    from sdpo_tts.view import View

METHODS = ("sdpo", "best-of-k", "multi-turn")
DTYPES = ("auto", "bfloat16", "float32")
BUDGET, MODEL, TRAINING, OUTPUT = "Budget", "Model", "Training", "Output"


def solve(
    problem: Annotated[Path, typer.Argument(help="A problem.yaml, or the folder that holds one.")],
    method: Annotated[str, typer.Option(help=f"One of {', '.join(METHODS)}.")] = "sdpo",
    seed: Annotated[int, typer.Option(min=0, help="All random draws follow from it.")] = 0,
    max_attempts: Annotated[int | None, typer.Option(min=1, help="Sampled programs.", rich_help_panel=BUDGET)] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Sampled tokens.", rich_help_panel=BUDGET)] = None,
    max_time: Annotated[str | None, typer.Option(help="As in 90s, 30m or 8h.", rich_help_panel=BUDGET)] = None,
    model: Annotated[
        str, typer.Option(help="auto, a catalogue name, a hub id, a folder or a GGUF file.", rich_help_panel=MODEL)
    ] = "auto",
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.", rich_help_panel=MODEL)] = "auto",
    dtype: Annotated[str, typer.Option(help="auto, bfloat16 or float32.", rich_help_panel=MODEL)] = "auto",
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Of one answer.", rich_help_panel=MODEL)] = 512,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Attempts a step; multi-turn: chains.", rich_help_panel=TRAINING)
    ] = None,
    learning_rate: Annotated[float, typer.Option(min=0.0, rich_help_panel=TRAINING)] = 1e-4,
    runs: Annotated[
        Path, typer.Option(envvar="SDPO_TTS_RUNS", help="Root of run folders.", rich_help_panel=OUTPUT)
    ] = Path("runs"),
    quiet: Annotated[bool, typer.Option("--quiet", help="Nothing but the result.", rich_help_panel=OUTPUT)] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The result as JSON.", rich_help_panel=OUTPUT)] = False,
) -> None:
    """Sample programs, run them in the sandbox, learn from the error text; until one passes all tests.

    stdout gets the path of the program (or --json). Exit codes: 0 solved, 2 usage or problem file, 3 budget spent,
    4 environment, 5 sandbox, 130 and 143 interrupted, 1 a fault of ours.
    """
    with orderly():
        demand(method, METHODS, "--method")
        demand(dtype, DTYPES, "--dtype")
        limit = seconds(max_time) if max_time else None
        choices = _Choices(
            method, seed, max_attempts, max_tokens, limit,
            model, device, dtype, max_new_tokens, batch_size, learning_rate,
        )  # fmt: skip
        code = _solve(problem, choices, runs, quiet=quiet, as_json=as_json)
    raise typer.Exit(code)


@dataclass(frozen=True)
class _Choices:
    """What was asked for, as it goes into the manifest; `max_seconds` None is no limit."""

    method: str
    seed: int
    max_attempts: int | None
    max_tokens: int | None
    max_seconds: float | None
    model: str
    device: str
    dtype: str
    max_new_tokens: int
    batch_size: int | None
    learning_rate: float


def _solve(path: Path, choices: _Choices, runs: Path, *, quiet: bool, as_json: bool) -> int:
    from sdpo_tts.problem import load_problem
    from sdpo_tts.record import RunDir
    from sdpo_tts.view import captured_logs, make_view

    problem = load_problem(path)
    run = RunDir.create(runs, problem.slug, choices.method, choices.seed)
    try:
        with (
            run.lock(),
            captured_logs(run.logs / "run.log") as terminal,
            make_view("quiet" if quiet else None, terminal) as view,
        ):
            winner = _run(problem, choices, run, view)
    finally:
        _say_the_end(run, problem.language, quiet=quiet)
    if as_json:
        print(json.dumps(json.loads(run.result.read_text(encoding="utf-8"))))
    elif winner:
        print(run.solution(problem.language))
    return SOLVED if winner else UNSOLVED


def _run(problem: Problem, choices: _Choices, run: RunDir, view: View) -> Judged | None:
    """The run itself, between the first event and the last."""
    from sdpo_tts.discovery.assemble import PolicySettings, load_policy, make_strategy
    from sdpo_tts.discovery.budget import Budget
    from sdpo_tts.discovery.launch import announce
    from sdpo_tts.discovery.solve import Parts, Solver
    from sdpo_tts.judge import Judge
    from sdpo_tts.judge.feedback import FeedbackStyle
    from sdpo_tts.policy.learner import LearnerSettings
    from sdpo_tts.record import Journal

    settings = PolicySettings(
        model=choices.model,
        device=choices.device,
        dtype=choices.dtype,
        max_new_tokens=choices.max_new_tokens,
        learner=LearnerSettings(learning_rate=choices.learning_rate),
    )
    budget = Budget(choices.max_attempts, choices.max_tokens, choices.max_seconds)
    style = FeedbackStyle()
    view.status("starting the sandbox")
    with Judge(problem) as judge, Journal(run.events) as journal:
        journal.subscribe(view.event)
        policy = load_policy(settings, choices.seed, view.status)
        strategy = make_strategy(choices.method, problem, policy, settings, choices.batch_size)
        announce(
            journal, run, judge, policy, strategy, budget=budget, seed=choices.seed, style=style,
            settings={**asdict(choices), **asdict(settings)}, argv=sys.argv,
        )  # fmt: skip
        parts = Parts(policy.network, policy.chat, policy.sampler, judge, journal, run)
        return Solver(parts, strategy, budget, choices.seed, style).run()


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
