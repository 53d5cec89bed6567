"""What the container's cgroup says of its processes."""

from __future__ import annotations

import resource
import time
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
PAGE = resource.getpagesize()


class Meter:
    """The container's own cgroup counters, version 1 or 2. What an engine does not offer reads as 0."""

    def __init__(self, cgroup: Path = CGROUP) -> None:
        self._cpu_v1 = _first(cgroup, "cpuacct/cpuacct.usage", "cpu,cpuacct/cpuacct.usage")
        self._cpu_v2 = _first(cgroup, "cpu.stat")
        self._events = _first(cgroup, "memory.events", "memory/memory.oom_control")
        self._most_v1 = _first(cgroup, "memory/memory.max_usage_in_bytes")
        self._limit_v1 = _first(cgroup, "memory/memory.limit_in_bytes")
        self._memory = _first(cgroup, "memory.stat", "memory/memory.stat")

    def cpu_s(self) -> float:
        """CPU seconds of all processes that ever ran in the container, less the supervisor's own."""
        return self._cgroup_cpu_s() - time.process_time()

    def _cgroup_cpu_s(self) -> float:
        if self._cpu_v1:
            return int(self._cpu_v1.read_bytes()) / 1e9
        if self._cpu_v2:
            return _fields(self._cpu_v2).get(b"usage_usec", 0) / 1e6
        children = resource.getrusage(resource.RUSAGE_CHILDREN)  # misses what still runs; better than nothing
        return time.process_time() + children.ru_utime + children.ru_stime

    def memory_bytes(self) -> int:
        """What all processes but the supervisor hold now, shared memory and files of theirs included."""
        stat = _fields(self._memory)
        _, resident, shared, *_ = Path("/proc/self/statm").read_bytes().split()
        own = (int(resident) - int(shared)) * PAGE
        return stat.get(b"anon", stat.get(b"rss", 0)) + stat.get(b"shmem", 0) - own

    def oom_kills(self) -> int:
        """Processes killed for lack of memory so far: of the container's, or of the machine's."""
        return _fields(self._events).get(b"oom_kill", 0)

    def ran_out(self) -> bool:
        """Whether the container's own memory has run out before; a kill without it is not the command's fault."""
        if self._most_v1 and self._limit_v1:
            return int(self._most_v1.read_bytes()) > 0.99 * int(self._limit_v1.read_bytes())
        return _fields(self._events).get(b"oom", 0) > 0


def _first(cgroup: Path, *names: str) -> Path | None:
    return next((cgroup / name for name in names if (cgroup / name).exists()), None)


def _fields(path: Path | None) -> dict[bytes, int]:
    """The counters of a file with one `name number` a line."""
    if path is None:
        return {}
    words = path.read_bytes().split()
    return dict(zip(words[::2], map(int, words[1::2]), strict=True))
