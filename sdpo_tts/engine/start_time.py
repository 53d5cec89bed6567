"""Reports how long an engine takes to start, based on earlier starts on this machine."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

from sdpo_tts.models.fetch import cache_root

FIRST_S = 5.0  # until the first line, then doubled each time: few lines in a log
KEPT = 5  # remembered starts of one kind


@contextmanager
def told(kind: str, what: str, report: Callable[[str], None], first_s: float = FIRST_S) -> Iterator[None]:
    """While an engine of a `kind` starts, which blocks this thread. A failed start is not remembered."""
    expected, over, began = estimate(kind), Event(), time.monotonic()
    report(f"starting vLLM ({_about(expected)}): {what}" if expected else f"starting vLLM: {what}")
    teller = Thread(target=_tell, args=(expected, report, over, first_s), daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()
    _remember(kind, time.monotonic() - began)


def estimate(kind: str) -> float | None:
    """Seconds, from the last starts of this kind; None before the first."""
    seconds = _starts().get(kind)
    return statistics.median(seconds) if seconds else None


def _tell(expected: float | None, report: Callable[[str], None], over: Event, pause_s: float) -> None:
    began, of = time.monotonic(), f" of {_about(expected)}" if expected else ""
    while not over.wait(pause_s):
        report(f"starting vLLM: {time.monotonic() - began:.0f} s{of}")
        pause_s = time.monotonic() - began


def _about(seconds: float) -> str:
    return f"about {max(1.0, seconds):.0f} s"


def _file() -> Path:
    return cache_root().parent / "engine-starts.json"


def _starts() -> dict[str, list[float]]:
    with suppress(OSError, ValueError):
        found: Any = json.loads(_file().read_text(encoding="utf-8"))
        if isinstance(found, dict):
            return found
    return {}


def _remember(kind: str, seconds: float) -> None:
    """An estimate is not worth an error: if it cannot be written, there is none."""
    starts = _starts()
    starts[kind] = [*starts.get(kind, []), round(seconds, 1)][-KEPT:]
    with suppress(OSError):
        _file().parent.mkdir(parents=True, exist_ok=True)
        part = _file().with_suffix(".part")
        part.write_text(json.dumps(starts, indent=1), encoding="utf-8")
        part.replace(_file())
