"""Starts, lends and removes hardened containers. `sandbox/README.md` explains every flag."""

from __future__ import annotations

import os
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdpo_tts.judge.containers.channel import Channel
from sdpo_tts.judge.containers.container import ENV, Container, ContainerLimits, ContainerLost, engine_errors
from sdpo_tts.problem.language import sandbox_folder

if TYPE_CHECKING:
    from docker import DockerClient

RUN_LABEL, OWNER_LABEL = "sdpo-tts.run", "sdpo-tts.owner"
NOBODY = "65534:65534"
MOST_USES = 100  # programs that a container serves before a new one replaces it
PIDS = 64
FOREIGN_PIDS = 1024  # under a runtime with its own kernel, whose host threads count too
# Bytes, too few for any file. Where the host pipes core dumps to a program of its own, which then runs as root on every
# crash, 0 does not stop it: the kernel ignores every limit except 1 there.
NO_CORE_DUMP = 1


class ContainerPool:
    """Containers of one image under one run's label: lent to one user at a time, and all removed at the end."""

    def __init__(self, client: DockerClient, image: str) -> None:
        self._api, self.image, self.run_id = client.api, image, uuid.uuid4().hex[:12]
        self._seccomp = (sandbox_folder() / "seccomp.json").read_text()
        self._live: dict[str, Container] = {}
        self._idle: dict[ContainerLimits, list[Container]] = {}
        self._lock, self.closed = threading.Lock(), threading.Event()
        sweep(client)

    def borrow(self, container_limits: ContainerLimits) -> Container:
        """An idle container with these limits, otherwise a new one. Raises ContainerLost."""
        with self._lock:
            idle = self._idle.get(container_limits)
            container = idle.pop() if idle else None
        container = container or self.start(container_limits)
        container.uses += 1
        return container

    def give_back(self, container_limits: ContainerLimits, container: Container) -> None:
        """Back to the pool: only if its last command ended well and left nothing behind."""
        if container.uses >= MOST_USES:
            return self.remove(container)
        with self._lock:
            self._idle.setdefault(container_limits, []).append(container)
        return None

    def drop_idle(self) -> None:
        """Drop all idle containers: one was lost, and the engine may have lost others."""
        with self._lock:
            idle = [container for containers in self._idle.values() for container in containers]
            self._idle.clear()
        for container in idle:
            self.remove(container)

    def start(self, container_limits: ContainerLimits) -> Container:
        """Raises ContainerLost."""
        try:
            return self._start(container_limits)
        except engine_errors() as error:
            raise ContainerLost(f"no container started: {error}") from error

    @contextmanager
    def open(self, container_limits: ContainerLimits) -> Iterator[Container]:
        container = self.start(container_limits)
        try:
            yield container
        finally:
            self.remove(container)

    def remove(self, container: Container) -> None:
        with self._lock:
            self._live.pop(container.id, None)
        container.remove()

    def close(self) -> None:
        """Remove every container of this run; threads still using one get ContainerLost."""
        with self._lock:
            self.closed.set()
            live = list(self._live.values())
        for container in live:
            self.remove(container)
        _remove_all(self._api, {"label": f"{RUN_LABEL}={self.run_id}"})

    def _start(self, container_limits: ContainerLimits) -> Container:
        id = self._api.create_container(**self._flags(container_limits))["Id"]
        with self._lock:
            if self.closed.is_set():
                self._api.remove_container(id, force=True)
                raise ContainerLost("the judge is closed")
            streams = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
            self._live[id] = container = Container(self._api, id, Channel(self._api.attach_socket(id, params=streams)))
        try:
            self._api.start(id)
        except BaseException:
            self.remove(container)
            raise
        return container

    def _flags(self, container_limits: ContainerLimits) -> dict[str, Any]:
        return {
            "image": self.image,
            "hostname": "sandbox",
            "user": NOBODY,
            "stdin_open": True,  # and close it once: the engine closes the stream when this process is gone
            "environment": ENV,
            "labels": {RUN_LABEL: self.run_id, OWNER_LABEL: _owner()},
            "host_config": self._api.create_host_config(**self._host_flags(container_limits)),
        }

    def _host_flags(self, container_limits: ContainerLimits) -> dict[str, Any]:
        runtime = os.environ.get("SDPO_TTS_RUNTIME") or None
        tmpfs = f"rw,nosuid,nodev,exec,size={container_limits.tmpfs_bytes},nr_inodes=4k,mode=1777"
        return {
            "network_mode": "none",
            "read_only": True,
            "tmpfs": {"/w": tmpfs, "/tmp": tmpfs, "/dev/mqueue": "ro,size=4k"},
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges:true", f"seccomp={self._seccomp}"],
            "pids_limit": PIDS if runtime is None else FOREIGN_PIDS,
            "mem_limit": container_limits.memory_bytes,
            "memswap_limit": container_limits.memory_bytes,
            "ulimits": _ulimits(container_limits),
            "ipc_mode": "none",
            "cgroupns": "private",  # otherwise the supervisor might read the counters of the whole machine
            "log_config": {"type": "none", "config": {}},
            "nano_cpus": 10**9,
            "oom_score_adj": 500,
            "runtime": runtime,
        }


def _ulimits(container_limits: ContainerLimits) -> list[dict[str, Any]]:
    """They also bind the supervisor, which writes the files that the author's program reads, such as a submission's
    output."""
    file_bytes = container_limits.tmpfs_bytes if container_limits.author else 64 * 2**20
    most = {"core": NO_CORE_DUMP, "nofile": 256, "fsize": file_bytes, "stack": -1}
    return [{"Name": name, "Soft": value, "Hard": value} for name, value in most.items()]


def sweep(client: DockerClient) -> None:
    """Remove containers of runs on this host whose process is gone."""
    with suppress(*engine_errors()):
        for found in client.api.containers(all=True, filters={"label": OWNER_LABEL}):
            if _is_dead(found["Labels"][OWNER_LABEL]):
                with suppress(*engine_errors()):
                    client.api.remove_container(found["Id"], force=True, v=True)


def _remove_all(api: Any, filters: dict[str, str]) -> None:
    with suppress(*engine_errors()):
        for found in api.containers(all=True, filters=filters):
            with suppress(*engine_errors()):
                api.remove_container(found["Id"], force=True, v=True)


def _owner() -> str:
    """This process, distinguished by its start time from a later one with the same number."""
    return f"{_host()}/{os.getpid()}/{_started(os.getpid())}"


def _host() -> str:
    """Identifies where process numbers are valid: a container may share its host's name, but not its processes."""
    try:
        return f"{socket.gethostname()} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return socket.gethostname()


def _started(pid: int) -> str:
    """Clock ticks from boot to the start of a process; empty if there is no /proc."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def _is_dead(owner: str) -> bool:
    """False for processes on other hosts, which cannot be checked."""
    host, pid, started = owner.rsplit("/", 2)
    if host != _host():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return _started(int(pid)) != started
