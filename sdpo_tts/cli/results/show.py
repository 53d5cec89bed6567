"""`sdpo-tts show`: an attempt as it was written, and token by token as its teacher sees it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdpo_tts.cli.command import RunPath, orderly, writing
from sdpo_tts.cli.existing_run import ExistingRun, find_run
from sdpo_tts.cli.settings import refuse_idle, settled
from sdpo_tts.errors import visible, visible_lines

if TYPE_CHECKING:
    from sdpo_tts.record import AttemptRecord, Event
    from sdpo_tts.view import LiveLine
    from sdpo_tts.view.measured.heat import Heat


def show(
    context: typer.Context,
    run: RunPath,
    attempt: Annotated[
        int | None, typer.Option(min=1, help="Number of the attempt. Default: the one that passed most tests.")
    ] = None,
    tokens: Annotated[bool, typer.Option("--tokens", help="Shade each token; this loads the model.")] = False,
    page: Annotated[
        Path | None, typer.Option("--html", help="Write the shaded tokens to a page; this loads the model.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    thoughts: Annotated[bool, typer.Option("--thoughts", help="Show the thought before the answer too.")] = False,
) -> None:
    """Show what the model wrote in an attempt, and the feedback on it.

    A thought before the answer is left out, unless you give --thoughts. --tokens shades each token by what the frozen
    teacher, which has read the feedback, thinks of it, log(teacher/student): red where it disagrees, blue where it
    reinforces.
    """
    from rich.console import Console

    from sdpo_tts.record import write_text
    from sdpo_tts.view import LiveLine, results_alone
    from sdpo_tts.view.measured import heat as drawing

    with orderly():
        if not (tokens or page):
            refuse_idle(context, "without --tokens or --html", "device")
        past = ExistingRun.open(find_run(run, context))
        record = _record(past, attempt)
        if not (tokens or page):
            print(_text(past, record, thoughts=thoughts))
            return
        with results_alone() as (results, terminal), LiveLine(terminal) as line:
            line.show("loading PyTorch")
            heat = _heat(past, record, settled(context)["device"], line)
            with line.aside():
                Console(file=results, highlight=False).print(drawing.terminal(heat, whole=thoughts))
        if page:
            with writing("the page"):
                write_text(page, drawing.page(heat), wait=False)


def _record(past: ExistingRun, number: int | None) -> AttemptRecord:
    """Raises UserError if the run has no such attempt."""
    from sdpo_tts.errors import UserError
    from sdpo_tts.record import AttemptRecord, read_events
    from sdpo_tts.view import RunState

    events = read_events(past.run.events)
    state = RunState.of(events)
    number = number or (state.best.attempt if state.best else 1)
    # a run that was killed may have left files of attempts that it will sample again
    told = any(event["type"] == "attempt_judged" and event["attempt"] == number for event in events)
    if not told or not past.run.attempt(number).is_file():
        hint = f"it has {state.cost.attempts}"
        raise UserError(f"the run has no attempt {number}", where=str(past.run.path), hint=hint)
    return AttemptRecord.load(past.run.attempt(number))


def _text(past: ExistingRun, record: AttemptRecord, *, thoughts: bool) -> str:
    passed = sum(outcome.verdict == "AC" for outcome in record.outcomes)
    total = len(record.outcomes)
    head = f"attempt {record.attempt}: {record.verdict}"
    head += f", passed {passed} of the {total} tests that were run" if total else ""
    told = f"\n\nfeedback:\n{visible_lines(record.feedback.strip())}" if record.feedback else ""
    person = "".join(f"\n{line}" for line in _from_the_person(past))
    slug, text = visible(past.manifest["problem"]["slug"]), visible_lines(record.text.strip())
    return f"{slug}, {head}{person}\n\n{_thought(record, whole=thoughts)}{text}{told}"


def _thought(record: AttemptRecord, *, whole: bool) -> str:
    """What was thought, or that something was; empty if nothing was."""
    if not record.thought:
        return ""
    if whole:
        return f"thought:\n{visible_lines(record.thought.strip())}\n\nanswer:\n"
    return f"(a thought of {record.thought_tokens} tokens; --thoughts shows it)\n\n"


def _from_the_person(past: ExistingRun) -> Iterator[str]:
    """Hints, programs that the run started from, and what an external judge said."""
    from sdpo_tts.record import hints, read_events

    given = past.settings.get("context", {}).get("hint", "")
    for text in filter(None, (given, *hints.left(past.run).values())):
        yield f"hint: {visible_lines(text)}"
    for event in read_events(past.run.events):
        if event["type"] == "start_judged":
            passed = f"{event['passed']} of {event['total']} tests passed"
            yield f"started from {visible(event['name'])}: {event['verdict']}, {passed}"
        if event["type"] == "verdict_given":
            yield f"the judge on attempt {event['attempt']}: {visible(event['words'])}"


def _heat(past: ExistingRun, record: AttemptRecord, device: str, line: LiveLine) -> Heat:
    """Raises UserError if the attempt has no feedback, or the problem has changed."""
    from sdpo_tts.errors import UserError
    from sdpo_tts.policy.learning.credit import credit
    from sdpo_tts.policy.prompts import TEMPLATES, teacher_text
    from sdpo_tts.record import read_events
    from sdpo_tts.view.measured.heat import Heat

    number = record.attempt
    if not record.feedback:
        raise UserError(f"attempt {number} has no feedback that a teacher could read", where=str(past.run.path))
    events = [event for event in read_events(past.run.events) if event["type"] == "attempt_judged"]
    problem = past.problem()
    policy = past.policy(device, line.status)
    line.show("asking the teacher")
    text = teacher_text(problem, record.feedback, TEMPLATES[past.settings["context"]["template"]])
    pieces = credit(
        policy.network, policy.chat, policy.chat.prompt(text), record.token_ids, record.logprobs, record.thought_tokens
    )
    title = f"{problem.title}: attempt {number}, {record.verdict}"
    advantage = _advantage(events, record.step, number)
    return Heat(title, pieces, record.feedback, advantage, record.thought, record.thought_tokens)


def _advantage(events: Sequence[Event], step: int, number: int) -> float:
    """The advantage that GRPO would give to an attempt, from the rewards of its batch."""
    from sdpo_tts.policy.learning.advantage import group_advantages
    from sdpo_tts.stats import solves

    batch = [event for event in events if event["step"] == step]
    advantages = group_advantages([float(solves(event)) for event in batch])
    return {event["attempt"]: value for event, value in zip(batch, advantages, strict=True)}[number]
