"""`sdpo-tts forget`: what a run's adapter did to everything else."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdpo_tts.cli import complete
from sdpo_tts.cli.command import RunPath, load, orderly
from sdpo_tts.cli.settings import settled

if TYPE_CHECKING:
    from sdpo_tts.discovery.measure.drift import Drift, Outcome


def forget(
    context: typer.Context,
    run: RunPath,
    problems: Annotated[
        list[Path] | None,
        typer.Argument(help="Other problems to try with and without it.", autocompletion=complete.problems),
    ] = None,
    samples: Annotated[int, typer.Option(min=1, help="Of each problem, with and without the adapter.")] = 16,
    solved: Annotated[bool, typer.Option("--solved", help="The adapter that solved, not the last.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Compare the model with a run's adapter to the model without.

    On held-out prose and code (divergence, perplexity), and on other problems (pass rate, length of answers).
    """
    from sdpo_tts.cli.existing_run import ExistingRun
    from sdpo_tts.discovery.measure.drift import Comparison, drift, passages
    from sdpo_tts.judge import Judge

    with orderly():
        others = [load(path) for path in problems or []]
        past = ExistingRun.open(run)
        adapter = past.adapter(solved=solved)
        policy = past.policy(settled(context)["device"], lambda text: print(text, file=sys.stderr))
        policy.network.load_adapter(adapter)
        for i, (name, text) in enumerate(passages()):
            _say(drift(policy.network, name, policy.chat.plain(text)), first=i == 0, as_json=as_json)
        for i, problem in enumerate(others):
            with Judge(problem) as judge:
                _say(Comparison(policy, past.seed).outcome(judge, samples), first=i == 0, as_json=as_json)


def _say(row: Drift | Outcome, *, first: bool, as_json: bool) -> None:
    if as_json:
        print(json.dumps(asdict(row)), flush=True)
        return
    cells = asdict(row)
    if first:
        print("  ".join(f"{name.replace('_', ' '):>18}" for name in cells))
    print("  ".join(f"{_cell(value):>18}" for value in cells.values()), flush=True)


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
