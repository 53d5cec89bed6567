"""One line that says what is happening, for commands that have no panel."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import IO, Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from sdpo_tts.errors import visible
from sdpo_tts.view.logs import Echo
from sdpo_tts.view.plain import SILENCE_S
from sdpo_tts.view.summary import duration


class LiveLine:
    """On a terminal, a last line that is rewritten, with the time since its topic began; elsewhere a line after half a
    minute of silence. Use it as a context manager."""

    def __init__(self, file: IO[str], clock: Callable[[], float] = time.time) -> None:
        self._console, self._clock = Console(file=file, highlight=False, markup=False), clock
        self._topic, self._text, self._since, self._told = "", "", clock(), clock()
        self._echo = Echo(file)
        live = self._console.is_terminal and not self._console.is_dumb_terminal
        self._live = self._new() if live else None

    def say(self, text: str) -> None:
        """A line that stays."""
        self._told = self._clock()
        self._console.print(visible(text), soft_wrap=True)

    def status(self, text: str, more: str = "", /) -> None:
        """What is happening now, in a line that stays; how far it is, in the one that is rewritten."""
        if text != self._topic:
            self.say(text)
            self._topic, self._since = text, self._clock()
        self._text = more or "working"
        if more and not self._live and self._clock() - self._told >= SILENCE_S:
            self.say(more)

    def show(self, topic: str, more: str = "") -> None:
        """What is happening now; the time counts from when `topic` was first shown."""
        if topic != self._topic:
            self._topic, self._since = topic, self._clock()
        self._text = f"{topic}: {more}" if more else topic
        if not self._live and self._clock() - self._told >= SILENCE_S:
            self.say(self._text)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Hide the line, so that something else can be printed on the same terminal."""
        if self._live:
            self._live.stop()
        yield
        if self._live:
            self._live = self._new()
            self._live.start()

    def _new(self) -> Live:
        return Live(
            console=self._console, get_renderable=self._line, refresh_per_second=4, transient=True,
            redirect_stdout=False, redirect_stderr=False,
        )  # fmt: skip

    def _line(self) -> Text:
        told = f"{self._text} · {duration(self._clock() - self._since)}" if self._text else ""
        return Text(visible(told), no_wrap=True, overflow="ellipsis")

    def __enter__(self) -> Self:
        if self._live:
            self._echo.stop()
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()
        self._echo.restore()
