"""Hardened containers: started, talked to, removed. Every flag's reason is in `sandbox/README.md`."""

from __future__ import annotations

import os
import socket
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from sdpo_tts.judge.channel import Channel, ChannelClosed
from sdpo_tts.judge.facts import Facts
from sdpo_tts.problem.language import sandbox_folder

if TYPE_CHECKING:
    from docker import DockerClient

RUN_LABEL, OWNER_LABEL = "sdpo-tts.run", "sdpo-tts.owner"
NOBODY = "65534:65534"
ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/w", "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}
SLACK_S = 20.0  # what a busy machine may add to a command's own wall clock before the container counts as lost
PIDS = 64

Words = SimpleQueue[bytes | None]


@dataclass(frozen=True)
class Cage:
    """What one container may use: memory of all its processes (its tmpfs counts), bytes in each tmpfs."""

    memory_bytes: int
    tmpfs_bytes: int


@dataclass(frozen=True)
class Command:
    """One program run: limits in seconds and bytes; `keep` names a file of its to bring back."""

    argv: tuple[str, ...]
    cpu_s: float
    wall_s: float
    output_bytes: int
    stack_bytes: int
    keep: str | None = None


class ContainerLost(Exception):
    """The container or the engine failed; it says nothing about the program."""


class ContainerOutOfMemory(Exception):
    """The container went down because its programs used all memory: the program's own fault."""


class Container:
    """A running container and the channel to its supervisor."""

    def __init__(self, api: Any, id: str, channel: Channel) -> None:
        self._api, self.id, self._channel = api, id, channel

    def load(self, files: Mapping[str, bytes]) -> None:
        """The files that every later command finds in its working directory. Raises ContainerLost."""
        self._ask({"op": "load", "names": list(files)}, list(files.values()), SLACK_S)

    def run(self, command: Command, stdin: bytes = b"") -> Facts:
        """Raises ContainerLost, ContainerOutOfMemory."""
        request = {"op": "run", "env": ENV, **command.__dict__}
        return _facts(*self._ask(request, [stdin], command.wall_s + SLACK_S))

    def converse(
        self, command: Command, idle_s: float, heard: Words, said: Callable[[bytes | None], None]
    ) -> Facts:
        """As `run`, with an input that comes while it runs. In both directions None means that no more will come.

        `idle_s` seconds without a word of either side end it. Raises ContainerLost, ContainerOutOfMemory.
        """
        self._send({"op": "run", "env": ENV, "idle_s": idle_s, **command.__dict__}, [b""])
        stopped = threading.Event()
        feeder = threading.Thread(target=self._feed, args=(heard, stopped), daemon=True)
        feeder.start()
        try:
            while True:
                head, blobs = self._answer(command.wall_s + SLACK_S)
                if "exit_code" in head:
                    return _facts(head, blobs)
                said(blobs[0] if blobs else None)
        finally:
            stopped.set()
            heard.put(None)  # wakes the feeder
            feeder.join()

    def _feed(self, heard: Words, stopped: threading.Event) -> None:
        while (data := heard.get()) is not None or not stopped.is_set():
            with suppress(ChannelClosed):  # `converse` finds out
                self._channel.send({"op": "hush" if data is None else "hear"}, [] if data is None else [data], SLACK_S)

    def remove(self) -> None:
        """Kills and removes it; that it is gone already is fine."""
        with suppress(Exception):
            self._channel.close()
        with suppress(*_engine_errors()):
            self._api.remove_container(self.id, force=True, v=True)

    def _ask(
        self, request: dict[str, Any], blobs: list[bytes], timeout_s: float
    ) -> tuple[dict[str, Any], list[bytes]]:
        self._send(request, blobs)
        return self._answer(timeout_s)

    def _send(self, request: dict[str, Any], blobs: list[bytes]) -> None:
        try:
            self._channel.send(request, blobs, SLACK_S)
        except ChannelClosed as error:
            raise self._loss(error) from error

    def _answer(self, timeout_s: float) -> tuple[dict[str, Any], list[bytes]]:
        try:
            return self._channel.receive(timeout_s)
        except ChannelClosed as error:
            raise self._loss(error) from error

    def _loss(self, error: ChannelClosed) -> Exception:
        words = bytes(self._channel.stderr).decode(errors="replace").strip().splitlines()[-1:]
        message = ": ".join([f"container {self.id[:12]}: {error}", *words])
        try:
            state = self._api.inspect_container(self.id)["State"]
        except _engine_errors():
            return ContainerLost(message)
        if state["OOMKilled"] and not state["Running"]:
            return ContainerOutOfMemory(message)
        return ContainerLost(f"{message} (exit code {state['ExitCode']})")


def _facts(head: dict[str, Any], blobs: list[bytes]) -> Facts:
    """From a supervisor's answer to a finished run."""
    stdout, stderr, kept = blobs
    del head["blobs"]
    return Facts(**head, stdout=stdout, stderr=stderr, kept=kept)


class Fleet:
    """Starts containers of one image under one run's label, and sees to it that none is left."""

    def __init__(self, client: DockerClient, image: str) -> None:
        self._api, self.image, self.run_id = client.api, image, uuid.uuid4().hex[:12]
        self._seccomp = (sandbox_folder() / "seccomp.json").read_text()
        self._live: dict[str, Container] = {}
        self._lock, self._closed = threading.Lock(), False
        sweep(client)

    def start(self, cage: Cage) -> Container:
        """Raises ContainerLost."""
        try:
            return self._start(cage)
        except _engine_errors() as error:
            raise ContainerLost(f"no container started: {error}") from error

    @contextmanager
    def open(self, cage: Cage) -> Iterator[Container]:
        container = self.start(cage)
        try:
            yield container
        finally:
            self.remove(container)

    def remove(self, container: Container) -> None:
        with self._lock:
            self._live.pop(container.id, None)
        container.remove()

    def close(self) -> None:
        """Removes every container of this run, used or not; whoever talks to one sees it lost."""
        with self._lock:
            self._closed = True
            live = list(self._live.values())
        for container in live:
            self.remove(container)
        _remove_all(self._api, {"label": f"{RUN_LABEL}={self.run_id}"})

    def _start(self, cage: Cage) -> Container:
        id = self._api.create_container(**self._flags(cage))["Id"]
        with self._lock:
            if self._closed:
                self._api.remove_container(id, force=True)
                raise ContainerLost("the judge is closed")
            streams = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
            self._live[id] = container = Container(
                self._api, id, Channel(self._api.attach_socket(id, params=streams))
            )
        try:
            self._api.start(id)
        except BaseException:
            self.remove(container)
            raise
        return container

    def _flags(self, cage: Cage) -> dict[str, Any]:
        return {
            "image": self.image,
            "hostname": "sandbox",
            "user": NOBODY,
            "stdin_open": True,  # and once: the engine closes it when this process is gone
            "environment": ENV,
            "labels": {RUN_LABEL: self.run_id, OWNER_LABEL: _owner()},
            "host_config": self._api.create_host_config(**self._host_flags(cage)),
        }

    def _host_flags(self, cage: Cage) -> dict[str, Any]:
        tmpfs = f"rw,nosuid,nodev,exec,size={cage.tmpfs_bytes},nr_inodes=4k,mode=1777"
        return {
            "network_mode": "none",
            "read_only": True,
            "tmpfs": {"/w": tmpfs, "/tmp": tmpfs},
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges:true", f"seccomp={self._seccomp}"],
            "pids_limit": PIDS,
            "mem_limit": cage.memory_bytes,
            "memswap_limit": cage.memory_bytes,
            "ulimits": _ulimits(),
            "ipc_mode": "none",
            "log_config": {"type": "none", "config": {}},
            "nano_cpus": 10**9,
            "oom_score_adj": 500,
        }


def _ulimits() -> list[dict[str, Any]]:
    most = {"core": 0, "nofile": 256, "fsize": 64 * 2**20, "stack": -1}
    return [{"Name": name, "Soft": value, "Hard": value} for name, value in most.items()]


def sweep(client: DockerClient) -> None:
    """Removes containers of runs whose process on this host is gone."""
    with suppress(*_engine_errors()):
        for found in client.api.containers(all=True, filters={"label": OWNER_LABEL}):
            if _is_dead(found["Labels"][OWNER_LABEL]):
                with suppress(*_engine_errors()):
                    client.api.remove_container(found["Id"], force=True, v=True)


def _remove_all(api: Any, filters: dict[str, str]) -> None:
    with suppress(*_engine_errors()):
        for found in api.containers(all=True, filters=filters):
            with suppress(*_engine_errors()):
                api.remove_container(found["Id"], force=True, v=True)


def _owner() -> str:
    """This process, told apart from a later one with the same number by its start time."""
    return f"{socket.gethostname()}/{os.getpid()}/{_started(os.getpid())}"


def _started(pid: int) -> str:
    """Clock ticks from boot to the start of a process; empty where there is no /proc."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def _is_dead(owner: str) -> bool:
    """Another host's process is not ours to call dead."""
    host, pid, started = owner.rsplit("/", 2)
    if host != socket.gethostname():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return _started(int(pid)) != started


def _engine_errors() -> tuple[type[Exception], ...]:
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    return DockerException, RequestException, OSError
