"""`sdpo-tts probe`: is there anything to learn?"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from sdpo_tts.cli import options
from sdpo_tts.cli.command import ProblemPath, load, load_libraries, orderly
from sdpo_tts.cli.options import TEMPLATES
from sdpo_tts.cli.settings import refuse_idle, settled
from sdpo_tts.cli.values import demand

if TYPE_CHECKING:
    from sdpo_tts.discovery.measure.probe import Rate
    from sdpo_tts.view import LiveLine


STYLES_HELP = (
    "Feedback styles, comma-separated: plain, literals, literals+examples, all, +PART, -PART; or sets of them: forms "
    "(how tests are written), parts (of the second run, one by one), without (all parts but one). Default: all."
)


PROBED = ("model", "device", "quantization", "max_new_tokens", "engine")


def probe(
    context: typer.Context,
    problem: ProblemPath,
    samples: Annotated[int, typer.Option(min=1, help="How many answers to sample from the bare question.")] = 32,
    model: options.Model = "auto",
    device: options.Device = "auto",
    quantization: options.Quantization = "none",
    max_new_tokens: options.MaxNewTokens = 512,
    thinking: options.Thinking = "off",
    think_tokens: options.ThinkTokens = None,
    engine: options.Engine = "auto",
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")] = 0,
    sweep: Annotated[
        bool, typer.Option("--sweep", help="Try every template with four feedback styles: takes eight times as long.")
    ] = False,
    templates: Annotated[
        str | None,
        typer.Option(help=f"Some of {', '.join(TEMPLATES)}. Default: that of sdpo-solve.", metavar="NAME,NAME..."),
    ] = None,
    styles: Annotated[str | None, typer.Option(help=STYLES_HELP, metavar="NAME,NAME...")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
) -> None:
    """Measure how often the model passes, with and without feedback on a failure. Nothing is trained.

    It samples from the bare question, after reading feedback on a failure (as the teacher does), and after reading the
    failed program too (repair): the sources of --method auto. Template and feedback are those of sdpo-solve, unless you
    name others.
    """
    with orderly():
        if templates and styles:
            refuse_idle(context, "with --templates and --styles", "sweep")
        named = _named(templates, TEMPLATES, "--templates") if templates else TEMPLATES if sweep else None
        chosen = _styles(styles or ("forms,all" if sweep else "all"))
        _probe(context, problem, samples, named, chosen, as_json=as_json)


def _probe(
    context: typer.Context,
    path: Path,
    samples: int,
    templates: Sequence[str] | None,
    styles: Sequence[str],
    *,
    as_json: bool,
) -> None:
    problem = load(path)
    chosen = settled(context, problem, every=True)
    load_libraries()
    from sdpo_tts.discovery.assemble import PolicySettings, check_policy, load_policy
    from sdpo_tts.discovery.measure.probe import Probe
    from sdpo_tts.judge import Judge
    from sdpo_tts.judge.feedback.text import FeedbackStyle
    from sdpo_tts.policy.thinking import ThinkingSettings
    from sdpo_tts.view import LiveLine, heard, results_alone

    thinking = ThinkingSettings(chosen["thinking"], chosen["think_tokens"])
    settings = PolicySettings(**{name: chosen[name] for name in PROBED}, thinking=thinking)
    check_policy(settings)
    asked = templates or (chosen["template"],)
    with results_alone() as (results, terminal), LiveLine(terminal) as line, heard(line.say):
        line.show("starting the sandbox")
        with (
            Judge(problem, style=FeedbackStyle()) as judge,
            load_policy(settings, chosen["seed"], line.status, adapts=False) as policy,
        ):
            tell = _Progress(line, samples, len(asked) * len(styles) + 1).tell
            rates = Probe(policy, judge, chosen["seed"], tell).rates(samples, asked, styles, repair=True)
            if as_json:
                _as_json(rates, results, line)
            else:
                _as_table(rates, results, line)


class _Progress:
    """Progress of a probe in words, with the time left."""

    def __init__(self, line: LiveLine, samples: int, teachers: int) -> None:
        self._line, self._began, self._last = line, time.monotonic(), ""
        self._whole, self._before, self._now = samples * (1 + teachers), 0, 0

    def tell(self, who: str, tokens: int, complete: int, asked: int) -> None:
        """The time left assumes that every sample fails and that each teacher is asked about it."""
        from sdpo_tts.view.summary import duration, sampled

        if who != self._last:
            self._last, self._before = who, self._before + self._now
        self._now, done = complete, self._before + complete
        pace = (time.monotonic() - self._began) / done if done else 0.0
        left = f"; at most {duration(pace * max(0, self._whole - done))} left" if done else ""
        what = "judging" if complete == asked else sampled(tokens, complete, asked)
        self._line.show(who, f"{what}{left}")


def _as_table(rates: Iterator[Rate], results: TextIO, line: LiveLine | None = None) -> None:
    """Rows as they are measured, then what they mean: on a terminal, in lines of its width."""
    from rich.console import Console

    from sdpo_tts.view.measured import probing

    measured: list[Rate] = []
    console = Console(file=results, highlight=False, markup=False)
    width = console.width if console.is_terminal else None
    for rate in rates:
        with line.aside() if line else nullcontext():
            if not measured:
                print(probing.head(width), file=results)
            print(probing.row(rate, width), file=results, flush=True)
        measured.append(rate)
    student, *others = measured
    with line.aside() if line else nullcontext():
        for text in ("", *probing.findings(student, others)):
            console.print(text, soft_wrap=not console.is_terminal)


def _as_json(rates: Iterator[Rate], results: TextIO, line: LiveLine | None = None) -> None:
    student = None
    for rate in rates:
        student = student or rate
        with line.aside() if line else nullcontext():
            print(json.dumps(_fields(student, rate)), file=results, flush=True)


def _styles(text: str) -> list[str]:
    """Names of styles and of sets of styles. Raises UserError for others."""
    from sdpo_tts.discovery.measure.probe import SETS, STYLES

    named = _named(text, (*SETS, *STYLES), "--styles")
    return list(dict.fromkeys(style for name in named for style in SETS.get(name, (name,))))


def _named(text: str, known: Sequence[str], option: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    for name in names:
        demand(name, known, option)
    return names


def _fields(student: Rate, rate: Rate) -> dict[str, Any]:
    """`more_low` to `more_high`: interval of the teacher's pass rate minus the student's."""
    from sdpo_tts.view.measured import probing

    low, high = probing.interval(rate)
    more = probing.gain(student, rate) if rate is not student else (None, None)
    interval = {"low": low, "high": high, "more_low": more[0], "more_high": more[1]}
    return {**asdict(rate), "verdicts": dict(rate.verdicts), **interval}
