"""The journal: events appended durably, one per line, and passed to subscribers."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sdpo_tts.record.atomic import sync_folder, to_json
from sdpo_tts.record.disk_full import with_room
from sdpo_tts.record.events import VERSION, Event, missing_fields, read_events, whole_lines

Subscriber = Callable[[Event], None]


class Journal:
    """Appends to `events.jsonl`, from any thread. One process at a time: hold the run's lock.

    An existing journal is continued, after cutting off a torn last line. Raises UserError if it is damaged elsewhere.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self.path, self._clock = path, clock
        self._subscribers: list[Subscriber] = []
        self._seq = _repair(path) if path.exists() else 0
        self._file = path.open("ab", buffering=0)
        self._lock = threading.RLock()
        sync_folder(path.parent)

    def subscribe(self, subscriber: Subscriber) -> None:
        """Call `subscriber` with each event from now on, after it is on disk, in order of subscription."""
        self._subscribers.append(subscriber)

    def append(self, type: str, **fields: Any) -> Event:
        """Write one event and return it; waits while the disk is full.

        Raises KeyError or ValueError if it does not follow the schema.
        """
        return self._append(type, fields, wait=True)

    def append_if_room(self, type: str, **fields: Any) -> None:
        """The same, but writes nothing if the disk is full: for callers that have no time to wait."""
        with suppress(OSError):
            self._append(type, fields, wait=False)

    @property
    def length(self) -> int:
        """The number of events."""
        return self._seq

    def rewind(self, length: int) -> None:
        """Discard all events but the first `length`: what they reported will happen again."""
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

    def _append(self, type: str, fields: dict[str, Any], *, wait: bool) -> Event:
        with self._lock:
            event = {"v": VERSION, "seq": self._seq, "t": self._clock(), "type": type, **fields}
            if missing := missing_fields(event):
                raise ValueError(f"event {type} lacks {', '.join(sorted(missing))}")
            self._write(to_json(event).encode() + b"\n", wait=wait)
            self._seq += 1
            for subscriber in self._subscribers:
                subscriber(event)
        return event

    def _write(self, line: bytes, *, wait: bool) -> None:
        if wait:
            with_room(lambda: self._write_whole(line), self.path.parent, lambda: len(line))
        else:
            self._write_whole(line)

    def _write_whole(self, line: bytes) -> None:
        """The whole line or, if that fails, none of it."""
        before = os.fstat(self._file.fileno()).st_size
        try:
            left = memoryview(line)
            while left:
                left = left[self._file.write(left) :]
            os.fsync(self._file.fileno())
        except BaseException:  # including an interruption
            self._file.truncate(before)
            raise


def _repair(path: Path) -> int:
    """Cut off a torn last line, so that it does not become a torn middle one; return the next `seq`."""
    events = read_events(path)
    os.truncate(path, sum(len(line) + 1 for line in whole_lines(path)))
    return len(events)
