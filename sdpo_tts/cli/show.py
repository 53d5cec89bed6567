"""`sdpo-tts show`: an attempt, token by token, through its teacher's eyes."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdpo_tts.cli.run import orderly

if TYPE_CHECKING:
    from sdpo_tts.problem import Problem
    from sdpo_tts.record import Event, RunDir
    from sdpo_tts.view.heat import Heat


def show(
    run: Annotated[Path, typer.Argument(help="A run's folder.")],
    attempt: Annotated[int, typer.Option(min=1, help="Its number.")] = 1,
    page: Annotated[Path | None, typer.Option("--html", help="Write a page there too.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
) -> None:
    """Shade each token of an attempt by log(teacher/student): red where the teacher that has read the feedback
    disagrees, blue where it reinforces. The teacher is the frozen one."""
    from rich.console import Console

    from sdpo_tts.record import write_text
    from sdpo_tts.view import heat as drawing

    with orderly():
        heat = _heat(run, attempt, device)
        Console(highlight=False).print(drawing.terminal(heat))
        if page:
            write_text(page, drawing.page(heat))


def _heat(folder: Path, number: int, device: str) -> Heat:
    """Raises UserError where the run, the attempt or its feedback is missing, or the problem has changed."""
    from sdpo_tts.discovery.assemble import PolicySettings, load_policy
    from sdpo_tts.errors import UserError
    from sdpo_tts.policy.credit import credit
    from sdpo_tts.policy.prompts import TEMPLATES, teacher_text
    from sdpo_tts.record import AttemptRecord, RunDir, read_events
    from sdpo_tts.view.heat import Heat

    run = RunDir.existing(folder)
    events = [event for event in read_events(run.events) if event["type"] == "attempt_judged"]
    if not run.attempt(number).exists():
        raise UserError(f"the run has no attempt {number}", where=str(folder), hint=f"it has {len(events)}")
    record = AttemptRecord.load(run.attempt(number))
    if not record.feedback:
        raise UserError(f"attempt {number} has no feedback that a teacher could read", where=str(folder))
    settings, problem = _of(run)
    context = settings["context"]
    policy = load_policy(
        PolicySettings(settings["policy"]["model"], device=device), settings["seed"],
        lambda text: print(text, file=sys.stderr),
    )  # fmt: skip
    text = teacher_text(problem, record.feedback, TEMPLATES[context["template"]])
    pieces = credit(policy.network, policy.chat, policy.chat.prompt(text), record.token_ids, record.logprobs)
    title = f"{problem.title}: attempt {number}, {record.verdict}"
    return Heat(title, pieces, record.feedback, _advantage(events, record.step, number))


def _of(run: RunDir) -> tuple[dict[str, Any], Problem]:
    """The run's settings and its problem, which must still be what it was."""
    from sdpo_tts.errors import UserError
    from sdpo_tts.problem import load_problem

    manifest = json.loads(run.manifest.read_text(encoding="utf-8"))
    problem = load_problem(Path(manifest["problem"]["path"]))
    if problem.digest != manifest["problem"]["digest"]:
        raise UserError("the problem has changed since the run", where=str(problem.path))
    return manifest["settings"], problem


def _advantage(events: Sequence[Event], step: int, number: int) -> float:
    """What GRPO gives to an attempt, by the rewards of its batch."""
    from sdpo_tts.policy.advantage import group_advantages
    from sdpo_tts.stats import solves

    batch = [event for event in events if event["step"] == step]
    advantages = group_advantages([float(solves(event)) for event in batch])
    return {event["attempt"]: value for event, value in zip(batch, advantages, strict=True)}[number]
