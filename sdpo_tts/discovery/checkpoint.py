"""The state of a run between two batches, and the batch in progress: enough to continue after the process has died.

A checkpoint is written before the first batch and after every batch; the samples of a batch are written before they are
judged. On resuming, journal events beyond them are discarded and happen again, except verdicts, which stand.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sdpo_tts.discovery.attempt import Attempt, Judged
from sdpo_tts.discovery.guard import Best, Guard, Health
from sdpo_tts.discovery.source import Source
from sdpo_tts.discovery.state import SolverState
from sdpo_tts.errors import UserError, first_line
from sdpo_tts.judge import Judgement, Verdict
from sdpo_tts.judge.feedback.text import Feedback
from sdpo_tts.policy.learning.learner import LearnerState
from sdpo_tts.policy.memory import ran_out
from sdpo_tts.policy.sampler import Sample
from sdpo_tts.problem import Problem
from sdpo_tts.record import AttemptRecord, Event, RunDir, read_events, read_json, sweep, write_json, write_with

if TYPE_CHECKING:
    import torch

IN_HAND = frozenset({"hint_given", "batch_sampled", "attempt_judged", "warned", "resumed"})


def save(solver: SolverState) -> None:
    """Write the solver's state, completely or not at all."""
    import torch

    learner, guard = solver.strategy.learner, solver.parts.guard
    state = {
        "step": solver.step,
        "events": solver.parts.journal.length,
        "version": solver.parts.network.version,
        "attempts": solver.spent.attempts,
        "tokens": solver.spent.tokens,
        "seconds": dict(solver.spent.seconds),
        "elapsed": solver.spent.elapsed,
        "moment": time.time(),
        "winner": solver.winner.attempt.number if solver.winner else None,
        "strategy": solver.strategy.state(),
        "learner": vars(learner.state()) if learner else None,
        "guard": _guard_state(guard) if guard else None,
    }
    write_with(solver.parts.run.checkpoint, lambda file: torch.save(state, file))


def discard(run: RunDir) -> None:
    """Delete the checkpoint: a solved run is not continued, and the optimiser's state is large."""
    shutil.rmtree(run.checkpoint.parent, ignore_errors=True)


def save_batch(run: RunDir, attempts: Sequence[Attempt]) -> None:
    write_json(run.batch, [asdict(attempt) for attempt in attempts])


def resume(solver: SolverState) -> None:
    """Bring a new solver to the point where the run in its folder stopped. Raises UserError if there is no
    checkpoint, or if it is damaged."""
    run, journal = solver.parts.run, solver.parts.journal
    if not run.checkpoint.exists():
        raise UserError("the run has no checkpoint", where=str(run.path), hint="it stopped before its first batch")
    sweep(run.path)
    state = _load(run, solver.parts.network.device)
    events = read_events(run.events)
    kept = _kept(events, state["events"], state["step"])
    journal.rewind(kept)
    solver.step = state["step"]
    last = next((event for event in reversed(events[:kept]) if event["type"] != "verdict_given"), None)
    worked = max(0.0, last["t"] - state["moment"]) if last else 0.0
    elapsed = max(state["elapsed"] + worked, _elapsed(events))
    later = (event for event in events[state["events"] : kept] if event["type"] == "consensus_sought")
    tokens = state["tokens"] + sum(event["completion_tokens"] for event in later)
    solver.spent.restore(state["attempts"], tokens, state["seconds"], elapsed)
    solver.strategy.restore(state["strategy"])
    for event in (event for event in events[:kept] if event["type"] == "hint_given"):
        solver.heard.add(event["id"])
        solver.strategy.advise(event["text"])
    if solver.strategy.learner:
        solver.strategy.learner.restore(LearnerState(**state["learner"]))
    solver.parts.network.version = state["version"]
    if solver.parts.guard:
        _restore_guard(solver.parts.guard, state["guard"])
    solver.started = {event["name"] for event in events[:kept] if event["type"] == "start_judged"}
    _restore_batch(solver, events[:kept])
    _restore_seconds(solver, events)
    judged_before = (one for one in events[:kept] if one["type"] in ("start_judged", "attempt_judged"))
    before = [one for one in judged_before if one.get("step", -1) < solver.step]
    solver.parts.judge.recall(failed(before))
    if state["winner"] is not None:
        solver.winner = recorded(solver, state["winner"], events)
    solver.remember(events[:kept])
    journal.append(
        "resumed", step=solver.step, attempts=len(solver.known), seconds=elapsed, **asdict(solver.budget)
    )


def _load(run: RunDir, device: torch.device) -> dict[str, Any]:
    import torch

    try:
        state: dict[str, Any] = torch.load(run.checkpoint, map_location=device, weights_only=True)
    except Exception as error:  # of a damaged file: almost any
        if ran_out(error):
            raise
        what = f"the checkpoint cannot be read: {first_line(error)}"
        raise UserError(what, where=str(run.checkpoint), hint="start a new run") from None
    return state


def _elapsed(events: Sequence[Event]) -> float:
    """Seconds that the run had spent by its last event, without pauses. Work undone by an interruption counts."""
    spent, before = 0.0, None
    for event in events:
        if event["type"] == "run_ended":
            spent = max(spent, event["seconds"])
        elif event["type"] == "resumed":
            spent = event.get("seconds", spent)
        elif event["type"] == "verdict_given":
            pass  # the run was not running
        elif before is not None:
            spent += max(0.0, event["t"] - before)
        before = event["t"]
    return spent


def _restore_seconds(solver: SolverState, events: Sequence[Event]) -> None:
    """By activity, including work undone by an interruption; sampling the batch in progress is charged later."""
    own = [event for event in events if event["type"] != "verdict_given"]
    ended = own[-1] if own and own[-1]["type"] == "run_ended" else {}
    for activity, seconds in solver.spent.seconds.items():
        later = solver.in_hand_seconds if activity == "sampling" else 0.0
        solver.spent.seconds[activity] = max(seconds, ended.get(f"{activity}_seconds", 0.0) - later)


def _kept(events: Sequence[Event], covered: int, step: int) -> int:
    """How many events stand: those that the checkpoint covers, all that an external judge has seen, and what is known
    about the batch in progress."""
    seen = (i + 1 for i, event in enumerate(events) if event["type"] == "verdict_given")
    kept = max(min(covered, len(events)), max(seen, default=0))
    while kept < len(events) and events[kept]["type"] in IN_HAND and events[kept].get("step", step) == step:
        kept += 1
    return kept


def _restore_batch(solver: SolverState, events: Sequence[Event]) -> None:
    """The batch in progress, if its samples were written, and the verdicts on it."""
    sampled = [event for event in events if event["type"] == "batch_sampled" and event["step"] == solver.step]
    if not sampled:
        return
    solver.in_hand, solver.in_hand_seconds = load_batch(solver.parts.run), sampled[0]["seconds"]
    judged = {event["attempt"]: event for event in events if event["type"] == "attempt_judged"}
    for attempt in solver.in_hand:
        if event := judged.get(attempt.number):
            record = AttemptRecord.load(solver.parts.run.attempt(attempt.number))
            solver.known[attempt.number] = again(attempt, record, solver.parts.judge.problem, event)


def failed(attempts: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The first test that each of them failed, according to `attempt_judged`."""
    return (one["failing"] for one in attempts if "failing" in one and one["verdict"] != Verdict.JE)


def load_batch(run: RunDir) -> list[Attempt]:
    return [_attempt(row) for row in read_json(run.batch)]


def _attempt(row: dict[str, Any]) -> Attempt:
    return Attempt(**{**row, "sample": Sample.of(row["sample"]), "source": Source(row.get("source", Source.STUDENT))})


def again(attempt: Attempt, record: AttemptRecord, problem: Problem, event: Event) -> Judged:
    """A verdict given earlier, as far as learning needs it: outputs and generated tests are not stored."""
    tests = {test.name: test for test in problem.tests}
    outcomes = tuple(one.outcome(tests.get(one.test)) for one in record.outcomes)
    judgement = Judgement(record.verdict, outcomes, event["total"], points=event.get("points"))
    told = Feedback(event["feedback_kind"], record.feedback)
    return Judged(attempt, judgement, told, event.get("outputs", ""), event.get("hard_coded", False))


def recorded(solver: SolverState, number: int, events: Iterable[Event]) -> Judged:
    """An attempt of an earlier batch, rebuilt from journal and run folder."""
    event = next(one for one in events if one["type"] == "attempt_judged" and one["attempt"] == number)
    record = AttemptRecord.load(solver.parts.run.attempt(number))
    sample = Sample((), record.token_ids, record.logprobs, truncated=False)
    attempt = Attempt(number, record.step, 0, record.adapter, sample, record.text, record.program)
    return again(attempt, record, solver.parts.judge.problem, event)


def _guard_state(guard: Guard) -> dict[str, Any]:
    best = guard.best
    return {
        "first": asdict(guard.first) if guard.first else None,
        "best": {"step": best.step, "score": best.score, **vars(best.state)} if best else None,
    }


def _restore_guard(guard: Guard, state: dict[str, Any]) -> None:
    guard.first = Health(**state["first"]) if state["first"] else None
    if best := state["best"]:
        kept = LearnerState(best["adapter"], best["optimiser"], best.get("ema"))  # older checkpoints have no average
        guard.best = Best(best["step"], best["score"], kept)
