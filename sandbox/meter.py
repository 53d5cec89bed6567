"""What the container's cgroup says of its processes."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
PAGE = resource.getpagesize()
MOST_BYTES = 1 << 16


class Meter:
    """The container's own cgroup counters, version 1 or 2. What an engine does not offer reads as 0.

    Their files are opened once: they are read several times a test, and to open one costs more than to read it.
    """

    def __init__(self, cgroup: Path = CGROUP) -> None:
        self._cpu_v1 = _first(cgroup, "cpuacct/cpuacct.usage", "cpu,cpuacct/cpuacct.usage")
        self._cpu_v2 = _first(cgroup, "cpu.stat")
        self._events = _first(cgroup, "memory.events", "memory/memory.oom_control")
        self._most_v1 = _first(cgroup, "memory/memory.max_usage_in_bytes")
        self._limit_v1 = _first(cgroup, "memory/memory.limit_in_bytes")
        self._memory = _first(cgroup, "memory.stat", "memory/memory.stat")
        self._own = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)

    def cpu_s(self) -> float:
        """CPU seconds of all processes that ever ran in the container, less the supervisor's own."""
        return self._cgroup_cpu_s() - time.process_time()

    def _cgroup_cpu_s(self) -> float:
        if self._cpu_v1 is not None:
            return int(_read(self._cpu_v1)) / 1e9
        if self._cpu_v2 is not None:
            return _fields(self._cpu_v2).get(b"usage_usec", 0) / 1e6
        children = resource.getrusage(resource.RUSAGE_CHILDREN)  # misses what still runs; better than nothing
        return time.process_time() + children.ru_utime + children.ru_stime

    def memory_bytes(self) -> int:
        """What all processes but the supervisor hold now, shared memory and files of theirs included."""
        stat = _fields(self._memory)
        _, resident, shared, *_ = _read(self._own).split()
        own = (int(resident) - int(shared)) * PAGE
        return stat.get(b"anon", stat.get(b"rss", 0)) + stat.get(b"shmem", 0) - own

    def oom_kills(self) -> int:
        """Processes killed for lack of memory so far: of the container's, or of the machine's."""
        return _fields(self._events).get(b"oom_kill", 0)

    def ran_out(self) -> bool:
        """Whether the container's own memory has run out before; a kill without it is not the command's fault."""
        if self._most_v1 is not None and self._limit_v1 is not None:
            return int(_read(self._most_v1)) > 0.99 * int(_read(self._limit_v1))
        return _fields(self._events).get(b"oom", 0) > 0


def _first(folder: Path, *names: str) -> int | None:
    """A descriptor of the first file that there is."""
    path = next((folder / name for name in names if (folder / name).exists()), None)
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC) if path else None


def _read(fd: int) -> bytes:
    return os.pread(fd, MOST_BYTES, 0)


def _fields(fd: int | None) -> dict[bytes, int]:
    """The counters of a file with one `name number` a line."""
    if fd is None:
        return {}
    words = _read(fd).split()
    return dict(zip(words[::2], map(int, words[1::2]), strict=True))
