"""`sdpo-tts probe`: is there anything to learn?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from sdpo_tts.cli import options
from sdpo_tts.cli.command import ProblemPath, load, orderly
from sdpo_tts.cli.complete import models
from sdpo_tts.cli.options import TEMPLATES
from sdpo_tts.cli.settings import settled
from sdpo_tts.cli.values import demand

if TYPE_CHECKING:
    from sdpo_tts.discovery.measure.probe import Rate


STYLES_HELP = (
    "Sets (forms: how tests are written; parts: a second look's parts, one by one; without: all but one) "
    "or styles (plain, literals, literals+examples, all, +PART, -PART), with commas."
)


PROBED = ("model", "device", "quantization", "max_new_tokens", "engine")


def probe(
    context: typer.Context,
    problem: ProblemPath,
    samples: Annotated[int, typer.Option(min=1, help="Samples from the student's prompt.")] = 32,
    model: Annotated[str, typer.Option(help="As for sdpo-solve.", autocompletion=models)] = "auto",
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    quantization: options.Quantization = "none",
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Of one answer.")] = 512,
    engine: options.Engine = "auto",
    seed: Annotated[int, typer.Option(min=0)] = 0,
    templates: Annotated[str, typer.Option(help=f"Some of {', '.join(TEMPLATES)}.")] = ",".join(TEMPLATES),
    styles: Annotated[str, typer.Option(help=STYLES_HELP)] = "forms,all",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Measure the base pass rate, and the self-teacher's for each template and feedback style. Trains nothing."""
    with orderly():
        _probe(context, problem, samples, _named(templates, TEMPLATES, "--templates"), _styles(styles), as_json=as_json)


def _probe(
    context: typer.Context, path: Path, samples: int, templates: Sequence[str], styles: Sequence[str], *, as_json: bool
) -> None:
    from sdpo_tts.discovery.assemble import PolicySettings, check_policy, load_policy
    from sdpo_tts.discovery.measure.probe import Probe
    from sdpo_tts.judge import Judge
    from sdpo_tts.judge.feedback.text import FeedbackStyle
    from sdpo_tts.view import heard, results_alone

    problem = load(path)
    chosen = settled(context, problem)
    settings = PolicySettings(**{name: chosen[name] for name in PROBED})
    check_policy(settings)
    with Judge(problem, style=FeedbackStyle()) as judge, results_alone() as (results, terminal):
        tell = partial(print, file=terminal, flush=True)
        with heard(tell), load_policy(settings, chosen["seed"], tell) as policy:
            rates = Probe(policy, judge, chosen["seed"]).rates(samples, templates, styles)
            (_as_json if as_json else _as_table)(rates, results)


def _as_table(rates: Iterator[Rate], results: TextIO) -> None:
    """Rows as they are measured, then what they mean: on a terminal in lines of its width."""
    from rich.console import Console

    from sdpo_tts.view import probing

    print(probing.HEAD, file=results)
    measured = []
    for rate in rates:
        measured.append(rate)
        print(probing.row(rate), file=results, flush=True)
    student, *teachers = measured
    console = Console(file=results, highlight=False, markup=False)
    for line in ("", *probing.finding(student, probing.spoken_for(teachers))):
        console.print(line, soft_wrap=not console.is_terminal)


def _as_json(rates: Iterator[Rate], results: TextIO) -> None:
    student = None
    for rate in rates:
        student = student or rate
        print(json.dumps(_fields(student, rate)), file=results, flush=True)


def _styles(text: str) -> list[str]:
    """Names of styles and of sets of them. Raises UserError for others."""
    from sdpo_tts.discovery.measure.probe import SETS, STYLES

    named = _named(text, (*SETS, *STYLES), "--styles")
    return list(dict.fromkeys(style for name in named for style in SETS.get(name, (name,))))


def _named(text: str, known: Sequence[str], option: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    for name in names:
        demand(name, known, option)
    return names


def _fields(student: Rate, rate: Rate) -> dict[str, Any]:
    """`more_low` to `more_high`: of the teacher's pass rate minus the student's."""
    from sdpo_tts.view import probing

    low, high = probing.interval(rate)
    more = probing.gain(student, rate) if rate is not student else (None, None)
    interval = {"low": low, "high": high, "more_low": more[0], "more_high": more[1]}
    return {**asdict(rate), "verdicts": dict(rate.verdicts), **interval}
