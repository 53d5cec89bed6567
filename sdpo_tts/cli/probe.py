"""`sdpo-tts probe`: is there anything to learn?"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdpo_tts.cli.complete import models
from sdpo_tts.cli.run import ProblemPath, load, orderly
from sdpo_tts.cli.settings import settled

if TYPE_CHECKING:
    from sdpo_tts.discovery.probe import Rate


def probe(
    context: typer.Context,
    problem: ProblemPath,
    samples: Annotated[int, typer.Option(min=1, help="Samples from the student's prompt.")] = 32,
    model: Annotated[str, typer.Option(help="As for sdpo-solve.", autocompletion=models)] = "auto",
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Of one answer.")] = 512,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Measure the base pass rate, and the self-teacher's for each template and feedback style. Trains nothing."""
    from sdpo_tts.discovery.assemble import PolicySettings, load_policy
    from sdpo_tts.discovery.probe import Probe
    from sdpo_tts.judge import Judge

    with orderly(), Judge(load(problem)) as judge:
        chosen = settled(context, judge.problem)
        settings = PolicySettings(**{name: chosen[name] for name in ("model", "device", "max_new_tokens")})
        policy = load_policy(settings, chosen["seed"], lambda text: print(text, file=sys.stderr))
        if not as_json:
            print(f"{'prompt':<14}{'feedback':<20}{'passed':>8}  {'rate, 90 % interval':<22}{'tokens':>7}  verdicts")
        for rate in Probe(policy, judge, chosen["seed"]).rates(samples):
            print(json.dumps(_fields(rate)) if as_json else _row(rate), flush=True)


def _fields(rate: Rate) -> dict[str, Any]:
    low, high = _interval(rate)
    return {**asdict(rate), "verdicts": dict(rate.verdicts), "low": low, "high": high}


def _interval(rate: Rate) -> tuple[float, float]:
    from sdpo_tts.stats.intervals import wilson

    low, high = wilson(rate.passed, rate.samples) if rate.samples else (0.0, 1.0)
    return low, high


def _row(rate: Rate) -> str:
    low, high = _interval(rate)
    share = rate.passed / rate.samples if rate.samples else 0.0
    mix = " ".join(f"{verdict} {count}" for verdict, count in rate.verdicts)
    counted = f"{rate.passed}/{rate.samples}"
    interval = f"{share:.0%} [{low:.0%}, {high:.0%}]"
    return f"{rate.template:<14}{rate.style:<20}{counted:>8}  {interval:<22}{rate.mean_tokens:>7.0f}  {mix}"
