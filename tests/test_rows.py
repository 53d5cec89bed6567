"""Rows of data sets: what each kind becomes, and what is said of the others."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sdpo_tts.cli.main import app
from sdpo_tts.errors import UserError
from sdpo_tts.judge.checking.checker import compare
from sdpo_tts.problem import Checker, Mode, Test, load_problem, read_problem
from sdpo_tts.problem.formats import NeedsRun
from sdpo_tts.problem.reading.draft import quotes
from sdpo_tts.problem.reading.prose import is_interactive, several_answers, tolerance
from tests.packages import (
    APPS,
    CODE_CONTESTS,
    COMPANION,
    HUMAN_EVAL,
    HUMAN_EVAL_PLUS,
    LIVE_CODE_BENCH,
    MBPP,
    TACO,
    case,
    write_files,
    write_row,
)

LIVE = LIVE_CODE_BENCH | {"private_test_cases": "[]"}

INTERACTIVE = [
    "This is an interactive problem. You may ask at most 30 queries.",
    "This problem is interactive.",
    "After printing a query do not forget to output end of line and flush the output.",
    "To do this, use: fflush(stdout) or cout.flush() in C++; stdout.flush() in Python.",
    "You will interact with the judge by asking questions. Flush after each.",
]
NOT_INTERACTIVE = [
    "In this interactive game the players move in turn.",
    "Print `flush` if all five cards have the same suit, and `straight flush` where they are in order as well.",
    "The toilets of the stadium flush every n minutes. Print the total output of the pump.",
    "Two proteins interact if their distance is at most d.",
]


@pytest.mark.parametrize("statement", INTERACTIVE)
def test_a_dialogue_that_the_format_does_not_name_is_refused(statement: str, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        CODE_CONTESTS | {"description": statement}, LIVE | {"question_content": statement}, APPS | {"question": statement},
        {"id": "1", "content": statement, "labels": "{}", "test": json.dumps([{"input": {"stdin": "1"}, "output": {"stdout": "1"}}])},
    ]  # fmt: skip
    for row in rows:
        with pytest.raises(UserError, match=r"rows.jsonl:1: interactive problems are not supported \(hint: a native problem may"):
            load_problem(write_row(tmp_path, row))
    with pytest.raises(UserError, match="interactive problems are not supported"):
        load_problem(write_files(tmp_path / "pairs", {"a.in": "1", "a.out": "2", "statement.md": statement}))
    (tmp_path / "task.json").write_text(json.dumps(COMPANION))
    (tmp_path / "task.md").write_text(statement)
    with pytest.raises(UserError, match="interactive problems are not supported"):
        load_problem(tmp_path / "task.json")


@pytest.mark.parametrize("statement", NOT_INTERACTIVE)
def test_a_word_alone_makes_no_dialogue(statement: str) -> None:
    assert not is_interactive(statement)


BOTH, ABSOLUTE, RELATIVE = ("absolute", "relative"), ("absolute",), ("relative",)
TOLERANCES = [
    ("Your answer is correct if its absolute or relative error does not exceed 10^{-4}.", 1e-4, BOTH),
    ("Your answer will be accepted if its absolute or relative error doesn't exceed 10 - 6. Good luck.", 1e-6, BOTH),
    ("The relative error of your answer must be at most 10^{ - 9}.", 1e-9, RELATIVE),
    ("Print it with an absolute error of no more than 10\u22125.", 1e-5, ABSOLUTE),
    ("The answer may have an error of at most 1e-6.", 1e-6, BOTH),
    ("Print the length. Any answer within 10^-5 of the actual value will be accepted.", 1e-5, BOTH),
    ("An error greater than 0.00001 is wrong.", 1e-5, BOTH),
    ("The answer needs a precision of 10⁻³.", 1e-3, BOTH),
    ("Correct if its absolute or relative error is at most 10<sup>&minus;2</sup>.", 1e-2, BOTH),
    ("It is correct within an absolute or relative error of 10-6 of the right answer.", 1e-6, BOTH),
    ("The error must not exceed $10^{-6}$ .", 1e-6, BOTH),
]


@pytest.mark.parametrize(("sentence", "size", "kinds"), TOLERANCES)
def test_a_tolerance_in_the_statement_becomes_the_checker(sentence: str, size: float, kinds: tuple[str, ...], tmp_path: Path) -> None:
    columns = {"input": ["2\n"], "output": ["0.66666666666\n"]}
    row = CODE_CONTESTS | {"description": f"Print n / 3.\n\n{sentence}", "public_tests": columns, "private_tests": None, "generated_tests": None}
    reading = read_problem(write_row(tmp_path, row))
    assert reading.problem.checker == Checker(kind="floats", **dict.fromkeys(kinds, size))
    assert compare(reading.problem.checker, b"0.66666666666\n", b"0.6666666667").ok
    assert any(note.startswith("numbers are compared with the statement's tolerance: `") for note in reading.notes)


NO_TOLERANCES = [
    ("Print n / 3. Be quick.", "0.5\n"),
    ("Print the error code, 10^-6 of all.", "17\n"),
    ("Wait within 10-15 minutes.", "0.5\n"),
    ("The errors are at most 10^5 in number.", "0.5\n"),
    ("Let the error be below 10^-99.", "0.5\n"),
]


@pytest.mark.parametrize(("statement", "output"), NO_TOLERANCES)
def test_where_no_tolerance_is_meant_there_is_none(statement: str, output: str, tmp_path: Path) -> None:
    row = CODE_CONTESTS | {"description": statement, "public_tests": {"input": ["2\n"], "output": [output]}, "private_tests": None, "generated_tests": None}
    problem = load_problem(write_row(tmp_path, row))
    assert problem.checker == Checker() and tolerance(statement, problem.tests) is None


def test_a_tolerance_counts_in_other_formats_that_name_no_checker(tmp_path: Path) -> None:
    told = "An absolute error of 10^-6 is fine."
    live = LIVE | {"question_content": told, "public_test_cases": json.dumps([case("1\n", "0.5\n")])}
    pairs = write_files(tmp_path / "pairs", {"a.in": "1", "a.out": "0.5", "statement.md": told})
    lists = {"inputs": ["1\n"], "outputs": ["0.5\n"]}
    for path in (write_row(tmp_path, live), pairs, write_row(tmp_path / "pairs", APPS | {"question": told, "input_output": json.dumps(lists)})):
        assert load_problem(path).checker == Checker(kind="floats", absolute=1e-6)


SEVERAL = ["If there are multiple answers, print any of them.", "Any correct answer is accepted.", "Print any valid sequence.",
           "If there are several solutions, any of them will do.", "You can print the cards in any order; any order is allowed."]  # fmt: skip


@pytest.mark.parametrize("statement", SEVERAL)
def test_several_right_answers_are_noted(statement: str, tmp_path: Path) -> None:
    for row in (LIVE | {"question_content": statement}, CODE_CONTESTS | {"description": statement}):
        notes = read_problem(write_row(tmp_path, row)).notes
        assert any(note.startswith("the statement allows several answers (`") for note in notes)
    assert not several_answers("Are there any blanks? There may be several words. Print anything.")


def test_leftovers_of_a_conversion_are_cleared_away(tmp_path: Path) -> None:
    told = r"Let 1 \leq n \le 100\ 000 and s \in \{0, 1\}. <image> So A\_1 is n."
    reading = read_problem(write_row(tmp_path, CODE_CONTESTS | {"description": told}))
    assert reading.problem.statement.startswith("Let 1 ≤ n ≤ 100 000 and s \\in {0, 1}. [a picture is left out] So A_1 is n.")
    assert "the pictures of the statement are left out" in reading.notes
    braces = {"input": ["\\{ <image>\n"], "output": ["1\n"]}
    again = load_problem(write_row(tmp_path, CODE_CONTESTS | {"description": f"{told}\n\\{{ <image>\n1\n", "public_tests": braces}))
    assert r"\{0, 1\}" in again.statement and "<image>" in again.statement


def test_apps_and_taco_in_stdin_mode(tmp_path: Path) -> None:
    reading = read_problem(write_row(tmp_path, APPS))
    problem = reading.problem
    assert [(test.name, test.input, test.expected) for test in problem.tests] == [
        ("tests/shown/1", b"1 2\n", b"3\n"), ("tests/held-out/2", b"2 2\n", b"4\n"), ("tests/held-out/3", b"5\n5\n", b"10\n")
    ]  # fmt: skip
    assert reading.notes[0] == "the row sets no time and memory limit: using the default"
    assert [name for name, _ in reading.programs] == ["accepted/1.py", "accepted/2.py"]
    limits = load_problem(write_row(tmp_path, TACO)).limits
    assert (limits.time_s, limits.memory_bytes) == (1.5, 64 << 20)


def test_a_row_is_named_by_its_address(tmp_path: Path) -> None:
    """A path has lost one of two slashes."""
    urls = [f"https://example.org//{'long/' * 30}{end}" for end in ("a", "b/")]
    file = write_row(tmp_path, *(TACO | {"url": url, "question": f"{url} {TACO['question']}"} for url in urls))
    for url in urls:
        assert load_problem(Path(f"{file}#{url}")).statement.startswith(url)


def test_blank_lines_before_the_first_row_do_not_count(tmp_path: Path) -> None:
    file = write_row(tmp_path, APPS, APPS | {"problem_id": 8, "input_output": "{"})
    file.write_text(f"\n \r\n{file.read_text()}")
    assert load_problem(Path(f"{file}#7")).statement.startswith("Print a + b.")
    with pytest.raises(UserError, match=r"rows.jsonl:4: a field that should hold JSON does not"):
        load_problem(Path(f"{file}#8"))


def test_apps_in_function_mode(tmp_path: Path) -> None:
    told = {"fn_name": "total", "inputs": [[[1, 2], 3], [[], 0]], "outputs": [[6], [0]]}
    problem = load_problem(write_row(tmp_path, APPS | {"input_output": json.dumps(told), "starter_code": "def total(xs, n):\n"}))
    assert problem.mode is Mode.FUNCTION and problem.function and problem.function.name == "total"
    assert [(test.input, test.expected, test.shown) for test in problem.tests] == [(b"[1, 2]\n3\n", b"6\n", True), (b"[]\n0\n", b"0\n", False)]
    bare = load_problem(write_row(tmp_path, APPS | {"input_output": json.dumps(told | {"outputs": [[6], [0, 1]]})}))
    assert [test.expected for test in bare.tests] == [b"[6]\n", b"[0, 1]\n"]


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ("", "no tests"),
        ("{", "a field that should hold JSON does not"),
        ("[]", "`input_output` is not a mapping"),
        ('{"inputs": ["1"], "outputs": []}', "`inputs` and `outputs` are not lists of the same length"),
        ('{"inputs": [[1]], "outputs": ["1"]}', "input and output of test 1 are not text"),
        ('{"inputs": ["1"], "outputs": ["1"], "fn_name": "f"}', "the arguments of test 1 are not a list"),
        ('{"inputs": [[1]], "outputs": ["1"], "fn_name": "if"}', "`fn_name`: `if` is not a Python function name"),
    ],
)
def test_a_row_of_apps_that_is_damaged(told: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rf"rows.jsonl:1: {re.escape(message)}"):
        load_problem(write_row(tmp_path, APPS | {"input_output": told}))


def test_mbpp(tmp_path: Path) -> None:
    for row in (MBPP, {("prompt" if key == "text" else key): value for key, value in MBPP.items()}):
        reading = read_problem(write_row(tmp_path, row))
        problem = reading.problem
        assert problem.function and problem.function.starter_code == "def remove_all(s, ch='l'):\n"
        assert [(test.name, test.input, test.expected) for test in problem.tests] == [
            ("tests/shown/1", b'"hello"\n"l"\n', b'"heo"\n'), ("tests/held-out/1", b'"abcda"\n"a"\n', b'"bcd"\n'), ("tests/held-out/2", b'"hello"\n', b'"heo"\n')
        ]  # fmt: skip
        assert "1 assertion left out: no comparison with a constant" in reading.notes
        assert problem.statement.endswith("An example:\n```\nassert remove_all('hello', 'l') == 'heo'\n```")


def test_human_eval_plus_with_its_lists(tmp_path: Path) -> None:
    problem = load_problem(write_row(tmp_path, HUMAN_EVAL_PLUS))
    assert [(test.input, test.expected, test.shown) for test in problem.tests] == [(b"2\n", b"1.0\n", True), (b"3\n", b"1.5\n", False)]
    assert problem.checker == Checker(kind="floats", absolute=1e-6, relative=1e-6)


def test_assertions_that_cannot_be_read_are_run(tmp_path: Path, engine: None) -> None:
    check = "def check(candidate):\n    for n in range(3):\n        assert candidate(n) == n / 2\n    candidate(1j)\n    candidate(2)\n"
    held_out = {b"0\n": b"0.0\n", b"1\n": b"0.5\n", b"2\n": b"1.0\n"}
    for number, row in enumerate([HUMAN_EVAL | {"test": check}, MBPP | {"code": "def f(n):\n    return n / 2\n", "test_list": ["assert all(f(n) == n / 2 for n in range(3))"], "challenge_test_list": []}]):
        path, folder = write_row(tmp_path, row), tmp_path / str(number)
        with pytest.raises(NeedsRun):
            load_problem(path)
        assert CliRunner().invoke(app, ["import", str(path), str(folder)]).exit_code == 0
        tests = {test.input: test.expected for test in load_problem(folder).tests}
        assert tests == held_out


@pytest.mark.parametrize(
    ("check", "message"),
    [
        ("import nowhere_at_all.x\ndef check(candidate):\n    assert candidate(3) == abs(1.5)", "the assertions import `nowhere_at_all`, which the sandbox does not have"),
        ("def check(candidate):\n    assert candidate(3) == candidate(4)", "the row's own solution fails its assertions (`AssertionError`)"),
        ("def check(candidate):\n    assert 1 + 1 == 2", "no call of the function was seen when its assertions ran"),
    ],
)
def test_assertions_that_cannot_be_run_say_why(check: str, message: str, tmp_path: Path, engine: None) -> None:
    result = CliRunner().invoke(app, ["import", str(write_row(tmp_path, HUMAN_EVAL | {"test": check})), str(tmp_path / "out")])
    assert (result.exit_code, result.stderr) == (2, f"error: {tmp_path}/rows.jsonl:1: {message}\n")


def test_a_row_that_fails_when_it_is_run_does_not_stop_the_others(tmp_path: Path, engine: None) -> None:
    failing = HUMAN_EVAL | {"task_id": "first", "test": "def check(candidate):\n    assert 1 + 1 == 2"}
    result = CliRunner().invoke(app, ["import", "--all", str(write_row(tmp_path, failing, HUMAN_EVAL)), str(tmp_path / "out")])
    assert (result.exit_code, result.stdout) == (2, f"{tmp_path / 'out' / 'HumanEval-0'}\n")
    assert result.stderr == "first: no call of the function was seen when its assertions ran\n1 problem written, 1 could not be\n"


OTHERS: list[dict[str, Any]] = [
    MBPP | {"test": "inputs = []"},  # MBPP+
    {"task_id": "BigCodeBench/0", "complete_prompt": "", "instruct_prompt": "", "canonical_solution": "", "test": "", "entry_point": "f"},
    HUMAN_EVAL | {"declaration": "", "buggy_solution": ""},  # HumanEvalPack
    {"anything": 1, "tests": []},
]


@pytest.mark.parametrize("row", OTHERS, ids=["mbpp+", "bigcodebench", "humanevalpack", "unknown"])
@pytest.mark.parametrize("times", [1, 2])
def test_other_rows_are_no_known_kind(row: dict[str, Any], times: int, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        load_problem(write_row(tmp_path, *[row] * times))
    assert str(caught.value) == f"{tmp_path}/rows.jsonl:1: unknown kind of row (hint: see docs/formats.md for the supported kinds)"


def test_a_problem_file_in_json_without_its_first_line_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "problem.yaml").write_text(json.dumps({"title": "t", "statement": "s", "tests": {}}))
    with pytest.raises(UserError, match=r"missing key `format`"):
        load_problem(tmp_path / "problem.yaml")


def test_the_hint_for_a_missing_statement_names_a_place_that_is_read(tmp_path: Path) -> None:
    hints = {
        write_row(tmp_path, CODE_CONTESTS | {"description": ""}): r"FILE`\)$",
        write_files(tmp_path / "pairs", {"a.in": "1", "a.out": "2"}): r"FILE`, or in statement.md in it\)$",
    }
    (tmp_path / "task.json").write_text(json.dumps(COMPANION))
    for path, hint in (hints | {tmp_path / "task.json": r"FILE`, or in task.md beside it\)$"}).items():
        with pytest.raises(UserError, match=rf"no statement \(hint: give its text with `sdpo-tts import --statement {hint}"):
            load_problem(path)


@pytest.mark.parametrize(
    ("statement", "given", "expected", "quoted"),
    [
        ("Each case: 1 ≤ T ≤ 10 tests, 1 ≤ N ≤ 5", b"1\n", b"1\n", False),
        ("1 ≤ T ≤ 10\n1 ≤ N ≤ 5", b"1\n", b"10\n", False),
        ("Input\n1\nOutput\n10", b"1\n", b"10\n", True),
        ("Sample input 1:\n1\n\nSample output 1:\n1\n", b"1\n", b"1\n", True),
        ("3 4 5 6 gives 18", b"3 4\n5 6\n", b"18\n", True),
    ],
)
def test_numbers_of_a_statement_quote_no_test_by_chance(
    statement: str, given: bytes, expected: bytes, quoted: bool
) -> None:
    """A held-out test that is taken for a quoted one would be shown."""
    assert quotes(statement, Test("one", given, expected, False)) is quoted
