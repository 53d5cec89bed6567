"""A running container and the requests to it."""

from __future__ import annotations

import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate
from queue import SimpleQueue
from typing import Any

from sdpo_tts.judge.containers.channel import MOST_FRAME_BYTES, Channel, ChannelClosed
from sdpo_tts.judge.facts import Facts

ENV = {
    "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/w", "LANG": "C.UTF-8", "PYTHONHASHSEED": "0",
    "GOMAXPROCS": "1",  # of a container's one core; otherwise Go starts threads for all of the machine's
}  # fmt: skip
AHEAD_BYTES = 16 * 1024  # of input that is sure to fit into the pipes to a supervisor that is not reading yet
SETTLE_S = 0.5
SLACK_S = 20.0  # extra time for a busy machine before the container counts as lost
NOTICE_S, LOOK_S = 1.0, 0.1  # for the engine to notice that a container ran out of memory; between two looks
KILLED = 128 + 9  # the exit code of a container whose supervisor was killed
STRETCH = 4  # as STARVED_FACTOR in the supervisor
# As `Limits` and `Facts` in the supervisor.
LIMITS, FACTS = struct.Struct("<8Q"), struct.Struct("<10q")
DONE = b"done"

Words = SimpleQueue[bytes | None]


@dataclass(frozen=True)
class ContainerLimits:
    """What one container may use: memory of all its processes (its tmpfs counts), bytes in each tmpfs.

    `author`: it is for programs of the problem's author, and no submission has ever run in it.
    """

    memory_bytes: int
    tmpfs_bytes: int
    author: bool = False


@dataclass(frozen=True)
class Command:
    """One program run: limits in seconds and bytes; `keep` names a file to bring back, its last `keep_bytes`.

    `quiet_s`: seconds without CPU time after which it is stopped (0: never). `memory_bytes`: its memory limit, checked
    against the peak (0: not checked).
    """

    argv: tuple[str, ...]
    cpu_s: float
    wall_s: float
    output_bytes: int
    stack_bytes: int
    keep: str | None = None
    keep_bytes: int = MOST_FRAME_BYTES
    quiet_s: float = 0.0
    memory_bytes: int = 0

    @property
    def patience_s(self) -> float:
        """Seconds until its answer is overdue; the supervisor extends the wall limit of a command that gets no
        processor."""
        return STRETCH * self.wall_s + SLACK_S


class ContainerLost(Exception):
    """The container or the engine failed; this says nothing about the program."""


class ContainerOutOfMemory(Exception):
    """The container went down because its programs used all memory: the program's own fault."""


class Container:
    """A running container and the channel to its supervisor."""

    def __init__(self, api: Any, id: str, channel: Channel) -> None:
        self._api, self.id, self._channel = api, id, channel
        self.uses = 0
        self._begun: deque[tuple[Command, bytes]] = deque()  # sent, but not yet answered

    def load(self, files: Mapping[str, bytes]) -> None:
        """The files that every later command finds in its working directory. Raises ContainerLost."""
        self._send([b"load", *(part for name, content in files.items() for part in (name.encode(), content))])
        self._answer(SLACK_S)

    def run(self, command: Command, stdin: bytes = b"", ahead: Sequence[bytes] = ()) -> Facts:
        """With `ahead`, the same command is already started on those inputs before this answer arrives; ask for them in
        order.

        Raises ContainerLost, ContainerOutOfMemory.
        """
        if not self.has_begun(command, stdin):
            self._begin(command, [stdin])
        self._begin_ahead(command, ahead)
        self._begun.popleft()
        return _facts(self._answer(command.patience_s))

    def _begin_ahead(self, command: Command, ahead: Sequence[bytes]) -> None:
        """Start those that are not started yet, up to the first that may not fit into the pipes.

        They are sent together, once half of the earlier ones have been answered, because each send wakes three
        processes.
        """
        known = len(self._begun) - 1
        if known > len(ahead) // 2:
            return
        sizes = accumulate(map(len, ahead))
        fitting = sum(size <= AHEAD_BYTES for size in sizes)
        if inputs := ahead[known:fitting]:
            self._begin(command, inputs)

    def converse(self, command: Command, idle_s: float, heard: Words, said: Callable[[bytes | None], None]) -> Facts:
        """As `run`, with input that arrives while it runs. In both directions None means the end.

        It ends after `idle_s` seconds without output from either side; the wall limit excludes the time it waits for
        the other side. Raises ContainerLost, ContainerOutOfMemory.
        """
        self._send(_request(command, b"", idle_s))
        stopped = threading.Event()
        feeder = threading.Thread(target=self._feed, args=(heard, stopped), daemon=True)
        feeder.start()
        try:
            while True:
                answer = self._answer(command.patience_s + STRETCH * idle_s)
                if answer[0] == DONE:
                    return _facts(answer)
                said(answer[1] if answer[0] == b"said" else None)
        finally:
            stopped.set()
            heard.put(None)  # wakes the feeder
            feeder.join()

    def _feed(self, heard: Words, stopped: threading.Event) -> None:
        while (data := heard.get()) is not None or not stopped.is_set():
            with suppress(ChannelClosed):  # `converse` will notice
                self._channel.send([[b"hush"] if data is None else [b"hear", data]], SLACK_S)

    def has_begun(self, command: Command, stdin: bytes) -> bool:
        """Whether this run is the next one to be answered."""
        return bool(self._begun) and self._begun[0][1] is stdin and self._begun[0][0] == command

    def settle(self, patience_s: float = SETTLE_S) -> None:
        """Wait for everything that was started and is no longer wanted, at most this long in total.

        Raises ContainerLost, ContainerOutOfMemory.
        """
        deadline = time.monotonic() + patience_s
        while self._begun:
            self._begun.popleft()
            facts = _facts(self._answer(deadline - time.monotonic()))
            if facts.dirty or facts.oom_kills:
                raise ContainerLost("a run that was started ahead has left the container unusable")

    def _begin(self, command: Command, inputs: Sequence[bytes]) -> None:
        self._send(*(_request(command, stdin) for stdin in inputs))
        self._begun.extend((command, stdin) for stdin in inputs)

    def remove(self) -> None:
        """Kill and remove it; it may be gone already."""
        with suppress(Exception):
            self._channel.close()
        with suppress(*engine_errors()):
            self._api.remove_container(self.id, force=True, v=True)

    def _send(self, *requests: list[bytes]) -> None:
        try:
            self._channel.send(requests, SLACK_S)
        except ChannelClosed as error:
            raise self._loss(error) from error

    def _answer(self, timeout_s: float) -> list[bytes]:
        try:
            return self._channel.receive(timeout_s)
        except ChannelClosed as error:
            raise self._loss(error) from error

    def _loss(self, error: ChannelClosed) -> Exception:
        words = bytes(self._channel.stderr).decode(errors="replace").strip().splitlines()[-1:]
        message = ": ".join([f"container {self.id[:12]}: {error}", *words])
        try:
            state = self._final_state()
        except engine_errors():
            return ContainerLost(message)
        if _ran_out_of_memory(state):
            return ContainerOutOfMemory(message)
        return ContainerLost(f"{message} (exit code {state['ExitCode']})")

    def _final_state(self) -> dict[str, Any]:
        """The engine learns from different sources that a container has ended and that it ran out of memory, both after
        its streams have ended."""
        until = time.monotonic() + NOTICE_S
        while True:
            state: dict[str, Any] = self._api.inspect_container(self.id)["State"]
            undecided = state["Running"] or state["ExitCode"] == KILLED
            if not undecided or _ran_out_of_memory(state) or time.monotonic() >= until:
                return state
            time.sleep(LOOK_S)


def _ran_out_of_memory(state: Mapping[str, Any]) -> bool:
    return state["OOMKilled"] and not state["Running"]


def _request(command: Command, stdin: bytes, idle_s: float = 0.0) -> list[bytes]:
    """To run it; with an idle time, as an interaction."""
    times = (round(seconds * 1e9) for seconds in (command.cpu_s, command.wall_s, idle_s, command.quiet_s))
    sizes = (command.output_bytes, command.stack_bytes, command.keep_bytes, command.memory_bytes)
    limits = LIMITS.pack(*times, *sizes)
    env = [f"{name}={value}" for name, value in ENV.items()]
    return [b"run", limits, (command.keep or "").encode(), stdin, _texts(command.argv), _texts(env)]


def _texts(texts: Iterable[str]) -> bytes:
    return b"".join(text.encode() + b"\0" for text in texts)


def _facts(answer: list[bytes]) -> Facts:
    """From a supervisor's answer about a finished run. Raises ContainerLost."""
    _, numbers, killed, stdout, stderr, kept = answer
    exit_code, signal, cpu_ns, wall_ns, oom_kills, evicted, peak, out_bytes, err_bytes, dirty = FACTS.unpack(numbers)
    if evicted:
        raise ContainerLost("a program was killed because the machine ran out of memory")
    return Facts(
        exit_code=None if signal else exit_code,
        signal=signal or None,
        cpu_s=cpu_ns / 1e9,
        wall_s=wall_ns / 1e9,
        killed=killed.decode() or None,
        oom_kills=oom_kills,
        peak_bytes=peak,
        stdout_bytes=out_bytes,
        stderr_bytes=err_bytes,
        dirty=bool(dirty),
        stdout=stdout,
        stderr=stderr,
        kept=kept,
    )


def engine_errors() -> tuple[type[Exception], ...]:
    """The exceptions that its client raises when the engine fails."""
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    return DockerException, RequestException, OSError
