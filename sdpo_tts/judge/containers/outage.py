"""Waits for a Docker engine that is gone for a while, since an outage says nothing about any program."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from sdpo_tts.errors import SandboxError

LOG = logging.getLogger(__name__)
PATIENCE_S = 900.0
POLL_S = 2.0


class Outage:
    """Waits for the engine on behalf of all threads that use it. Thread-safe.

    `answers` says whether the engine answers; `stopped` ends the wait. If the engine is gone for `PATIENCE_S` in total
    before it is usable again, the wait is given up.
    """

    def __init__(self, answers: Callable[[], bool], stopped: threading.Event) -> None:
        self._answers, self._stopped = answers, stopped
        self._lock, self._past, self._gone_s = threading.Lock(), 0, 0.0

    def waited(self) -> bool:
        """Whether the engine was gone and is back. Raises SandboxError if the wait is given up."""
        past = self._past
        with self._lock:  # one thread waits and reports, for the others too
            if self._past != past:
                return True
            if self._stopped.is_set() or self._answers():
                return False
            LOG.warning("the Docker engine is gone: waiting for it, at most %s", _minutes())
            self._wait()
            LOG.info("the Docker engine is back: judging again what was interrupted")
            self._past += 1
            return True

    def over(self) -> None:
        """The engine is usable again."""
        self._gone_s = 0.0

    def _wait(self) -> None:
        while self._gone_s < PATIENCE_S:
            began = time.monotonic()
            if self._stopped.wait(POLL_S):
                raise SandboxError("stopped while the Docker engine was gone", where="judge")
            back = self._answers()
            self._gone_s += time.monotonic() - began
            if back:
                return
        hint = "start it; sdpo-solve --resume continues the run"
        raise SandboxError(f"the Docker engine was gone for {_minutes()}", where="judge", hint=hint)


def _minutes() -> str:
    return f"{PATIENCE_S / 60:.0f} minutes"
