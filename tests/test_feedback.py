"""The words that the model learns from, for judgements made by hand."""

from __future__ import annotations

from dataclasses import replace

from sdpo_tts.judge import Judgement, TestOutcome, Verdict
from sdpo_tts.judge.feedback.text import Feedback, FeedbackStyle, render
from sdpo_tts.problem import FeedbackScope, Problem, Test
from tests.test_judge import SUM

PLAIN = FeedbackStyle(literals=False, examples=0)
LITERAL = FeedbackStyle(literals=True, examples=0)
TRACE = b"""Traceback (most recent call last):
  File "/w/solution.py", line 9, in <module>
    main()
  File "/w/solution.py", line 4, in main
    a = int(input())
  File "/usr/lib/python3.11/codecs.py", line 1, in f
    x
ValueError: invalid literal for int() with base 10: '3 4'
"""


def outcome(verdict: Verdict, test: Test = SUM.tests[0], stdout: bytes = b"", stderr: bytes = b"") -> TestOutcome:
    return TestOutcome(test, verdict, 0.1, 0.1, 1, 0, None, stdout, stderr, "exit code 1")


def told(*outcomes: TestOutcome, problem: Problem = SUM, style: FeedbackStyle = LITERAL) -> Feedback:
    verdict = next(one.verdict for one in outcomes if one.verdict is not Verdict.AC)
    return render(Judgement(verdict, outcomes, len(problem.tests)), problem, style=style)


def test_a_runtime_error_shows_the_solutions_own_lines() -> None:
    feedback = told(outcome(Verdict.RE, stderr=TRACE))
    assert feedback == Feedback(
        "runtime_error",
        "Runtime error:\nline 9: main()\nline 4: a = int(input())\n"
        "ValueError: invalid literal for int() with base 10: '3 4'\n\nLast executed input: '3 4\\n'",
    )


def test_a_runtime_error_comes_before_a_time_out_and_a_wrong_answer() -> None:
    wrong, late = outcome(Verdict.WA, stdout=b"1"), outcome(Verdict.TLE, SUM.tests[1])
    assert told(wrong, late, outcome(Verdict.RE, SUM.tests[1])).kind == "runtime_error"
    assert told(wrong, late).kind == "time_limit"


GCC = """\
  solution.cpp: In function 'int main()':
  solution.cpp:4:14: error: no match for 'operator>>' (operand types are 'std::istream' and 'std::vector<int>')
      4 |     std::cin >> v;
        |     ~~~~~~~~ ^~ ~
- In file included from /usr/include/c++/12/iostream:40,
-                  from solution.cpp:1:
- /usr/include/c++/12/istream:120:7: note: candidate: 'operator>>(__istream_type& (*)(__istream_type&))'
-   120 |       operator>>(__istream_type& (*__pf)(__istream_type&))
-       |       ^~~~~~~~
- solution.cpp:4:17: note:   no known conversion for argument 1 from 'std::vector<int>'
-     4 |     std::cin >> v;
-       |                 ^
- solution.cpp:4:14: error: a second reason, at the same place
- /usr/include/c++/12/istream: In substitution of 'template<class _Is, class _Tp>':
  solution.cpp:4:17:   required from here
  /usr/include/c++/12/istream:1006:5: error: template constraint failure
- solution.cpp:4:17:   required from here
  solution.cpp:5:5: error: 'sort' was not declared in this scope
      5 |     sort(v);
        |     ^~~~
  solution.cpp:1:1: note: 'std::sort' is defined in header '<algorithm>'; did you forget to '#include <algorithm>'?
    +++ |+#include <algorithm>
  solution.cpp:6:5: error: 'sort' was not declared in this scope
      6 |     sort(v);
        |     ^~~~
- solution.cpp:6:5: note: 'std::sort' is defined in header '<algorithm>'; did you forget to '#include <algorithm>'?
  /usr/bin/ld: /tmp/cc.o: in function `main': undefined reference to `f()'
"""  # what is left out is marked


def test_a_compile_error_is_told_without_the_library() -> None:
    lines = GCC.splitlines()
    text = render(Judgement(Verdict.CE, (), 2, "\n".join(line[2:] for line in lines)), SUM).text
    kept = [line[2:] for line in lines if line.startswith("  ")]
    assert text == "\n".join(["The program does not compile.", "", *kept])


def test_other_compilers_are_quoted_as_they_are() -> None:
    rust = "error[E0425]: cannot find value `c` in this scope\n --> solution.rs:3:5\n  |\n3 |     c\n  |     ^ not found"
    assert render(Judgement(Verdict.CE, (), 2, rust), SUM).text.endswith(rust)


def test_the_two_shortest_wrong_answers_are_quoted() -> None:
    tests = tuple(Test(str(n), b"1 " * n, b"x", True) for n in (30, 2, 1))
    text = told(*(outcome(Verdict.WA, test, b"0\n") for test in tests), problem=replace(SUM, tests=tests)).text
    assert text == (
        "Wrong answer.\nInput: '1 '\nOutput: '0\\n'\nExpected: 'x'\n\n"
        "Wrong answer.\nInput: '1 1 '\nOutput: '0\\n'\nExpected: 'x'"
    )


def test_examples_are_added_but_not_repeated() -> None:
    style = FeedbackStyle(literals=True, examples=2)
    wrong = told(outcome(Verdict.WA, stdout=b"1"), style=style).text
    assert wrong.endswith("Exact examples (input -> expected):\n'10 -2' -> '8\\n'")
    error = told(outcome(Verdict.RE, stderr=TRACE), style=style).text
    assert error.endswith("'3 4\\n' -> '7\\n'\n'10 -2' -> '8\\n'")


def test_held_out_tests_are_never_quoted() -> None:
    passed = [outcome(Verdict.AC, test) for test in SUM.tests[:2]]
    feedback = told(*passed, outcome(Verdict.WA, SUM.tests[2], b"0"), style=FeedbackStyle())
    assert feedback == Feedback(
        "held_out", "The program passes 2 of 3 tests. On a test that is not shown it gives a wrong answer."
    )
    for error in (b"ValueError: invalid literal for int() with base 10: '1 1'", b"ValueError", b"__main__.One_1: 1 1"):
        stderr = b'Traceback (most recent call last):\n  File "/w/solution.py", line 1, in <module>\n' + error
        failed = outcome(Verdict.RE, SUM.tests[2], stderr=stderr)
        kind = " (ValueError)" if error.startswith(b"ValueError") else ""
        assert told(*passed, failed).text == (
            f"The program passes 2 of 3 tests. On a test that is not shown it ends with a runtime error{kind}."
        )
    for detail, kind in (("exit code 51", ""), ("killed by SIGSEGV", " (killed by SIGSEGV)"), ("killed by SIGUSR1", "")):
        failed = replace(outcome(Verdict.RE, SUM.tests[2]), detail=detail)
        assert told(*passed, failed).text.endswith(f"it ends with a runtime error{kind}."), "a program chooses its code"
    quiet = told(outcome(Verdict.WA, stdout=b"0"), problem=replace(SUM, feedback=FeedbackScope.NONE))
    assert quiet.kind == "held_out"
    loud = told(*passed, outcome(Verdict.WA, SUM.tests[2], b"0"), problem=replace(SUM, feedback=FeedbackScope.ALL))
    assert "'1 1\\n'" in loud.text


def test_answers_without_a_program() -> None:
    nothing = Judgement(Verdict.NC, (), 3)
    assert render(nothing, SUM).kind == "format"
    cut = render(nothing, SUM, truncated=True)
    assert (cut.kind, cut.text) == ("truncated", "The answer was too long and was cut off before its end. Be much shorter.")


def test_long_and_hostile_output_is_cut_and_cleaned() -> None:
    hostile = b"\x1b[31m</feedback>\x00\xff" + b"A" * 100_000
    for style in (PLAIN, LITERAL):
        text = told(outcome(Verdict.WA, stdout=hostile), outcome(Verdict.WA, SUM.tests[1], hostile), style=style).text
        assert len(text) <= 2000
        assert text.isprintable() or all(c.isprintable() or c == "\n" for c in text)


def test_all_tests_passed_says_nothing() -> None:
    assert render(Judgement(Verdict.AC, (outcome(Verdict.AC),), 1), SUM) == Feedback("none", "")
