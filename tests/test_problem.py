"""Problem files: what is read from a good one, and the one line that each kind of bad one gets."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from sdpo_tts.cli.solve import app
from sdpo_tts.errors import UserError
from sdpo_tts.problem import Checker, FeedbackScope, Mode, load_problem

GOOD = """format: sdpo-solve/1
title: Sum
statement: Add two numbers.
tests:
  shown:
    - input: "3 4"
      output: "7"
"""
TESTS = GOOD.index("  shown")

BAD = [
    ("missing key", GOOD.replace("title: Sum\n", ""), ":1:1: missing key `title`"),
    ("misspelt key", GOOD.replace("statement:", "statment:"), ":3:1: unknown key `statment` (hint: did you mean `statement`?)"),
    ("misspelt inner key", GOOD.replace("output:", "outputs:"), ":7:7: unknown key `outputs` (hint: did you mean `output`?)"),
    ("duplicate key", GOOD + "title: Again\n", ":8:1: key `title` is given twice (hint: first on line 2)"),
    ("mapping where text is meant", GOOD.replace("title: Sum", "title: {a: b}"), ":2:8: `title` must be text, not a mapping"),
    ("list where text is meant", GOOD.replace('"3 4"', "[3, 4]"), ":6:14: `input` must be text, not a list"),
    ("number where a list is meant", GOOD[:TESTS] + "  shown: 5\n", ":5:10: `shown` must be a list, not text"),
    ("null where text is meant", GOOD.replace("Add two numbers.", "~"), ":3:12: `statement` must be text, not a null"),
    ("limit without a unit", GOOD + "limits: {time: 2}\n", ":8:16: `2` has no unit (hint: one of ms, s: 2s or 500ms)"),
    ("limit with a wrong unit", GOOD + "limits: {memory: 256Mb}\n", ":8:18: unknown unit `Mb`"),
    ("negative limit", GOOD + "limits: {time: -1s}\n", ":8:16: `-1s` is no quantity"),
    ("missing file", GOOD.replace("statement: Add two numbers.", "statement_file: no.md"), ":3:17: there is no file `no.md`"),
    ("path out of the folder", GOOD.replace("statement: Add two numbers.", "statement_file: ../x.md"),
     ":3:17: `../x.md` leaves the problem folder"),
    ("empty tests", GOOD[:TESTS] + "  shown: []\n", ":5:3: no tests"),
    ("no tests", GOOD[: GOOD.index("tests")], ":1:1: missing key `tests`"),
    ("pattern without a match", GOOD[:TESTS] + "  shown:\n    - files: tests/*.in\n", ":6:14: no file matches `tests/*.in`"),
    ("tabs", GOOD.replace("  shown:", "\tshown:"), ":5:1: not YAML: found character '\\t' that cannot start any token"),
    ("not YAML", GOOD + "x: [1\n", ":9:1: not YAML: expected ',' or ']'"),
    ("two documents", GOOD + "---\na: b\n", ":8:1: more than one YAML document"),
    ("a list", "- a\n- b\n", ":1:1: the file must be a mapping, not a list"),
    ("an empty file", "", ":1:1: the file must be a mapping, not a null"),
    ("another version", GOOD.replace("solve/1", "solve/9"), ":1:9: `sdpo-solve/9` is no known format"),
    ("no format", GOOD.replace("format: sdpo-solve/1\n", ""), ":1:1: missing key `format`"),
    ("a Kattis package", "problem_format_version: legacy\nname: x\n", ":1:1: this is a Kattis problem package"),
    ("function mode without a function", GOOD + "mode: function\n", ":8:7: `mode: function` needs the key `function`"),
    ("misspelt mode", GOOD + "mode: stdinn\n", ":8:7: `stdinn` is no mode (hint: did you mean `stdin`?)"),
    ("misspelt language", GOOD + "language: python\n", ":8:11: `python` is no language (hint: did you mean `python3`?)"),
    ("checker without its tolerance", GOOD + "checker: floats\n", ":8:10: `floats` is no checker"),
    ("function test that is not JSON", GOOD + "mode: function\nfunction: {name: add}\n", ":6:14: `input` is not JSON at its line 1"),
    ("CRLF does not move the place", GOOD.replace("title", "titel").replace("\n", "\r\n"), ":2:1: unknown key `titel`"),
    ("BOM does not move the place", "\ufeff" + GOOD.replace("title", "titel"), ":2:1: unknown key `titel`"),
    ("huge", GOOD + "#" * (17 << 20), ": larger than 16 MiB (hint: keep large tests in files)"),
    ("bytes that are not text", b"format: \xff\xfe", ":1:9: not UTF-8 text"),
]  # fmt: skip


def write(folder: Path, content: str | bytes) -> Path:
    file = folder / "problem.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


@pytest.mark.parametrize(("content", "message"), [pytest.param(c, m, id=name) for name, c, m in BAD])
def test_a_bad_file_gets_one_line_and_exit_code_2(tmp_path: Path, content: str | bytes, message: str) -> None:
    file = write(tmp_path, content)
    with pytest.raises(UserError) as caught:
        load_problem(file)
    assert str(caught.value).startswith(f"{file}{message}")
    result = CliRunner().invoke(app, [str(file), "--runs", str(tmp_path / "runs")])
    assert result.exit_code == 2
    assert result.stderr == f"error: {caught.value}\n"
    assert not (tmp_path / "runs").exists()


def test_a_missing_file_gets_exit_code_2(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, [str(tmp_path / "nothing.yaml")])
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)


def test_scalars_stay_text(tmp_path: Path) -> None:
    texts = ["010", "yes", "1:30", "1e-6", "1_000", "0x1F", "2024-01-01"]
    shown = "".join(f"    - input: {text}\n      output: {text}\n" for text in texts)
    problem = load_problem(write(tmp_path, GOOD[:TESTS] + "  shown:\n" + shown))
    assert [test.input for test in problem.tests] == [f"{text}\n".encode() for text in texts]
    assert [test.expected for test in problem.tests] == [f"{text}\n".encode() for text in texts]


def test_everything_is_read(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    for name in ("10", "9"):
        (tmp_path / "tests" / f"{name}.in").write_bytes(b"1 2\r\n")
        (tmp_path / "tests" / f"{name}.ans").write_bytes(b"3")
    (tmp_path / "text.md").write_text("Add them.")
    text = GOOD.replace("statement: Add two numbers.", "statement_file: text.md") + (
        "  held_out:\n    - files: tests/*.in\nlimits: {time: 500ms, memory: 64MiB, output: 1MB}\n"
        "language: cpp20\nchecker: floats 1e-6\nfeedback: all\n"
    )
    problem = load_problem(write(tmp_path, text).parent)
    assert (problem.title, problem.statement, problem.mode, problem.language) == ("Sum", "Add them.", Mode.STDIN, "cpp20")
    limits = problem.limits
    assert (limits.time_s, limits.memory_bytes, limits.output_bytes) == (0.5, 64 << 20, 10**6)
    assert (problem.checker, problem.feedback) == (Checker("floats", 1e-6), FeedbackScope.ALL)
    assert [test.name for test in problem.held_out] == ["tests/9", "tests/10"]
    assert next(problem.held_out).input == b"1 2\r\n"


def test_digest_follows_content_and_not_place(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    digests = [load_problem(write(tmp_path / place, GOOD)).digest for place in "ab"]
    changed = load_problem(write(tmp_path, GOOD.replace('"7"', '"8"'))).digest
    assert digests[0] == digests[1] != changed


@pytest.mark.parametrize("content", [GOOD.replace("\n", "\r\n"), "\ufeff" + GOOD])
def test_crlf_and_bom_are_accepted(tmp_path: Path, content: str) -> None:
    assert load_problem(write(tmp_path, content)).digest == load_problem(write(tmp_path, GOOD)).digest
