"""One command: fed, listened to, measured, and ended with all that it started."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from meter import Meter
from starter import Started

TAIL_BYTES = 64 * 1024
POLL_S = 0.02
STARVED_FACTOR = 4  # the most that the wall limit is stretched for a command that got no processor
CHUNK = 1 << 16
JUDGE = 0  # the judge's end of the channel


class Capture:
    """Keeps the first `head` bytes of a stream and its last `TAIL_BYTES`; counts all."""

    def __init__(self, head: int) -> None:
        self.limit, self.total = head, 0
        self.head, self.tail = bytearray(), bytearray()

    def feed(self, data: bytes) -> None:
        self.total += len(data)
        room = self.limit - len(self.head)
        self.head += data[:room]
        self.tail += data[room:]
        if len(self.tail) > 8 * TAIL_BYTES:
            del self.tail[:-TAIL_BYTES]

    def kept(self) -> bytes:
        return bytes(self.head) + bytes(self.tail[-TAIL_BYTES:])


class Command:
    """One running command: pumps its three pipes, watches its limits, and leaves no process behind."""

    def __init__(self, job: dict[str, Any], stdin: bytes, meter: Meter, woken: int, started: Started) -> None:
        self.job, self.meter, self.woken = job, meter, woken
        self.pending, self.more = memoryview(stdin), False  # whether more may come
        self.stdout, self.stderr = Capture(job["output_bytes"]), Capture(TAIL_BYTES // 4)
        self.killed: str | None = None
        self.status: int | None = None
        self.peak_bytes = 0
        self.cpu0, self.oom0 = meter.cpu_s(), meter.oom_kills()
        self.wall0 = self.looked = time.monotonic()
        self._start(started)

    def run(self) -> dict[str, Any]:
        """Returns the facts of the finished command."""
        while self.status is None and self.killed is None:
            self._pump(POLL_S)
            self._reap(os.WNOHANG)
            self._enforce()
        wall_s = time.monotonic() - self.wall0
        self._kill_all()
        self._drain()
        return self._facts(wall_s)

    def _start(self, started: Started) -> None:
        self.pid, self.stdin, self.out, self.err = started.pid, started.stdin, started.out, started.err
        started.go()
        self.open: dict[int, Callable[[], object]] = {
            self.stdin: self._write,
            self.out: lambda: self._read(self.out, self.stdout),
            self.err: lambda: self._read(self.err, self.stderr),
        }
        self._close_if_fed()

    def _pump(self, timeout_s: float) -> None:
        poller = select.poll()
        for fd in self.open:
            if fd != self.stdin:
                poller.register(fd, select.POLLIN)
            elif self.pending:
                poller.register(fd, select.POLLOUT)
        poller.register(self.woken, select.POLLIN)
        if JUDGE not in self.open:
            poller.register(JUDGE, 0)  # only its end is news
        for fd, _ in poller.poll(timeout_s * 1000):
            if fd == self.woken:
                os.read(self.woken, CHUNK)
            elif fd in self.open:
                self.open[fd]()
            elif fd == JUDGE:
                raise SystemExit("the judge is gone")

    def _write(self) -> None:
        try:
            written = os.write(self.stdin, self.pending[:CHUNK])
        except BlockingIOError:
            return None
        except BrokenPipeError:  # a program need not read its input
            return self._close(self.stdin)
        self.pending = self.pending[written:]
        self._close_if_fed()

    def _close_if_fed(self) -> None:
        if not self.pending and not self.more:
            self._close(self.stdin)

    def _read(self, fd: int, capture: Capture) -> bytes:
        try:
            data = os.read(fd, CHUNK)
        except BlockingIOError:
            return b""
        if data:
            capture.feed(data)
        else:
            self._close(fd)
        return data

    def _close(self, fd: int) -> None:
        if self.open.pop(fd, None):
            os.close(fd)

    def _reap(self, flags: int) -> bool:
        """Collects what has died, orphans too; false once there is no child left at all."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, flags)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            self.peak_bytes = max(self.peak_bytes, usage.ru_maxrss * 1024)
            if pid == self.pid:
                self.status = status

    def _enforce(self) -> None:
        if self.status is not None:
            return
        most = self.job["output_bytes"]
        if self.stdout.total > most or self.stderr.total > most:
            self.killed = "output"
        elif (now := time.monotonic()) - self.looked >= POLL_S:
            self.looked = now
            self._look_at_meter(now)

    def _look_at_meter(self, now: float) -> None:
        """The limit that is first seen passed is the cause."""
        self.peak_bytes = max(self.peak_bytes, self.meter.memory_bytes())
        if self.meter.oom_kills() > self.oom0:
            self.killed = "memory"
        elif self.meter.cpu_s() - self.cpu0 > self.job["cpu_s"]:
            self.killed = "cpu"
        elif (wall_s := now - self.wall0) > self.job["wall_s"] and wall_s - self._starved_s() > self.job["wall_s"]:
            self.killed = "wall"

    def _starved_s(self) -> float:
        """How long the command waited for a processor that others had: a busy machine is no reason to kill it."""
        waited_s = max((_waited_s(pid) for pid in os.listdir("/proc") if pid.isdigit() and pid != "1"), default=0.0)
        return min(waited_s, (STARVED_FACTOR - 1) * self.job["wall_s"])

    def _kill_all(self) -> None:
        """From PID 1 this reaches every other process in the container; repeated until none is left to reap."""
        while True:
            try:
                os.kill(-1, signal.SIGKILL)
            except ProcessLookupError:
                pass
            if not self._reap(os.WNOHANG):
                return
            self._reap_one()

    def _reap_one(self) -> None:
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
        except ChildProcessError:
            pass

    def _drain(self) -> None:
        """What still lies in the pipes; no writer lives, so each of them ends."""
        self._close(self.stdin)
        while self.open:
            for step in list(self.open.values()):
                step()
        if self.killed is None and self.stdout.total > self.job["output_bytes"]:
            self.killed = "output"

    def _facts(self, wall_s: float) -> dict[str, Any]:
        status = self.status if self.status is not None else 0
        signalled = os.WIFSIGNALED(status)
        oom_kills = self.meter.oom_kills() - self.oom0
        return {
            "exit_code": None if signalled else os.WEXITSTATUS(status),
            "signal": os.WTERMSIG(status) if signalled else None,
            "cpu_s": max(0.0, self.meter.cpu_s() - self.cpu0),
            "wall_s": wall_s,
            "killed": self.killed,
            "oom_kills": oom_kills,
            "evicted": oom_kills > 0 and not self.meter.ran_out(),
            "peak_bytes": self.peak_bytes,
            "stdout_bytes": self.stdout.total,
            "stderr_bytes": self.stderr.total,
        }


def _waited_s(pid: str) -> float:
    """Seconds that a process was ready to run and did not; 0 where the kernel does not count them."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_bytes().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0
