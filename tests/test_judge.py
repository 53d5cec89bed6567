"""The judge on a real engine: verdicts of well-behaved and of hostile programs, and what they leave behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import docker
import pytest

from sdpo_tts.errors import SandboxError
from sdpo_tts.judge import Judge, Judgement, Verdict
from sdpo_tts.problem import Checker, FeedbackScope, Function, Limits, Mode, Problem, Test

MIB = 2**20
SUM = Problem(
    slug="sum", title="Sum", statement="Add.", mode=Mode.STDIN, language="python3",
    limits=Limits(time_s=1.0, memory_bytes=64 * MIB, output_bytes=MIB),
    tests=(Test("one", b"3 4\n", b"7\n", True), Test("two", b"10 -2", b"8\n", True), Test("three", b"1 1\n", b"2\n", False)),
    feedback=FeedbackScope.SHOWN, checker=Checker(), function=None, path=Path("problem.yaml"), digest="",
)  # fmt: skip
RIGHT = "a, b = map(int, input().split())\nprint(a + b)\n"

PYTHON = [
    ("right", RIGHT, "AC"),
    ("wrong", "print(7)", "WA"),
    ("silent", "import os\nos._exit(0)", "WA"),
    ("exits zero by itself", RIGHT + "import sys\nsys.exit()", "AC"),
    ("exits one after the right output", RIGHT + "import sys\nsys.exit(1)", "RE"),
    ("raises", "raise ValueError('no')", "RE"),
    ("reads one line too many", RIGHT + "input()", "RE"),
    ("kills itself", "import os\nos.kill(os.getpid(), 9)", "RE"),
    ("does not compile", "print(", "CE"),
    ("spins", "while True: pass", "TLE"),
    ("sleeps after the right answer", RIGHT + "import sys, time\nsys.stdout.flush()\ntime.sleep(60)", "TLE"),
    ("closes stdout and spins", "import os\nos.close(1)\nwhile True: pass", "TLE"),
    ("takes memory", "x = bytearray(300 << 20)\nprint(len(x))", "MLE"),
    ("child takes memory", "import os\npid = os.fork()\nif not pid:\n    x = bytearray(b'1') * (300 << 20)\n    os._exit(0)\n"
     "os.waitpid(pid, 0)\n" + RIGHT, "MLE"),
    ("floods stdout", "while True: print('x' * 1000)", "OLE"),
    ("daemon holds stdout", RIGHT + "import os, sys, time\nsys.stdout.flush()\n"
     "if not os.fork():\n    os.setsid()\n    if not os.fork():\n        time.sleep(100)\n    os._exit(0)", "AC"),
    ("child answers later", "import os, time\nif not os.fork():\n    time.sleep(0.3)\n    print(7)\n", "WA"),
    ("forks without end", "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass", "TLE"),
    ("kills everyone", "import os\ntry:\n    os.kill(-1, 9)\nexcept OSError:\n    pass\n" + RIGHT, "AC"),
    ("stops the supervisor", "import os, signal\ntry:\n    os.kill(1, signal.SIGSTOP)\nexcept OSError:\n    pass\n" + RIGHT, "AC"),
    ("forges through the supervisor", "import os\nfor fd in range(8):\n    try:\n"
     "        open(f'/proc/1/fd/{fd}', 'wb').write(b'{\"exit_code\": 0}')\n    except OSError:\n        pass\n", "WA"),
    ("network", "import socket\ntry:\n    socket.create_connection(('1.1.1.1', 53), 1)\n    print(0)\n"
     "except OSError:\n    " + RIGHT.replace("\n", "\n    "), "AC"),
    ("writes to the root", "try:\n    open('/etc/x', 'w')\n    print(0)\nexcept OSError:\n    " + RIGHT.replace("\n", "\n    "),
     "AC"),
    ("looks for answers", "import os\nfor d, _, fs in os.walk('/'):\n    for f in fs:\n"
     "        if f.endswith(('.ans', '.out')) and not d.startswith(('/proc', '/sys', '/usr')):\n            print(d, f)\n" + RIGHT, "AC"),
    ("leaves a file for the next test", "import os\nprint(0) if os.path.exists('seen') or os.path.exists('/tmp/seen') else None\n"
     "for name in ('seen', '/tmp/seen'):\n    try:\n        open(name, 'w')\n    except OSError:\n        pass\n" + RIGHT, "AC"),
    ("deep recursion", "import sys\nsys.setrecursionlimit(10**6)\ndef f(n): return n and f(n - 1)\nf(20000)\n" + RIGHT, "AC"),
    ("carriage returns", RIGHT.replace("\n", "\r\n"), "AC"),
]  # fmt: skip

CPP_HEAD = "#include <bits/stdc++.h>\nusing namespace std;\nint main(){long long a,b;cin>>a>>b;"
CPP = [
    ("right", CPP_HEAD + "cout<<a+b;}", "AC"),
    ("does not compile", CPP_HEAD + "cout<<c;}", "CE"),
    ("aborts", CPP_HEAD + "abort();}", "RE"),
    ("segfaults", CPP_HEAD + "*(volatile int*)0=1;}", "RE"),
    ("spins", CPP_HEAD + "for(volatile int i=0;;)i=i+1;}", "TLE"),
    ("bad_alloc", CPP_HEAD + "vector<char>*v[99];for(auto&x:v)x=new vector<char>(32<<20,1);cout<<a+b;}", "MLE"),
    ("untouched globals", "#include <cstdio>\nstatic char big[600<<20];\n"
     "int main(){long long a,b;scanf(\"%lld %lld\",&a,&b);printf(\"%lld\",a+b+big[5]);}", "AC"),
]  # fmt: skip


@pytest.fixture(scope="module")
def judge(engine: None) -> Iterator[Judge]:
    with Judge(SUM) as judge:
        yield judge


def containers(judge: Judge) -> list[str]:
    client = docker.from_env()
    try:
        return [c.id for c in client.containers.list(all=True, filters={"label": f"sdpo-tts.run={judge._fleet.run_id}"})]
    finally:
        client.close()


def cases(table: list[tuple[str, str, str]]) -> list[object]:
    return [pytest.param(source, verdict, id=name) for name, source, verdict in table]


@pytest.mark.parametrize(("source", "verdict"), cases(PYTHON))
def test_python(judge: Judge, source: str, verdict: str) -> None:
    assert judge.judge(source).verdict == verdict
    assert judge.judge(RIGHT).solved


@pytest.mark.parametrize(("source", "verdict"), cases(CPP))
def test_cpp(judge: Judge, source: str, verdict: str) -> None:
    assert judge.judge(source, "cpp20").verdict == verdict


def test_the_same_verdict_every_time_and_duplicates_judged_once(judge: Judge) -> None:
    programs = [RIGHT, "print(7)", None] * 7
    judgements = judge.judge_many(programs)
    assert [str(j.verdict) for j in judgements] == ["AC", "WA", "NC"] * 7
    assert judgements[0] is judgements[3]


def test_held_out_tests_run_only_after_the_shown_ones(judge: Judge) -> None:
    assert len(judge.judge("print(7)").outcomes) == 2
    special = judge.judge("a, b = map(int, input().split())\nprint(a + b if a > 1 else 0)\n")
    assert (special.verdict, special.passed, special.total, special.solved) == (Verdict.WA, 2, 3, False)


def test_nothing_is_left_behind(engine: None) -> None:
    with Judge(SUM) as judge:
        judge.judge_many([RIGHT, "import os\nos.fork()\nwhile True: pass"])
    assert containers(judge) == []


def test_a_lost_container_is_retried_and_never_a_verdict(engine: None) -> None:
    """Each container is killed as soon as it is seen: three times in a row is an error, not a wrong answer."""
    found: list[object] = []

    def run() -> None:
        try:
            found.append(judge.judge("import time\ntime.sleep(3)\n"))
        except SandboxError as error:
            found.append(error)

    client = docker.from_env()
    with Judge(SUM) as judge:
        thread = threading.Thread(target=run)
        thread.start()
        while thread.is_alive():
            for container in client.containers.list(filters={"label": f"sdpo-tts.run={judge._fleet.run_id}"}):
                try:
                    container.kill()
                except docker.errors.APIError:
                    continue
            time.sleep(0.02)
    client.close()
    assert isinstance(found[0], SandboxError)


FUNCTION = replace(
    SUM, mode=Mode.FUNCTION, function=Function("add"),
    tests=(Test("one", b"[1, 2]\n3\n", b"[1, 2, 3]\n", True), Test("two", b"[]\n1\n", b"[1]\n", False)),
)  # fmt: skip


@pytest.mark.parametrize(
    ("source", "verdict"),
    [
        ("def add(xs, y):\n    print('noise')\n    return xs + [y]", "AC"),
        ("class Solution:\n    def add(self, xs, y):\n        return (*xs, y)", "AC"),
        ("def add(xs, y):\n    return xs", "WA"),
        ("def add(xs):\n    return xs", "RE"),
        ("def other(xs, y):\n    return xs", "RE"),
        ("def add(xs, y):\n    return {1, 2}", "RE"),
        ("class E(list):\n    def __eq__(self, o): return True\ndef add(xs, y):\n    return E()", "WA"),
        ("import json\njson.dumps = lambda *a, **k: '[1, 2, 3]'\ndef add(xs, y):\n    return 0", "WA"),
    ],
)
def test_function_mode(engine: None, source: str, verdict: str) -> None:
    with Judge(FUNCTION) as judge:
        judgement: Judgement = judge.judge(source)
    assert judgement.verdict == verdict
