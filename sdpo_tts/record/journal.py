"""The journal: events appended durably, one line each, and shown to whoever subscribed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sdpo_tts.record.atomic import sync_folder, to_json
from sdpo_tts.record.events import VERSION, Event, missing_fields, read_events, whole_lines

Subscriber = Callable[[Event], None]


class Journal:
    """Appends to `events.jsonl`. One writer at a time: hold the run's lock.

    An existing journal is continued, a torn last line cut off. Raises UserError if it is damaged elsewhere.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self.path, self._clock = path, clock
        self._subscribers: list[Subscriber] = []
        self._seq = _repair(path) if path.exists() else 0
        self._file = path.open("ab")
        sync_folder(path.parent)

    def subscribe(self, subscriber: Subscriber) -> None:
        """Call `subscriber` with each event from now on, after it is on disk, in order of subscription."""
        self._subscribers.append(subscriber)

    def append(self, type: str, **fields: Any) -> Event:
        """Write one event and return it. Raises KeyError or ValueError if it does not follow the schema."""
        event = {"v": VERSION, "seq": self._seq, "t": self._clock(), "type": type, **fields}
        if missing := missing_fields(event):
            raise ValueError(f"event {type} lacks {', '.join(sorted(missing))}")
        self._write(event)
        for subscriber in self._subscribers:
            subscriber(event)
        return event

    @property
    def length(self) -> int:
        """How many events there are."""
        return self._seq

    def rewind(self, length: int) -> None:
        """Forget all events but the first `length`: what they told of is going to happen again."""
        lines = whole_lines(self.path)
        self._file.truncate(sum(len(line) + 1 for line in lines[:length]))
        os.fsync(self._file.fileno())
        self._seq = length

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write(self, event: Event) -> None:
        self._file.write(to_json(event).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._seq += 1


def _repair(path: Path) -> int:
    """Cut off a torn last line, which would otherwise become a torn middle one; return the next `seq`."""
    events = read_events(path)
    os.truncate(path, sum(len(line) + 1 for line in whole_lines(path)))
    return len(events)
