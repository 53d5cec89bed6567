"""Programs share the machine, except while one is measured alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class MachineLock:
    """Any number of threads inside `shared`. `exclusive`, entered from within it, waits for the others to pause."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside, self._waiting, self._taken = 0, 0, False

    @contextmanager
    def shared(self) -> Iterator[None]:
        self._enter()
        try:
            yield
        finally:
            self._leave()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Gives up the place inside while waiting, so that two who want to be alone do not wait for each other."""
        self._leave()
        try:
            self._take()
            try:
                yield
            finally:
                self._give_back()
        finally:
            self._enter()

    def _enter(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._taken and not self._waiting)
            self._inside += 1

    def _leave(self) -> None:
        with self._changed:
            self._inside -= 1
            self._changed.notify_all()

    def _take(self) -> None:
        with self._changed:
            self._waiting += 1
            try:
                self._changed.wait_for(lambda: not self._taken and not self._inside)
                self._taken = True
            finally:
                self._waiting -= 1

    def _give_back(self) -> None:
        with self._changed:
            self._taken = False
            self._changed.notify_all()
