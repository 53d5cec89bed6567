"""Checkers, interactors, generators and brute force on a real engine: whose fault is whose."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest

from sdpo_tts.errors import UserError
from sdpo_tts.judge import Judge, Verdict, author_programs
from sdpo_tts.judge.author_programs import WALL_S, AuthorPrograms, Tool
from sdpo_tts.judge.compiler import Compiler
from sdpo_tts.judge.containers.container import Container, ContainerLimits
from sdpo_tts.judge.containers.pool import ContainerPool
from sdpo_tts.judge.facts import Facts
from sdpo_tts.judge.feedback.text import render
from sdpo_tts.judge.stress import _is_json
from sdpo_tts.problem import Checker, Convention, Function, Interactor, Limits, Mode, Problem, Program, Stress, Test
from sdpo_tts.problem.language import languages
from tests.test_judge import MIB, RIGHT, SUM


def python(source: str, *arguments: str) -> Program:
    return Program("python3", source.encode(), arguments=arguments)


# Any split of n into two positive numbers is right. `99` as first number makes each checker fail in its own way.
SPLIT = "import sys\nn = int(open(sys.argv[1]).read())\nexpected = open(sys.argv[{answer}]).read()\nout = {out}.split()\n"
TESTLIB = SPLIT.format(answer=3, out="open(sys.argv[2]).read()") + (
    "if out[:1] == ['99']: sys.exit(3)\nif out[:1] == ['98']: sys.exit(8)\nif out[:1] == ['97']:\n    while True: pass\n"
    "ok = len(out) == 2 and int(out[0]) > 0 and int(out[0]) + int(out[1]) == n\n"
    "print('sum is right' if ok else 'sum is wrong', file=sys.stderr)\nsys.exit(0 if ok else 1)\n"
)
KATTIS = SPLIT.format(answer=2, out="sys.stdin.read()") + (
    "assert sys.argv[4:] == ['--strict', 'x y'], sys.argv\nif out[:1] == ['99']: sys.exit(0)\n"
    "ok = len(out) == 2 and int(out[0]) > 0 and int(out[0]) + int(out[1]) == n\n"
    "open(sys.argv[3] + 'judgemessage.txt', 'w').write('sum is right' if ok else 'sum is wrong')\nsys.exit(42 if ok else 43)\n"
)
CPP_CHECKER = b"""#include "words.h"
#include <fstream>
int main(int argc, char** argv) {
  std::ifstream in(argv[1]), out(argv[2]);
  long long n, a = 0, b = 0;
  in >> n; out >> a >> b;
  bool ok = a > 0 && a + b == n;
  say(ok ? "sum is right" : "sum is wrong");
  return ok ? 0 : 1;
}
"""
WORDS = b'#include <cstdio>\ninline void say(const char* words) { std::fprintf(stderr, "%s\\n", words); }\n'
CHECKERS = {
    "testlib": Checker(kind="program", program=python(TESTLIB)),
    "kattis": Checker(kind="program", program=python(KATTIS, "--strict", "x y"), convention=Convention.KATTIS),
    "testlib in C++": Checker(kind="program", program=Program("cpp20", CPP_CHECKER, (("words.h", WORDS),))),
}
SPLITTING = replace(SUM, tests=(Test("one", b"7\n", b"3 4\n", True), Test("two", b"10\n", b"5 5\n", False)))


@pytest.fixture(scope="module", params=list(CHECKERS))
def splitting(request: pytest.FixtureRequest, engine: None) -> Iterator[Judge]:
    with Judge(replace(SPLITTING, checker=CHECKERS[request.param])) as judge:
        yield judge


def test_a_checker_accepts_every_right_answer_and_its_words_are_told(splitting: Judge) -> None:
    right, wrong = splitting.judge_many(["n = int(input())\nprint(1, n - 1)", "print(1, 1)"])
    assert right.solved
    assert (wrong.verdict, wrong.outcomes[0].detail) == (Verdict.WA, "sum is wrong")
    told = render(wrong, splitting.problem).text
    assert "Judge: sum is wrong" in told and "A right answer: '3 4\\n'" in told


def test_what_a_submission_writes_cannot_reach_the_checkers_container(splitting: Judge) -> None:
    """Neither a file of its own nor a process that lives on is there when the checker runs."""
    source = "import os, time\nfor d in ('.', '/tmp'):\n    for f in ('input', 'answer', 'output'):\n        open(f'{d}/{f}', 'w').write('2')\n"
    assert splitting.judge(source + "os.fork()\nprint(1, 1)").verdict is Verdict.WA


def test_a_checker_reads_an_output_of_any_size_that_is_allowed(engine: None) -> None:
    limits = replace(SUM.limits, time_s=5.0, memory_bytes=256 * MIB, output_bytes=80 * MIB)
    counts = python("import os, sys\nsys.exit(0 if os.stat(sys.argv[2]).st_size == 70 << 20 else 1)")
    with Judge(replace(SPLITTING, limits=limits, checker=Checker(kind="program", program=counts))) as judge:
        assert judge.judge("import os\nfor _ in range(70): os.write(1, b'x' * (1 << 20))").solved


@pytest.mark.parametrize(("kind", "output", "complaint"), [
    ("testlib", "99 1", "checker: exit code 3"),
    ("kattis", "99 1", "checker: exit code 0"),
    ("kattis", "one six", "checker: exit code 1"),
])  # fmt: skip
def test_a_checker_without_a_verdict_is_the_judges_error(engine: None, kind: str, output: str, complaint: str) -> None:
    with Judge(replace(SPLITTING, checker=CHECKERS[kind])) as judge:
        judgement = judge.judge(f"print('{output}')")
        assert (judgement.verdict, judgement.solved) == (Verdict.JE, False)
        assert judgement.outcomes[0].detail.startswith(complaint)
        assert render(judgement, judge.problem).text == ""
        assert judge.judge("n = int(input())\nprint(1, n - 1)").solved


SLOW = "import sys\nsys.set_int_max_str_digits(0)\nif '--lazy' not in sys.argv:\n    while True: pass\n" + TESTLIB
STRAINED = [
    (CHECKERS["testlib"], "97", "WA", "on this output the checker takes more than 0.3 s of CPU"),
    (Checker(kind="program", program=python(SLOW)), "97", "JE", "checker: it takes more than 0.3 s of CPU"),
    (CHECKERS["testlib"], "8' * 10**6 + ' 1", "WA", "on this output the checker reads no number of more than 4300 digits"),
    (Checker(kind="program", program=python(SLOW, "--lazy")), "8' * 10**6 + ' 1", "WA", "on this output the checker takes more than 0.3 s of CPU"),
    (CHECKERS["testlib"], "one six", "JE", "checker: exit code 1: Traceback"),
    (CHECKERS["kattis"], "97", "WA", "sum is wrong"),
]  # fmt: skip


def test_an_output_that_a_checker_cannot_bear_is_wrong_and_a_crash_is_no_verdict(
    engine: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sdpo_tts.judge.author_programs.CPU_S", 0.3)
    runs: list[Facts] = []
    run = AuthorPrograms.run
    monkeypatch.setattr(AuthorPrograms, "run", lambda *a, **k: runs.append(run(*a, **k)) or runs[-1])
    tests = (Test("one", b"7\n", b"3 4\n", True),)
    for checker, output, verdict, detail in STRAINED:
        runs.clear()
        with Judge(replace(SPLITTING, tests=tests, limits=replace(SUM.limits, time_s=3.0), checker=checker)) as judge:
            outcome = judge.judge(f"print('{output}')").outcomes[0]
        assert (str(outcome.verdict), outcome.detail[: len(detail)]) == (verdict, detail)
        assert len([facts for facts in runs if facts.killed]) <= 1 or verdict == "JE", "it was run again"


def test_a_submission_that_makes_an_interactor_write_too_much_is_at_fault(
    engine: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sdpo_tts.judge.author_programs.OUTPUT_BYTES", 100_000)
    answers = "import sys\nfor line in sys.stdin: print('higher', int(line), flush=True)\nwhile sys.argv[4:]: print('higher')"
    flood = "import sys\nfor i in range(5): sys.stdout.write('1\\n' * 6000)"
    number = "print('8' * 5000)"
    interactor = Interactor(python(answers), Convention.TESTLIB)
    with Judge(replace(GUESSING, interactor=interactor)) as judge:
        told, digits = judge.judge_many([flood, number])
    said = "it says so much that the interactor writes more than 97.66 KiB"
    assert (told.verdict, told.outcomes[0].detail) == (Verdict.OLE, said)
    assert f"Output limit exceeded: {said}." in render(told, judge.problem).text
    assert (digits.verdict, digits.outcomes[0].detail) == (
        Verdict.WA, "the interactor reads no number of more than 4300 digits"
    )  # fmt: skip
    flooding = Interactor(python(answers, "by itself"), Convention.TESTLIB)
    with Judge(replace(GUESSING, interactor=flooding)) as judge:
        assert judge.judge("pass").verdict is Verdict.JE


def test_what_the_judge_cannot_judge_ends_a_tier_as_time_outs_do(
    engine: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    tests = tuple(Test(str(number), b"7\n", b"3 4\n", True) for number in range(4))
    with Judge(replace(SPLITTING, tests=tests, checker=CHECKERS["testlib"]), workers=1) as judge:
        monkeypatch.setattr("sdpo_tts.judge.author_programs.CPU_S", 0.3)
        unjudged, too_slow = judge.judge_many(["print(99)", "print(97)"])
    assert [outcome.verdict for outcome in unjudged.outcomes] == [Verdict.JE] * 2
    assert [outcome.verdict for outcome in too_slow.outcomes] == [Verdict.WA] * 2, "each takes as long as a timeout"


QUOTES = python("import sys\nsys.stderr.write(open(sys.argv[2]).read())\nsys.exit(int(open(sys.argv[1]).read()))")
REPORTS = (
    'Traceback (most recent call last):\n  File "/w/solution.py", line 2, in <module>\nValueError: no\n',
    'Exception in thread "main" java.lang.Error\n\tat Main.main(Main.java:5)\n', "panic: no\n\ngoroutine 1 [running]:\n",
)  # fmt: skip


def test_a_checker_that_quotes_a_crash_report_has_not_crashed(engine: None) -> None:
    tests = tuple(Test(str(code), b"%d\n" % code, b"", True) for code in (1, 2))
    with Judge(replace(SPLITTING, tests=tests, checker=Checker(kind="program", program=QUOTES))) as judge:
        outcomes = [o for one in judge.judge_many([f"print({text!r})" for text in REPORTS]) for o in one.outcomes]
    assert [(one.verdict, one.detail[:6]) for one in outcomes[::2]] == [("WA", "Traceb"), ("WA", "Except"), ("WA", "panic:")]
    assert [one.verdict for one in outcomes[1::2]] == [Verdict.WA] * 3


def test_of_crashes_that_exit_as_verdicts_do_the_report_tells() -> None:
    java, cpp = (Tool("checker", (), {}, tag=tag) for tag in ("java", "cpp"))
    for report in (REPORTS[1], REPORTS[1] + "Caused by: x\n\t... 1 more\n", 'Exception in thread "main" OutOfMemoryError'):
        assert java.has_crashed(report.encode()) and not cpp.has_crashed(report.encode())
        assert not java.has_crashed(f"{report}\nis no number".encode())
    containers: Any = None
    programs = AuthorPrograms(SPLITTING, containers, Compiler(containers))
    with patch.object(author_programs, "language", lambda _: replace(languages()["go"], compile=())):
        assert programs.validator("checker", Program("go", b"")).argv == ("env", "GOTRACEBACK=crash", "./solution")


def test_unexpected_end_of_output_is_wrong_in_testlibs_convention(engine: None) -> None:
    with Judge(replace(SPLITTING, checker=CHECKERS["testlib"])) as judge:
        assert judge.judge("print(98)").verdict is Verdict.WA


def test_a_checker_that_does_not_compile_is_the_authors_error(engine: None) -> None:
    broken = Checker(kind="program", program=Program("cpp20", b"int main( {"))
    with pytest.raises(UserError, match=r"problem.yaml: `checker` does not compile: solution.cpp:1"), Judge(replace(SPLITTING, checker=broken)):
        pass


def test_checker_and_interactor_share_no_container_and_no_volume_with_a_submission(
    engine: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor a namespace: what one container holds, no other can see."""
    submission, checker = "print(1, 6)  # the submission", TESTLIB + "# the author's"
    interactor = "import sys\nopen(sys.argv[2], 'w').write(sys.stdin.readline())  # the author's\n"
    held: dict[str, set[str]] = {}
    configs: dict[str, dict[str, Any]] = {}
    load = Container.load

    def watched(container: Container, files: Mapping[str, bytes]) -> None:
        whose = {"submission" if b"# the submission" in content else "author" for content in files.values()}
        held.setdefault(container.id, set()).update(whose)
        configs[container.id] = container._api.inspect_container(container.id)
        load(container, files)

    monkeypatch.setattr(Container, "load", watched)
    by_checker = Checker(kind="program", program=python(checker))
    for spoken_to in (None, Interactor(python(interactor), Convention.TESTLIB)):
        with Judge(replace(SPLITTING, checker=by_checker, interactor=spoken_to), workers=1) as judge:
            assert judge.judge(submission).outcomes[0].verdict is Verdict.AC
    assert sorted(map(sorted, held.values())) == [["author"]] * 2 + [["submission"]] * 2
    for found in configs.values():
        host = found["HostConfig"]
        assert not (found["Mounts"] or host["Binds"] or host["VolumesFrom"] or host["Links"] or host["Devices"])
        assert (host["NetworkMode"], host["IpcMode"], host["PidMode"], host["ReadonlyRootfs"]) == ("none", "none", "", True)


# Guess a number below 1000 by questions; `0` gives up. The interactor is in the convention's hands for the end only.
GUESS = (
    "import sys\nsecret, kattis = int(open(sys.argv[1]).read()), {kattis}\n"
    "def end(code, words):\n    f = open(sys.argv[3] + 'judgemessage.txt', 'w') if kattis else sys.stderr\n    print(words, file=f, flush=True)\n"
    "    sys.exit({{'ok': 42, 'wa': 43}}[code] if kattis else {{'ok': 0, 'wa': 1}}[code])\n"
    "for asked in range(12):\n    line = sys.stdin.readline()\n    if not line: end('wa', 'no guess')\n    guess = int(line)\n"
    "    if guess == 666: raise RuntimeError\n    if guess > 1000: end('wa', 'out of range')\n"
    "    if guess == secret:\n        print('correct', flush=True)\n        end('ok', f'{{asked}} questions')\n"
    "    print('higher' if guess < secret else 'lower', flush=True)\nend('wa', 'too many questions')\n"
)
SEARCH = (
    "low, high = 1, 1000\nwhile True:\n    guess = (low + high) // 2\n    print(guess, flush=True)\n    said = input()\n"
    "    if said == 'correct': break\n    if said == 'higher': low = guess + 1\n    else: high = guess - 1\n"
)
GUESSING = replace(
    SUM, tests=(Test("one", b"7\n", b"", True), Test("two", b"1000\n", b"", False)), checker=Checker(),
    limits=Limits(time_s=0.5, memory_bytes=64 * MIB, output_bytes=MIB),
)  # fmt: skip
TALKS = [
    ("searches", SEARCH, "AC", "6 questions"),
    ("never asks", "pass", "WA", "no guess"),
    ("asks too much", "while True:\n    print(1, flush=True)\n    input()", "WA", "too many questions"),
    ("breaks the rules and goes on", "import time\nprint(5000, flush=True)\ntime.sleep(1)\nprint(1)", "WA", "out of range"),
    ("fails after an answer", "print(1, flush=True)\ninput()\nraise ValueError", "RE", "exit code 1"),
    ("fails at once, with the interactor waiting", "raise ValueError", "RE", "exit code 1"),
    ("fails after all is right", SEARCH + "raise ValueError", "RE", "exit code 1"),
    ("both wait", "input()", "TLE", "both sides wait for each other (is the output flushed?)"),
    ("does not flush", "import sys\nsys.stdout.write('7\\n')\nsys.stdin.readline()", "TLE", "both sides wait for each other (is the output flushed?)"),
    ("spins", "print(1, flush=True)\nwhile True: pass", "TLE", "more than 0.5 s of CPU"),
    ("floods", "while True: print(1)", "WA", "too many questions"),
    ("talks on, to nobody", "import time\nwhile True:\n    print(5000, flush=True)\n    time.sleep(0.3)", "WA", "out of range"),
    ("computes on, now and then", "import time\nprint(5000, flush=True)\nwhile True:\n    sum(range(10**6))\n    time.sleep(2)", "WA", "out of range"),
    ("makes the interactor crash", "print(666, flush=True)\ninput()", "JE", "interactor: exit code 1"),
]  # fmt: skip


@pytest.fixture(scope="module", params=list(Convention))
def guessing(request: pytest.FixtureRequest, engine: None) -> Iterator[Judge]:
    source = GUESS.format(kattis=request.param is Convention.KATTIS)
    with Judge(replace(GUESSING, interactor=Interactor(python(source), request.param))) as judge:
        yield judge


def test_both_sides_exits_are_resolved(guessing: Judge) -> None:
    judgements = guessing.judge_many([source for _, source, _, _ in TALKS])
    got = [(name, str(judgement.verdict)) for (name, *_), judgement in zip(TALKS, judgements, strict=True)]
    # Exit code 1 is a verdict in testlib's convention, but not with a Python exception.
    assert got == [(name, verdict) for name, _, verdict, _ in TALKS]
    for (_, _, _, detail), judgement in zip(TALKS, judgements, strict=True):
        assert detail in judgement.outcomes[0].detail
        assert judgement.outcomes[0].wall_s < WALL_S / 4, "nobody is waited for"
    assert judgements[0].solved


def test_an_interactor_that_computes_is_not_held_against_the_submission(engine: None) -> None:
    """For longer than the submission may be silent, which is 1.3 s."""
    source = "import time\nwhile time.process_time() < 2: pass\n" + GUESS.format(kattis=True)
    slow = Interactor(python(source), Convention.KATTIS)
    limits = replace(GUESSING.limits, time_s=0.1)
    with Judge(replace(GUESSING, limits=limits, interactor=slow)) as judge:
        judgement = judge.judge(SEARCH)
    assert judgement.solved, judgement.outcomes


def test_a_container_that_starts_slowly_is_nobodys_silence(engine: None, monkeypatch: pytest.MonkeyPatch) -> None:
    start = ContainerPool.start

    def slow(containers: ContainerPool, container_limits: ContainerLimits) -> Container:
        time.sleep(2 if container_limits.author else 0)  # longer than the submission may be silent
        return start(containers, container_limits)

    interactor = Interactor(python(GUESS.format(kattis=True)), Convention.KATTIS)
    limits = replace(GUESSING.limits, time_s=0.1)
    with Judge(replace(GUESSING, limits=limits, interactor=interactor)) as judge:
        monkeypatch.setattr(ContainerPool, "start", slow)
        judgement = judge.judge(SEARCH)
    assert judgement.solved, judgement.outcomes


def test_the_dialogue_is_told(guessing: Judge) -> None:
    judgement = guessing.judge("print(500, flush=True)\nprint(input() == 'lower' and 2000, flush=True)\ninput()")
    told = render(judgement, guessing.problem).text
    assert "> 500\n< lower\n> 2000\nJudge: out of range" in told


def test_a_checker_may_judge_what_an_interactor_writes(engine: None) -> None:
    interactor = "import sys\nopen(sys.argv[2], 'w').write(sys.stdin.readline())\n"
    problem = replace(
        SPLITTING, interactor=Interactor(python(interactor), Convention.TESTLIB), checker=CHECKERS["testlib"]
    )
    with Judge(problem) as judge:
        assert [str(j.verdict) for j in judge.judge_many(["print(1, 6)", "print(1, 1)"])] == ["WA", "WA"]
        assert [o.verdict for o in judge.judge("print(1, 6)").outcomes] == [Verdict.AC, Verdict.WA]


GENERATOR = "import random, sys\nn = int(sys.argv[1])\nr = random.Random(n)\nprint(r.randint(-n, n), r.randint(-n, n))\n"
STRESSED = replace(SUM, tests=SUM.tests[:1], stress=Stress(python(GENERATOR), python(RIGHT), cases=20))
NO_NEGATIVES = "a, b = map(int, input().split())\nprint(abs(a) + abs(b))\n"
NO_ZERO = "a, b = map(int, input().split())\nprint(a + b or 1)\n"


def test_a_counter_example_is_told_and_kept(engine: None) -> None:
    with Judge(STRESSED) as judge:
        assert judge.judge(RIGHT).solved
        judgement = judge.judge(NO_NEGATIVES)
        assert (judgement.verdict, judgement.passed, judgement.total, judgement.solved) == (Verdict.WA, 1, 2, False)
        found = judgement.outcomes[-1].test
        assert found.name.startswith("stress-") and b"-" in found.input
        assert f"Input: {found.input.decode()!r}" in render(judgement, judge.problem).text
        later = judge.judge("a, b = map(int, input().split())\nprint(7)")
        assert [outcome.test for outcome in later.outcomes] == [STRESSED.tests[0], found]
        assert judge.judge(NO_ZERO).verdict is Verdict.WA
        assert judge.judge(RIGHT).solved
    with Judge(STRESSED) as again:
        assert again.judge(NO_NEGATIVES).outcomes[-1].test == found
    with Judge(STRESSED) as resumed:
        resumed.recall(["one", "no such test", found.name])
        assert [outcome.test for outcome in resumed.judge("print(7)").outcomes] == [STRESSED.tests[0], found]


def test_stress_tests_wait_for_the_shown_ones(engine: None) -> None:
    with Judge(STRESSED) as judge:
        assert [outcome.test.name for outcome in judge.judge("print(8)").outcomes] == ["one"]


@pytest.mark.parametrize(("stress", "message"), [
    (Stress(python("x ="), python(RIGHT)), "problem.yaml: `stress.generator` fails on generated test 1: exit code 1: "),
    (Stress(python(GENERATOR), python("print(input())\ninput()")), "problem.yaml: `stress.brute` fails on generated test 1: exit code 1: "),
    (Stress(python("print('1' * (2 << 20))"), python(RIGHT)), "problem.yaml: `stress.generator` writes more than 1 MiB as test 1 (hint: "),
    (Stress(python("while True: print('1' * 10**6)"), python(RIGHT)), "problem.yaml: `stress.generator` fails on generated test 1: writes too much"),
])  # fmt: skip
def test_the_authors_programs_must_work(engine: None, stress: Stress, message: str) -> None:
    with pytest.raises(UserError) as caught, Judge(replace(STRESSED, stress=stress)):
        pass
    assert str(caught.value).startswith(message)


def function_problem(in_place: int, kind: str, *cases: tuple[bytes, bytes]) -> Problem:
    tests = tuple(Test(f"{i}", given, expected, True) for i, (given, expected) in enumerate(cases))
    tolerance = 1e-6 if kind == "floats" else None
    checker = Checker(kind=kind, absolute=tolerance, relative=tolerance)
    return replace(SUM, mode=Mode.FUNCTION, function=Function("f", "", in_place), tests=tests, checker=checker)


CASE = (b"[3, 1, 2]\n", b"[1, 2, 3]\n")


def test_an_answer_that_json_cannot_say_is_the_authors_error(engine: None) -> None:
    stress = Stress(python("print('[1, 2]')"), python("def f(xs): return float('inf')"), 5)
    assert _is_json(b"[1, 2.5]\n") and _is_json(b"7" * 5000) and not _is_json(b"[NaN]")
    what = "`stress.brute` does not print a JSON value on generated test 1"
    with pytest.raises(UserError, match=what), Judge(replace(function_problem(0, "floats", CASE), stress=stress)):
        pass


FUNCTIONS = [
    (1, "tokens", "def f(xs):\n    xs.sort()", "AC"),
    (1, "tokens", "def f(xs):\n    xs = sorted(xs)", "WA"),
    (1, "tokens", "def f(xs):\n    return sorted(xs)", "WA"),
    (0, "tokens", "def f(xs):\n    yield from sorted(xs)", "AC"),
    (0, "tokens", "def f(xs):\n    return map(int, sorted(xs))", "AC"),
    (0, "tokens", "def f(xs):\n    return range(1, 4)", "AC"),
    (0, "tokens", "def f(xs):\n    yield 1\n    raise KeyError('gone')", "RE"),
    (0, "tokens", "def f(xs):\n    while True: yield 'x' * (1 << 20)", "MLE"),
    (0, "unordered", "def f(xs):\n    return [2, 3, 1]", "AC"),
    (0, "tokens", "def f(xs):\n    return [2, 3, 1]", "WA"),
    (0, "floats", "def f(xs):\n    return [1.0000001, 2, 3.0]", "AC"),
    (0, "floats", "def f(xs):\n    return [float('nan'), 2, 3]", "WA"),
    (0, "tokens", "def f(xs):\n    import sys\n    for frame in sys._current_frames().values():\n        while frame:\n"
     "            for v in frame.f_locals.values():\n                if v == [1, 2, 3]: return v\n            frame = frame.f_back", "WA"),
    (0, "tokens", "import builtins, json\njson.loads = builtins.isinstance = lambda *a: True\ndef f(xs): return 5", "RE"),
    (0, "tokens", "class A(dict):\n    __eq__ = __hash__ = __len__ = lambda *a: True\ndef f(xs): return A()", "WA"),
]  # fmt: skip


@pytest.mark.parametrize(("in_place", "kind", "source", "verdict"), FUNCTIONS)
def test_function_mode(engine: None, in_place: int, kind: str, source: str, verdict: str) -> None:
    with Judge(function_problem(in_place, kind, CASE)) as judge:
        assert str(judge.judge(source).verdict) == verdict


TOLD = [
    ("def f(a, b): return a", "TypeError: f(a, b) has wrong parameters: the tests call it with 1 (missing a required argument: 'b')"),
    ("def f(xs):\n    yield 1\n    raise KeyError('gone')", "line 3: raise KeyError('gone')\nKeyError: 'gone'"),
    ("def g(xs): pass", "NameError: the program defines no function 'f'"),
    ("def f(xs): return {1, 2}", "TypeError: the result (a set) cannot be written as JSON"),
    ("def f(xs): return xs[5]", "line 1: def f(xs): return xs[5]"),
]  # fmt: skip


def test_what_is_wrong_with_a_function_is_told(engine: None) -> None:
    with Judge(function_problem(0, "tokens", CASE)) as judge:
        for source, words in TOLD:
            assert words in render(judge.judge(source), judge.problem).text
