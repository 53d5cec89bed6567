"""The panel on a terminal: the run at a glance, four times a second."""

from __future__ import annotations

import os
import textwrap
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import NamedTuple, Self

from rich.console import Console, ConsoleDimensions, Group
from rich.control import Control
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from sdpo_tts.record import Event
from sdpo_tts.view.attempt_text import LEAST_ROWS, AttemptText, section
from sdpo_tts.view.curve import sparkline, step_curve
from sdpo_tts.view.logs import Echo
from sdpo_tts.view.plain import Quiet
from sdpo_tts.view.progress import Phase, RunState
from sdpo_tts.view.summary import (
    best,
    candidates,
    changed,
    count,
    duration,
    ended,
    failing,
    figure,
    learned,
    sampled,
    sources,
    yours,
)

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
CURVE_ROWS, LEAST_CURVE, TITLE_AND_AXIS = 5, 2, 2
BORDERS_AND_CURSOR = 3
MOST_NOW = 4  # lines for the current activity: trouble takes more than one


class Dashboard(Quiet):
    """A Rich Live panel. Other output on its terminal would break it: use it inside `captured_logs`."""

    def __init__(
        self,
        console: Console,
        clock: Callable[[], float] = time.time,
        read: Callable[[int], AttemptText | None] = lambda attempt: None,
    ) -> None:
        super().__init__(console.file)
        self._console, self._clock, self._read = console, clock, read
        self._best: AttemptText | None = None
        self._so_far = ""
        self._state, self._status, self._more, self._since = RunState(), "", "", clock()
        console.size = self._terminal_size()
        self._echo = Echo(console.file)
        self._live = Live(
            console=console,
            get_renderable=self._render,
            refresh_per_second=4,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def status(self, text: str, more: str = "", /) -> None:
        """Shown instead of the phase until the next event."""
        self._show(self._state, text, more)

    def trouble(self, text: str) -> None:
        self.status(text)

    def relief(self, text: str) -> None:
        """The phase is shown again."""
        self.status("")

    def event(self, event: Event) -> None:
        """A warning is an event too, but it stays visible."""
        state = self._state.after(event)
        if state.best and (self._best is None or self._best.attempt != state.best.attempt):
            self._best = self._read(state.best.attempt)
        self._so_far = ""
        self._show(state, self._status if event["type"] == "warned" else "")

    def sampling(self, tokens: int, ended: int, asked: int) -> None:
        self._so_far = sampled(tokens, ended, asked)

    def learning(self, done: int, of: int) -> None:
        self._so_far = learned(done, of)

    def __enter__(self) -> Self:
        self._echo.stop()
        self._live.start(refresh=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()
        self._echo.restore()

    def _show(self, state: RunState, status: str, more: str = "") -> None:
        """The drawing thread sees the change within a quarter of a second. `more` does not start the time anew."""
        before = self._doing()
        self._state, self._status, self._more = state, status, more
        if self._doing() != before:
            self._since = self._clock()

    def _doing(self) -> str:
        return self._status or self._state.phase

    def _render(self) -> Panel:
        self._follow_the_size()
        now = self._clock()
        more = f": {self._more} ·" if self._more else ""
        doing = f"{self._doing()}{more} {duration(now - self._since)}"
        if self._so_far and not self._status:
            doing = f"{self._so_far} · {duration(now - self._since)}"
        if self._state.reason and not self._status:
            doing = ended(self._state)
        return panel(self._state, doing, now, *self._console.size, self._best)

    def _follow_the_size(self) -> None:
        """A terminal that became narrower has wrapped the old panel, which then is taller than Rich knows.

        Rich asks the standard streams for the size, but they are redirected.
        """
        if (size := self._terminal_size()) != self._console.size:
            self._console.size = size
            self._console.control(Control.home(), Control.clear())

    def _terminal_size(self) -> ConsoleDimensions:
        if "COLUMNS" not in os.environ:
            with suppress(OSError, ValueError):
                size = os.get_terminal_size(self._console.file.fileno())
                return ConsoleDimensions(*size) if all(size) else self._console.size
        return self._console.size


class Line(NamedTuple):
    """One line of the panel; if there is no room for all, those with the least `weight` are dropped."""

    weight: int
    text: Text


BLANK = Line(0, Text())


def panel(
    state: RunState, doing: str, now: float, width: int, height: int, best_text: AttemptText | None = None
) -> Panel:
    """The state as a panel at most `width` wide and below `height` lines; the least important parts are dropped. The
    best program is shown if there is room for it, before the curve."""
    inner, room = width - 4, height - BORDERS_AND_CURSOR
    above = [*_heading(state, doing, now, inner), *_budget(state, now, inner), *_verdicts(state, inner)]
    below = _learning(state, inner)
    left = room - len(above) - len(below)
    kept = LEAST_ROWS + 1 if best_text and left > LEAST_ROWS else 0
    most = CURVE_ROWS if best_text else max(CURVE_ROWS, height // 4)
    curve = _curve(state, inner, min(most, left - kept - TITLE_AND_AXIS))
    lines = _fitted([*above, *curve, *below], room)
    while best_text and lines and not lines[-1]:
        lines.pop()
    if best_text and (program := section(best_text, inner, room - len(lines) - 1)):
        lines += [Text(), *program]
    for line in lines:
        line.no_wrap, line.overflow = True, "ellipsis"
    return Panel(Group(*lines), title=_title(state), title_align="left", width=width)


def _fitted(lines: Sequence[Line], room: int) -> list[Text]:
    """The weightiest lines in their order: `room` of them, but at least one."""
    kept = sorted(range(len(lines)), key=lambda i: -lines[i].weight)[: max(1, room)]
    return [lines[i].text.copy() for i in sorted(kept)]


def _title(state: RunState) -> Text:
    name = state.title or state.problem
    return Text(_printable(f"{name} · {state.method} · seed {state.seed}") if name else "sdpo", style="bold")


def _printable(text: str) -> str:
    """Titles and the like come from files: nothing in them may control the terminal."""
    return "".join(filter(str.isprintable, text))


def _row(label: str, *parts: str | tuple[str, str]) -> Text:
    told = ((part, "") if isinstance(part, str) else part for part in parts)
    return Text.assemble((f"{label:<{LABEL}}", "dim"), *((_printable(text), style) for text, style in told))


def _heading(state: RunState, doing: str, now: float, inner: int) -> list[Line]:
    model = " · ".join(filter(None, (state.model, state.engine, state.device)))
    spinner = " " if state.phase is Phase.ENDED else SPINNER[int(now * 4) % len(SPINNER)]
    lines = [Line(3, _row("model", model))] if model else []
    first, *rest = textwrap.wrap(_printable(doing), max(1, inner - LABEL))[:MOST_NOW] or [""]
    pace = "" if rest else _pace(state, now, inner - LABEL - len(first))
    lines.append(Line(9, _row(f"{spinner} now", (first, "bold cyan"), pace)))
    return [*lines, *(Line(9, _row("", (text, "bold cyan"))) for text in rest), BLANK]


def _pace(state: RunState, now: float, width: int) -> str:
    """How long a batch takes, and at most all remaining ones; only the latter, or nothing, if `width` is too small."""
    if state.phase is Phase.ENDED or state.batch_seconds is None:
        return ""
    left, batch = state.seconds_left(now), f" · {duration(state.batch_seconds)} a batch"
    rest = f" · {duration(left)} left" if left is not None else ""
    return next((told for told in (batch + rest, rest or batch) if len(told) <= width), "")


def _budget(state: RunState, now: float, inner: int) -> list[Line]:
    if state.started is None:
        return []
    attempts = f"{state.cost.attempts:,}" + (f" of {state.max_attempts:,}" if state.max_attempts else "")
    tokens = f"{state.cost.tokens:,}" + (f" of {state.max_tokens:,}" if state.max_tokens else "")
    elapsed = duration(state.elapsed(now)) + (f" of {duration(state.max_seconds)}" if state.max_seconds else "")
    speed = f" · {state.batch.tokens_per_second:.0f} tokens/s" if state.batch else ""
    cut = f" · {count(state.truncated, 'answer')} cut off" if state.truncated else ""
    meter = _meter(state.cost.attempts / state.max_attempts, inner - LABEL - 20) if state.max_attempts else ""
    return [
        Line(8, _row("attempts", f"{attempts:<20}", (meter, "cyan"))),
        Line(4, _row("tokens", tokens, speed, cut)),
        Line(5, _row("time", elapsed, _split(state))),
    ]


def _meter(share: float, width: int) -> str:
    full = round(min(1.0, share) * width)
    return "━" * full + "┄" * (width - full)


def _split(state: RunState) -> str:
    """Where the time went, in per cent of the recorded time."""
    cost, whole = state.cost, state.cost.seconds
    parts = {
        "sampling": cost.sampling_seconds,
        "judging": cost.judging_seconds,
        "learning": cost.learning_seconds,
    }
    return "".join(f" · {name} {100 * seconds / whole:.0f} %" for name, seconds in parts.items()) if whole else ""


def _verdicts(state: RunState, inner: int) -> list[Line]:
    """Empty before the first batch, but for the user's own programs."""
    own = [Line(5, _row("yours", yours(state)))] if state.yours else []
    if state.batch is None:
        return own
    counts = [part for verdict, number in state.verdicts for part in _counted(verdict, number)]
    lines = [*own, Line(6, _strip(state, inner - LABEL))]
    lines += [Line(5, _row("verdicts", *counts))] if counts else []
    lines += [Line(5, _row("sources", sources(state)))] if sources(state) else []
    lines += [Line(7, _row("best", best(state)))] if state.best else []
    lines += [Line(6, _row("passing", candidates(state)))] if candidates(state) else []
    lines += [Line(4, _row("failing", failing(state)))] if failing(state) else []
    return [*lines, BLANK]


def _counted(verdict: str, number: int) -> tuple[tuple[str, str], str]:
    return (verdict, STYLES.get(verdict, "")), f" {number:,}  "


def _strip(state: RunState, width: int) -> Text:
    """The verdicts of the batch, with dots for those to come; first letters if whole verdicts do not fit."""
    if state.batch is None:
        return _row("batch")
    found, numbers = dict(state.batch.verdicts), range(state.batch.first, state.batch.first + state.batch.attempts)
    told = [found.get(number, "·") for number in numbers]
    cell = 4 if 4 * len(told) <= width else 1
    first = max(0, len(state.batch.verdicts) - width)  # the latest stay visible
    seen = told[first : first + width]
    marks = [(f"{verdict[: max(1, cell - 1)]:<{cell}}", STYLES.get(verdict, "dim")) for verdict in seen]
    return _row(f"batch {state.batch.step}", *marks)


def _curve(state: RunState, inner: int, rows: int) -> list[Line]:
    """Best share of tests passed against attempts; empty if there is no room, or nothing to draw yet."""
    if rows < LEAST_CURVE or not any(state.best_shares):
        return []
    width = inner - LABEL
    lines = step_curve(state.best_shares, width, rows)
    labels = ["100 % ┤", *["      │"] * (rows - 1)]
    axis = f"attempt 1{f'{len(state.best_shares):,}':>{max(0, width - 9)}}" if state.best_shares else ""
    drawn = [_row(f"{label:>{LABEL}}", (line, "green")) for label, line in zip(labels, lines, strict=True)]
    whole = [Text("tests passed, best so far", style="dim"), *drawn, _row("", (axis, "dim"))]
    return [Line(1, text) for text in whole]


def _learning(state: RunState, inner: int) -> list[Line]:
    """Loss and KL divergence with their earlier values, and the effect; empty for a method that does not learn."""
    if not state.steps:
        return [Line(3, _row("", (f"no learning step: {state.skipped}", "dim")))] if state.skipped else []
    last = state.steps[-1]
    loss = [step.loss for step in state.steps if step.loss is not None]
    kl = [step.kl for step in state.steps if step.kl is not None]
    width = inner - LABEL - 10
    lines = [
        Line(3, _row("loss", f"{figure(last.loss):<10}", (sparkline(loss, width), "blue"))),
        Line(2, _row("KL", f"{figure(last.kl):<10}", (sparkline(kl, width), "blue"))),
    ]
    if state.rolled_back:
        return [*lines, Line(4, _row("back", (f"to the best step: {state.rolled_back}", "yellow")))]
    return [*lines, Line(2, _row("changed", changed(state).replace(" to ", "→")))] if changed(state) else lines
