"""Views without a terminal: one line per batch and step, or nothing at all."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import IO, Self, TextIO

from sdpo_tts.errors import visible
from sdpo_tts.record import Event
from sdpo_tts.view.progress import LEARNERS, RunState
from sdpo_tts.view.summary import basis, best, changed, count, duration, figure, learned, sampled, sources, why

SILENCE_S = 30.0


class Quiet:
    """Shows nothing but trouble: a run that waits silently would seem to hang."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def trouble(self, text: str) -> None:
        print(visible(text), file=self._file, flush=True)

    def relief(self, text: str) -> None:
        self.trouble(text)

    def status(self, text: str, more: str = "", /) -> None:
        pass

    def sampling(self, tokens: int, ended: int, asked: int) -> None:
        pass

    def learning(self, done: int, of: int) -> None:
        pass

    def event(self, event: Event) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


class Plain(Quiet):
    """Lines for a log, each after the time since the view was made."""

    def __init__(self, file: TextIO, clock: Callable[[], float] = time.time) -> None:
        super().__init__(file)
        self._clock = clock
        self._state, self._began, self._status = RunState(), clock(), ""
        self._told = self._began

    def status(self, text: str, more: str = "", /) -> None:
        """One line, unless it repeats the last status; how far it is after half a minute without any other."""
        if text != self._status:
            self._status = text
            self._say(self._clock(), text)
        elif more:
            self._after_silence(more)

    def trouble(self, text: str) -> None:
        self.status(text)

    def event(self, event: Event) -> None:
        self._state, self._status = self._state.after(event), ""
        if line := _line(event, self._state):
            self._say(event["t"], line)

    def sampling(self, tokens: int, ended: int, asked: int) -> None:
        """One line after half a minute without any other."""
        self._after_silence(sampled(tokens, ended, asked))

    def learning(self, done: int, of: int) -> None:
        """The same."""
        self._after_silence(learned(done, of))

    def _after_silence(self, text: str) -> None:
        if (now := self._clock()) - self._told >= SILENCE_S:
            self._say(now, text)

    def _say(self, moment: float, line: str) -> None:
        self._told = max(self._told, moment)
        print(f"[{duration(max(0.0, moment - self._began))}] {visible(line)}", file=self._file, flush=True)


def _line(event: Event, state: RunState) -> str:
    match event["type"]:
        case "run_started":
            return _started(state)
        case "start_judged":
            passed = f"{event['passed']} of {count(event['total'], 'test')} passed"
            return f"your program {event['name']}: {event['verdict']}, {passed}"
        case "hint_given":
            return f"a hint, for the next batch: {event['text']}"
        case "attempt_judged" if state.batch and state.batch.judged:
            return _batch(state)
        case "batch_watched" if told := changed(state):
            return f"the last step changed: {told}"
        case "step_taken":
            return _step(event)
        case "rolled_back":
            return f"rolled back to the policy of step {event['best_step']}: {event['reason']}"
        case "step_skipped" if state.method in LEARNERS:
            return f"step {event['step']} skipped: {event['reason']}"
        case "consensus_sought":
            return _sought(event)
        case "verdict_given":
            return f"the judge says of attempt {event['attempt']}: {event['words']}"
        case "solved" if "own" in event:
            return f"solved: your program {event['own']}"
        case "solved" if state.awaits_verdict:
            return f"proposed: attempt {event['attempt']}; {basis(state.basis)}"
        case "solved":
            return f"solved: attempt {event['attempt']}"
        case "run_ended":
            return f"ended: {why(state)}, after {count(event['attempts'], 'attempt')}"
    return ""


def _sought(event: Event) -> str:
    groups = ", ".join(str(len(group)) for group in event["groups"])
    inputs, doubted = count(event["inputs"], "generated input"), len(event["doubted"])
    doubts = f"; a brute force contradicts {count(doubted, 'candidate')}: continuing" if doubted else ""
    return f"{count(len(event['candidates']), 'candidate')} on {inputs}, groups of {groups}{doubts}"


def _started(state: RunState) -> str:
    model = f"{state.model} ({state.engine} on {state.device})"
    return f"{state.problem}: {state.method}, seed {state.seed}, {model}, {count(state.tests, 'test')}"


def _batch(state: RunState) -> str:
    """Counts are the batch's, the rest is the run's."""
    assert state.batch is not None
    told = [verdict for _, verdict in state.batch.verdicts]
    marks = " ".join(f"{verdict} {told.count(verdict)}" for verdict in dict.fromkeys(told))
    attempts = f"{state.cost.attempts}/{state.max_attempts}" if state.max_attempts else f"{state.cost.attempts}"
    speed = f"{state.batch.tokens_per_second:.0f} tokens/s"
    found = f"; {sources(state)}" if sources(state) else ""
    pace = f"; {duration(state.batch_seconds)} a batch" if state.batch_seconds else ""
    return f"batch {state.batch.step}: {marks}; attempts {attempts}; best {best(state)}{found}; {speed}{pace}"


def _step(event: Event) -> str:
    figures = ", ".join(f"{name} {figure(event[name])}" for name in ("loss", "kl", "entropy", "gap_max"))
    trained = count(event["trained"], "attempt")
    return f"step {event['step']}: {figures}; learned from {trained} in {event['seconds']:.1f} s"
