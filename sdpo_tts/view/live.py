"""The panel on a terminal: the run at a glance, four times a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from sdpo_tts.record import Event
from sdpo_tts.view.curve import sparkline, step_curve
from sdpo_tts.view.plain import Quiet
from sdpo_tts.view.progress import Phase, RunState
from sdpo_tts.view.summary import best, count, duration, figure

STYLES = {
    "AC": "bold green",
    "WA": "red",
    "RE": "magenta",
    "TLE": "yellow",
    "MLE": "yellow",
    "OLE": "yellow",
    "CE": "blue",
    "NC": "dim",
    "CA": "dim",
    "JE": "reverse",
}
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
LABEL = 10
CURVE_ROWS = 5


class Dashboard(Quiet):
    """A Rich Live panel. Anything else on its terminal would tear it: use it inside `captured_logs`."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.time) -> None:
        self._console, self._clock = console, clock
        self._state, self._status, self._since = RunState(), "", clock()
        self._live = Live(
            console=console,
            get_renderable=self._render,
            refresh_per_second=4,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def status(self, text: str) -> None:
        """Shown in place of the phase until the next event."""
        self._show(self._state, text)

    def event(self, event: Event) -> None:
        self._show(self._state.after(event), "")

    def __enter__(self) -> Self:
        self._live.start(refresh=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def _show(self, state: RunState, status: str) -> None:
        """The drawing thread sees the change within a quarter of a second."""
        before = self._doing()
        self._state, self._status = state, status
        if self._doing() != before:
            self._since = self._clock()

    def _doing(self) -> str:
        return self._status or self._state.phase

    def _render(self) -> Panel:
        now = self._clock()
        doing = f"{self._doing()} {duration(now - self._since)}"
        if self._state.reason and not self._status:
            doing = f"ended: {self._state.reason}"
        return panel(self._state, doing, now, *self._console.size)


def panel(state: RunState, doing: str, now: float, width: int, height: int) -> Panel:
    """The state as a panel no wider than `width`; the curve gives way where `height` is short of rows."""
    inner = width - 4
    above = [*_heading(state, doing, now), *_budget(state, now, inner), *_verdicts(state, inner)]
    below = _learning(state, inner)
    borders_axis_and_cursor = 6
    rows = min(CURVE_ROWS, height - len(above) - len(below) - borders_axis_and_cursor)
    lines = [*above, *_curve(state, inner, rows), *below]
    for line in lines:
        line.no_wrap, line.overflow = True, "ellipsis"
    return Panel(Group(*lines), title=_title(state), title_align="left", width=width)


def _title(state: RunState) -> Text:
    name = state.title or state.problem
    return Text(_printable(f"{name} · {state.method} · seed {state.seed}") if name else "sdpo", style="bold")


def _printable(text: str) -> str:
    """Titles and the like come from files: nothing in them may steer the terminal."""
    return "".join(filter(str.isprintable, text))


def _row(label: str, *parts: str | tuple[str, str]) -> Text:
    return Text.assemble((f"{label:<{LABEL}}", "dim"), *parts)


def _heading(state: RunState, doing: str, now: float) -> list[Text]:
    model = " · ".join(filter(None, (state.model, state.engine, state.device)))
    spinner = " " if state.phase is Phase.ENDED else SPINNER[int(now * 4) % len(SPINNER)]
    lines = [_row("model", _printable(model))] if model else []
    return [*lines, _row(f"{spinner} now", (_printable(doing), "bold cyan")), Text()]


def _budget(state: RunState, now: float, inner: int) -> list[Text]:
    attempts = f"{state.cost.attempts:,}" + (f" of {state.max_attempts:,}" if state.max_attempts else "")
    tokens = f"{state.cost.tokens:,}" + (f" of {state.max_tokens:,}" if state.max_tokens else "")
    elapsed = duration(state.elapsed(now)) + (f" of {duration(state.max_seconds)}" if state.max_seconds else "")
    speed = f" · {state.batch.tokens_per_second:.0f} tokens/s" if state.batch else ""
    cut = f" · {count(state.truncated, 'answer')} cut off" if state.truncated else ""
    meter = _meter(state.cost.attempts / state.max_attempts, inner - LABEL - 20) if state.max_attempts else ""
    return [
        _row("attempts", f"{attempts:<20}", (meter, "cyan")),
        _row("tokens", tokens, speed, cut),
        _row("time", elapsed, _split(state)),
    ]


def _meter(share: float, width: int) -> str:
    full = round(min(1.0, share) * width)
    return "━" * full + "┄" * (width - full)


def _split(state: RunState) -> str:
    """Where the time went, in per cent of the time accounted for."""
    cost, whole = state.cost, state.cost.seconds
    parts = {
        "sampling": cost.sampling_seconds,
        "judging": cost.judging_seconds,
        "learning": cost.learning_seconds,
    }
    return "".join(f" · {name} {100 * seconds / whole:.0f} %" for name, seconds in parts.items()) if whole else ""


def _verdicts(state: RunState, inner: int) -> list[Text]:
    counts = (part for verdict, number in state.verdicts for part in _counted(verdict, number))
    lines = [_strip(state, inner - LABEL), _row("verdicts", *counts), _row("best", best(state))]
    return [*lines, Text()]


def _counted(verdict: str, number: int) -> tuple[tuple[str, str], str]:
    return (verdict, STYLES.get(verdict, "")), f" {number:,}  "


def _strip(state: RunState, width: int) -> Text:
    """The verdicts of the batch, dots for those to come; first letters where whole verdicts do not fit."""
    if state.batch is None:
        return _row("batch")
    found, numbers = dict(state.batch.verdicts), range(state.batch.first, state.batch.first + state.batch.attempts)
    told = [found.get(number, "·") for number in numbers]
    cell = 4 if 4 * len(told) <= width else 1
    first = max(0, len(state.batch.verdicts) - width)  # the latest stay in sight
    seen = told[first : first + width]
    marks = [(f"{verdict[: max(1, cell - 1)]:<{cell}}", STYLES.get(verdict, "dim")) for verdict in seen]
    return _row(f"batch {state.batch.step}", *marks)


def _curve(state: RunState, inner: int, rows: int) -> list[Text]:
    """Best share of tests passed against attempts; nothing where there is no room."""
    if rows < 1:
        return []
    width = inner - LABEL
    lines = step_curve(state.best_shares, width, rows)
    labels = ["100 % ┤", *["      │"] * (rows - 1)]
    axis = f"attempt 1{f'{len(state.best_shares):,}':>{width - 9}}" if state.best_shares else ""
    drawn = [_row(f"{label:>{LABEL}}", (line, "green")) for label, line in zip(labels, lines, strict=True)]
    return [Text("tests passed, the best so far", style="dim"), *drawn, _row("", (axis, "dim"))]


def _learning(state: RunState, inner: int) -> list[Text]:
    """Loss and KL divergence with what they were; empty for a method that does not learn."""
    if not state.steps:
        return [_row("", (f"no step of learning: {state.skipped}", "dim"))] if state.skipped else []
    last = state.steps[-1]
    loss = [step.loss for step in state.steps if step.loss is not None]
    kl = [step.kl for step in state.steps if step.kl is not None]
    width = inner - LABEL - 10
    return [
        _row("loss", f"{figure(last.loss):<10}", (sparkline(loss, width), "blue")),
        _row("KL", f"{figure(last.kl):<10}", (sparkline(kl, width), "blue")),
    ]
