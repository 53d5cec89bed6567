"""Limits measured precisely: which cause comes first, what a busy machine may not change, what is begun ahead."""

from __future__ import annotations

import re
import signal
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from sdpo_tts.judge import Input, Judge, Verdict
from sdpo_tts.judge.checking.interaction import Side, hold
from sdpo_tts.judge.compiler import Compiler
from sdpo_tts.judge.containers.channel import Channel, ChannelClosed
from sdpo_tts.judge.containers.container import (
    FACTS,
    Command,
    Container,
    ContainerLimits,
    ContainerLost,
    ContainerOutOfMemory,
    Words,
    _facts,
)
from sdpo_tts.judge.containers.exclusive import MachineLock
from sdpo_tts.judge.containers.session import Session
from sdpo_tts.judge.facts import Facts, cause, is_borderline, stack_bytes, wall_kill_s
from sdpo_tts.judge.resources import Resources
from sdpo_tts.judge.trial import Trial
from sdpo_tts.judge.verdict import CompileError
from sdpo_tts.problem import Limits, Test
from sdpo_tts.problem.language import language
from tests.hostile.corpus import RIGHT, SUM

MIB = 2**20
LIMITS = Limits(time_s=1.0, memory_bytes=64 * MIB, output_bytes=MIB)
WELL = Facts(
    exit_code=0, signal=None, cpu_s=0.5, wall_s=0.6, killed=None, oom_kills=0, peak_bytes=MIB,
    stdout_bytes=2, stderr_bytes=0, dirty=False,
)  # fmt: skip
BUSY = "import time\nwhile time.process_time() < {seconds}:\n    pass\n" + RIGHT


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, None),
        ({"killed": "output", "oom_kills": 1, "cpu_s": 9.0}, "OLE"),
        ({"killed": "memory", "oom_kills": 1, "cpu_s": 9.0}, "MLE"),
        ({"killed": "cpu", "cpu_s": 1.3, "signal": 9, "exit_code": None, "peak_bytes": 99 * MIB}, "TLE"),
        ({"killed": "wall", "cpu_s": 0.01}, "TLE"),
        ({"oom_kills": 1, "exit_code": 1, "cpu_s": 1.1}, "MLE"),
        ({"peak_bytes": 65 * MIB}, "MLE"),
        ({"cpu_s": 1.1, "exit_code": 1}, "TLE"),
        ({"signal": signal.SIGKILL, "exit_code": None}, "RE"),
        ({"signal": signal.SIGXCPU, "exit_code": None}, "RE"),
        ({"exit_code": 137}, "RE"),
        ({"exit_code": 1, "stderr": b"Traceback\n  x\nMemoryError"}, "MLE"),
        ({"exit_code": 1, "stderr": b"MemoryError\nTraceback\n  File\n    x\nValueError: no"}, "RE"),
    ],
)
def test_the_first_cause_counts(changes: dict[str, object], verdict: str | None) -> None:
    found = cause(replace(WELL, **changes), LIMITS)  # type: ignore[arg-type]
    assert (found[0] if found else None) == verdict


def test_limits_that_follow() -> None:
    assert wall_kill_s(LIMITS) == 4.0
    assert stack_bytes(LIMITS) == 60 * MIB


def test_what_a_busy_machine_may_have_done_is_measured_again() -> None:
    assert is_borderline(replace(WELL, cpu_s=1.1), LIMITS)
    assert not is_borderline(replace(WELL, cpu_s=1.24, killed="cpu"), LIMITS)
    assert is_borderline(replace(WELL, killed="wall", cpu_s=0.6), LIMITS)
    assert not is_borderline(replace(WELL, killed="wall", cpu_s=0.1, wall_s=4.1), LIMITS), "it has slept"
    assert is_borderline(replace(WELL, killed="wall", cpu_s=0.1, wall_s=9), LIMITS), "it got no processor"


def test_the_same_verdict_every_time_while_the_other_workers_are_busy(engine: None) -> None:
    programs = [BUSY.format(seconds=seconds) + f"# {n}" for n in range(10) for seconds in (0.35, 0.75)]
    with Judge(replace(SUM, tests=SUM.tests[:1]), workers=3) as judge:
        verdicts = [judgement.verdict for judgement in judge.judge_many(programs)]
    assert Counter(verdicts[::2]) == {Verdict.AC: 10}
    assert Counter(verdicts[1::2]) == {Verdict.TLE: 10}


def test_a_borderline_test_does_not_disturb_the_next_which_is_begun_already(engine: None) -> None:
    slow_on_the_first = (
        "import time\na, b = map(int, input().split())\nwhile a == 3 and time.process_time() < 0.53: pass\nprint(a + b)"
    )
    with Judge(SUM, workers=1, all_tests=True) as judge:
        judgement = judge.judge(slow_on_the_first)
    assert [outcome.verdict for outcome in judgement.outcomes] == ["TLE", "AC", "AC"]


def test_what_is_begun_and_not_wanted_does_not_disturb_the_next_program(engine: None) -> None:
    wrong_then_asleep = "import time\na, b = map(int, input().split())\nif a == 1: time.sleep(9)\nprint(7)"
    with Judge(SUM, workers=1) as judge:
        first, second = judge.judge(wrong_then_asleep), judge.judge(RIGHT)
    assert ([outcome.verdict for outcome in first.outcomes], second.solved) == (["AC", "WA"], True)


def test_peak_memory_of_small_and_large_programs(engine: None) -> None:
    program = "a, b = map(int, input().split())\nx = bytearray(b'1') * ({} << 20)\nprint(a + b)"
    with Judge(SUM, workers=1) as judge:
        small, large = (judge.judge(program.format(size)).outcomes[0].peak_bytes / MIB for size in (1, 41))
    assert 4 < small < 16
    assert 38 < large - small < 42


# Quick, so that several tests are begun ahead.
FOURTH_IN_C = """#include <stdio.h>
#include <unistd.h>
int main(void) {{ long a, b; scanf("%ld %ld", &a, &b); if (a {when} 4) {{ {what} }} printf("%ld\\n", a + b); }}
"""


@pytest.mark.parametrize(
    ("when", "what", "verdicts"),
    [
        ("==", "a = 0;", "AC AC AC WA"),
        (">=", "a = 0; if (b > 5) sleep(9);", "AC AC AC WA"),
        ("==", 'for (;;) printf("%0999d", 0);', "AC AC AC OLE"),
        ("==", "for (;;);", "AC AC AC TLE"),
        ("==", "return 1;", "AC AC AC RE"),
        (">", "b *= 1;", "AC AC AC AC AC AC AC AC"),
    ],
)
def test_several_that_are_begun_ahead_and_not_wanted_disturb_nobody(
    when: str, what: str, verdicts: str, engine: None
) -> None:
    tests = tuple(Test(f"{n}", f"{n} {n + 1}\n".encode(), f"{2 * n + 1}\n".encode(), shown=False) for n in range(1, 9))
    problem = replace(SUM, language="c", tests=tests, limits=replace(SUM.limits, time_s=0.5))
    wrong, right = (FOURTH_IN_C.format(when=when, what=what), FOURTH_IN_C.format(when=">", what=""))
    with Judge(problem, workers=1) as judge:
        first, second = judge.judge(wrong), judge.judge(right)
        third = judge.judge(right + "//")
    assert " ".join(outcome.verdict for outcome in first.outcomes) == verdicts
    assert second.solved and third.solved


class Sinking:
    """A container that goes down with `heavy`, and takes the answers with it that had not got out."""

    def __init__(self) -> None:
        self.uses = 0

    def load(self, files: dict[str, bytes]) -> None: ...

    def has_begun(self, command: Command, stdin: bytes) -> bool:
        return False

    def settle(self, patience_s: float) -> None: ...

    def run(self, command: Command, stdin: bytes, ahead: Sequence[bytes] = ()) -> Facts:
        if b"heavy" in (stdin, *ahead):
            raise ContainerOutOfMemory
        return replace(WELL, stdout=stdin)


class Harbour:
    """A pool of those."""

    def borrow(self, container_limits: ContainerLimits) -> Sinking:
        return Sinking()

    def remove(self, container: Sinking) -> None: ...

    def give_back(self, container_limits: ContainerLimits, container: Sinking) -> None: ...


class Full(Sinking):
    """A container that goes down when it is to take a program in."""

    def load(self, files: dict[str, bytes]) -> None:
        raise ContainerOutOfMemory


class FullHarbour(Harbour):
    def __init__(self, uses: int) -> None:
        self.uses, self.removed = uses, 0

    def borrow(self, container_limits: ContainerLimits) -> Full:
        (container := Full()).uses = self.uses
        return container

    def remove(self, container: Sinking) -> None:
        self.removed += 1

    def give_back(self, container_limits: ContainerLimits, container: Sinking) -> None:
        pytest.fail("it is gone")


def test_what_sinks_a_container_that_others_have_used_is_nobody_s_fault() -> None:
    new, used = FullHarbour(1), FullHarbour(2)
    with Session(new, ContainerLimits(MIB, MIB), {}) as session:  # type: ignore[arg-type]
        found = cause(session.run(Command((), 1, 1, 1, 1)), LIMITS)
    assert found and found[0] is Verdict.MLE and new.removed == 1
    with pytest.raises(ContainerLost), Session(used, ContainerLimits(MIB, MIB), {}) as session:  # type: ignore[arg-type]
        session.run(Command((), 1, 1, 1, 1))
    assert used.removed == 1


class Listening(Sinking):
    """A container in which a program waits for the end of its input."""

    def converse(self, command: Command, idle_s: float, heard: Words, said: Callable[[bytes | None], None]) -> Facts:
        heard.get(timeout=5)
        return WELL


class ListeningHarbour(Harbour):
    def borrow(self, container_limits: ContainerLimits) -> Listening:
        return Listening()


@pytest.mark.parametrize("interactors", [ListeningHarbour(), FullHarbour(1)], ids=["one", "both"])
def test_a_program_that_fits_into_no_container_has_ended_its_dialogue(interactors: Harbour) -> None:
    limits, command = ContainerLimits(MIB, MIB), Command((), 1, 1, 1, 1)
    with Session(FullHarbour(1), limits, {}) as ours, Session(interactors, limits, {}) as theirs:  # type: ignore[arg-type]
        talk = hold(Side(ours, command, 1.0), Side(theirs, command, 1.0))
    assert (talk.submission.oom_kills, talk.interactor_first) == (1, interactors.__class__ is FullHarbour)


class Engine:
    """Tells one state of a container after another."""

    def __init__(self, *states: tuple[bool, bool, int]) -> None:
        self.states = [dict(zip(("Running", "OOMKilled", "ExitCode"), state, strict=True)) for state in states]

    def inspect_container(self, id: str) -> dict[str, object]:
        return {"State": self.states.pop(0)}


GONE, NOTICED = (False, False, 137), (False, True, 137)


@pytest.mark.parametrize(
    ("states", "error"),
    [
        ([(True, False, 0), GONE, NOTICED], ContainerOutOfMemory),
        ([(True, True, 0), NOTICED], ContainerOutOfMemory),
        ([GONE] * 99, ContainerLost),
        ([(False, False, 3)], ContainerLost),
    ],
    ids=["noticed late", "noticed early", "killed by others", "ended by itself"],
)
def test_the_engine_may_notice_late_why_a_container_is_gone(
    monkeypatch: pytest.MonkeyPatch, states: list[tuple[bool, bool, int]], error: type[Exception]
) -> None:
    monkeypatch.setattr("sdpo_tts.judge.containers.container.LOOK_S", 0.01)
    monkeypatch.setattr("sdpo_tts.judge.containers.container.NOTICE_S", 0.1)
    ours, theirs = socket.socketpair()
    theirs.close()
    container = Container(engine := Engine(*states), "id", Channel(ours))
    with closing(ours), pytest.raises(error):
        container.run(Command((), 1, 1, 1, 1))
    assert len(engine.states) == 0 or error is ContainerLost


class Compiling:
    """A session in a compiler's container, with one result after another."""

    def __init__(self, *results: Facts) -> None:
        self.results = list(results)

    def __call__(self, *_: object) -> Compiling:
        return self

    def __enter__(self) -> Compiling:
        return self

    def __exit__(self, *_: object) -> None: ...

    def run(self, command: Command) -> Facts:
        return self.results.pop(0)


def test_a_compiler_that_a_busy_machine_kept_waiting_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Compiling(replace(WELL, killed="wall"), replace(WELL, kept=b"binary"))
    monkeypatch.setattr("sdpo_tts.judge.compiler.Session", session)
    compiler = Compiler(SimpleNamespace(image="any"))  # type: ignore[arg-type]
    with pytest.raises(CompileError, match="the compiler took too long"):
        compiler.compile(language("c"), {})
    assert compiler.compile(language("c"), {}) == {"solution": b"binary"}


def a_trial(judge: Judge) -> object:
    return Trial(SUM, language("c"), judge._resources, None, 1.0).outputs("", [Input()])[0].failure


ASKED: list[Callable[[Judge], object]] = [
    a_trial, lambda judge: judge.alike(b"", b"7", b"8"), lambda judge: judge.generated([1]), lambda judge: judge.brute([b""]),
    lambda judge: judge.recall(["stress-1"]),
]  # fmt: skip


@pytest.mark.parametrize("ask", ASKED, ids=["trial", "alike", "generated", "brute", "recall"])
def test_nothing_else_runs_while_a_program_is_measured_alone(ask: Callable[[Judge], object]) -> None:
    """Neither programs on inputs without answers nor the author's."""
    machine, told, judge = MachineLock(), list[bool](), Judge(SUM)
    alone = threading.Event()

    def run(*_: object) -> tuple[None, bool]:
        told.append(alone.is_set())
        raise CompileError if ask is a_trial else ValueError

    def asking() -> None:
        with suppress(ValueError):
            ask(judge)

    part: Any = SimpleNamespace(**dict.fromkeys(("compile", "compare", "input", "answer", "recall"), run))
    judge._resources = Resources(part, machine, part, part, part)
    thread = threading.Thread(target=asking)
    with machine.shared(), machine.exclusive():
        alone.set()
        thread.start()
        thread.join(0.1)
        alone.clear()
    thread.join(10)
    assert told == [False]


def test_a_program_that_the_machine_killed_is_judged_again() -> None:
    def answer(evicted: int) -> list[bytes]:
        return [b"done", FACTS.pack(0, 9, 0, 0, 1, evicted, 0, 0, 0, 0), b"", b"", b"", b""]

    assert _facts(answer(0)).oom_kills == 1
    with pytest.raises(ContainerLost, match="because the machine ran out of memory"):
        _facts(answer(1))


def test_an_answer_without_the_seal_is_not_the_supervisor_s() -> None:
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        channel = Channel(ours)
        channel.send([[b"run"]], 1.0)
        seal = re.findall(rb"[0-9a-f]{32}", theirs.recv(4096))[0]
        for said in (seal, b"0" * 32):
            payload = struct.pack("<3I", 2, 4, 32) + b"done" + said
            theirs.sendall(struct.pack(">BxxxI", 1, len(payload)) + payload)
        assert channel.receive(1.0) == [b"done"]
        with pytest.raises(ChannelClosed, match="not the supervisor's"):
            channel.receive(1.0)


def test_an_answer_of_very_many_fields_is_not_waited_for() -> None:
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        payload = struct.pack("<I", 700_000_000)
        theirs.sendall(struct.pack(">BxxxI", 1, len(payload)) + payload)
        with pytest.raises(ChannelClosed, match="an answer of 700000000 fields"):
            Channel(ours).receive(1.0)


def test_a_channel_that_is_closed_is_waited_for_no_longer() -> None:
    """Also where its descriptor's number is another's at once."""
    for _ in range(20):
        ours, theirs = socket.socketpair()
        channel, ended = Channel(ours), threading.Event()

        def wait(channel: Channel = channel, ended: threading.Event = ended) -> None:
            with suppress(ChannelClosed):
                channel.receive(60.0)
            ended.set()

        threading.Thread(target=wait, daemon=True).start()
        assert not ended.wait(0.01)
        channel.close()
        others = socket.socketpair()
        assert ended.wait(5)
        for end in (theirs, *others):
            end.close()


def test_whoever_is_measured_alone_waits_for_the_others_and_they_for_it() -> None:
    machine, told = MachineLock(), list[str]()
    inside, leave, alone, end = (threading.Event() for _ in range(4))

    def other() -> None:
        with machine.shared():
            inside.set()
            leave.wait(10)
            told.append("the other has paused")

    def borderline() -> None:
        with machine.shared(), machine.exclusive():
            told.append("alone")
            alone.set()
            end.wait(10)
            told.append("done")

    def late() -> None:
        with machine.shared():
            told.append("late")

    threads = [threading.Thread(target=one) for one in (other, borderline, late)]
    threads[0].start()
    assert inside.wait(10)
    threads[1].start()
    assert not alone.wait(0.1), "the other is still at work"
    leave.set()
    assert alone.wait(10)
    threads[2].start()
    threads[2].join(0.1)
    end.set()
    for thread in threads:
        thread.join(10)
    assert told == ["the other has paused", "alone", "done", "late"]


def test_the_others_do_not_wait_long_for_one_that_is_measured_alone() -> None:
    machine, end, entered = MachineLock(), threading.Event(), threading.Event()
    alone = threading.Event()

    def slow() -> None:
        with machine.shared(), machine.exclusive(0.2):
            alone.set()
            end.wait(10)

    def late() -> None:
        with machine.shared():
            entered.set()

    threads = [threading.Thread(target=one) for one in (slow, late)]
    threads[0].start()
    assert alone.wait(10)
    threads[1].start()
    assert not entered.wait(0.05)
    assert entered.wait(5), "the time alone is over"
    end.set()
    for thread in threads:
        thread.join(10)


def test_too_much_on_either_stream_is_too_much_however_it_ends(engine: None) -> None:
    source = RIGHT + "import os, sys\nsys.stdout.flush()\nos.write({fd}, b'x' * {size})\nos._exit(0)"
    sizes = [(fd, SUM.limits.output_bytes + more) for fd in (1, 2) for more in (1, 1000)]
    with Judge(SUM) as judge:
        verdicts = [one.verdict for one in judge.judge_many([source.format(fd=fd, size=size) for fd, size in sizes])]
    assert verdicts == [Verdict.OLE] * 4


def test_a_container_that_goes_down_is_held_against_the_run_that_sank_it() -> None:
    inputs = [b"1", b"2", b"heavy", b"4"]
    with Session(Harbour(), ContainerLimits(MIB, MIB), {}) as session:  # type: ignore[arg-type]
        session.expect(inputs)
        found = [session.run(Command((), 1, 1, 1, 1), stdin) for stdin in inputs]
    assert [facts.stdout for facts in found] == [b"1", b"2", b"", b"4"]
    causes = [cause(facts, LIMITS) for facts in found]
    assert [one and one[0] for one in causes] == [None, None, Verdict.MLE, None]


def test_inputs_that_do_not_fit_into_the_pipes_are_not_begun_ahead(engine: None) -> None:
    sizes = (10, 9_000, 8_000, 17_000, 5, 200_000, 16_000, 3)
    tests = tuple(Test(str(n), b"x" * size, str(size).encode(), shown=False) for n, size in enumerate(sizes))
    count = '#include <stdio.h>\nint main(void) { int n = 0; while (getchar() != EOF) n++; printf("%d", n); }\n'
    with Judge(replace(SUM, language="c", tests=tests), workers=1) as judge:
        assert judge.judge(count).solved
