"""`sdpo-tts drift`: how far a run's adapter moved the model on everything else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from sdpo_tts.cli import complete
from sdpo_tts.cli.command import RunPath, load, load_libraries, orderly
from sdpo_tts.cli.existing_run import ExistingRun, find_run
from sdpo_tts.cli.settings import refuse_idle, settled

if TYPE_CHECKING:
    from sdpo_tts.discovery.assemble import Policy
    from sdpo_tts.discovery.measure.drift import Drift, Outcome
    from sdpo_tts.problem import Problem
    from sdpo_tts.view import LiveLine


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
    """Measure how a run's adapter changed the model on everything but its own problem.

    It compares the model with and without the adapter: divergence and perplexity on prose and code, and pass rate and
    length of answers on the problems that you name. It changes nothing.
    """
    from sdpo_tts.view import LiveLine, heard, results_alone

    with orderly():
        if not problems:
            refuse_idle(context, "without PROBLEMS", "samples")
        others = [load(path) for path in problems or []]
        past = ExistingRun.open(find_run(run, context))
        adapter = past.adapter(solved=solved)
        load_libraries()
        with results_alone() as (results, terminal), LiveLine(terminal) as line, heard(line.say):
            policy = past.policy(settled(context)["device"], line.status)
            policy.network.load_adapter(adapter)
            measured = _measured(policy, others, past.seed, samples, line)
            (_as_json if as_json else _as_table)(measured, results, line)


def _measured(
    policy: Policy, others: Sequence[Problem], seed: int, samples: int, line: LiveLine
) -> Iterator[Drift | Outcome]:
    from sdpo_tts.discovery.measure.drift import Comparison, drift, passages
    from sdpo_tts.judge import Judge
    from sdpo_tts.view.summary import sampled

    def tell(who: str, tokens: int, complete: int, asked: int) -> None:
        line.show(who, "judging" if complete == asked else sampled(tokens, complete, asked))

    for name, text in passages():
        line.show("measuring", name)
        yield drift(policy.network, name, policy.chat.plain(text))
    for problem in others:
        line.show(problem.slug, "starting the sandbox")
        with Judge(problem) as judge:
            yield Comparison(policy, seed, tell).outcome(judge, samples)


def _as_json(rows: Iterable[Drift | Outcome], results: TextIO, line: LiveLine) -> None:
    from sdpo_tts.record.atomic import to_json

    for row in rows:
        with line.aside():
            print(to_json(asdict(row)), file=results, flush=True)


def _as_table(rows: Iterable[Drift | Outcome], results: TextIO, line: LiveLine) -> None:
    """Rows as they are measured, with a header for each kind, then what they mean."""
    from rich.console import Console

    from sdpo_tts.view.measured import drifting

    measured: list[Drift | Outcome] = []
    for row in rows:
        with line.aside():
            if not measured or type(row) is not type(measured[-1]):
                print(drifting.head(row), file=results)
            print(drifting.row(row), file=results, flush=True)
        measured.append(row)
    console = Console(file=results, highlight=False, markup=False)
    with line.aside():
        for text in ("", *drifting.finding(measured)):
            console.print(text, soft_wrap=not console.is_terminal)
