"""`sdpo-tts show`: an attempt, token by token, through its teacher's eyes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdpo_tts.cli.command import RunPath, orderly, writing
from sdpo_tts.cli.existing_run import ExistingRun
from sdpo_tts.cli.settings import settled

if TYPE_CHECKING:
    from sdpo_tts.record import Event
    from sdpo_tts.view.heat import Heat


def show(
    context: typer.Context,
    run: RunPath,
    attempt: Annotated[int, typer.Option(min=1, help="Its number.")] = 1,
    page: Annotated[Path | None, typer.Option("--html", help="Write a page there too.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
) -> None:
    """Shade each token of an attempt by what its teacher thinks of it, after reading the feedback.

    By log(teacher/student): red where the teacher disagrees, blue where it reinforces. The teacher is the frozen one.
    """
    from rich.console import Console

    from sdpo_tts.record import write_text
    from sdpo_tts.view import heat as drawing

    with orderly():
        heat = _heat(run, attempt, settled(context)["device"])
        Console(highlight=False).print(drawing.terminal(heat))
        if page:
            with writing("the page"):
                write_text(page, drawing.page(heat), wait=False)


def _heat(folder: Path, number: int, device: str) -> Heat:
    """Raises UserError where the run, the attempt or its feedback is missing, or the problem has changed."""
    from sdpo_tts.errors import UserError
    from sdpo_tts.policy.learning.credit import credit
    from sdpo_tts.policy.prompts import TEMPLATES, teacher_text
    from sdpo_tts.record import AttemptRecord, read_events
    from sdpo_tts.view.heat import Heat

    past = ExistingRun.open(folder)
    events = [event for event in read_events(past.run.events) if event["type"] == "attempt_judged"]
    if number not in {event["attempt"] for event in events}:
        raise UserError(f"the run has no attempt {number}", where=str(folder), hint=f"it has {len(events)}")
    record = AttemptRecord.load(past.run.attempt(number))
    if not record.feedback:
        raise UserError(f"attempt {number} has no feedback that a teacher could read", where=str(folder))
    problem = past.problem()
    policy = past.policy(device, lambda text: print(text, file=sys.stderr))
    text = teacher_text(problem, record.feedback, TEMPLATES[past.settings["context"]["template"]])
    pieces = credit(policy.network, policy.chat, policy.chat.prompt(text), record.token_ids, record.logprobs)
    title = f"{problem.title}: attempt {number}, {record.verdict}"
    return Heat(title, pieces, record.feedback, _advantage(events, record.step, number))


def _advantage(events: Sequence[Event], step: int, number: int) -> float:
    """What GRPO gives to an attempt, by the rewards of its batch."""
    from sdpo_tts.policy.learning.advantage import group_advantages
    from sdpo_tts.stats import solves

    batch = [event for event in events if event["step"] == step]
    advantages = group_advantages([float(solves(event)) for event in batch])
    return {event["attempt"]: value for event, value in zip(batch, advantages, strict=True)}[number]
