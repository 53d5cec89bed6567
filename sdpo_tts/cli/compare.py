"""`sdpo-tts compare`: problems x methods x seeds, resumable, with a report at the end."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdpo_tts.cli import complete
from sdpo_tts.cli.options import BUDGET, DTYPES, METHODS, MODEL, OUTPUT, TRAINING
from sdpo_tts.cli.run import FAULT, demand, orderly, seconds
from sdpo_tts.errors import SdpoError, UserError

if TYPE_CHECKING:
    from sdpo_tts.comparison.plan import Choices, Plan
    from sdpo_tts.comparison.run import Makers, Tally, Watch
    from sdpo_tts.discovery.assemble import Policy
    from sdpo_tts.problem import Problem
    from sdpo_tts.record import RunDir

KEEP = ("hard", "very-hard")


def compare(
    problems: Annotated[
        list[Path],
        typer.Argument(help="problem.yaml files, or folders.", metavar="PROBLEM...", autocompletion=complete.problems),
    ],
    ids: Annotated[
        str | None,
        typer.Option(help="Rows of a benchmark FILE, comma-separated, or paper-hard, paper-very-hard (LiveCodeBench)."),
    ] = None,
    probe: Annotated[
        int | None, typer.Option(min=64, help="First sample so many of each problem, and keep the hard ones.")
    ] = None,
    keep: Annotated[str, typer.Option(help="hard: pass@64 below 0.5; very-hard: below 0.03.")] = "hard",
    methods: Annotated[
        str, typer.Option(help=f"Of {', '.join(METHODS)}.", autocompletion=complete.listed(METHODS))
    ] = ",".join(METHODS),
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each method on each problem.")] = 5,
    max_attempts: Annotated[int, typer.Option(min=1, help="Of each run.", rich_help_panel=BUDGET)] = 128,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Of each run.", rich_help_panel=BUDGET)] = None,
    max_time: Annotated[str | None, typer.Option(help="Of each run: 90s, 30m, 8h.", rich_help_panel=BUDGET)] = None,
    model: Annotated[
        str, typer.Option(help="As for sdpo-solve.", rich_help_panel=MODEL, autocompletion=complete.models)
    ] = "auto",
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.", rich_help_panel=MODEL)] = "auto",
    dtype: Annotated[str, typer.Option(help="auto, bfloat16 or float32.", rich_help_panel=MODEL)] = "auto",
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Of one answer.", rich_help_panel=MODEL)] = 512,
    batch_size: Annotated[
        list[str] | None,
        typer.Option(help="As in best-of-k=64; each method has a default of its own.", metavar="METHOD=N",
                     rich_help_panel=TRAINING),
    ] = None,
    learning_rate: Annotated[float, typer.Option(min=0.0, rich_help_panel=TRAINING)] = 1e-4,
    out: Annotated[Path, typer.Option(help="The comparison's folder.", rich_help_panel=OUTPUT)]
    = Path("runs/comparison"),
    pools: Annotated[Path, typer.Option(help="Samples of best-of-k, for all comparisons.", rich_help_panel=OUTPUT)]
    = Path("runs/pools"),
    quiet: Annotated[bool, typer.Option("--quiet", help="No view of single runs.", rich_help_panel=OUTPUT)] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The report as JSON.", rich_help_panel=OUTPUT)] = False,
) -> None:  # fmt: skip
    """Run every method on every problem with every seed, and report with what certainty they differ.

    The same command goes on where it was stopped: what is finished is kept, what was torn is run again. Given in
    several terminals, it shares the work. Exit codes: 0 all runs ended, else that of the first failure.
    """
    from sdpo_tts.comparison.plan import Plan

    with orderly():
        names = tuple(dict.fromkeys(name.strip() for name in methods.split(",")))
        for name in names:
            demand(name, METHODS, "--methods")
        demand(dtype, DTYPES, "--dtype")
        demand(keep, KEEP, "--keep")
        chosen = _problems(problems, ids)
        choices = _choices(
            names, seeds, max_attempts, max_tokens, seconds(max_time) if max_time else None,
            model, device, dtype, max_new_tokens, learning_rate, _batch_sizes(batch_size or ()),
        )  # fmt: skip
        tally = _compare(Plan(out, pools, chosen, choices), quiet=quiet, probe=probe, keep=keep)
        if tally.cells:
            _report(out, as_json=as_json)
    raise typer.Exit(_code(tally))


def _problems(paths: Sequence[Path], ids: str | None) -> tuple[Problem, ...]:
    """Files stand for those of their rows that `ids` names."""
    from sdpo_tts.comparison.ids import chosen
    from sdpo_tts.comparison.plan import distinct
    from sdpo_tts.problem import load_problem

    files = [one for path in paths for one in (chosen(path, ids) if ids and path.is_file() else [path])]
    return distinct([load_problem(file) for file in files])


def _batch_sizes(told: Sequence[str]) -> dict[str, int]:
    sizes = {}
    for text in told:
        method, _, size = text.partition("=")
        demand(method, METHODS, "--batch-size")
        if not size.isdigit() or not int(size):
            raise UserError(f"{text!r} gives no size", where="--batch-size", hint="as in best-of-k=64")
        sizes[method] = int(size)
    return sizes


def _choices(
    methods: tuple[str, ...], seeds: int, max_attempts: int, max_tokens: int | None, max_seconds: float | None,
    model: str, device: str, dtype: str, max_new_tokens: int, learning_rate: float, batch_sizes: dict[str, int],
) -> Choices:  # fmt: skip
    """The model is brought here first: without it every cell would fail. `auto` is resolved, since a pool must not
    change its model when the machine gets a GPU."""
    from sdpo_tts.comparison.plan import Choices
    from sdpo_tts.discovery.assemble import PolicySettings
    from sdpo_tts.discovery.budget import Budget
    from sdpo_tts.models import weights
    from sdpo_tts.policy.learner import LearnerSettings

    located = weights.locate(model, _tell)
    policy = PolicySettings(
        model=located.name if model == "auto" else model,
        device=device,
        dtype=dtype,
        max_new_tokens=max_new_tokens,
    )
    learner = LearnerSettings(learning_rate=learning_rate)
    return Choices(methods, seeds, Budget(max_attempts, max_tokens, max_seconds), policy, learner, batch_sizes)


def _compare(plan: Plan, *, quiet: bool, probe: int | None, keep: str) -> Tally:
    from sdpo_tts.comparison.run import Comparison, Tally

    makers = _makers(plan, quiet=quiet)
    try:
        if probe:
            plan = replace(plan, problems=_hard(plan, makers, probe, keep))
        return Comparison(plan, makers, _tell).run() if plan.problems else Tally()
    except KeyboardInterrupt:
        _tell(f"stopped; the same command goes on with {plan.folder}")
        raise


def _hard(plan: Plan, makers: Makers, samples: int, rule: str) -> tuple[Problem, ...]:
    from sdpo_tts.comparison.probe import probe

    rates = probe(plan, makers, samples, _tell)
    for rate in rates:
        _tell(f"{rate}: {'kept' if rate.keeps(rule) else f'not {rule}'}")
    return tuple(rate.problem for rate in rates if rate.keeps(rule))


def _makers(plan: Plan, *, quiet: bool) -> Makers:
    from sdpo_tts.comparison.run import Makers
    from sdpo_tts.discovery.assemble import load_policy, make_strategy
    from sdpo_tts.judge import Judge

    def policy(seed: int, report: Callable[[str], None]) -> Policy:
        _free()
        return load_policy(plan.choices.policy, seed, report)

    return Makers(
        judge=Judge,
        policy=policy,
        strategy=lambda settings, problem, policy: make_strategy(problem, policy, settings),
        watch=lambda run: _watch(run, quiet=quiet),
    )


def _free() -> None:
    """The model of the run before is off the device before the next one is loaded: two may not fit."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


@contextmanager
def _watch(run: RunDir, *, quiet: bool) -> Iterator[Watch]:
    from sdpo_tts.comparison.run import Watch
    from sdpo_tts.view import captured_logs, heard, make_view

    with (
        captured_logs(run.logs / "run.log") as terminal,
        make_view("quiet" if quiet else None, terminal) as view,
        heard(view.trouble, relief=view.relief),
    ):
        yield Watch(view.status, view.event)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _report(out: Path, *, as_json: bool) -> None:
    """From the journals, like any other report; with nothing to tell where every run failed."""
    from sdpo_tts.cli.report import publish
    from sdpo_tts.report.analysis import analyse
    from sdpo_tts.report.arms import Grid
    from sdpo_tts.report.runs import load_runs

    try:
        runs = load_runs([out])
    except UserError as error:
        _tell(f"no report: {error.what}")
        return
    publish(analyse(Grid(tuple(runs))), out / "report.html", title="Comparison", png=None, csv=None, as_json=as_json)


def _code(tally: Tally) -> int:
    for cell, error in tally.failed:
        _tell(f"failed: {cell}: {error}; the same command tries again")
    if not tally.failed:
        return 0
    first = tally.failed[0][1]
    return first.exit_code if isinstance(first, SdpoError) else FAULT
