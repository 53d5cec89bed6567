"""`sdpo-tts compare`: problems x arms x seeds, resumable, with a report at the end."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from sdpo_tts.cli import options
from sdpo_tts.cli.arms import read_arms
from sdpo_tts.cli.command import FAULT, load_libraries, orderly
from sdpo_tts.cli.options import METHODS
from sdpo_tts.cli.problem_sets import SETS, read_problems
from sdpo_tts.cli.settings import refuse_idle, settled
from sdpo_tts.cli.solving import compare_options as o
from sdpo_tts.cli.values import demand
from sdpo_tts.errors import SdpoError, UserError, visible

if TYPE_CHECKING:
    from sdpo_tts.comparison.arms import Arm
    from sdpo_tts.comparison.job import Makers, Watch
    from sdpo_tts.comparison.plan import Plan
    from sdpo_tts.comparison.run import Comparison, Tally
    from sdpo_tts.discovery.assemble import Policy, PolicySettings, RunSettings
    from sdpo_tts.models.progress import Report
    from sdpo_tts.problem import Problem
    from sdpo_tts.record import RunDir
    from sdpo_tts.view import Mode


def compare(
    context: typer.Context,
    problems: o.Problems = None,
    collection: o.Collection = None,
    ids: o.Ids = None,
    limit: o.Limit = None,
    probe: o.Probe = None,
    keep: o.Keep = "hard",
    take: o.Take = None,
    methods: o.Methods = o.EVERY,
    seeds: o.Seeds = 5,
    first_seed: o.FirstSeed = 0,
    max_attempts: options.MaxAttempts = 128,
    max_tokens: options.MaxTokens = None,
    max_time: options.MaxTime = None,
    model: options.Model = "auto",
    device: options.Device = "auto",
    dtype: options.Dtype = "auto",
    quantization: options.Quantization = "none",
    max_new_tokens: options.MaxNewTokens = 512,
    engine: options.Engine = "auto",
    batch_size: o.BatchSizes = None,
    learning_rate: options.LearningRate = 1e-4,
    preset: options.Preset = None,
    config: options.Config = None,
    on: o.On = "local",
    cpus: o.Cpus = 1.0,
    out: o.Out = Path("runs/comparison"),
    pools: o.Pools = Path("runs/pools"),
    quiet: o.Quiet = False,
    as_json: o.AsJson = False,
) -> None:
    """Run methods on problems with several seeds each, and report which differences are significant.

    A method may have its own settings; settings that all share may come from files and environment variables, as for
    sdpo-solve. The same command continues a stopped comparison: it keeps finished runs and repeats interrupted ones. In
    several terminals it shares the work. Exit codes: 0 all runs ended, otherwise that of the first failure.
    """
    with orderly():
        _demand_sense(context)
        arms = read_arms(methods)
        named = read_problems(problems or [], collection or "", ids, limit)
        load_libraries(quiet=quiet)
        chosen = settled(context, every=True)
        plan = _plan(context.params, chosen, arms, named)
        mode: Mode | None = "quiet" if quiet else "plain" if chosen["plain"] else None
        with _here(mode) if on == "local" else _on_cluster(plan.choices.settings.policy.device, cpus) as begin:
            tally = _compare(plan, begin, probe=probe, keep=keep, take=take)
        if tally.cells:
            _report(out, tuple(arm.name for arm in arms), as_json=as_json)
    raise typer.Exit(_code(tally))


def _demand_sense(context: typer.Context) -> None:
    """Raises UserError for options with unknown values, and for those that would have no effect."""
    told = context.params
    for option, name, known in (("--keep", "keep", o.KEEP), ("--on", "on", o.PLACES), ("--set", "collection", SETS)):
        if told[name]:
            demand(told[name], known, option)
    if not told["probe"]:
        refuse_idle(context, "without --probe", "keep", "take")
    if told["on"] == "local":
        refuse_idle(context, "without --on ray", "cpus")


def _plan(told: Mapping[str, Any], chosen: Mapping[str, Any], arms: tuple[Arm, ...], named: Sequence[Problem]) -> Plan:
    """`told` is the command line, `chosen` the settings. Everything is checked, and the model brought here. Raises
    UserError, SetupError."""
    from sdpo_tts.comparison.plan import Choices, Plan, distinct
    from sdpo_tts.discovery import critic
    from sdpo_tts.discovery.assemble import check_policy, refuse_untrainable

    sizes, shared, problems = _batch_sizes(told["batch_size"] or ()), _shared(chosen), distinct(named)
    check_policy(shared.policy)
    critic.demand(shared.critic.kind, shared.critic.model)
    choices = Choices(arms, told["seeds"], _with_model(shared), sizes, told["first_seed"])
    for arm in arms:
        refuse_untrainable(choices.run_settings(arm, told["first_seed"], 1))
    return Plan(told["out"], told["pools"], problems, choices)


def _batch_sizes(told: Sequence[str]) -> dict[str, int]:
    sizes = {}
    for text in told:
        method, _, size = text.partition("=")
        demand(method, METHODS, "--batch-size")
        if not size.isdecimal() or not int(size):
            raise UserError(f"{text!r} is not METHOD=N", where="--batch-size", hint="for example best-of-k=64")
        sizes[method] = int(size)
    return sizes


def _shared(chosen: Mapping[str, Any]) -> RunSettings:
    """What files, variables and options say, without what belongs to each arm or cell. Raises UserError for a model on
    a server: its speed and its random numbers are its own, so a comparison would mean little."""
    if chosen["endpoint"]:
        raise UserError("compare needs a model on this machine", where="endpoint", hint="leave the setting out")
    own = {"method": "sdpo", "seed": 0, "batch_size": None, "keep_going": False, "enough": None}
    return options.run_settings({**chosen, **own})


def _with_model(settings: RunSettings) -> RunSettings:
    """Bring the model here first: without it every cell would fail. `auto` is resolved, because a pool must not change
    its model when the machine gets a GPU."""
    from sdpo_tts.discovery.assemble import use_of
    from sdpo_tts.models import weights
    from sdpo_tts.view import LiveLine, results_alone

    policy = settings.policy
    with results_alone() as (_, terminal), LiveLine(terminal) as line:
        located = weights.locate(policy.model, line.status, policy.device, use_of(policy))
    name = located.name if policy.model == "auto" else policy.model
    return replace(settings, policy=replace(policy, model=name))


def _compare(
    plan: Plan, begin: Callable[[Plan], Comparison], *, probe: int | None, keep: str, take: int | None
) -> Tally:
    from sdpo_tts.comparison.run import Tally

    try:
        if probe:
            plan = replace(plan, problems=_hard(plan, begin, probe, keep, take))
        return begin(plan).run() if plan.problems else Tally()
    except KeyboardInterrupt:
        _tell(f"stopped; the same command continues {plan.folder}")
        raise


def _hard(
    plan: Plan, begin: Callable[[Plan], Comparison], samples: int, rule: str, take: int | None
) -> tuple[Problem, ...]:
    from sdpo_tts.comparison.probe import Probe

    rates = Probe(plan, samples, rule, begin).rates(take)
    for rate in rates:
        _tell(f"{rate}: {'kept' if rate.keeps(rule) else f'not {rule}'}")
    kept = tuple(rate.problem for rate in rates if rate.keeps(rule))
    unseen = f"; {rest} were not needed" if (rest := len(plan.problems) - len(rates)) else ""
    _tell(f"{len(kept)} of {len(rates)} problems are {rule}{unseen}{'' if kept else ': nothing to compare'}")
    return kept


@contextmanager
def _here(mode: Mode | None) -> Iterator[Callable[[Plan], Comparison]]:
    """One cell after another, in this process, with a model that is loaded once."""
    from sdpo_tts.comparison.policy_cache import PolicyCache
    from sdpo_tts.comparison.run import Comparison

    kept = PolicyCache(_load)
    try:
        yield lambda plan: Comparison(plan, replace(_makers(mode), policy=kept.policy), _tell)
    finally:
        kept.close()


@contextmanager
def _on_cluster(device: str, cpus: float) -> Iterator[Callable[[Plan], Comparison]]:
    from sdpo_tts.comparison.cluster import ClusterComparison, connected, share_of

    with connected():
        share = share_of(device, cpus)
        yield lambda plan: ClusterComparison(plan, partial(_makers, "quiet"), _tell, share)


def _makers(mode: Mode | None) -> Makers:
    from sdpo_tts.comparison.job import Makers
    from sdpo_tts.discovery.assemble import make_strategy
    from sdpo_tts.discovery.launch import make_judge

    return Makers(
        judge=make_judge,
        policy=lambda settings, report: _load(settings.policy, settings.seed, report),
        strategy=lambda settings, problem, policy: make_strategy(problem, policy, settings),
        watch=lambda run: _watch(run, mode),
    )


def _load(settings: PolicySettings, seed: int, report: Report) -> Policy:
    from sdpo_tts.discovery.assemble import load_policy

    _free()
    return load_policy(settings, seed, report)


def _free() -> None:
    """Take the last run's model off the device before loading the next one: two may not fit."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


@contextmanager
def _watch(run: RunDir, mode: Mode | None) -> Iterator[Watch]:
    from sdpo_tts.comparison.job import Watch
    from sdpo_tts.view import captured_logs, heard, make_view

    with (
        captured_logs(run.logs) as terminal,
        make_view(mode, terminal, run) as view,
        heard(view.trouble, relief=view.relief),
    ):
        yield Watch(view.status, view.event, view.sampling, view.learning)


def _tell(line: str) -> None:
    print(visible(line), file=sys.stderr, flush=True)


def _report(out: Path, arms: tuple[str, ...], *, as_json: bool) -> None:
    """From the journals, like any other report; with nothing to report if every run failed."""
    from sdpo_tts.cli.results.report import publish
    from sdpo_tts.report.analysis import analyse
    from sdpo_tts.report.arms import Grid
    from sdpo_tts.report.runs import load_runs

    try:
        runs = load_runs([out])
    except UserError as error:
        _tell(f"no report: {error}")
        return
    analysis = analyse(Grid(tuple(runs), order=arms))
    publish(analysis, out / "report.html", title="Comparison", png=None, csv=None, as_json=as_json)


def _code(tally: Tally) -> int:
    for cell, error in tally.failed:
        _tell(f"failed: {cell}: {error}; the same command tries again")
    if not tally.failed:
        return 0
    first = tally.failed[0][1]
    return first.exit_code if isinstance(first, SdpoError) else FAULT
