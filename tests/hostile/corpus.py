"""The hostile corpus as data: programs, the verdict each must get, and the problems they are judged on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from unittest.mock import patch

import yaml

from sdpo_tts.errors import SandboxError
from sdpo_tts.judge import Judge, Judgement, Verdict, compiler
from sdpo_tts.judge.containers.pool import RUN_LABEL
from sdpo_tts.problem import (
    Checker,
    Convention,
    FeedbackScope,
    Function,
    Interactor,
    Limits,
    Mode,
    Problem,
    Program,
    Test,
)

FOLDER = Path(__file__).parent
MIB = 2**20
SUM = Problem(
    slug="sum", title="Sum", statement="Add.", mode=Mode.STDIN, language="python3",
    limits=Limits(time_s=0.5, memory_bytes=64 * MIB, output_bytes=MIB),
    tests=(Test("one", b"3 4\n", b"7\n", True), Test("two", b"10 -2", b"8\n", False), Test("three", b"1 1\n", b"2\n", False)),
    feedback=FeedbackScope.SHOWN, checker=Checker(), function=None, path=Path("problem.yaml"), digest="",
)  # fmt: skip
_LINE = b"".join(b"%d" % n for n in range(180_000))[:1_000_000]
_ODD = b"a\0b\xff\xfe\xc3\x28 \xed\xa0\x80\n"


GUESS = (FOLDER.parents[1] / "problems" / "guess" / "interactor.py").read_bytes()
CHAT = b"import sys\nfor line in sys.stdin: print('higher' * 20, int(line), flush=True)\n"
IS_SEVEN = b"import sys\nsys.exit(0 if int(open(sys.argv[2]).read()) == 7 else 1)\n"
SEARCH = (
    "low, high = 1, 1000000\nwhile True:\n    guess = (low + high) // 2\n    print(guess, flush=True)\n"
    "    said = input()\n    if said == 'correct': break\n    if said == 'higher': low = guess + 1\n"
    "    else: high = guess - 1\n"
)


def _one(stdin: bytes, expected: bytes, **changes: object) -> Problem:
    return replace(SUM, tests=(Test("one", stdin, expected, True),), **changes)  # type: ignore[arg-type]


PROBLEMS = {
    "sum": SUM,
    "roomy": replace(SUM, limits=Limits(time_s=3.0, memory_bytes=256 * MIB, output_bytes=MIB)),
    "narrow": replace(SUM, limits=Limits(time_s=3.0, memory_bytes=128 * MIB, output_bytes=MIB)),
    "two_lines": _one(b"3\n4\n", b"7\n"),
    "exact_lines": _one(b"1\n2\n", b"1\n2\n", checker=Checker(kind="exact")),
    "crlf_input": _one(b"3 4\r\n", b"7\r\n"),
    "odd_bytes": _one(_ODD, _ODD, checker=Checker(kind="exact")),
    "long_line": _one(_LINE + b"\n", _LINE[::-1] + b"\n"),
    "big_input": _one(b"1234567 99\n9876 5\n".ljust(30_000_000), b"7\n"),
    "function": replace(
        SUM, mode=Mode.FUNCTION, function=Function("add"),
        tests=(Test("one", b"[1, 2]\n3\n", b"[1, 2, 3]\n", True), Test("two", b"[]\n1\n", b"[1]\n", False)),
    ),
    "guess": _one(b"1000000\n", b"", interactor=Interactor(Program("python3", GUESS), Convention.TESTLIB)),
    "chat": _one(b"", b"", interactor=Interactor(Program("python3", CHAT), Convention.TESTLIB)),
    "checked": _one(b"3 4\n", b"7\n", checker=Checker(kind="program", program=Program("python3", IS_SEVEN))),
}  # fmt: skip
RIGHT = "a, b = map(int, input().split())\nprint(a + b)\n"
# A well-behaved program for each problem, where it is not RIGHT.
WELL_BEHAVED = {
    "two_lines": "print(7)",
    "exact_lines": "print(1)\nprint(2)",
    "odd_bytes": "import sys\nsys.stdout.buffer.write(sys.stdin.buffer.read())",
    "long_line": "print(input()[::-1])",
    "big_input": "print(7)",
    "function": "def add(xs, y):\n    return xs + [y]",
    "guess": SEARCH,
    "chat": "print(1, flush=True)\ninput()",
}
# Before a well-behaved program: an error unless it is alone in a clean container.
LOOK_AROUND = """
import os
found = {pid for pid in os.listdir("/proc") if pid.isdigit()} - {"1", str(os.getpid())}
found |= {name for name in os.listdir("/w") if name != "solution.py"} | set(os.listdir("/tmp"))
for table in "tcp", "tcp6", "udp", "udp6", "raw", "raw6", "packet", "unix":
    if os.path.exists(f"/proc/net/{table}"):
        found |= set(open(f"/proc/net/{table}").readlines()[1:])
if found:
    raise SystemExit(f"left behind: {found}")
"""


# What a host can be like, and what shows it.
HOSTS = {
    "overcommits": lambda: Path("/proc/sys/vm/overcommit_memory").read_text().strip() == "1",
    "counts kernel memory": lambda: Path("/sys/fs/cgroup/cgroup.controllers").exists(),
}


@dataclass(frozen=True)
class Entry:
    """One line of `corpus.yaml`. `elsewhere`: another verdict that is right too, on a host of that kind."""

    file: str
    verdict: str
    about: str
    group: str
    problem: str = "sum"
    elsewhere: Mapping[str, str] = field(default_factory=dict)

    @property
    def verdicts(self) -> set[str]:
        """The right ones on this host."""
        return {self.verdict, *(verdict for host, verdict in self.elsewhere.items() if HOSTS[host]())}

    @property
    def source(self) -> str:
        """As a model's answer would hold it: line ends and byte-order mark kept."""
        return (FOLDER / "programs" / self.file).read_bytes().decode()

    @property
    def language(self) -> str:
        return "cpp20" if self.file.endswith(".cpp") else "python3"


@dataclass(frozen=True)
class Result:
    """`after`: the well-behaved program that came next; `containers`: how many the judge had then."""

    entry: Entry
    judgement: Judgement
    after: Judgement
    containers: int

    @property
    def fault(self) -> str:
        """What is wrong, or nothing."""
        if self.judgement.verdict not in self.entry.verdicts:
            return f"{self.judgement.verdict}, not {self.entry.verdict}: {_reasons(self.judgement)}"
        if not self.after.solved:
            return f"the next program got {self.after.verdict}: {_reasons(self.after)}"
        # One that runs and one that compiles.
        return f"{self.containers} containers" if self.containers > 2 else ""


def _reasons(judgement: Judgement) -> str:
    details = [f"{one.detail} {one.stderr[-300:]!r}" for one in judgement.outcomes if one.verdict is not Verdict.AC]
    return "; ".join(details) or judgement.compile_output[-300:]


def entries() -> list[Entry]:
    table = yaml.safe_load((FOLDER / "corpus.yaml").read_text())
    return [Entry(**entry, group=group) for group, members in table.items() for entry in members]


def judge_all(chosen: Sequence[Entry], workers: int = 2) -> Iterator[Result]:
    """Judges each and then a well-behaved program, in a judge with one worker; so many judges side by side.

    A problem's programs follow each other in one judge's containers, which is what is to be tested.
    """
    parts = [[entry for entry in chosen if entry.problem == name] for name in PROBLEMS]
    # Compile bombs must end, but a test need not wait long for them.
    with patch.object(compiler, "COMPILE_CPU_S", 3.0), ThreadPoolExecutor(workers) as pool:
        for results in pool.map(_judge_in_turn, [part[i::workers] for part in parts for i in range(workers)]):
            yield from results


def _judge_in_turn(chosen: Sequence[Entry]) -> list[Result]:
    if not chosen:
        return []
    with Judge(PROBLEMS[chosen[0].problem], workers=1) as judge:
        return [_judge(judge, entry) for entry in chosen]


def _judge(judge: Judge, entry: Entry) -> Result:
    try:
        judgement = judge.judge(entry.source, entry.language)
    except SandboxError as error:
        judgement = Judgement(Verdict.JE, (), 0, str(error))
    after = judge.judge(LOOK_AROUND + WELL_BEHAVED.get(entry.problem, RIGHT), "python3")
    return Result(entry, judgement, after, _containers(judge))


def _containers(judge: Judge) -> int:
    filters = {"label": f"{RUN_LABEL}={judge._containers.run_id}"}
    return len(judge._client.api.containers(all=True, filters=filters))
