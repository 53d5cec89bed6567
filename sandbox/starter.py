"""Processes that become commands by way of `start`, which costs a fraction of a fork of the supervisor."""

from __future__ import annotations

import fcntl
import math
import os
import signal
import sys
from typing import Any

START, REPORT, GO, PROGRAM = "/sandbox/start", 3, 4, 5  # and the descriptors that it knows by number


def reserve() -> None:
    """Takes what `start` knows by number, so that it is never the number of anything that is handed to it."""
    while os.open(os.devnull, os.O_RDONLY) < PROGRAM:
        pass


class Started:
    """A process that becomes a command as soon as it is told to go, with its three pipes."""

    def __init__(self, job: dict[str, Any], program: int | None) -> None:
        self.key = key(job, program)
        stdin_r, self.stdin = os.pipe()
        self.out, stdout_w = os.pipe()
        self.err, stderr_w = os.pipe()
        go, self._gate = os.pipe()
        self.pid = _spawn(job, program, (stdin_r, stdout_w, stderr_w), go)
        for fd in (stdin_r, stdout_w, stderr_w, go):
            os.close(fd)
        for fd in (self.stdin, self.out, self.err):
            os.set_blocking(fd, False)

    def go(self) -> None:
        os.write(self._gate, b"!")
        os.close(self._gate)

    def cancel(self) -> None:
        for fd in (self._gate, self.stdin, self.out, self.err):
            os.close(fd)
        os.waitpid(self.pid, 0)


def key(job: dict[str, Any], program: int | None) -> tuple[Any, ...]:
    """What a process must know before it is told to go."""
    return job["argv"], job["env"], job["cpu_s"], job["stack_bytes"], program


def _spawn(job: dict[str, Any], program: int | None, pipes: tuple[int, int, int], go: int) -> int:
    """Starts a command by way of `start`, without copying this process. Returns its process number."""
    report_r, report_w = os.pipe()
    cpu = math.ceil(job["cpu_s"]) + 1  # the backstop; the supervisor's own measure comes first
    numbers = [*zip(pipes, range(3), strict=True), (report_w, REPORT), (go, GO)]
    exe = job["argv"][0]
    if program is not None:
        numbers.append((program, PROGRAM))
        exe = "-"
    starter = os.posix_spawn(
        START,
        [START, str(cpu), str(job["stack_bytes"]), exe, *job["argv"]],
        job["env"],
        file_actions=[(os.POSIX_SPAWN_DUP2, fd, number) for fd, number in numbers],
        setsigdef=[signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGCHLD],
    )
    os.close(report_w)
    pid = int.from_bytes(os.read(report_r, 4), sys.byteorder)
    os.close(report_r)
    os.waitpid(starter, 0)
    if pid == 0:
        raise OSError("no process could be started")
    return pid


def sealed(name: str, content: bytes) -> int:
    """A descriptor of a file in memory that can be run and read, and never again be changed."""
    fd = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with os.fdopen(os.dup(fd), "wb") as file:
        file.write(content)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE)
    readable = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_CLOEXEC)  # what is open for writing cannot be run
    os.close(fd)
    return readable
