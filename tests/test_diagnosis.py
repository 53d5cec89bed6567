"""The second look at a failed program, on a real engine: what it finds, and that it changes no verdict."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from sdpo_tts.judge import Judge, Judgement, Verdict
from sdpo_tts.judge.checking import validator
from sdpo_tts.judge.checking.interaction import Interaction, Side, hold
from sdpo_tts.judge.containers.container import ContainerLost
from sdpo_tts.judge.containers.engine import connect, find_image
from sdpo_tts.judge.facts import wall_kill_s
from sdpo_tts.judge.feedback.diagnose import BUSY_S, EXTRA_S, Diagnoser
from sdpo_tts.judge.feedback.findings import of_sanitizer, of_witness
from sdpo_tts.judge.feedback.style import PARTS
from sdpo_tts.judge.feedback.text import FeedbackStyle, render
from sdpo_tts.judge.verdict import Diagnosis
from sdpo_tts.problem import Checker, Convention, FeedbackScope, Interactor, Limits, Test
from tests.test_author_programs import STRESSED, python
from tests.test_judge import FUNCTION, MIB, SUM

QUICK = replace(SUM, limits=Limits(time_s=0.4, memory_bytes=64 * MIB, output_bytes=MIB), tests=SUM.tests[:1])
BARE = FeedbackStyle.with_parts((), examples=0)
LONG_INPUT = replace(QUICK, tests=(Test("long", b"3 4\n" * 100, b"7\n", True),))


@pytest.fixture(scope="module")
def judge(engine: None) -> Iterator[Judge]:
    with Judge(QUICK, languages=["cpp20", "c"], style=FeedbackStyle()) as judge:
        yield judge


def told(judgement: Judgement, problem: object = QUICK, style: FeedbackStyle | None = None) -> str:
    return render(judgement, problem, style=style or FeedbackStyle(examples=0)).text  # type: ignore[arg-type]


HOSTILE_REPR = """
class Trap(dict):
    def __init__(self): self.deep = [[1, [2, [3, [4]]]], 10 ** 400]
    def __repr__(self):
        while True: pass
    __str__ = __len__ = __iter__ = __getattr__ = items = __repr__
trap = Trap()
print([trap, 'x' * 500, 1.5, None, {1: 'a'}, len, str][9])
"""
RAISES = [
    ("a, b = input().split()\nxs = [3, 5]\nprint(xs[int(a)], zip)", "Values on line 3: xs = [3, 5], a = '3'"),
    ("def half(n):\n    return 1 // n\ndef main():\n    m = 0\n    half(m)\nmain()", "Values on line 2: n = 0"),
    ("k = 2\ndef f():\n    return [k // (j - 3) for j in range(6)]\nf()", "Values on line 3: k = 2, j = 3"),
    ("def f(xs):\n    k = 3\n    return {x: xs[x] for x in range(k)}\nf([1])", "Values on line 3: x = 1, xs = [1], k = 3"),
    ("class Point:\n    def __init__(self): self.x = 3\np = Point()\np.y", "Values on line 4: p = Point(x=3)"),
    ("big = list(range(1000))\nbig[2000]", "Values on line 2: big = [0, 1, 2, 3, 4, 5, ... (1000 in all)]"),
    ("import heapq\nh = [1, 'a', 3]\nheapq.heapify(h)", "Values on line 3: h = [1, 'a', 3]"),
    ("import sys\nx = 3\nif x:\n    sys.exit(2)", "It ended on line 4 (`sys.exit(2)`)."),
    ("import ctypes\nctypes.string_at(0)", "It ended on line 2 (`ctypes.string_at(0)`)."),
    ("x = 1\nif __name__ == '__main__':\n    assert x == 2", "Values on line 3: x = 1"),
    (HOSTILE_REPR, "Values on line 8: trap = {}"),
]  # fmt: skip


def test_an_exception_is_told_with_the_values_on_its_line(judge: Judge) -> None:
    for judgement, (source, words) in zip(judge.judge_many([source for source, _ in RAISES]), RAISES, strict=True):
        assert (judgement.verdict, words in told(judgement)) == (Verdict.RE, True), (source, told(judgement))
        assert "Values" not in told(judgement, style=BARE) and "It ended" not in told(judgement, style=BARE)


def test_what_has_no_value_adds_nothing(judge: Judge) -> None:
    assert "line 1: n = int(input())" in (text := told(judge.judge("n = int(input())")))
    assert text.endswith("Last executed input: '3 4\\n'")


SLOW = [
    ("n = 5\nprint(n)\nfor i in range(10**12):\n    n += i", r"Where the time went: about \d+ % on line \d \(`.*"
     r"After 0.4 s it was on line \d \(`.*`\): .*i = \d+.* It had written 1 line\."),
    ("x = 7\ny = 3 ** (x * 10**8)", r"Where the time went: about 100 % on line 2 \(`y = 3"),
    ("import time\ntime.sleep(50)", r"Where the time went: about 100 % on line 2 \(`time.sleep\(50\)`\)\.$"),
    ("import threading\ndef work():\n    while True: pass\nt = threading.Thread(target=work)\nt.start()\nt.join()",
     r"Where the time went: about 100 % on line 3 \(`while True: pass`\)"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "words"), SLOW)
def test_a_time_out_is_told_with_the_line_and_how_far_it_got(judge: Judge, source: str, words: str) -> None:
    judgement = judge.judge(source)
    assert judgement.verdict is Verdict.TLE
    assert re.search(words, told(judgement), re.S), told(judgement)
    assert told(judgement, style=BARE).endswith("Input: '3 4\\n'")


def test_of_a_long_input_the_size_is_told(engine: None) -> None:
    with Judge(LONG_INPUT, style=FeedbackStyle()) as judge:
        text = told(judge.judge("while True: pass"), LONG_INPUT)
    assert text.endswith("Size of the input: 100 lines, 400 characters.")


GROWS = "xs = []\ni = 0\nwhile True:\n    xs.append(str(i) * 100)\n    i += 1"


def test_the_line_that_grows_is_told(judge: Judge) -> None:
    grows, at_once = judge.judge_many([GROWS, "import sys\nx = bytearray(b'1') * (600 << 20)\nprint(len(x))"])
    assert grows.verdict is at_once.verdict is Verdict.MLE
    assert re.search(
        r"Peak: \d+.*MiB\.\nMemory grew on line 4 \(`xs\.append\(str\(i\) \* 100\)`\): xs = \['000", told(grows)
    )
    assert int(re.search(r"(\d+) in all", told(grows))[1]) > 100_000  # type: ignore[index]
    assert "Memory grew on line 2 (`x = bytearray(b'1') * (600 << 20)`)." in told(at_once)
    assert told(grows, style=BARE) == "Memory limit exceeded: more than 64 MiB.\nInput: '3 4\\n'"


CPP = "#include <cstdio>\n#include <vector>\n#include <stdexcept>\n"
CRASHES = [
    (CPP + "int main() {\n  int a[3] = {}, i;\n  std::scanf(\"%d\", &i);\n  a[i * 100000] = 5;\n  std::printf(\"%d\", a[0]);\n}",
     "Cause: index 300000 out of bounds for type 'int [3]' on line 7 (`a[i * 100000] = 5;`)"),
    (CPP + "int f(std::vector<int>& v, int i) {\n  return v[i];\n}\nint main() {\n  std::vector<int> v(3);\n  std::printf(\"%d\", f(v, 100000000));\n}",
     "Cause: Assertion '__n < this->size()' failed on line 5 (`return v[i];`)"),
    (CPP + "int main() {\n  volatile int* volatile p = new int[3];\n  p[3] = 1;\n  delete[] p;\n  delete[] p;\n}",
     "Cause: heap-buffer-overflow, WRITE of size 4 on line 6 (`p[3] = 1;`)"),
    (CPP + "int f(int n) {\n  return n == -1 ? 0 : 1 + f(n + 1) * f(n + 2);\n}\nint main() { return f(1); }",
     "Cause: stack-overflow on line "),
    (CPP + "int main() {\n  throw std::runtime_error(\"no\");\n}",
     "Cause: an exception that nobody catches on line 5"),
]  # fmt: skip


def test_a_crash_is_told_as_a_sanitizer_sees_it(judge: Judge) -> None:
    for judgement, (source, words) in zip(judge.judge_many([s for s, _ in CRASHES], "cpp20"), CRASHES, strict=True):
        assert (judgement.verdict, words in told(judgement)) == (Verdict.RE, True), (source, told(judgement))
        assert "Cause" not in told(judgement, style=BARE)
    divided = judge.judge(
        '#include <stdio.h>\nint main(void) {\n  int a, b = 0;\n  scanf("%d", &a);\n  printf("%d", a / b);\n}', "c"
    )
    assert "Cause: division by zero on line 5" in told(divided)


def test_what_was_never_set_does_not_happen_to_be_harmless_in_the_second_run(judge: Judge) -> None:
    unset = "int a[3] = {}, i;\n  if (std::scanf(\"no number %d\", &i) == 0) LUCK;\n  std::printf(\"%d\", a[i]);\n}"
    luck = "#ifdef __SANITIZE_ADDRESS__\n#define LUCK\n#else\n#define LUCK __builtin_trap()\n#endif\n"
    judgement = judge.judge(f"{CPP}{luck}int main() {{\n  {unset}", "cpp20")
    assert judgement.verdict is Verdict.RE
    assert re.search(r"Cause: index -\d+ out of bounds for type 'int \[3\]' on line 12", told(judgement)), told(judgement)


def test_a_crash_that_does_not_come_again_has_no_cause(judge: Judge) -> None:
    judgement = judge.judge("int main() {\n#ifdef __SANITIZE_ADDRESS__\n  for (volatile int i = 0;;)\n    i = 1;\n#endif\n"
                            "  __builtin_trap();\n}", "cpp20")  # fmt: skip
    assert judgement.verdict is Verdict.RE
    assert "Cause" not in told(judgement)


def test_a_time_out_in_cpp_is_told_with_its_line(judge: Judge) -> None:
    judgement = judge.judge("int main() {\n  volatile long i = 0;\n  for (;;)\n    i = i + 1;\n}", "cpp20")
    assert judgement.verdict is Verdict.TLE
    assert re.search(r"At the end it was on line [34] \(`", told(judgement)), told(judgement)


def test_the_first_difference_is_told_of_shown_tests_only(engine: None) -> None:
    problem = replace(SUM, tests=(Test("one", b"3\n", b"1 2\n3 4\n", True), Test("two", b"4\n", b"5 6 7\n", False)))
    with Judge(problem, style=FeedbackStyle()) as judge:
        shown, held_out = judge.judge_many(["print('1 2\\n3 5')", "print('1 2\\n3 4' if input() == '3' else '5 6 8')"])
        assert "First difference: token 4 (line 2): expected '4', got '5'" in told(shown, problem)
        assert "First difference" not in told(shown, problem, BARE)
        assert held_out.diagnosis is None
        assert told(held_out, problem).endswith("On a test that is not shown it gives a wrong answer.")
        quiet = replace(problem, feedback=FeedbackScope.NONE)
        assert "expected" not in told(shown, quiet)
    program = Checker(kind="program", program=python("import sys\nsys.exit(1)"))
    with Judge(replace(problem, checker=program), style=FeedbackStyle()) as judge:
        assert "First difference" not in told(judge.judge("print(1, 2)"), judge.problem)


def test_a_held_out_failure_is_not_run_again(engine: None) -> None:
    with Judge(SUM, style=FeedbackStyle()) as judge:
        fails_later = "a, b = map(int, input().split())\nsecret = a\nassert a != 1\nprint(a + b)"
        judgement = judge.judge(fails_later)
    assert (judgement.verdict, judgement.passed, judgement.diagnosis) == (Verdict.RE, 2, None)
    assert "secret" not in told(judgement, SUM)


def test_the_smallest_generated_test_that_fails_is_told_first(engine: None) -> None:
    long = replace(STRESSED, tests=(Test("long", b"1000000 -1000000\n", b"0\n", True),))
    with Judge(long, style=FeedbackStyle()) as judge:
        judgement = judge.judge("a, b = map(int, input().split())\nprint(abs(a) + abs(b))\n")
        assert (judgement.verdict, judgement.passed, judgement.total) == (Verdict.WA, 0, 1)
        found = judgement.diagnosis.smallest.test  # type: ignore[union-attr]
        failing = [test for test in judge._resources.stress if b"-" in test.input]
        assert len(found.input) == min(len(test.input) for test in failing)
        text = told(judgement, long)
        assert text.index(repr(found.input.decode())) < text.index("'1000000 -1000000\\n'")
        assert repr(found.input.decode()) not in told(judgement, long, BARE)


def test_function_mode_is_told_as_code(engine: None) -> None:
    with Judge(FUNCTION, style=FeedbackStyle()) as judge:
        sources = [
            "def add(xs, y):\n    return xs + [None, True]",
            "def add(xs, y):\n    return xs[y]",
            "def add(xs, y):\n    while xs: y += 1",
        ]
        wrong, raises, slow = judge.judge_many(sources)
    assert told(wrong, FUNCTION) == (
        "Wrong answer.\nCall: add([1, 2], 3)\nResult: [1, 2, None, True]\nExpected: [1, 2, 3]\n"
        "First difference: result has length 4, expected 3"
    )
    assert "Last executed input: add([1, 2], 3)\nValues on line 2: xs = [1, 2], y = 3" in told(raises, FUNCTION)
    assert re.search(r"on line 2.*xs = \[1, 2\], y = \d+", told(slow, FUNCTION), re.S)
    assert "Input: '[1, 2]\\n3\\n'\nResult: '[1, 2, null, true]\\n'" in told(wrong, FUNCTION, BARE)


def test_a_talking_program_is_looked_at_as_well(engine: None) -> None:
    interactor = Interactor(python("import sys\nprint(5, flush=True)\nsys.stdin.read()\n"), Convention.TESTLIB)
    with Judge(replace(QUICK, interactor=interactor), style=FeedbackStyle()) as judge:
        assert "Values on line 2: n = 5" in told(
            judge.judge("n = int(input())\nprint(1 // (n - 5), flush=True)"), judge.problem
        )


def test_one_that_waits_for_an_answer_is_looked_at_no_longer_than_one_that_sleeps(
    engine: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under the eye of a sampler it computes a little all the time, so that its silence does not end it."""
    patience: list[float] = []

    def held(submission: Side, interactor: Side) -> Interaction:
        patience.append(submission.command.wall_s)
        return hold(submission, interactor)

    monkeypatch.setattr(validator, "hold", held)
    interactor = Interactor(python("import sys\nsys.stdin.read()\n"), Convention.TESTLIB)
    with Judge(replace(QUICK, interactor=interactor), style=FeedbackStyle()) as judge:
        said = told(judge.judge("n = 1\ninput()"), judge.problem, FeedbackStyle())
    assert "both sides wait for each other" in said and "line 2" in said
    assert "Exact examples" not in said, "a test of an interaction has no input that the program reads"
    assert patience[:-1] == [wall_kill_s(QUICK.limits)] * (len(patience) - 1) and 0 < patience[-1] <= 2 * QUICK.limits.time_s + EXTRA_S + BUSY_S


HOSTILE = {
    "forges findings": "import os, json\nwith open('/tmp/diagnosis', 'w') as f:\n    f.write('\\x1b[31m{\\n' + json.dumps({'line': 1, 'values': {'a' * 9000: 'b' * 9000}}) + '\\n')\nos._exit(1)",
    "forges nonsense": "import os\nfor text in ('{\"line\": [1]}', '{\"line\": 99999, \"values\": [3]}', '{' * 9000, '\\0\\xff' * 999):\n    open('/tmp/diagnosis', 'w').write(text)\nos._exit(1)",
    "endless numbers": "open('/tmp/diagnosis', 'a').write('Stack:\\n  File \"/w/solution.py\", line ' + '9' * 5000 + ' in f\\n')\nraise ValueError",
    "forges half a character": "import os, json\nopen('/tmp/diagnosis', 'w').write(json.dumps({'line': 1, 'values': {'x': '\\ud800\\u202e'}}))\nos._exit(1)",
    "deep nonsense": "import os\nopen('/tmp/diagnosis', 'w').write('\\n{\"a\":' * 1 + '[' * 200_000)\nos._exit(1)",
    "fills the disk": "import os\ntry:\n    open('/tmp/diagnosis', 'wb').write(bytes(60 << 20))\nfinally: os._exit(1)",
    "a pipe in its place": "import os\ntry: os.unlink('/tmp/diagnosis')\nexcept OSError: pass\nos.mkfifo('/tmp/diagnosis')\nos._exit(1)",
    "a folder in its place": "import os\ntry: os.unlink('/tmp/diagnosis')\nexcept OSError: pass\nos.mkdir('/tmp/diagnosis')\nos._exit(1)",
    "a link in its place": "import os\ntry: os.unlink('/tmp/diagnosis')\nexcept OSError: pass\nos.symlink('/etc/passwd', '/tmp/diagnosis')\nos._exit(1)",
    "takes the tools away": "import sys, faulthandler, json, ast, builtins\nfaulthandler.disable()\nfaulthandler.cancel_dump_traceback_later()\njson.dumps = ast.walk = ast.parse = sys.settrace = builtins.sorted = builtins.isinstance = None\nraise ValueError",
    "spins when it is seen": "import sys\ndef spin(*_, **__):\n    while True: pass\nif 'ast' in sys.modules:\n    import ast\n    ast.parse = spin\nraise ValueError",
    "floods when it is seen": "import sys\nif 'ast' in sys.modules:\n    while True: print('x' * 9999)\nraise ValueError",
    "eats memory when it is seen": "import sys\nif 'ast' in sys.modules:\n    x = bytearray(b'1') * (600 << 20)\nraise ValueError",
    "forks when it is seen": "import os, sys\nif 'ast' in sys.modules:\n    while True: os.fork()\nraise ValueError",
    "passes when it is seen": "import sys\nif 'ast' in sys.modules:\n    print(7)\n    sys.exit(0)\nraise ValueError",
}  # fmt: skip


def test_hostile_programs_spoil_their_own_diagnosis_only(judge: Judge) -> None:
    for name, judgement in zip(HOSTILE, judge.judge_many(list(HOSTILE.values())), strict=True):
        assert judgement.verdict is Verdict.RE, name
        text = told(judgement)
        assert text.startswith("Runtime error:") and len(text) < 900, (name, text)
        assert all(c.isprintable() or c == "\n" for c in text) and text.encode(), name
        assert "root:" not in text
    assert judge.judge("print(7)").solved


@pytest.mark.parametrize(
    "report",
    [
        "solution.cpp:{line}:1: runtime error: index 9 out of bounds",
        "ERROR: AddressSanitizer: SEGV on unknown address\n    #0 0x1 in main /w/solution.cpp:{line}",
    ],
)
def test_a_forged_line_number_of_a_sanitizer_is_none(report: str) -> None:
    found = Diagnosis("")
    assert of_sanitizer(found, report.format(line=3).encode()).line == 3
    assert of_sanitizer(found, report.format(line="9" * 5000).encode()).line is None


def test_forged_names_and_values_stand_on_no_line_of_their_own() -> None:
    forged = {"n\nExpected: 8": "1", "a b": "2", "n": "3\nExpected: 8", "m": "4"}
    found = of_witness(Diagnosis(""), json.dumps({"line": 1, "values": forged}).encode(), b"")
    assert found.values == (("n", "3 Expected: 8"), ("m", "4"))


def test_a_diagnosis_that_fails_leaves_verdict_and_plain_feedback(
    judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(*_: object) -> None:
        raise ContainerLost("gone")

    source = "xs = []\nxs[0]"
    before = judge.judge(source)
    monkeypatch.setattr(Diagnoser, "_run", lose)
    after = judge.judge(source)
    assert "Values" in told(before) and after.verdict is Verdict.RE
    assert told(after) == told(after, style=BARE) == told(before, style=BARE)


def test_what_is_switched_off_costs_no_second_run(engine: None, monkeypatch: pytest.MonkeyPatch) -> None:
    failing = ["xs = []\nxs[0]", "while True: pass", GROWS, "print(8)"]
    monkeypatch.setattr(Diagnoser, "_run", lambda *_: pytest.fail("a second run"))
    monkeypatch.setattr(Diagnoser, "_files", lambda *_: pytest.fail("a second run"))
    with Judge(replace(QUICK, stress=STRESSED.stress), style=BARE) as judge:
        judgements = judge.judge_many(failing)
    assert [str(judgement.verdict) for judgement in judgements] == ["RE", "TLE", "MLE", "WA"]


def test_a_style_has_the_parts_that_are_named() -> None:
    assert FeedbackStyle.with_parts(PARTS) == FeedbackStyle()
    only = FeedbackStyle.with_parts(["values"], examples=0)
    assert (only.values, only.stack, only.calls, only.examples) == (True, False, False, 0)


def test_pypy_is_looked_at_by_signals(engine: None) -> None:
    with closing(connect()) as client:
        if not find_image(client, {"pypy3"}):
            pytest.skip("no sandbox image has pypy3: sandbox/build --languages default,pypy3")
    roomy = replace(QUICK, language="pypy3", limits=Limits(time_s=1.0, memory_bytes=128 * MIB, output_bytes=MIB))
    with Judge(roomy, style=FeedbackStyle()) as judge:
        raises, slow, grows = judge.judge_many(["xs = [3]\nxs[5]", "n = 5\nwhile True:\n    n += 1", GROWS])
    assert "Values on line 2: xs = [3]" in told(raises, roomy)
    assert re.search(
        r"Where the time went: about \d+ % on line [23] .*After 1 s it was on line [23] .*: n = \d+",
        told(slow, roomy),
        re.S,
    )
    assert "Memory grew on line 4" in told(grows, roomy)
