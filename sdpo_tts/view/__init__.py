"""What a user sees of a run, on stderr: a live panel, plain lines, or nothing. stdout is for the result."""

from __future__ import annotations

import sys
from functools import partial
from types import TracebackType
from typing import Literal, Protocol, Self, TextIO

from rich.console import Console

from sdpo_tts.record import Event, RunDir
from sdpo_tts.view.advice import advice
from sdpo_tts.view.attempt_text import AttemptText
from sdpo_tts.view.live import Dashboard
from sdpo_tts.view.live_line import LiveLine
from sdpo_tts.view.logs import captured_logs, heard, results_alone
from sdpo_tts.view.plain import Plain, Quiet
from sdpo_tts.view.progress import RunState
from sdpo_tts.view.summary import outcome, summary

__all__ = [
    "LiveLine", "Mode", "RunState", "View", "advice", "captured_logs", "heard", "make_view", "outcome", "results_alone",
    "summary",
]  # fmt: skip

Mode = Literal["live", "plain", "quiet"]


class View(Protocol):
    """Subscribe `event` to the journal. `status` says what happens between events (`more`, with the same text: how far
    it is), `trouble` what is holding up the run, and `relief` that the trouble is over. `sampling` is called often
    while a batch is sampled, with the number of tokens and of complete answers out of those requested; `learning`
    during a step, with the number of answers that have been learned from, out of how many."""

    def status(self, text: str, more: str = "", /) -> None: ...

    def trouble(self, text: str) -> None: ...

    def relief(self, text: str) -> None: ...

    def sampling(self, tokens: int, ended: int, asked: int) -> None: ...

    def learning(self, done: int, of: int) -> None: ...

    def event(self, event: Event) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def make_view(mode: Mode | None = None, file: TextIO | None = None, run: RunDir | None = None) -> View:
    """The view for `mode`, writing to `file` (stderr). Without a mode: the panel on a terminal that can also draw
    boxes. With `run`, whose attempts it may read, the panel shows the best program.

    NO_COLOR, TERM, COLUMNS, TTY_COMPATIBLE and TTY_INTERACTIVE are respected.
    """
    file = sys.stderr if file is None else file
    console = Console(file=file)
    live = console.is_terminal and console.is_interactive and not console.is_dumb_terminal
    live = live and console.encoding.startswith("utf")
    match mode or ("live" if live else "plain"):
        case "live":
            return Dashboard(console, read=partial(AttemptText.of, run) if run else lambda attempt: None)
        case "quiet":
            return Quiet(file)
    return Plain(file)
