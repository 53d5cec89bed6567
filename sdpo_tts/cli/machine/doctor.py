"""`sdpo-tts doctor`: will it run here?"""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdpo_tts.cli import options
from sdpo_tts.cli.command import SETUP, SOLVED, orderly
from sdpo_tts.cli.settings import settled
from sdpo_tts.errors import visible

if TYPE_CHECKING:
    from rich.console import Console

    from sdpo_tts.doctor import Report

COLOURS = {"pass": "green", "warn": "yellow", "fail": "red"}


def doctor(
    context: typer.Context,
    method: options.Method = "sdpo",
    model: options.Model = "auto",
    device: options.Device = "auto",
    dtype: options.Dtype = "auto",
    quantization: options.Quantization = "none",
    lora_experts: options.LoraExperts = False,
    batch_size: options.BatchSize = None,
    max_new_tokens: options.MaxNewTokens = 512,
    teacher: options.Teacher = "frozen",
    endpoint: options.Endpoint = "",
    endpoint_model: options.EndpointModel = "",
    preset: options.Preset = None,
    config: options.Config = None,
    runs: options.Runs = Path("runs"),
    as_json: Annotated[bool, typer.Option("--json", help="Print all findings as a JSON list.")] = False,
) -> None:
    """Check whether a run with these options works on this machine. Downloads no weights and builds no image.

    Exit codes: 0 if no check fails (there may be warnings), else 4.
    """
    with orderly():
        chosen = settled(context)
        reports = _examined(chosen, as_json=as_json)
    raise typer.Exit(SETUP if any(report.finding.level == "fail" for report in reports) else SOLVED)


def _examined(chosen: dict[str, Any], *, as_json: bool) -> list[Report]:
    from rich.console import Console

    from sdpo_tts.doctor import Subject, examine
    from sdpo_tts.view import LiveLine, results_alone

    names = (
        "method", "model", "device", "dtype", "quantization", "max_new_tokens", "teacher", "runs", "endpoint",
        "endpoint_model",
    )  # fmt: skip
    size = {"batch_size": chosen["batch_size"]} if chosen["batch_size"] else {}
    subject = Subject(**{name: chosen[name] for name in names}, **size, experts=chosen["lora_experts"])
    reports = []
    with results_alone() as (results, terminal), LiveLine(terminal) as line:
        console = Console(file=results, highlight=False)
        with redirect_stdout(sys.stderr):  # libraries print while they load
            for report in examine(subject, begin=lambda name: line.show(f"checking: {name}")):
                reports.append(report)
                if not as_json:
                    with line.aside():
                        _say(report, console)
    if as_json:
        print(json.dumps([_fields(report) for report in reports]))
    return reports


def _say(report: Report, console: Console) -> None:
    from rich.text import Text

    finding = report.finding
    head = Text.assemble((finding.level, COLOURS[finding.level]), f"  {report.check:<16}")
    console.print(head.append(_below(len(head), visible(finding.said), console)), soft_wrap=True)
    if finding.remedy:
        console.print(Text(f"{'':22}-> {_below(25, visible(finding.remedy), console)}"), soft_wrap=True)


def _below(column: int, text: str, console: Console) -> str:
    """The text in lines of a terminal's width, each of which begins in that column; elsewhere in one line."""
    if not console.is_terminal:
        return text
    room = max(20, console.width - column)
    return f"\n{'':{column}}".join(wrap(text, room, break_long_words=False, break_on_hyphens=False))


def _fields(report: Report) -> dict[str, Any]:
    finding = report.finding
    return {
        "check": report.check, "level": finding.level, "said": finding.said, "remedy": finding.remedy,
        "seconds": round(report.seconds, 3),
    }  # fmt: skip
