"""The judge on a real engine: tiers, retries, function mode. Verdicts of single programs: `tests/hostile`."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import docker
import pytest

from sdpo_tts.errors import SandboxError
from sdpo_tts.judge import Judge, Judgement, Verdict
from sdpo_tts.judge.compiler import Compiled, Compiler, Files, _key
from sdpo_tts.judge.containers.pool import RUN_LABEL
from sdpo_tts.judge.verdict import CompileError
from sdpo_tts.problem import Checker, FeedbackScope, Function, Limits, Mode, Problem, Test
from sdpo_tts.problem.language import Language, language

MIB = 2**20
SUM = Problem(
    slug="sum", title="Sum", statement="Add.", mode=Mode.STDIN, language="python3",
    limits=Limits(time_s=1.0, memory_bytes=64 * MIB, output_bytes=MIB),
    tests=(Test("one", b"3 4\n", b"7\n", True), Test("two", b"10 -2", b"8\n", True), Test("three", b"1 1\n", b"2\n", False)),
    feedback=FeedbackScope.SHOWN, checker=Checker(), function=None, path=Path("problem.yaml"), digest="",
)  # fmt: skip
RIGHT = "a, b = map(int, input().split())\nprint(a + b)\n"


@pytest.fixture(scope="module")
def judge(engine: None) -> Iterator[Judge]:
    with Judge(SUM) as judge:
        yield judge


def test_the_same_verdict_every_time_and_duplicates_judged_once(judge: Judge) -> None:
    programs = [RIGHT, "print(7)", None] * 7
    judgements = judge.judge_many(programs)
    assert [str(j.verdict) for j in judgements] == ["AC", "WA", "NC"] * 7
    assert judgements[0] is judgements[3]


def test_held_out_tests_run_only_after_the_shown_ones(judge: Judge) -> None:
    assert len(judge.judge("print(7)").outcomes) == 2
    special = judge.judge("a, b = map(int, input().split())\nprint(a + b if a > 1 else 0)\n")
    assert (special.verdict, special.passed, special.total, special.solved) == (Verdict.WA, 2, 3, False)


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
            filters = {"label": f"{RUN_LABEL}={judge._containers.run_id}"}
            for container in client.containers.list(ignore_removed=True, filters=filters):
                try:
                    container.kill()
                except docker.errors.APIError:
                    continue
            time.sleep(0.02)
    client.close()
    assert isinstance(found[0], SandboxError)


@pytest.mark.parametrize("path", ["/dev/ptmx", "/proc/self/fd/1"])
def test_a_compiler_that_waits_is_not_waited_for(judge: Judge, path: str) -> None:
    began = time.monotonic()
    judgement = judge.judge(f'#include "{path}"\n', "c")
    assert (judgement.verdict, time.monotonic() - began < 60) == (Verdict.CE, True)
    assert "the compiler waited for what does not come" in judgement.compile_output


def test_a_kept_compile_error_is_raised_anew(judge: Judge) -> None:
    """An exception that is raised again gets a longer traceback each time."""
    compiler, raised = Compiler(None), list[CompileError]()  # type: ignore[arg-type]
    compiler._own.keep(_key(language("c"), {}), "a message")
    for _ in range(2):
        with pytest.raises(CompileError, match="a message") as caught:
            compiler.compile(language("c"), {})
        raised.append(caught.value)
    assert raised[0] is not raised[1]


def test_an_author_s_program_is_compiled_once_in_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """For each image; and never is what a submission's container compiled taken for it."""
    told = list[tuple[str, bool]]()

    def compile(self: Compiler, language: Language, files: Files, author: bool) -> Files:
        told.append((self._containers.image, author))
        return {"program": b"x"}

    monkeypatch.setattr(Compiler, "_compile", compile)
    monkeypatch.setattr("sdpo_tts.judge.compiler.OF_AUTHORS", Compiled())
    for image in ("one", "one", "two"):
        compiler = Compiler(SimpleNamespace(image=image))  # type: ignore[arg-type]
        for author in (True, False, True, False):
            assert compiler.compile(language("c"), {"main.c": b"int main"}, author) == {"program": b"x"}
    assert told == [("one", True), ("one", False), ("one", False), ("two", True), ("two", False)]


FUNCTION = replace(
    SUM, mode=Mode.FUNCTION, function=Function("add"),
    tests=(Test("one", b"[1, 2]\n3\n", b"[1, 2, 3]\n", True), Test("two", b"[]\n1\n", b"[1]\n", False)),
)  # fmt: skip


@pytest.mark.parametrize(
    ("source", "verdict"),
    [
        ("def add(xs, y):\n    print('noise')\n    return xs + [y]", "AC"),
        ("class Solution:\n    def add(self, xs, y):\n        return (*xs, y)", "AC"),
        ("from operator import add\nclass Solution:\n    def add(self, xs, y):\n        return [*xs, y]", "AC"),
        ("def add(xs, y):\n    return [*xs, y]\nclass Solution:\n    def add(self, xs, y):\n        return 0", "AC"),
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
