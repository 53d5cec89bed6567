"""The summary at the end, and how figures are put into words there and in the other views."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sdpo_tts.errors import visible
from sdpo_tts.view.progress import RunState, Tally

REASONS = {
    "solved": "solved",
    "enough": "{points} are enough",
    "max_attempts": "the budget of {attempts} is spent",
    "max_tokens": "the budget of {tokens} is spent",
    "max_time": "the time limit of {time} is reached",
    "interrupted": "interrupted",
    "error": "stopped by an error",
    "rejected": "the judge says: {rejected}",
}


def summary(state: RunState, run: Path, solution: Path | None = None, best_program: Path | None = None) -> str:
    """Some lines for stderr: the outcome of the run, what it took, and where its files are. Ends without a newline."""
    if solution:
        rows = [*_spent(state), ("sources", sources(state)), ("program", str(solution))]
    else:
        rows = [*_spent(state), ("best", best(state)), ("failing", failing(state)), ("verdicts", verdicts(state))]
        rows += [("passing", candidates(state)), ("sources", sources(state))]
        rows.append(("program", str(best_program) if best_program else ""))
    rows.append(("run", str(run)))
    head = outcome(state, solved=solution is not None)
    return "\n".join(map(visible, [head, *(f"  {label:<9}{text}" for label, text in rows if text)]))


def outcome(state: RunState, *, solved: bool) -> str:
    """In one sentence."""
    if solved and state.own:
        return f"Solved: your program {visible(state.own)} passed all tests ({state.tests})."
    if solved and "accepted" in state.basis:
        return f"Solved: the judge accepts attempt {state.solved_at}."
    if solved and state.awaits_verdict:
        passes = f"attempt {state.solved_at} passes all samples ({state.tests})"
        return f"Proposed: {passes}; {basis(state.basis)}."
    if solved:
        return f"Solved: attempt {state.solved_at} passed all tests ({state.tests})."
    if state.started is None:
        return "Not solved: the run did not begin."
    return f"Not solved: {'its program is gone' if state.reason == 'solved' else why(state)}."


def why(state: RunState) -> str:
    """Why the run has ended, in words."""
    reason = REASONS.get(state.reason or "", state.reason or "the run has not ended")
    limits = {
        "attempts": count(state.max_attempts or state.cost.attempts, "attempt"),
        "tokens": count(state.max_tokens or state.cost.tokens, "token"),
        "time": duration(state.max_seconds or state.elapsed(0.0)),
        "rejected": visible(state.rejected),
        "points": score(state),
    }
    return reason.format(**limits)


def basis(told: Mapping[str, Any]) -> str:
    """What a proposed program rests on besides the samples, as in `solved`."""
    if told["rests_on"] != "consensus":
        return "nothing else supports it"
    agreeing = f"{told['agreeing']} of {count(told['candidates'], 'candidate')} agree"
    brute = {"agrees": ", and so does a brute force", "disagrees": ", but a brute force does not", "none": ""}
    return f"{agreeing} on {count(told['inputs'], 'generated input')}{brute[told['brute']]}"


def ended(state: RunState) -> str:
    """For a run that has ended: why, or what its success rests on."""
    return f"proposed: {basis(state.basis)}" if state.awaits_verdict else f"ended: {why(state)}"


def yours(state: RunState) -> str:
    """What became of the user's own programs; empty without any."""
    told = (f"{visible(name)} {verdict}, {passed} of {count(of, 'test')}" for name, verdict, passed, of in state.yours)
    return " · ".join(told)


def candidates(state: RunState) -> str:
    """How many different programs pass; empty if that makes no difference."""
    return f"{len(state.passing)} of {state.candidates}" if state.candidates > 1 and state.passing else ""


def _spent(state: RunState) -> list[tuple[str, str]]:
    cost = state.cost
    total = duration(state.elapsed(cost.moment))
    spent = [
        count(cost.attempts, "attempt"),
        count(len(state.steps), "step"),
        count(cost.tokens, "token"),
        total,
    ]
    return [("spent", ", ".join(spent)), ("time", time_split(state))]


def time_split(state: RunState) -> str:
    cost = state.cost
    parts = {
        "sampling": cost.sampling_seconds,
        "judging": cost.judging_seconds,
        "learning": cost.learning_seconds,
    }
    return ", ".join(f"{name} {duration(seconds)}" for name, seconds in parts.items())


def best(state: RunState) -> str:
    """The best attempt so far; empty before the first."""
    if state.best is None:
        return ""
    passed = f"{state.best.passed} of {count(state.tests, 'test')} passed"
    told = f"{score(state)}, {passed}" if state.points is not None else passed
    return f"{told} (attempt {state.best.attempt})"


def score(state: RunState) -> str:
    """The best one so far; empty if there are no scores."""
    if state.points is None:
        return ""
    return f"{state.best.points if state.best else 0.0:g} of {state.points:g} points"


def failing(state: RunState) -> str:
    """Where the best attempt first failed; empty if unknown, or nowhere."""
    if state.best is None or not state.best.failing:
        return ""
    detail = f": {state.best.detail}" if state.best.detail else ""
    return visible(f"{state.best.verdict} on {state.best.failing}{detail}")


def changed(state: RunState) -> str:
    """What the last step did to the batch after it: means of both batches; empty without two batches."""
    if len(state.healths) < 2 or not state.steps:
        return ""
    before, after = state.healths
    parts = (
        ("passed", _move(before.score, after.score, "{:.0%}")),
        ("tokens", _move(before.length, after.length, "{:.0f}")),
        ("entropy", _move(before.entropy, after.entropy, "{:.2f}")),
        ("distinct", _move(before.distinct, after.distinct, "{:.0%}")),
    )
    return ", ".join(f"{name} {move}" for name, move in parts if move)


def _move(before: float | None, after: float | None, form: str) -> str:
    return "" if before is None or after is None else f"{form.format(before)} to {form.format(after)}"


def sources(state: RunState) -> str:
    """What each source found, if there are several: attempts, and the most tests that one of them passed."""
    if len(state.sources) < 2:
        return ""
    told = (f"{name} {tally.attempts:,} (best {tally.best}{_solved(tally)})" for name, tally in state.sources)
    return " · ".join(told)


def _solved(tally: Tally) -> str:
    return f", solved {tally.solved}" if tally.solved else ""


def verdicts(state: RunState) -> str:
    return " ".join(f"{verdict} {number}" for verdict, number in state.verdicts)


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """1:02:03, and without hours 2:03."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def sampled(tokens: int, ended: int, asked: int) -> str:
    """For a batch that is being sampled: `ended` answers are complete."""
    return f"sampling: {count(tokens, 'token')}, {ended} of {count(asked, 'answer')}"


def learned(done: int, of: int) -> str:
    """For a step that is being taken."""
    return f"learning: {done} of {count(of, 'answer')}"


def figure(value: float | None) -> str:
    """Three significant digits; empty for a figure that was not finite."""
    return "n/a" if value is None else f"{value:.3g}"
