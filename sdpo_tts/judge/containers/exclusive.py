"""Programs share the machine, except while one is measured alone."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class MachineLock:
    """Any number of threads may be inside `shared`. `exclusive`, entered from inside it, waits for the others to
    pause."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside, self._waiting = 0, 0
        self._alone_until: float | None = None  # on the monotonic clock; None: no thread is alone

    @contextmanager
    def shared(self) -> Iterator[None]:
        self._enter()
        try:
            yield
        finally:
            self._leave()

    @contextmanager
    def exclusive(self, most_s: float = math.inf) -> Iterator[None]:
        """After `most_s` seconds the others continue, whether or not this one has finished.

        While waiting it gives up its place inside, so that two threads that want to be alone do not wait for each
        other.
        """
        self._leave()
        try:
            self._take(most_s)
            try:
                yield
            finally:
                self._give_back()
        finally:
            self._enter()

    def _enter(self) -> None:
        with self._changed:
            while (left := self._alone_s()) > 0:
                self._changed.wait(min(left, threading.TIMEOUT_MAX))
            self._inside += 1

    def _alone_s(self) -> float:
        """How long others must still wait for the thread that is alone, or wants to be."""
        if self._waiting:
            return math.inf
        return 0.0 if self._alone_until is None else self._alone_until - time.monotonic()

    def _leave(self) -> None:
        with self._changed:
            self._inside -= 1
            self._changed.notify_all()

    def _take(self, most_s: float) -> None:
        with self._changed:
            self._waiting += 1
            try:
                self._changed.wait_for(lambda: self._alone_until is None and not self._inside)
                self._alone_until = time.monotonic() + most_s
            finally:
                self._waiting -= 1
                self._changed.notify_all()  # threads waiting now have a time to wait for

    def _give_back(self) -> None:
        with self._changed:
            self._alone_until = None
            self._changed.notify_all()
