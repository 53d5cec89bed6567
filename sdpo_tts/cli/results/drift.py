"""`sdpo-tts drift`: how far a run's adapter moved the model on everything else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from sdpo_tts.cli import complete
from sdpo_tts.cli.command import RunPath, load, orderly
from sdpo_tts.cli.existing_run import ExistingRun, find_run
from sdpo_tts.cli.settings import settled

if TYPE_CHECKING:
    from sdpo_tts.discovery.assemble import Policy
    from sdpo_tts.discovery.measure.drift import Drift, Outcome
    from sdpo_tts.problem import Problem


def drift(
    context: typer.Context,
    run: RunPath,
    problems: Annotated[
        list[Path] | None,
        typer.Argument(help="Other problems to sample with and without the adapter.", autocompletion=complete.problems),
    ] = None,
    samples: Annotated[int, typer.Option(min=1, help="Samples per problem, with and without the adapter.")] = 16,
    solved: Annotated[bool, typer.Option("--solved", help="Use the adapter that solved it, not the last one.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
) -> None:
    """Measure how a run's adapter changed the model on everything but its own problem. Nothing is deleted.

    On held-out prose and code (divergence, perplexity), and on other problems (pass rate, length of answers).
    """
    from sdpo_tts.view import heard, results_alone

    with orderly():
        others = [load(path) for path in problems or []]
        past = ExistingRun.open(find_run(run, context))
        adapter = past.adapter(solved=solved)
        with results_alone() as (results, terminal), heard(tell := partial(print, file=terminal, flush=True)):
            policy = past.policy(settled(context)["device"], tell)
            policy.network.load_adapter(adapter)
            measured = _measured(policy, others, past.seed, samples, tell)
            (_as_json if as_json else _as_table)(measured, results)


def _measured(
    policy: Policy, others: Sequence[Problem], seed: int, samples: int, tell: Callable[[str], None]
) -> Iterator[Drift | Outcome]:
    from sdpo_tts.discovery.measure.drift import Comparison, drift, passages
    from sdpo_tts.judge import Judge

    for name, text in passages():
        yield drift(policy.network, name, policy.chat.plain(text))
    for problem in others:
        tell(f"sampling {problem.slug}: {samples} answers with the adapter and {samples} without")
        with Judge(problem) as judge:
            yield Comparison(policy, seed).outcome(judge, samples)


def _as_json(rows: Iterable[Drift | Outcome], results: TextIO) -> None:
    for row in rows:
        print(json.dumps(asdict(row)), file=results, flush=True)


def _as_table(rows: Iterable[Drift | Outcome], results: TextIO) -> None:
    """Rows as they are measured, with a header for each kind, then what they mean."""
    from rich.console import Console

    from sdpo_tts.view.measured import drifting

    measured: list[Drift | Outcome] = []
    for row in rows:
        if not measured or type(row) is not type(measured[-1]):
            print(drifting.head(row), file=results)
        print(drifting.row(row), file=results, flush=True)
        measured.append(row)
    console = Console(file=results, highlight=False, markup=False)
    for line in ("", *drifting.finding(measured)):
        console.print(line, soft_wrap=not console.is_terminal)
