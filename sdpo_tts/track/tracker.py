"""A journal's events as metrics over attempts, the unit in which methods are compared."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from pathlib import Path

from sdpo_tts.errors import first_line
from sdpo_tts.record import Event
from sdpo_tts.track.backends import Backend, Wanted
from sdpo_tts.view import RunState

LOG = logging.getLogger(__name__)

# The prefix, and the fields of an event that are metrics. A field that was not finite is skipped.
FIGURES = {
    "batch_sampled": ("sampling", "completion_tokens truncated seconds"),
    "batch_watched": ("batch", "distinct entropy length leaks score"),
    "step_taken": ("step", "loss kl entropy grad_norm gap_mean gap_max trained trained_tokens teacher_tokens seconds"),
    "solved": ("solved", "attempt tokens seconds"),
    "run_ended": ("run", "attempts tokens seconds sampling_seconds judging_seconds learning_seconds"),
}


class Tracker:
    """Subscribe `event` to a journal. A tracker that fails is dropped: the run continues without it."""

    def __init__(self, wanted: Wanted, run: Path) -> None:
        self._wanted, self._run = wanted, run
        self._backend: Backend | None = None
        self._state = RunState()

    def catch_up(self, events: Iterable[Event]) -> None:
        """With the events of earlier processes of the run."""
        for event in events:
            self._begin(event)
            self._state = self._state.after(event)

    def event(self, event: Event) -> None:
        self._begin(event)
        self._state = self._state.after(event)
        if figures := figures_of(event, self._state):
            self._try(lambda backend: backend.log(figures, self._state.cost.attempts))
        if event["type"] == "run_ended":
            self._try(lambda backend: backend.close())

    def _begin(self, event: Event) -> None:
        if event["type"] == "manifest":
            try:
                self._backend = self._wanted.open(self._run, event["settings"])
            except Exception as error:  # each has its own kinds of trouble, which must not stop the run
                self._leave(error)

    def _try(self, action: Callable[[Backend], None]) -> None:
        if self._backend is not None:
            try:
                action(self._backend)
            except Exception as error:
                self._leave(error)

    def _leave(self, error: Exception) -> None:
        self._backend = None
        first = first_line(error)
        LOG.warning("%s failed, and the run continues without it: %s", self._wanted.kind, first)


def figures_of(event: Event, state: RunState) -> dict[str, float]:
    """The metrics after `event` has led to `state`, by name."""
    if event["type"] == "attempt_judged":
        return _batch(state)
    group, fields = FIGURES.get(event["type"], ("", ""))
    return {f"{group}/{name}": float(event[name]) for name in fields.split() if event[name] is not None}


def _batch(state: RunState) -> dict[str, float]:
    """For a batch that has been fully judged."""
    if not state.batch or not state.batch.judged:
        return {}
    accepted = sum(verdict == "AC" for _, verdict in state.batch.verdicts)
    return {"batch/accepted": accepted / state.batch.attempts, "batch/best_share": state.best_shares[-1]}
