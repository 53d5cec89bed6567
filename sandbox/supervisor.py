"""PID 1 of a sandbox container: runs one command after another and reports plain facts. It judges nothing.

Frames on stdin and stdout: a 4-byte big-endian length, that many bytes of JSON, then the blobs whose lengths
the JSON's `blobs` lists. Two requests, each answered by one frame:

    {"op": "load", "names": [...]}   blobs: the files that every later command finds in /w
    {"op": "run", "argv", "env", "cpu_s", "wall_s", "output_bytes", "stack_bytes", "keep"}   blob: its stdin

A run with `idle_s` is a dialogue. Until its answer comes, frames go both ways: {"op": "hear"} with a blob for the
command's stdin and {"op": "hush"} when no more will come; {"said": true} with a blob of its stdout as soon as it is
written and {"silent": true} when it has closed its stdout.

The end of stdin ends the supervisor, and with it the container: it does not outlive the judge.

Between commands every process is killed and every writable directory emptied; if that fails, the answer says
`dirty` and the container must not be used again. The commands run under the supervisor's own uid, so what keeps
them from it is: PID 1 takes no signal without a handler, PR_SET_DUMPABLE 0 (no ptrace, no /proc/1/fd), and the
seccomp profile (no prlimit, priority or affinity calls on others).
"""

from __future__ import annotations

import ctypes
import json
import math
import os
import resource
import select
import shutil
import signal
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

WORK = "/w"
WRITABLE = (WORK, "/tmp")
TAIL_BYTES = 64 * 1024
POLL_S = 0.02
WORK_S = 0.005  # of CPU: more than waiting takes
CHUNK = 1 << 16
CGROUP = Path("/sys/fs/cgroup")


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


class Meter:
    """The container's own cgroup counters, version 1 or 2. What an engine does not offer reads as 0."""

    def __init__(self) -> None:
        v1_cpu = ("cpuacct/cpuacct.usage", "cpu,cpuacct/cpuacct.usage")
        self._cpu_v1 = next((CGROUP / name for name in v1_cpu if (CGROUP / name).exists()), None)
        self._cpu_v2 = CGROUP / "cpu.stat"
        v1_oom, v2_oom = CGROUP / "memory/memory.oom_control", CGROUP / "memory.events"
        self._oom = next((path for path in (v2_oom, v1_oom) if path.exists()), None)

    def cpu_s(self) -> float:
        """CPU seconds of all processes that ever ran in the container, less the supervisor's own."""
        return self._cgroup_cpu_s() - time.process_time()

    def _cgroup_cpu_s(self) -> float:
        if self._cpu_v1:
            return int(self._cpu_v1.read_text()) / 1e9
        if self._cpu_v2.exists():
            return _field(self._cpu_v2, "usage_usec") / 1e6
        children = resource.getrusage(resource.RUSAGE_CHILDREN)  # misses what still runs; better than nothing
        return time.process_time() + children.ru_utime + children.ru_stime

    def oom_kills(self) -> int:
        return _field(self._oom, "oom_kill") if self._oom else 0


def _field(path: Path, name: str) -> int:
    for line in path.read_text().splitlines():
        key, _, value = line.partition(" ")
        if key == name:
            return int(value)
    return 0


class Command:
    """One running command: pumps its three pipes, watches its limits, and leaves no process behind."""

    def __init__(self, job: dict[str, Any], stdin: bytes, meter: Meter, woken: int) -> None:
        self.job, self.meter, self.woken = job, meter, woken
        self.pending, self.more = memoryview(stdin), "idle_s" in job
        self.stdout, self.stderr = Capture(job["output_bytes"]), Capture(TAIL_BYTES // 4)
        self.killed: str | None = None
        self.status: int | None = None
        self.peak_kib = 0
        self.cpu0, self.oom0, self.wall0 = meter.cpu_s(), meter.oom_kills(), time.monotonic()
        self.own_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        self._start()

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

    def _start(self) -> None:
        stdin_r, self.stdin = os.pipe()
        self.out, stdout_w = os.pipe()
        self.err, stderr_w = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            _become(self.job, (stdin_r, stdout_w, stderr_w))
        for fd in (stdin_r, stdout_w, stderr_w):
            os.close(fd)
        for fd in (self.stdin, self.out, self.err):
            os.set_blocking(fd, False)
        self.open: dict[int, Callable[[], None]] = {
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
        for fd, _ in poller.poll(timeout_s * 1000):
            if fd == self.woken:
                os.read(self.woken, CHUNK)
            elif fd in self.open:
                self.open[fd]()

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

    def _read(self, fd: int, capture: Capture) -> None:
        try:
            data = os.read(fd, CHUNK)
        except BlockingIOError:
            return
        self.chunk = data
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
            if usage.ru_maxrss > self.own_kib:  # a fork starts with the supervisor's own high-water mark
                self.peak_kib = max(self.peak_kib, usage.ru_maxrss)
            if pid == self.pid:
                self.status = status

    def _enforce(self) -> None:
        if self.status is not None:
            return
        most = self.job["output_bytes"]
        if self.stdout.total > most or self.stderr.total > most:
            self.killed = "output"
        elif self.meter.cpu_s() - self.cpu0 > self.job["cpu_s"]:
            self.killed = "cpu"
        elif time.monotonic() - self.wall0 > self.job["wall_s"]:
            self.killed = "wall"

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
        return {
            "exit_code": None if signalled else os.WEXITSTATUS(status),
            "signal": os.WTERMSIG(status) if signalled else None,
            "cpu_s": max(0.0, self.meter.cpu_s() - self.cpu0),
            "wall_s": wall_s,
            "killed": self.killed,
            "oom_kills": self.meter.oom_kills() - self.oom0,
            "peak_bytes": self.peak_kib * 1024,
            "stdout_bytes": self.stdout.total,
            "stderr_bytes": self.stderr.total,
        }


class Dialogue(Command):
    """A command that another program talks to while it runs; `idle_s` without a word of either side, in which it does
    not work either, ends it."""

    def _start(self) -> None:
        self.last_sign, self.cpu_then, self.closed_out = time.monotonic(), self.cpu0, 0
        super()._start()
        self.open[0] = self._hear

    def _hear(self) -> None:
        frame = read_frame()
        if frame is None:
            raise SystemExit("the judge is gone")
        head, blobs = frame
        if head["op"] == "hear" and self.stdin in self.open:
            self.pending = memoryview(self.pending.tobytes() + blobs[0])
            self.last_sign = time.monotonic()
        elif head["op"] == "hush":
            self.more = False
            self._close_if_fed()

    def _read(self, fd: int, capture: Capture) -> None:
        before = capture.total
        super()._read(fd, capture)
        if fd == self.out and capture.total > before:
            self.last_sign = time.monotonic()
            write_frame({"said": True}, [self.chunk])

    def _enforce(self) -> None:
        super()._enforce()
        if self.status is None and self.killed is None:
            self._tell_silence()
            self._note_work()
            if time.monotonic() - self.last_sign > self.job["idle_s"]:
                self.killed = "idle"

    def _note_work(self) -> None:
        """A program that computes, or would if it were let, is not idle."""
        cpu_s = self.meter.cpu_s()
        if cpu_s - self.cpu_then > WORK_S:
            self.last_sign, self.cpu_then = time.monotonic(), cpu_s

    def _tell_silence(self) -> None:
        """Not at once: stdout closes a moment before a process ends, and its end is the more telling news."""
        if self.out not in self.open:
            self.closed_out += 1
            if self.closed_out == 2:
                write_frame({"silent": True}, [])

    def _drain(self) -> None:
        self.open.pop(0, None)
        super()._drain()


def _become(job: dict[str, Any], pipes: tuple[int, int, int]) -> NoReturn:
    """In the fork: turns into the command. Exit code 127 with a line on stderr if it cannot be started."""
    try:
        os.setsid()
        for target, fd in enumerate(pipes):
            os.dup2(fd, target)
        os.closerange(3, 256)
        _die_first_when_memory_ends()
        cpu = math.ceil(job["cpu_s"]) + 1  # the backstop; the supervisor's own measure comes first
        resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
        resource.setrlimit(resource.RLIMIT_STACK, (job["stack_bytes"], job["stack_bytes"]))
        for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        os.chdir(WORK)
        os.execvpe(job["argv"][0], job["argv"], job["env"])
    except BaseException as error:
        os.write(2, f"cannot start {job['argv'][0]}: {error}\n".encode())
    os._exit(127)


def _die_first_when_memory_ends() -> None:
    _set_dumpable(1)  # else /proc/self is not ours to write
    Path("/proc/self/oom_score_adj").write_text("1000")


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


class Supervisor:
    """Answers requests until stdin ends."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.meter = Meter()
        self.woken, waker = os.pipe()
        os.set_blocking(waker, False)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # a handler is what makes the wake-up byte

    def serve(self) -> None:
        while (frame := read_frame()) is not None:
            request, blobs = frame
            if request["op"] == "load":
                self.files = dict(zip(request["names"], blobs, strict=True))
                write_frame({"loaded": len(blobs)}, [])
            elif request["op"] == "run":
                self._run(request, blobs[0])
            # else a word to a dialogue that has just ended

    def _run(self, job: dict[str, Any], stdin: bytes) -> None:
        self._lay_out()
        kind = Dialogue if "idle_s" in job else Command
        command = kind(job, stdin, self.meter, self.woken)
        facts = command.run()
        kept = _kept(job.get("keep"))
        facts["dirty"] = not wipe()
        write_frame(facts, [command.stdout.kept(), command.stderr.kept(), kept])

    def _lay_out(self) -> None:
        """Fresh copies for every command: the one before could write to its own."""
        for name, content in self.files.items():
            fd = os.open(f"{WORK}/{name}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o755)
            with os.fdopen(fd, "wb") as file:
                file.write(content)


def _kept(name: str | None) -> bytes:
    """A file the command made (a compiler's output), read by name and never through a link."""
    if name is None:
        return b""
    try:
        fd = os.open(os.path.join(WORK, name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return b""
    with os.fdopen(fd, "rb") as file:
        return file.read()


def read_frame() -> tuple[dict[str, Any], list[bytes]] | None:
    """The next request, or None at the end of stdin (also in the middle of a frame: the judge is gone)."""
    try:
        head = json.loads(_exactly(struct.unpack(">I", _exactly(4))[0]))
        return head, [_exactly(length) for length in head["blobs"]]
    except (EOFError, ValueError):
        return None


def _exactly(size: int) -> bytes:
    """So many bytes of stdin and not one more: what is left must be seen by `poll`. Raises EOFError."""
    data = bytearray()
    while len(data) < size:
        piece = os.read(0, min(size - len(data), 1 << 20))
        if not piece:
            raise EOFError
        data += piece
    return bytes(data)


def write_frame(head: dict[str, Any], blobs: list[bytes]) -> None:
    text = json.dumps({**head, "blobs": [len(blob) for blob in blobs]}).encode()
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
