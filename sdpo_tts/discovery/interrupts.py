"""Delays an interruption until an atomic step is done."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

LOG = logging.getLogger(__name__)
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def deferred() -> Iterator[None]:
    """Hold back the first Ctrl-C, SIGTERM or SIGHUP until the block is done; a second one takes effect at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: handler for number in SIGNALS if (handler := signal.getsignal(number)) is not signal.SIG_IGN}
    held: list[int] = []

    def hold(number: int, frame: FrameType | None) -> None:
        held.append(number)
        if len(held) == 1:
            LOG.warning("stopping once the current programs are judged; press Ctrl-C again to stop now")
        else:
            _pass_on(before[signal.Signals(number)], number, frame)

    for number in before:
        signal.signal(number, hold)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if held:
        _pass_on(before[signal.Signals(held[0])], held[0], None)


def _pass_on(handler: object, number: int, frame: FrameType | None) -> None:
    if callable(handler):
        handler(number, frame)
    elif handler != signal.SIG_IGN:
        raise KeyboardInterrupt
