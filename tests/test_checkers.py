"""Comparing outputs on the host: every kind of checker, and Kattis's own validator as the judge of ours."""

from __future__ import annotations

import importlib.util
import random
import subprocess
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sdpo_tts.cli.command import load
from sdpo_tts.judge.checking import checker_json
from sdpo_tts.judge.checking.checker import Comparison, compare
from sdpo_tts.judge.checking.checker_json import compare_json
from sdpo_tts.judge.checking.contradictions import contradictions
from sdpo_tts.problem.values import checker
from tests.packages import write_files

TEXT = [
    ("tokens", b"1 2\n", b" 1\r\n2", True),
    ("tokens", b"a b", b"ab", False),
    ("tokens", b"YES", b"yes", False),
    ("tokens", b"0.3", b"0.30", False),
    ("tokens", b"7\n", b"7\0\n", False),
    ("tokens", b"7\n", b"\xef\xbb\xbf7\n", False),
    ("tokens", b"", b" \n", True),
    ("tokens ignore_case", b"YES", b"yes", True),
    ("exact", b"1\n", b"1\n", True),
    ("exact", b"1\n", b"1", False),
    ("exact", b"1\n", b"1\r\n", False),
    ("lines", b"1 2\n3\n", b"1   2 \r\n3\n\n\n", True),
    ("lines", b"1 2\n", b"1\n2\n", False),
    ("lines", b"1\n2\n", b"1\n\n2\n", False),
    ("lines", b"A\n", b"a\n", False),
    ("lines ignore_case", b"A\n", b"a\n", True),
    ("unordered", b"a\nb c\n", b"b  c\na", True),
    ("unordered", b"a\na\nb\n", b"a\nb\nb\n", False),
    ("unordered", b"a\nb\n", b"a\n", False),
    ("unordered", b"a b\n", b"b a\n", False),
    ("floats 1e-6", b"0.3", b"0.3000001", True),
    ("floats 1e-6", b"0.1", b"1e-1", True),
    ("floats 1e-6", b"1.0", b"1.000001", True),  # the tolerance itself is within it
    ("floats 1e-6", b"1.0", b"1.0000010000001", False),
    ("floats 1e-6", b"0.0", b"-0.0", True),
    ("floats 1e-6", b"2000000.0", b"2000001.9", True),
    ("floats absolute 1e-6", b"2000000.0", b"2000001.9", False),
    ("floats relative 1e-6", b"0.0", b"0.0000001", False),
    ("floats absolute 1e-3 relative 1e-9", b"5.0", b"5.0009", True),
    ("floats 1e-6", b"50000000000000001", b"50000000000000000", False),
    ("floats 1e-6", b"3", b"3.0000001", True),
    ("floats 1e-6", b"7", b"+007", True),
    ("floats 1e-6", b"0.3", b"nan", False),
    ("floats 1e-6", b"1e300", b"inf", False),
    ("floats 1e-6", b"1e300", b"1e99999999999999999999", False),
    ("floats 1e-6", b"0.3", b"0,3", False),
    ("kattis", b"Yes 1", b"yEs\n1\n", True),
    ("kattis case_sensitive", b"Yes", b"yes", False),
    ("kattis space_change_sensitive", b"a b\n", b"a b\n", True),
    ("kattis space_change_sensitive", b"a b\n", b"a  b\n", False),
    ("kattis space_change_sensitive", b"a b\n", b"a b", False),
    ("kattis float_tolerance 1e-6", b"1000000", b"1000001", True),
    ("kattis float_absolute_tolerance 1e-6", b"1000000", b"1000001", False),
    ("kattis float_tolerance 1e-6", b"1", b"one", False),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "expected", "actual", "ok"), TEXT)
def test_text(kind: str, expected: bytes, actual: bytes, ok: bool) -> None:
    comparison = compare(checker(kind), expected, actual)
    assert (comparison.ok, bool(comparison.detail)) == (ok, not ok)


JSON = [
    ("tokens", b"[1, 2]", b"[1,2]\n", True),
    ("tokens", b"1", b"1.0", True),
    ("tokens", b"1", b"true", False),
    ("tokens", b"null", b"", False),
    ("tokens", b'{"a": 1, "b": 2}', b'{"b": 2, "a": 1}', True),
    ("tokens", b"[1]", b"[1] [1]", False),
    ("tokens", b"[]", b"[" * 100_000, False),
    ("tokens", b"0.3", b"0.30000000000000004", False),
    ("floats 1e-6", b"[0.3]", b"[0.30000000000000004]", True),
    ("floats 1e-6", b"50000000000000001", b"50000000000000000", False),
    ("floats 1e-6", b"0.5", b"NaN", False),
    ("floats 1e-6", b"0.5", b"1" + b"0" * 5000, False),
    ("unordered", b"[[1, 2], [3]]", b"[[3], [1, 2.0]]", True),
    ("unordered", b"[[1, 2]]", b"[[2, 1]]", False),
    ("unordered", b"[1, 1, 2]", b"[1, 2, 2]", False),
    ("unordered", b"[1, 2]", b"[1]", False),
    ("unordered", b"3", b"3", True),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "expected", "actual", "ok"), JSON)
def test_json(kind: str, expected: bytes, actual: bytes, ok: bool) -> None:
    comparison = compare_json(checker(kind), expected, actual)
    assert (comparison.ok, bool(comparison.detail)) == (ok, not ok)


def test_a_result_of_far_too_many_elements_is_not_looked_at_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checker_json, "_canonical", lambda value: pytest.fail("each element costs the host"))
    comparison = compare_json(checker("unordered"), b"[1]", b"[" + b"1, " * 100_000 + b"1]")
    assert comparison == Comparison(False, "the result has length 100001, expected 1")


DETAILS = [
    ("tokens", b"1 2\n3", b"1 2\n4", "token 3 (line 2): expected '3', got '4'"),
    ("tokens", b"1 2", b"1", "the output ends after 1 token, expected 2, next '2'"),
    ("tokens", b"1", b"1 2 3", "2 tokens too many, the first is '2'"),
    ("tokens", b"1 2", b"", "no output, expected 2 tokens"),
    ("exact", b"a\n", b"a", "line 1: expected 'a\\n', got 'a'"),
    ("lines", b"1 2\n", b"1\n2\n", "line 1: expected '1 2', got '1'"),
    ("unordered", b"a\nb\n", b"b\nb\n", "the line 'b' is not expected so often"),
    ("unordered", b"a\nb\n", b"a\n", "the line 'b' is missing"),
    ("kattis space_change_sensitive", b"a b\n", b"a  b\n", "the blanks before token 2 differ"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "expected", "actual", "detail"), DETAILS)
def test_the_first_difference_is_named(kind: str, expected: bytes, actual: bytes, detail: str) -> None:
    assert compare(checker(kind), expected, actual).detail == detail


@pytest.mark.parametrize("kind", ["tokens", "floats 1e-6", "exact", "lines", "unordered", "kattis"])
@pytest.mark.parametrize("part", [b"12 ", b"12\n", b"\n"], ids=["words", "lines", "blank lines"])
def test_an_output_is_compared_in_little_more_memory_than_it_takes(kind: str, part: bytes) -> None:
    actual = part * (1 << 18)
    tracemalloc.start()
    try:
        assert not compare(checker(kind), b"1\n12\n", actual).ok
        assert tracemalloc.get_traced_memory()[1] < 4 * len(actual) + (2 << 20)
    finally:
        tracemalloc.stop()


def test_an_output_of_two_million_digits_is_compared() -> None:
    digits = b"1" * 2_000_000
    assert not compare(checker("floats 1e-6"), b"0.5", digits).ok
    assert not compare(checker("kattis float_tolerance 1e-6"), b"0.5", digits).ok


# The differential test. Pairs are drawn from few tokens and small changes, so that both verdicts are common.
FLAGS = [
    "", "case_sensitive", "space_change_sensitive", "case_sensitive space_change_sensitive", "float_tolerance 1e-6",
    "float_absolute_tolerance 0.001", "float_relative_tolerance 0.01", "float_tolerance 0.01 case_sensitive",
    "float_absolute_tolerance 1e-6 float_relative_tolerance 0.001 space_change_sensitive",
]  # fmt: skip
TOKENS = [
    b"0", b"-0", b"1", b"+1", b"01", b"1.0", b"1.", b".5", b"0.5", b"0.501", b"0.505", b"1e3", b"1000", b"1000.0009", b"1001",
    b"1010", b"1E3", b"0x10", b"16", b"0x", b"nan", b"NaN", b"inf", b"1e999", b"-1e999", b"1e-400", b"1_000", b"1,5", b"1.5x",
    b"yes", b"YES", b"Yes", b"x", b"-", b".", b"50000000000000001", b"50000000000000000", b"\xc3\xa4", b"\xc3\x84", b"\xff",
]  # fmt: skip
BLANKS = [b" ", b" ", b" ", b"\n", b"\n", b"  ", b"\t", b"\r\n", b"\v", b"\f"]


def a_text(draw: random.Random) -> bytes:
    tokens = [draw.choice(TOKENS) for _ in range(draw.choice([0, 1, 1, 2, 3, 5]))]
    lead = draw.choice([b"", b"", b"", b" "])
    return lead + b"".join(token + draw.choice(BLANKS) for token in tokens[:-1]) + b"".join(tokens[-1:]) + draw.choice([b"\n", b"\n", b"", b" "])


def a_change(draw: random.Random, text: bytes) -> bytes:
    """The same text with a token, a blank, the case of a letter or an end changed; or as it was."""
    parts = draw.choice([text, text, text.swapcase(), text + draw.choice([b"1", b"\n", b" x"]), text[:-1]]).split(b" ")
    at = draw.randrange(len(parts))
    if draw.random() < 0.5:
        parts[at] = draw.choice(TOKENS) if draw.random() < 0.5 else parts[at].replace(b"\n", b" ")
    return draw.choice([b" ", b" ", b"  "]).join(parts)


def validators_verdict(validator: Path, folder: Path, expected: bytes, actual: bytes, flags: str) -> bool:
    folder.mkdir()
    (folder / "answer").write_bytes(expected)
    command = [validator, "/dev/null", folder / "answer", folder, *flags.split()]
    code = subprocess.run(command, input=actual, check=False).returncode
    assert code in (42, 43)
    return code == 42


OUTPUTS = {"one": "1.0", "two": "1.0000001", "three": "2", "four": " 1.0"}


@pytest.mark.parametrize(
    ("told", "found"),
    [("tokens", ["two", "three"]), ("exact", ["two", "three", "four"]), ("floats 1e-6", ["three"]), ("{program: c.py, convention: testlib}", [])],
)
def test_tests_that_contradict_each_other_are_named_in_one_line(
    tmp_path: Path, told: str, found: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    native = f"format: sdpo-solve/1\ntitle: t\nstatement: s\nchecker: {told}\ntests:\n  shown: [{{files: one.in}}]\n  held_out: [{{files: t*.in}}, {{files: four.in}}, {{input: other, output: 3}}]\n"
    files = {"problem.yaml": native, "c.py": ""} | {f"{name}.in": "1" + "\n" * (name == "two") for name in OUTPUTS}
    problem = load(write_files(tmp_path, files | {f"{name}.out": text for name, text in OUTPUTS.items()}))
    assert sorted(other.name for _, other in contradictions(problem)) == sorted(found)
    more = {0: "", 1: "", 2: " (1 more pair like this)", 3: " (2 more pairs like this)"}[len(found)]
    which = next((name for name in ("three", "two") if name in found), "")
    note = f"note: tests one and {which} have the same input but different outputs, so no program can pass both{more}\n"
    assert capsys.readouterr().err == (note if found else "")


@pytest.mark.long
def test_kattis_mode_agrees_with_kattis(tmp_path: Path) -> None:
    if (found := importlib.util.find_spec("problemtools")) is None or not found.origin:
        pytest.skip("problemtools has no wheel for this platform")
    validator = Path(found.origin).parent / "support" / "default_validator"
    draw = random.Random(20260907)
    cases = []
    for _ in range(2000):
        expected = a_text(draw)
        cases.append((draw.choice(FLAGS), expected, a_change(draw, expected)))
    with ThreadPoolExecutor(2) as pool:
        theirs = list(pool.map(
            lambda pair: validators_verdict(validator, tmp_path / str(pair[0]), pair[1][1], pair[1][2], pair[1][0]), enumerate(cases),
        ))  # fmt: skip
    ours = [compare(checker(f"kattis {flags}"), expected, actual).ok for flags, expected, actual in cases]
    assert [(case, our) for case, our, their in zip(cases, ours, theirs, strict=True) if our != their] == []
    assert 600 < sum(theirs) < 1400
