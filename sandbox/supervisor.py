"""PID 1 of a sandbox container: runs one command after another and reports plain facts. It judges nothing.

Frames on stdin and stdout: a 4-byte big-endian length, that many bytes of JSON, then the blobs whose lengths
the JSON's `blobs` lists. Two requests, each answered by one frame:

    {"op": "load", "names": [...]}   blobs: the files that every later command finds in /w
    {"op": "run", "argv", "env", "cpu_s", "wall_s", "output_bytes", "stack_bytes", "keep"}   blob: its stdin

The first request also brings a `seal`, which every answer repeats: a command that could write into this process's
pipes (gVisor of 2022 lets it) still could not forge an answer.

The end of stdin ends the supervisor, and with it the container, also in the middle of a command: it does not
outlive the judge.

Between commands every process is killed and every writable directory emptied; if that fails, the answer says
`dirty` and the container must not be used again. The commands run under the supervisor's own uid, so what keeps
them from it is: PID 1 takes no signal without a handler, PR_SET_DUMPABLE 0 (no ptrace, no /proc/1/fd), and the
seccomp profile (no prlimit, priority or affinity calls on others). `start` is what turns into a command.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import shutil
import signal
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # which isolated mode leaves out

from meter import Meter
from starter import Started, key, reserve, sealed

WORK = "/w"
WRITABLE = (WORK, "/tmp")
TAIL_BYTES = 64 * 1024
POLL_S = 0.02
STARVED_FACTOR = 4  # the most that the wall limit is stretched for a command that got no processor
CHUNK = 1 << 16
SEAL: dict[str, Any] = {}  # what the first request brought: every answer carries it, and no command ever sees it
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
        self.pending = memoryview(stdin)
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
        self.open: dict[int, Callable[[], None]] = {
            self.stdin: self._write,
            self.out: lambda: self._read(self.out, self.stdout),
            self.err: lambda: self._read(self.err, self.stderr),
        }
        if not self.pending:
            self._close(self.stdin)

    def _pump(self, timeout_s: float) -> None:
        poller = select.poll()
        for fd in self.open:
            poller.register(fd, select.POLLOUT if fd == self.stdin else select.POLLIN)
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
        if not self.pending:
            self._close(self.stdin)

    def _read(self, fd: int, capture: Capture) -> None:
        try:
            data = os.read(fd, CHUNK)
        except BlockingIOError:
            return
        if data:
            capture.feed(data)
        else:
            self._close(fd)

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


def _set_dumpable(value: int) -> None:
    pr_set_dumpable = 4
    if ctypes.CDLL(None, use_errno=True).prctl(pr_set_dumpable, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_DUMPABLE)")


def wipe() -> bool:
    """Empties the writable directories; false if something could not be removed."""
    for directory in WRITABLE:
        for entry in os.scandir(directory):
            _remove(entry)
    return not any(os.listdir(directory) for directory in WRITABLE)


def _remove(entry: os.DirEntry[str]) -> None:
    try:
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path, onerror=_open_up_and_retry)
        else:
            os.unlink(entry.path)
    except (OSError, RecursionError):
        pass  # `wipe` looks at what is left


def _open_up_and_retry(function: Callable[..., Any], path: str, _: object) -> None:
    os.chmod(os.path.dirname(path), 0o700)
    os.chmod(path, 0o700, follow_symlinks=os.chmod not in os.supports_follow_symlinks)
    shutil.rmtree(path) if os.path.isdir(path) else function(path)


def _waited_s(pid: str) -> float:
    """Seconds that a process was ready to run and did not; 0 where the kernel does not count them."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_bytes().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0


class Supervisor:
    """Answers requests until stdin ends."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.programs: dict[str, int] = {}
        self.ahead: Started | None = None
        self.last: tuple[Any, ...] = ()
        self.meter = Meter()
        self.woken, waker = os.pipe()
        os.set_blocking(waker, False)
        reserve()
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # a handler is what makes the wake-up byte

    def serve(self) -> None:
        while (frame := read_frame()) is not None:
            request, blobs = frame
            SEAL.setdefault("seal", request.get("seal"))
            if request["op"] == "load":
                self._load(dict(zip(request["names"], blobs, strict=True)))
                write_frame({"loaded": len(blobs)}, [])
            else:
                self._run(request, blobs[0])

    def _run(self, job: dict[str, Any], stdin: bytes) -> None:
        program = self._lay_out(job["argv"][0])
        command = Command(job, stdin, self.meter, self.woken, self._started(job, program))
        facts = command.run()
        kept = _kept(job.get("keep"))
        facts["dirty"] = not wipe()
        write_frame(facts, [command.stdout.kept(), command.stderr.kept(), kept])
        self._start_ahead(job, program)

    def _started(self, job: dict[str, Any], program: int | None) -> Started:
        ahead, self.ahead = self.ahead, None
        if ahead and ahead.key == key(job, program):
            return ahead
        if ahead:
            ahead.cancel()
        return Started(job, program)

    def _start_ahead(self, job: dict[str, Any], program: int | None) -> None:
        """What was run twice will most likely be run again: its process may be started before it is asked for."""
        known = key(job, program)
        if known == self.last:
            self.ahead = Started(job, program)
        self.last = known

    def _load(self, files: dict[str, bytes]) -> None:
        if self.ahead:
            self.ahead.cancel()
        self.ahead, self.last = None, ()  # they know the old program by a descriptor's number
        for fd in self.programs.values():
            os.close(fd)
        self.files, self.programs = files, {}

    def _lay_out(self, exe: str) -> int | None:
        """Fresh copies for every command: the one before could write to its own. `exe`, if among them, is not copied:
        the answer is a descriptor of it that nobody can write to."""
        program = None
        for name, content in self.files.items():
            if exe == f"./{name}":
                program = self.programs.get(name) or self.programs.setdefault(name, sealed(name, content))
                os.fchmod(program, 0o755)  # what its owner can change all the same
                os.utime(program, ns=(0, 0))
            else:
                _write(os.open(f"{WORK}/{name}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o755), content)
        return program


def _write(fd: int, content: bytes) -> None:
    with os.fdopen(fd, "wb") as file:
        file.write(content)


def _kept(name: str | None) -> bytes:
    """A file the command made (a compiler's output), read by name and never through a link."""
    if name is None:
        return b""
    try:
        fd = os.open(f"{WORK}/{name}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return b""
    with os.fdopen(fd, "rb") as file:
        return file.read()


def read_frame() -> tuple[dict[str, Any], list[bytes]] | None:
    """The next request, or None at the end of stdin (also in the middle of a frame: the judge is gone)."""
    size = sys.stdin.buffer.read(4)
    if len(size) < 4:
        return None
    text = sys.stdin.buffer.read(struct.unpack(">I", size)[0])
    try:
        head = json.loads(text)
    except ValueError:
        return None
    blobs = [sys.stdin.buffer.read(length) for length in head["blobs"]]
    if [len(blob) for blob in blobs] != head["blobs"]:
        return None
    return head, blobs


def write_frame(head: dict[str, Any], blobs: list[bytes]) -> None:
    text = json.dumps({**head, **SEAL, "blobs": [len(blob) for blob in blobs]}).encode()
    for part in (struct.pack(">I", len(text)), text, *blobs):
        sys.stdout.buffer.write(part)
    sys.stdout.buffer.flush()


def main() -> None:
    _set_dumpable(0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Python's own handler would let a program interrupt PID 1
    wipe()
    Supervisor().serve()


if __name__ == "__main__":
    main()
