"""What a supervisor reports about one command, and the first cause of failure that follows from it."""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass

from sdpo_tts.judge.verdict import Verdict
from sdpo_tts.problem import Limits

# A program over its limit runs on a little, so that one just over it is measured exactly.
KILL_FACTOR, KILL_EXTRA_S = 1.25, 0.05
BORDERLINE_FACTOR, STRETCHED_FACTOR = 1.2, 2
_OUT_OF_MEMORY = re.compile(rb"MemoryError\b|.*std::bad_alloc")  # the program's last words
_THEN_A_TRACE = re.compile(
    rb".*java\.lang\.OutOfMemoryError|memory allocation of \d+ bytes failed"
    rb"|(fatal error: )?runtime: (cannot allocate|out of) memory"
)


@dataclass(frozen=True)
class Facts:
    """One finished command. `killed`: why the supervisor killed it, if so (`cpu`, `wall`, `output`, `memory`, or
    `idle`: it waited in vain).

    `cpu_s` is CPU seconds of the whole process tree. `peak_bytes` is the highest memory use: the largest resident set
    of a single process, or what all of them held together with their files, minus a small uncertainty. `stdout` and
    `stderr` are capped (head and tail); the `_bytes` fields count everything. `dirty`: something could not be cleaned
    up, so the container must not be used again.
    """

    exit_code: int | None
    signal: int | None
    cpu_s: float
    wall_s: float
    killed: str | None
    oom_kills: int
    peak_bytes: int
    stdout_bytes: int
    stderr_bytes: int
    dirty: bool
    stdout: bytes = b""
    stderr: bytes = b""
    kept: bytes = b""


def out_of_memory() -> Facts:
    """The container itself went down for lack of memory, so there are no other details."""
    return Facts(None, signal.SIGKILL, 0.0, 0.0, None, 1, 0, 0, 0, True)


def no_facts() -> Facts:
    """For a program about which nothing is known, because the judge failed."""
    return Facts(None, None, 0.0, 0.0, None, 0, 0, 0, 0, False)


def cpu_kill_s(limits: Limits) -> float:
    return limits.time_s * KILL_FACTOR + KILL_EXTRA_S


def wall_kill_s(limits: Limits) -> float:
    return 3 * limits.time_s + 1


def stack_bytes(limits: Limits) -> int:
    """A little less than all memory, so that endless recursion is a crash and not MLE."""
    return limits.memory_bytes * 15 // 16


def cause(facts: Facts, limits: Limits) -> tuple[Verdict, str] | None:
    """The first cause of failure, with a line that describes it; None if only the output is left to check.

    In this order: the supervisor's own reason to kill, the out-of-memory killer, CPU time, signal or exit code.
    """
    if facts.killed == "output":
        return Verdict.OLE, f"more than {size(limits.output_bytes)} of output"
    if facts.killed == "wall":
        return Verdict.TLE, f"still running after {facts.wall_s:.1f} s, with {facts.cpu_s:.2f} s of CPU used"
    if facts.killed == "idle":
        return Verdict.TLE, "both sides wait for each other (is the output flushed?)"
    if facts.killed == "cpu":
        return Verdict.TLE, f"more than {limits.time_s:g} s of CPU (stopped at {facts.cpu_s:.2f} s)"
    if facts.oom_kills or facts.peak_bytes > limits.memory_bytes:
        return Verdict.MLE, f"more than {size(limits.memory_bytes)} of memory"
    if facts.cpu_s > limits.time_s:
        return Verdict.TLE, f"{facts.cpu_s:.2f} s of CPU, limit {limits.time_s:g} s"
    return _exit_cause(facts, limits)


def _exit_cause(facts: Facts, limits: Limits) -> tuple[Verdict, str] | None:
    if facts.exit_code == 0:
        return None
    lines = facts.stderr.strip().splitlines()
    if any(map(_OUT_OF_MEMORY.match, lines[-3:])) or any(map(_THEN_A_TRACE.match, lines[:3] + lines[-3:])):
        return Verdict.MLE, f"an allocation failed, the limit is {size(limits.memory_bytes)}"
    if facts.signal is not None:
        return Verdict.RE, f"killed by {signal_name(facts.signal)}"
    return Verdict.RE, f"exit code {facts.exit_code}"


def is_borderline(facts: Facts, limits: Limits) -> bool:
    """Whether a busy machine may have caused this TLE, so that it should be measured again alone.

    By the wall clock only if CPU time was near the limit, or if the clock was extended because others had the
    processors: a program that used almost none while they were free was sleeping, and will sleep again.
    """
    if limits.time_s < facts.cpu_s <= BORDERLINE_FACTOR * limits.time_s:
        return True
    starved = facts.wall_s > STRETCHED_FACTOR * wall_kill_s(limits)
    return facts.killed == "wall" and facts.cpu_s < limits.time_s and (starved or facts.cpu_s > limits.time_s / 2)


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def size(count: int) -> str:
    """`268435456` as `256 MiB`."""
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= factor:
            return f"{count / factor:.4g} {unit}"
    return f"{count} B"
