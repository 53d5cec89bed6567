"""PID 1 of a sandbox container: runs one command after another and reports plain facts. It judges nothing.

Frames on stdin and stdout: a 4-byte big-endian length, that many bytes of JSON, then the blobs whose lengths
the JSON's `blobs` lists. Two requests, each answered by one frame:

    {"op": "load", "names": [...]}   blobs: the files that every later command finds in /w
    {"op": "run", "argv", "env", "cpu_s", "wall_s", "output_bytes", "stack_bytes", "keep",
     "keep_bytes"}   blob: its stdin

The first request also brings a `seal`, which every answer repeats: a command that could write into this process's
pipes (gVisor of 2022 lets it) still could not forge an answer.

A run with `idle_s` is a dialogue. Until its answer comes, frames go both ways: {"op": "hear"} with a blob for the
command's stdin and {"op": "hush"} when no more will come; {"said": true} with a blob of its stdout as soon as it is
written and {"silent": true} when it has closed its stdout.

The end of stdin ends the supervisor, and with it the container, also in the middle of a command: it does not
outlive the judge.

Between commands every process is killed and every writable directory emptied; if that fails, the answer says
`dirty` and the container must not be used again. The commands run under the supervisor's own uid, so what keeps
them from it is: PID 1 takes no signal without a handler, PR_SET_DUMPABLE 0 (no ptrace, no /proc/1/fd), and the
seccomp profile (no prlimit, priority or affinity calls on others). `start` is what turns into a command.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import stat
import sys
from collections.abc import Callable
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # which isolated mode leaves out

from command import Command
from dialogue import Dialogue
from frames import read_frame, write_frame
from meter import Meter
from starter import Started, key, reserve, sealed

WORK = "/w"
WRITABLE = (WORK, "/tmp")


def _set_dumpable(value: int) -> None:
    pr_set_dumpable = 4
    if ctypes.CDLL(None, use_errno=True).prctl(pr_set_dumpable, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_DUMPABLE)")


def wipe() -> bool:
    """Empties the writable directories; false if something could not be removed."""
    full = [directory for directory in WRITABLE if os.listdir(directory)]
    for directory in full:
        for entry in os.scandir(directory):
            _remove(entry)
    return not any(os.listdir(directory) for directory in full)


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
        self.programs: dict[str, int] = {}
        self.ahead: Started | None = None
        self.last: tuple[Any, ...] = ()
        reserve()
        self.meter = Meter()
        self.woken, waker = os.pipe()
        os.set_blocking(waker, False)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # a handler is what makes the wake-up byte

    def serve(self) -> None:
        while (frame := read_frame()) is not None:
            request, blobs = frame
            if request["op"] == "load":
                self._load(dict(zip(request["names"], blobs, strict=True)))
                write_frame({"loaded": len(blobs)}, [])
            elif request["op"] == "run":
                self._run(request, blobs[0])
            # else a word to a dialogue that has just ended

    def _run(self, job: dict[str, Any], stdin: bytes) -> None:
        program = self._lay_out(job["argv"][0])
        kind = Dialogue if "idle_s" in job else Command
        command = kind(job, stdin, self.meter, self.woken, self._started(job, program))
        facts = command.run()
        kept = _kept(job["keep"], job["keep_bytes"])
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


def _kept(name: str | None, most: int) -> bytes:
    """The end of a file the command made (a compiler's output), read by name and never through a link."""
    if name is None:
        return b""
    try:
        fd = os.open(os.path.join(WORK, name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return b""
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        os.close(fd)
        return b""
    with os.fdopen(fd, "rb") as file:
        file.seek(max(0, status.st_size - most))
        return file.read(most)


def main() -> None:
    _set_dumpable(0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Python's own handler would let a program interrupt PID 1
    wipe()
    Supervisor().serve()


if __name__ == "__main__":
    main()
