"""`sdpo-solve problem.yaml`: solves a problem."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdpo_tts.cli import options
from sdpo_tts.cli.command import PROBLEM_HELP, SOLVED, UNSOLVED, app_of, load, load_libraries, orderly, run_process
from sdpo_tts.cli.complete import problems
from sdpo_tts.cli.existing_run import ExistingRun, find_run, unfinished
from sdpo_tts.cli.machine.version import Version
from sdpo_tts.cli.problems.new import offered
from sdpo_tts.cli.run_options import EVERYDAY, with_run_options
from sdpo_tts.cli.settings import flags, refuse_idle, settled
from sdpo_tts.cli.solving.ending import near, say_the_end
from sdpo_tts.cli.solving.hint import started_from
from sdpo_tts.cli.solving.verdict import put_aside
from sdpo_tts.cli.usage.command import Command
from sdpo_tts.cli.usage.layout import layout
from sdpo_tts.errors import SetupError, UserError

if TYPE_CHECKING:
    from sdpo_tts.discovery.assemble import Policy, RunSettings
    from sdpo_tts.discovery.attempt import Judged
    from sdpo_tts.discovery.methods.strategy import Strategy
    from sdpo_tts.discovery.solve import Solver
    from sdpo_tts.discovery.state import Parts
    from sdpo_tts.judge import Judge
    from sdpo_tts.problem import Problem
    from sdpo_tts.record import Journal, RunDir
    from sdpo_tts.track.tracker import Tracker
    from sdpo_tts.view import View


def _help_all(context: typer.Context, wanted: bool) -> None:
    if wanted:
        print(layout(context.command, context))
        raise typer.Exit


class SolveCommand(Command):
    everyday = EVERYDAY | {"help_all", "version"}


@with_run_options
def solve(
    context: typer.Context,
    problem: Annotated[Path | None, typer.Argument(help=PROBLEM_HELP, autocompletion=problems)] = None,
    help_all: Annotated[
        bool, typer.Option("--help-all", callback=_help_all, is_eager=True, help="Show all options.")
    ] = False,
    version: Version = False,
    **chosen: Any,
) -> None:
    """Sample programs, run them in the sandbox and learn from the error text, until one passes all tests.

    Without --max-attempts, --max-tokens or --max-time it runs until the problem is solved. Ctrl-C stops it, and
    --resume continues. Options may also be set in files and environment variables (docs/settings.md).

    Prints the program's path to stdout, or JSON with --json. Exit codes: 0 solved, or --enough reached, 2 wrong usage
    or problem file, 3 budget spent, 4 something is missing on this machine, 5 the sandbox failed, 130 or 143
    interrupted, 1 a bug in sdpo-tts.
    """
    with orderly():
        job = _old_job(chosen["resume"], context) if chosen["resume"] else _new_job(context)
        code = _solve(job, quiet=chosen["quiet"], as_json=chosen["as_json"])
    raise typer.Exit(code)


@dataclass(frozen=True)
class _Job:
    """A run to begin, or to continue."""

    problem: Problem
    settings: RunSettings
    run: RunDir
    trackers: list[Tracker]
    plain: bool
    past: ExistingRun | None = None


def _new_job(context: typer.Context) -> _Job:
    from sdpo_tts.record import RunDir
    from sdpo_tts.track.backends import wanted
    from sdpo_tts.track.tracker import Tracker

    path, quiet = context.params["problem"], context.params["quiet"]
    if path is None:
        raise UserError("no problem given", where="sdpo-solve", hint="sdpo-solve problem.yaml, or --resume RUN")
    problem = load(offered(path), quiet=quiet)
    chosen = settled(context, problem)
    _demand_scores(problem, chosen["enough"])
    _demand_servers(context, chosen)
    load_libraries(quiet=quiet)
    from sdpo_tts.discovery.assemble import refuse_untrainable

    settings, runs, track = options.run_settings(chosen), chosen["runs"], wanted(chosen["track"])
    settings = started_from(chosen["start"] or (), settings, problem)
    refuse_untrainable(settings)
    _check(settings)
    if not quiet:
        _tell_unfinished(runs, problem)
    run = RunDir.create(runs, problem.slug, settings.method, settings.seed)
    return _Job(problem, settings, run, [Tracker(one, run.path) for one in track], chosen["plain"])


def _check(settings: RunSettings) -> None:
    """The model and the critic, before anything slow begins. Raises UserError, SetupError."""
    from sdpo_tts.discovery import critic
    from sdpo_tts.discovery.assemble import check_policy

    check_policy(settings.policy)
    critic.demand(settings.critic.kind, settings.critic.model)


def _tell_unfinished(runs: Path, problem: Problem) -> None:
    for folder in unfinished(runs, problem):
        print("note: this problem has an unfinished run; to continue it:", file=sys.stderr)
        print(f"sdpo-solve --resume {shlex.quote(str(near(folder)))}", file=sys.stderr)


def _demand_servers(context: typer.Context, chosen: Mapping[str, Any]) -> None:
    """Raises UserError for a model's name on a server that is not used."""
    if not chosen["endpoint"]:
        refuse_idle(context, "without --endpoint", "endpoint_model")
    if chosen["critic"] in ("none", "self"):
        refuse_idle(context, "without a --critic on a server", "critic_model")


def _demand_scores(problem: Problem, enough: float | None) -> None:
    """Raises UserError if a score is asked of a problem without scores."""
    if enough is not None and problem.full_points is None:
        raise UserError("the problem has no scores", where="--enough", hint="`groups` in problem.yaml")


def _old_job(folder: Path, context: typer.Context) -> _Job:
    """A resumed run keeps its settings, whatever files and variables say now."""
    from sdpo_tts.track.backends import wanted
    from sdpo_tts.track.tracker import Tracker

    chosen, given = context.params, flags(context)
    options.refuse_changes(given)
    past = ExistingRun.open(folder := find_run(folder, context))
    problem = past.problem() if chosen["problem"] is None else load(chosen["problem"], quiet=chosen["quiet"])
    if problem.digest != past.manifest["problem"]["digest"]:
        raise UserError("this is not the run's problem", where=str(problem.path))
    _demand_scores(problem, chosen["enough"])
    load_libraries(quiet=chosen["quiet"])
    from sdpo_tts.discovery.assemble import RunSettings

    settings = options.resumed_settings(RunSettings.of(past.settings), chosen, given)
    settings = started_from(chosen["start"] or (), settings, problem)
    if past.solved and not settings.solver.keep_going:
        hint = f"its program is {past.run.solution(problem.language)}"
        if past.awaits_verdict:
            hint += "; if an external judge does not accept it: sdpo-tts verdict RUN VERDICT"
        raise UserError("the run has solved its problem", where=str(folder), hint=hint)
    past.refuse_spent(settings.budget)
    _check(settings)
    now = settled(context)
    trackers = [Tracker(one, past.run.path) for one in wanted(now["track"])]
    return _Job(problem, settings, past.run, trackers, now["plain"], past)


def _solve(job: _Job, *, quiet: bool, as_json: bool) -> int:
    from sdpo_tts.view import captured_logs, heard, make_view

    run = job.run
    kept = False
    with run.lock():
        try:
            with (
                captured_logs(run.logs) as terminal,
                make_view("quiet" if quiet else "plain" if job.plain else None, terminal, run) as view,
                heard(view.trouble, relief=view.relief),
            ):
                winner = _run(job, view)
        except SetupError:
            if kept := (log := run.logs / "engine.log").stat().st_size > 0:
                print(f"output of libraries: {log}", file=sys.stderr)
            raise
        finally:
            say_the_end(run, job.problem, quiet=quiet)
            run.forget_if_unbegun(but_logs=kept)
    if as_json:
        print(json.dumps(json.loads(run.result.read_text(encoding="utf-8"))))
    elif winner:
        found = run.solution(job.problem.language)
        print(found if found.exists() else run.best(job.problem.language))
    return SOLVED if winner else UNSOLVED


def _run(job: _Job, view: View) -> Judged | None:
    """The run itself, from its first event to its last."""
    from sdpo_tts.discovery.assemble import load_policy, make_strategy, trains
    from sdpo_tts.discovery.launch import announce, make_judge
    from sdpo_tts.discovery.solve import Solver
    from sdpo_tts.record import Journal
    from sdpo_tts.view import heard

    problem, settings, run = job.problem, job.settings, job.run
    view.status("starting the sandbox")
    with (
        make_judge(problem, settings) as judge,
        Journal(run.events) as journal,
        load_policy(settings.policy, settings.seed, view.status, adapts=trains(settings)) as policy,
    ):
        strategy = make_strategy(problem, policy, settings)
        parts = _parts(job, policy, strategy, judge, journal, view)
        solver = Solver(parts, strategy, settings.budget, settings.seed, settings.solver)
        if job.past:
            _continue(job, job.past, solver, policy, view)
        for hear in (view.event, *(tracker.event for tracker in job.trackers)):
            journal.subscribe(hear)
        if not job.past:
            announce(journal, run, judge, policy, strategy, settings, sys.argv)
        with heard(lambda text: journal.append("warned", message=text), "engine", "judge", "policy"):
            return _winner(solver)


def _parts(job: _Job, policy: Policy, strategy: Strategy, judge: Judge, journal: Journal, view: View) -> Parts:
    from sdpo_tts.discovery.assemble import make_critic, make_guard
    from sdpo_tts.discovery.state import Parts
    from sdpo_tts.record.kept_answers import KeptAnswers

    settings, run = job.settings, job.run
    if strategy.learner:
        strategy.learner.tell = view.learning
    sampler = KeptAnswers(policy.sampler, run.answers) if settings.policy.endpoint else policy.sampler
    return Parts(
        policy.network, policy.chat, sampler, judge, journal, run,
        make_guard(strategy, settings.guard), make_critic(job.problem, policy, settings),
        view.sampling, policy.window.limit,
    )  # fmt: skip


def _continue(job: _Job, past: ExistingRun, solver: Solver, policy: Policy, view: View) -> None:
    """Bring the solver, the view and the trackers to where the run stopped. Raises UserError."""
    from sdpo_tts.discovery import checkpoint
    from sdpo_tts.record import read_events

    if past.rejected:  # `verdict` may have been killed before it did this
        put_aside(job.run)
    past.same_model(policy.facts)
    checkpoint.resume(solver)
    told = read_events(job.run.events)
    for event in told:
        view.event(event)
    for tracker in job.trackers:
        tracker.catch_up(told)


def _winner(solver: Solver) -> Judged | None:
    try:
        return solver.run()
    except KeyboardInterrupt:
        if not solver.done:
            raise
        return solver.winner  # found while waiting for the end of the batch


app = app_of(solve, "sdpo-solve", SolveCommand)


def main() -> None:
    run_process(app, keep_code=True)
