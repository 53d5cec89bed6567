"""A submission and an interactor, each in its own container; the host passes on what they write."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue

from sdpo_tts.judge.author_programs import strain
from sdpo_tts.judge.containers.container import Command, Container
from sdpo_tts.judge.containers.session import Session
from sdpo_tts.judge.facts import Facts

TRANSCRIPT_BYTES = 64 * 1024
FLOOD_BYTES = 4096  # of dialogue: an interactor may not be able to handle more


@dataclass(frozen=True)
class Interaction:
    """The facts of both sides. `interactor_first`: it ended before the submission did.

    `transcript`: the first 64 KiB of the dialogue, one line per message: `> ` from the submission, `< ` from the
    interactor.
    """

    submission: Facts
    interactor: Facts
    interactor_first: bool
    transcript: bytes

    @property
    def is_flood(self) -> bool:
        """Whether the submission wrote so much that an interactor over its limits is the submission's doing."""
        return self.submission.stdout_bytes > FLOOD_BYTES

    @property
    def excess(self) -> str:
        """The interactor's limit that the submission made it exceed, which no legitimate dialogue does; empty if
        none."""
        told_too_much = self.interactor.killed == "output" and self.submission.stdout_bytes > 0
        killed = self.interactor.killed in ("cpu", "memory") or self.interactor.oom_kills > 0
        return strain(self.interactor) if told_too_much or (killed and self.is_flood) else ""


@dataclass(frozen=True)
class Side:
    """A program with its limits; `idle_s`: how long it may wait without either side writing, and how long it may
    continue after the other side has ended."""

    session: Session
    command: Command
    idle_s: float


def hold(submission: Side, interactor: Side) -> Interaction:
    """Runs both until both have ended; the first to end closes the other's input. Raises ContainerLost.

    Neither starts before the other can: the time to start a container is not counted as anyone's silence.
    """
    log, ended = _Log(), list[Side]()
    questions, answers = _Wire(log, b"< "), _Wire(log, b"> ")
    with ThreadPoolExecutor(2, thread_name_prefix="interaction") as pool:
        list(pool.map(lambda side: side.session.prepare(), (submission, interactor)))
        theirs = pool.submit(_run, interactor, answers, questions, ended)
        ours = pool.submit(_run, submission, questions, answers, ended)
        facts, their_facts = ours.result(), theirs.result()
    return Interaction(facts, their_facts, ended[0] is interactor, log.text())


def _run(side: Side, heard: _Wire, said: _Wire, ended: list[Side]) -> Facts:
    def talk(container: Container) -> Facts:
        try:
            return container.converse(side.command, side.idle_s, heard.queue, said.put)
        finally:
            ended.append(side)
            said.put(None)

    try:
        return side.session.converse(side.command, talk)
    finally:
        ended.append(side)  # also one that could not even begin
        said.put(None)  # whatever happened, the other side must not wait forever


class _Wire:
    """One direction. It accepts any amount at once: two programs that both write and do not read must not block us."""

    def __init__(self, log: _Log, mark: bytes) -> None:
        self.queue: SimpleQueue[bytes | None] = SimpleQueue()
        self._log, self._mark = log, mark

    def put(self, data: bytes | None) -> None:
        """None: nothing more will come."""
        if data:
            self._log.add(self._mark, data)
        self.queue.put(data)


class _Log:
    """What each side wrote, in order, up to a limit."""

    def __init__(self) -> None:
        self._lock, self._kept = threading.Lock(), bytearray()
        self._last = b""

    def add(self, mark: bytes, data: bytes) -> None:
        with self._lock:
            for line in data.splitlines(keepends=True):
                if len(self._kept) >= TRANSCRIPT_BYTES:
                    return
                going_on = self._last == mark and not self._kept.endswith(b"\n")
                if not going_on:
                    self._kept += b"" if self._kept.endswith(b"\n") or not self._kept else b"\n"
                    self._kept += mark
                self._kept += line
                self._last = mark

    def text(self) -> bytes:
        return bytes(self._kept[:TRANSCRIPT_BYTES])
