"""Other people's formats: all of the real packages and rows in tests/data, and small ones for each rule."""

from __future__ import annotations

import base64
import gzip
import json
import shutil
import tempfile
import zipfile
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sdpo_tts.cli.main import app
from sdpo_tts.errors import UserError
from sdpo_tts.judge.checking.checker import compare
from sdpo_tts.judge.checking.checker_json import compare_json
from sdpo_tts.judge.submissions import submissions
from sdpo_tts.problem import Checker, Group, Limits, Mode, Problem, load_problem, read_problem
from sdpo_tts.problem.formats import read_all, rows
from sdpo_tts.problem.reading import package
from sdpo_tts.problem.reading.draft import MIB, Reading
from sdpo_tts.problem.writer import write_native
from tests.conftest import ROOT
from tests.packages import (
    CODE_CONTESTS,
    COMPANION,
    KATTIS_YAML,
    LIVE_CODE_BENCH,
    POLYGON,
    case,
    kattis,
    packed,
    polygon,
    write_files,
    write_row,
    zipped,
)

DATA = ROOT / "tests" / "data"
PACKAGES = sorted([*DATA.glob("*.zip"), DATA / "hello"])
ROWS = [DATA / "code_contests.jsonl.gz", DATA / "human_eval.jsonl.gz"]
RANDOM_TESTS = {"HumanEval/32": 52, "HumanEval/38": 50, "HumanEval/50": 50}  # their `check` draws values at random


@cache
def everything() -> dict[str, Reading]:
    """Every real problem, by its name."""
    readings = {path.stem: read_problem(path) for path in PACKAGES}
    with tempfile.TemporaryDirectory() as folder:
        readings["different"] = read_problem(different(Path(folder) / "different"))
    for file in ROWS:
        readings |= {f"{file.name}#{name}": one for name, one in read_all(file) if isinstance(one, Reading)}
    return readings


def different(folder: Path) -> Path:
    """A package whose validator is not here, and which the default one suits."""
    shutil.copytree(DATA / "different", folder)
    yaml = folder / "problem.yaml"
    yaml.write_text(yaml.read_text().replace("\nvalidation: custom", "\nvalidation: default"))
    return folder


def test_assertions_that_draw_at_random_run_in_the_sandbox(tmp_path: Path, engine: None) -> None:
    for name, tests in RANDOM_TESTS.items():
        folder = tmp_path / name
        row = f"{DATA / 'human_eval.jsonl.gz'}#{name}"
        result = CliRunner().invoke(app, ["import", row, str(folder)])
        assert (result.exit_code, result.stdout) == (0, f"{folder}\n")
        problem = load_problem(folder)
        assert len(problem.tests) == tests and problem.function and problem.function.name in ("find_zero", "decode_cyclic", "decode_shift")
        assert CliRunner().invoke(app, ["check", str(folder)]).exit_code == 0


def test_every_package_and_row_is_read() -> None:
    assert len(PACKAGES) == 6
    refused = [name for file in ROWS for name, one in read_all(file) if isinstance(one, UserError)]
    assert refused == list(RANDOM_TESTS)
    assert len(everything()) == 7 + 10 + 164 - len(RANDOM_TESTS)


def test_every_answer_is_accepted_and_a_changed_one_is_not() -> None:
    for name, reading in everything().items():
        problem = reading.problem
        for test in problem.tests:
            assert verdict(problem, test.expected, test.expected), (name, test.name)
            assert not verdict(problem, test.expected, changed(problem, test.expected)), (name, test.name)


def verdict(problem: Problem, expected: bytes, actual: bytes) -> bool:
    compared = compare_json if problem.mode is Mode.FUNCTION else compare
    return compared(problem.checker, expected, actual).ok


def changed(problem: Problem, answer: bytes) -> bytes:
    """In function mode another value; else the last token is another one."""
    if problem.mode is Mode.FUNCTION:
        return json.dumps([json.loads(answer), "changed"]).encode()
    return answer.rstrip() + b"7\n"


@pytest.mark.long
def test_what_is_written_is_the_same_problem(tmp_path: Path) -> None:
    for number, (name, reading) in enumerate(everything().items()):
        folder = tmp_path / str(number)
        write_native(reading, folder)
        again = load_problem(folder)
        problem = reading.problem
        assert [vars(test) for test in again.tests] == [vars(test) for test in problem.tests], name
        assert (again.statement, again.title, again.limits) == (problem.statement, problem.title, problem.limits), name
        assert (again.checker, again.function) == (problem.checker, problem.function), name


@pytest.mark.parametrize("name", ["siffrid", "kattisspeedrun", "virus3"])
def test_a_zip_archive_and_its_folder_are_the_same_problem(name: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(DATA / f"{name}.zip") as archive:
        archive.extractall(tmp_path)
    assert load_problem(tmp_path / name).digest == load_problem(DATA / f"{name}.zip").digest


def test_links_that_git_wrote_as_text_are_followed_and_repeats_left_out() -> None:
    reading = everything()["kattisspeedrun"]
    assert not any(b"../" in test.input for test in reading.problem.tests)
    assert [test.name for test in reading.problem.shown] == [f"data/sample/{number}" for number in (1, 2, 3)]
    assert "19 tests left out as duplicates" in reading.notes


def test_a_statement_in_latex_becomes_text() -> None:
    statement = everything()["kattisspeedrun"].problem.statement
    assert "contains the integer S (0 ≤ S ≤ 10^5), the number of problems" in statement
    assert "S/P > 0.5?" in statement
    assert "\n- Solve a problem. This takes A seconds and increases S by 1.\n- Write a new problem." in statement
    assert "\n## Input\n\nThe first line" in statement
    assert "Group | Points | Constraints\n 1 | 12 | A=1, B=10^5" in statement
    assert "Sample input 1:\n```\n0\n100\n1\n100000\n```\n\nSample output 1:\n```\n51\n```" in statement
    assert not any(mark in statement for mark in ("\\", "{", "$"))


def test_a_kattis_package_on_the_real_judge(tmp_path: Path, engine: None) -> None:
    hello = zipped(DATA / "hello", tmp_path / "hello.zip", top="hello/")
    (tmp_path / "right.py").write_text("print('Hello World!')")
    (tmp_path / "wrong.py").write_text("print('Hello!')")
    right = CliRunner().invoke(app, ["judge", str(hello), str(tmp_path / "right.py")])
    assert (right.exit_code, right.stdout.splitlines()[-1]) == (0, "AC: 1 of 1 tests passed")
    assert "note: the package sets no time limit: using 2 s\n" in right.stderr
    wrong = CliRunner().invoke(app, ["judge", str(hello), str(tmp_path / "wrong.py")])
    assert (wrong.exit_code, wrong.stdout.startswith("WA")) == (3, True)


def test_kattis_2025_09(tmp_path: Path) -> None:
    text = KATTIS_YAML + (
        "limits: {time_limit: 1.5, memory: 512, output: 4, code: 64}\nconstants: {top: 100}\n"
        "type: scoring\nlanguages: [cpp, java]\nlicense: cc by-sa\n"
    )
    statement = "Print $a + b$, at most {{top}}.\n![a picture](x.png)\n{{remainingsamples}}\n"
    group = "output_validator_args: [case_sensitive, float_tolerance, 1e-4]\n"
    changes = {"problem.yaml": text, "statement/problem.en.md": statement, "data/secret/test_group.yaml": group, "data/sample/test_group.yaml": group}
    reading = read_problem(kattis(tmp_path, **changes))
    problem = reading.problem
    assert (problem.title, problem.slug) == ("Sum", tmp_path.name)
    assert problem.statement.startswith("Print a + b, at most 100.\n[a picture is left out: a picture]")
    assert (problem.limits, problem.checker) == (
        Limits(1.5, 512 * MIB, 4 * MIB), Checker(kind="kattis", absolute=1e-4, relative=1e-4)
    )  # fmt: skip
    assert [(test.name, test.shown) for test in problem.tests] == [("data/sample/1", True), ("data/secret/1", False)]
    assert reading.notes == (
        "the package allows only cpp, java, but Python 3 is used",
        "the limit on program length is left out",
        "the pictures of the statement are left out",
    )
    assert problem.groups[-1] == Group("secret", 100.0, ("data/secret/1",), each=True)
    assert {one.name for one in submissions(problem)} == {"accepted/sum.py", "time_limit_exceeded/slow.py"}
    assert {name for name, _ in reading.programs} == {"accepted/sum.py", "time_limit/slow.py"}


VALIDATORS = [
    ("case_sensitive", Checker(kind="kattis")),
    ("", Checker(kind="kattis", ignore_case=True)),
    ("space_change_sensitive case_sensitive", Checker(kind="kattis", exact_spaces=True)),
    ("float_tolerance 1e-6", Checker(kind="kattis", ignore_case=True, absolute=1e-6, relative=1e-6)),
    ("float_absolute_tolerance 1e-6", Checker(kind="kattis", ignore_case=True, absolute=1e-6)),
]


@pytest.mark.parametrize(("flags", "checker"), VALIDATORS)
def test_flags_of_the_default_validator(flags: str, checker: Checker, tmp_path: Path) -> None:
    reading = read_problem(kattis(tmp_path, **{"problem.yaml": f"name: x\nvalidator_flags: {flags or '~'}\nlicense: cc0\n"}))
    assert reading.problem.checker == checker
    write_native(reading, tmp_path / "native")
    assert load_problem(tmp_path / "native").checker == checker


STRICT, LAX = Checker(kind="kattis"), Checker(kind="kattis", ignore_case=True)
FLAGS_OF_GROUPS = [
    ({"data/testdata.yaml": "output_validator_flags: case_sensitive\n"}, STRICT),
    ({"data/testdata.yaml": "output_validator_flags: {name: x, flags: case_sensitive}\n"}, STRICT),
    ({"data/testdata.yaml": "output_validator_flags: case_sensitive\n", "data/sample/testdata.yaml": "output_validator_flags:\n",
      "data/secret/testdata.yaml": "output_validator_flags: ''\n"}, LAX),
    ({"problem.yaml": "name: x\nvalidator_flags: case_sensitive\n", "data/testdata.yaml": "output_validator_flags: space_change_sensitive\n"},
     Checker(kind="kattis", exact_spaces=True)),
    ({"data/sample/1.yaml": "output_validator_args: [case_sensitive]\n", "data/secret/test_group.yaml": "output_validator_args: [case_sensitive]\n"}, STRICT),
    ({"problem.yaml": "name: x\nvalidation: default\n", "output_validators/own.py": "x"}, LAX),
    ({"problem.yaml": "name: x\n", "output_validators/own.py": "x"}, LAX),
]  # fmt: skip


@pytest.mark.parametrize(("files", "checker"), FLAGS_OF_GROUPS)
def test_flags_are_those_of_each_test_and_validation_chooses_the_validator(files: dict[str, str], checker: Checker, tmp_path: Path) -> None:
    reading = read_problem(kattis(tmp_path, **{"problem.yaml": "name: x\nlicense: cc0\n"} | files))
    assert reading.problem.checker == checker
    note = "the output validator is left out, because `validation` is not `custom`"
    assert (note in reading.notes) is ("output_validators/own.py" in files)
    assert load_problem(kattis(tmp_path, **{"problem.yaml": "name: x\nvalidation: custom\n", "output_validators/own.py": "x"})).checker.program


def test_samples_are_checked_with_the_flags_of_the_secret_tests(tmp_path: Path) -> None:
    reading = read_problem(kattis(tmp_path, **{"data/secret/test_group.yaml": "output_validator_args: [case_sensitive]\n"}))
    assert not reading.problem.checker.ignore_case
    assert "samples are checked with the flags of the secret tests: case_sensitive" in reading.notes


EVEN = """import sys
answer = sys.stdin.read().split()
even = len(answer) == 1 and int(answer[0]) % 2 == 0
sys.exit(42 if even else 43)
"""
GUESS = """import sys
secret = int(open(sys.argv[1]).read())
for line in sys.stdin:
    guess = int(line)
    print("lower" if secret < guess else "higher" if secret > guess else "correct", flush=True)
    if guess == secret:
        sys.exit(42)
sys.exit(43)
"""
BISECT = """low, high = 1, 100
while True:
    guess = (low + high) // 2
    print(guess, flush=True)
    answer = input()
    if answer == "correct":
        break
    low, high = (low, guess - 1) if answer == "lower" else (guess + 1, high)
"""


def verdicts(source: Path, folder: Path, **programs: str) -> list[str]:
    """Of the programs, on the package and on the native folder that it is imported into."""
    result = CliRunner().invoke(app, ["import", str(source), str(folder / "native")])
    assert result.exit_code == 0, result.stderr
    assert load_problem(folder / "native").digest == load_problem(source).digest
    found = []
    for problem in (source, folder / "native"):
        for name, text in programs.items():
            (folder / f"{name}.py").write_text(text)
            result = CliRunner().invoke(app, ["judge", str(problem), str(folder / f"{name}.py")])
            found.append(result.stdout.splitlines()[-1 if name == "right" else 0][:2])
    return found


def test_an_output_validator_of_the_package(tmp_path: Path, engine: None) -> None:
    package = kattis(tmp_path / "even", **{"output_validator/even.py": EVEN})
    assert verdicts(package, tmp_path, right="print(8)", wrong="print(7)") == ["AC", "WA"] * 2


def test_an_interactive_problem(tmp_path: Path, engine: None) -> None:
    files = {
        "problem.yaml": "name: Guess\nvalidation: custom interactive\nlimits: {memory: 64}\n",
        "output_validators/guess.py": GUESS,
        "data/sample/1.in": "7\n", "data/sample/1.ans": "", "data/secret/1.in": "99\n", "data/secret/1.ans": "",
        "data/sample/1.interaction": ">50\n<lower\n",
    }  # fmt: skip
    package = kattis(tmp_path / "guess", **files)
    statement = load_problem(package).statement
    assert statement.endswith("(`<` is read by the program, `>` is written by it):\n```\n>50\n<lower\n```")
    assert verdicts(package, tmp_path, right=BISECT, wrong="print(1)\ninput()") == ["AC", "WA"] * 2


def test_a_checker_of_a_polygon_package(tmp_path: Path, engine: None) -> None:
    source = '#include <fstream>\n#include "h.h"\nint main(int, char** a) { int x; std::ifstream(a[2]) >> x; return x % 2 ? WRONG : 0; }\n'
    package = polygon(tmp_path / "p", changed_xml("std::wcmp.cpp", "check.cpp"))
    write_files(package, {"files/check.cpp": source, "files/h.h": "#define WRONG 1\n"})
    assert verdicts(package, tmp_path, right="print(8)", wrong="print(7)") == ["AC", "WA"] * 2


def test_a_time_limit_beside_the_package(tmp_path: Path) -> None:
    assert load_problem(kattis(tmp_path / "a", **{".timelimit": "3\n"})).limits.time_s == 3
    ini = "externalid=x\ntimelimit='4.5'\n"
    assert load_problem(kattis(tmp_path / "b", **{"domjudge-problem.ini": ini})).limits.time_s == 4.5


def test_polygon(tmp_path: Path) -> None:
    reading = read_problem(polygon(tmp_path))
    problem = reading.problem
    assert (problem.slug, problem.title) == ("a-plus-b", "A + B")
    assert problem.statement.startswith("Add a and b.\n\n## Input\n\nTwo integers (0 ≤ a, b ≤ 10^9).\n\n## Output")
    assert (problem.limits.time_s, problem.limits.memory_bytes) == (1.5, 256 * MIB)
    assert [(test.input, test.expected, test.shown) for test in problem.tests] == [
        (b"1 2\n", b"3\n", True), (b"2 2\n", b"4\n", False)
    ]  # fmt: skip
    assert [name for name, _ in reading.programs] == ["accepted/main.py"]
    assert load_problem(zipped(tmp_path, tmp_path.parent / "p.zip")).digest == problem.digest
    assert load_problem(tmp_path / "problem.xml").digest == problem.digest


def test_live_code_bench(tmp_path: Path) -> None:
    tests = [case("2 2\n", "4\n"), case("5 5\n", "10\n")]
    digests = set()
    for private in (json.dumps(tests), packed(tests)):
        problem = load_problem(write_row(tmp_path, LIVE_CODE_BENCH | {"private_test_cases": private}))
        assert [(test.input, test.shown) for test in problem.tests] == [(b"1 2\n", True), (b"2 2\n", False), (b"5 5\n", False)]
        assert (problem.slug, problem.limits.time_s) == ("abc387_f", 6.0)
        digests.add(problem.digest)
    assert len(digests) == 1


def test_live_code_bench_in_function_mode(tmp_path: Path) -> None:
    row = LIVE_CODE_BENCH | {
        "public_test_cases": json.dumps([case("[1, 2]\n3", "6", "functional")]),
        "private_test_cases": packed([case("[]\n0", "0", "functional")]),
        "metadata": json.dumps({"func_name": "total"}),
        "starter_code": "class Solution:\n    def total(self, nums, k):\n",
    }
    problem = load_problem(write_row(tmp_path, row))
    assert problem.function and problem.function.name == "total"
    assert problem.mode is Mode.FUNCTION and problem.tests[0].input == b"[1, 2]\n3\n"


def test_a_pickle_is_never_loaded(tmp_path: Path) -> None:
    hostile = b"cos\nsystem\n(S'touch " + str(tmp_path / "owned").encode() + b"'\ntR."
    row = LIVE_CODE_BENCH | {"private_test_cases": base64.b64encode(zlib.compress(hostile)).decode()}
    with pytest.raises(UserError, match="a pickle with GLOBAL, not of one text"):
        load_problem(write_row(tmp_path, row))
    assert not (tmp_path / "owned").exists()


def test_code_contests_in_its_own_form(tmp_path: Path) -> None:
    reading = read_problem(write_row(tmp_path, CODE_CONTESTS))
    problem = reading.problem
    assert (problem.limits.time_s, problem.limits.memory_bytes) == (1.5, 256_000_000)
    assert [(test.name, test.shown) for test in problem.tests] == [
        ("tests/shown/1", True), ("tests/held-out/1", False), ("tests/generated/2", False)
    ]  # fmt: skip
    assert [name for name, _ in reading.programs] == ["accepted/1.py", "accepted/3.cpp"]


def test_the_samples_of_a_statement_are_told_from_chance() -> None:
    """The flat form does not say which tests are public: those whose input and output follow each other are."""
    shown = [list(everything()[f"code_contests.jsonl.gz#{name}"].problem.shown) for name in (0, 2, 4, 6, 8, 12, 16)]
    assert [len(tests) for tests in shown] == [1, 2, 2, 2, 3, 3, 3]
    assert {test.input for test in shown[1]} == {b"01234567890\n", b"012134444444443\n"}
    assert all("Sample input" not in one.problem.statement for one in everything().values() if one.source == "CodeContests")


def test_human_eval_examples_are_shown_and_assertions_held_out() -> None:
    problem = everything()["human_eval.jsonl.gz#HumanEval/0"].problem
    assert problem.function and problem.function.starter_code.startswith("from typing import List")
    assert [(test.input, test.expected) for test in problem.shown] == [
        (b"[1.0, 2.0, 3.0]\n0.5\n", b"false\n"), (b"[1.0, 2.8, 3.0, 4.0, 5.0, 2.0]\n0.3\n", b"true\n")
    ]  # fmt: skip
    assert len(list(problem.held_out)) == 7
    lost = [name for name, one in everything().items() if any("left out: no comparison with a constant" in note for note in one.notes)]
    assert [name.rpartition("/")[2] for name in lost] == ["33", "44", "53", "95", "151"]
    median = everything()["human_eval.jsonl.gz#HumanEval/47"]
    assert "1 example of the docstring left out, contradicted by the assertions" in median.notes
    near = everything()["human_eval.jsonl.gz#HumanEval/4"].problem
    assert near.checker == Checker(kind="floats", absolute=1e-6, relative=1e-6) and near.tests[-1].expected == b"1.2\n"


def test_a_number_that_cannot_be_written_in_decimal_is_no_constant(tmp_path: Path) -> None:
    check = f"def check(candidate):\n    assert candidate(0x{'f' * 4000}) == 1\n    assert candidate(2) == 3\n"
    row = {"task_id": "T/0", "prompt": "def f(n):\n", "entry_point": "f", "test": check}
    (tmp_path / "rows.jsonl").write_text(f"{json.dumps(row)}\n")
    [(_, reading)] = read_all(tmp_path / "rows.jsonl")
    assert isinstance(reading, Reading)
    assert [(test.input, test.expected) for test in reading.problem.tests] == [(b"2\n", b"3\n")]
    assert "1 statement of `check` left out: no comparison with a constant" in reading.notes


def test_a_folder_of_tests(tmp_path: Path) -> None:
    files = {"test/sample-1.in": "1\n", "test/sample-1.out": "2\n", "test/10.in": "3", "test/10.ans": "4", "statement.md": "S"}
    reading = read_problem(write_files(tmp_path, {**files, "test/9.in": "5", "test/9.ans": "6"}))
    assert [test.name for test in reading.problem.tests] == ["test/sample-1", "test/9", "test/10"]
    assert [test.shown for test in reading.problem.tests] == [True, False, False]
    assert reading.problem.statement == "S\n\nSample input 1:\n```\n1\n```\n\nSample output 1:\n```\n2\n```"


def test_competitive_companion_with_a_statement_beside_it(tmp_path: Path) -> None:
    (tmp_path / "task.json").write_text(json.dumps(COMPANION))
    with pytest.raises(UserError, match=r"task.json:1: no statement \(hint: give its text with"):
        load_problem(tmp_path / "task.json")
    (tmp_path / "task.md").write_text("Defend the $$$n$$$ castles.")
    problem = load_problem(tmp_path / "task.json")
    assert problem.statement.startswith("Defend the n castles.\n\nSample input 1:\n```\n5 0 6\n5 4 3 4 9\n```")
    assert (problem.limits.time_s, problem.limits.memory_bytes) == (1.5, 256 * MIB)


def test_a_row_is_chosen_by_its_id(tmp_path: Path) -> None:
    file = write_row(tmp_path, CODE_CONTESTS, CODE_CONTESTS | {"name": "2_B. Other"})
    assert load_problem(Path(f"{file}#2_B. Other")).title == "2_B. Other"
    with pytest.raises(UserError, match=r"several problems in one file \(hint: name one as FILE#ID; ids: 1_A. Sum, 2_B. Other\)"):
        load_problem(file)
    with pytest.raises(UserError, match="no row `3`"):
        load_problem(Path(f"{file}#3"))


def test_a_native_file_may_be_json(tmp_path: Path) -> None:
    problem = {"format": "sdpo-solve/1", "title": "t", "statement": "s", "tests": {"shown": [{"input": "1", "output": "2"}]}}
    (tmp_path / "problem.yaml").write_text(json.dumps(problem))
    assert load_problem(tmp_path).title == "t"
    (tmp_path / "problem.yaml").write_text("{format: sdpo-solve/1, title: t, statement: s, tests: {shown: [{input: a, output: b}]}}")
    assert load_problem(tmp_path / "problem.yaml").title == "t"


def changed_xml(old: str, new: str) -> str:
    assert old in POLYGON
    return POLYGON.replace(old, new)


REFUSED: list[tuple[str, Any, str]] = [
    ("kattis", {"problem.yaml": KATTIS_YAML + "type: interactive\n"}, "problem.yaml:1:1: an interactive problem without an output validator"),
    ("kattis", {"problem.yaml": KATTIS_YAML + "type: [pass-fail, multi-pass]\n"}, "problem.yaml:4:7: multi-pass problems are not supported"),
    ("kattis", {"output_validator/a.py": "", "output_validator/b.py": ""},
     "output_validator/a.py: only programs with one source file in a known language are supported"),
    ("kattis", {"include/python3/lib.py": ""}, "include: code added to every program (`include/`) is not supported"),
    ("kattis", {"data/secret/2.in": ""}, "data/secret/2.in: has no .ans file beside it"),
    ("kattis", {"data/secret/1.yaml": "args: [-v]\n"}, "data/secret/1.yaml:1:7: tests with command-line arguments are not supported"),
    ("kattis", {"data/secret/2.in": "../sample/9.in", "data/secret/2.ans": ""}, "data/secret/2.in: a link to `../sample/9.in`, which is not in the package"),
    ("kattis", {"data/secret/2.in": "2.in", "data/secret/2.ans": ""}, "data/secret/2.in: a link that leads to itself"),
    ("kattis", {"data/secret/1.files/a.txt": ""}, "data/secret/1.files/a.txt: tests with their own files are not supported"),
    ("kattis", {"data/secret/2.in": "", "data/secret/2.ans": "", "data/secret/2.yaml": "output_validator_args: [case_sensitive]\n"},
     "problem.yaml:1:1: validator flags that differ between tests are not supported (hint: none for data/secret/1, case_sensitive for data/secret/2)"),
    ("kattis", {"problem.yaml": KATTIS_YAML + "limits: {memory: much}\n"}, "problem.yaml:4:18: `much` is not a number of MiB"),
    ("kattis", {"problem.yaml": "name: x\nvalidator_flags: float_tolerance x\n"}, "problem.yaml:2:18: `float_tolerance` needs a number, not `x` (hint: write `float_tolerance 1e-6`)"),
    ("kattis", {"statement/problem.en.md": " "}, "problem.yaml: no statement (hint: give its text with `sdpo-tts import --statement FILE`, or in statement/problem.en.md in the package)"),
    ("polygon", changed_xml("std::wcmp.cpp", "mine.cpp"), "problem.xml: the source `files/check.cpp` of the checker is not in the package"),
    ("polygon", changed_xml("<assets>", "<assets><interactor/>"), "problem.xml: the source `` of the interactor is not in the package"),
    ("polygon", changed_xml("std::wcmp.cpp", "std::uncmp.cpp"), "problem.xml: the checker `std::uncmp.cpp` is not supported (hint: known: fcmp, hcmp, icmp, lcmp, ncmp, wcmp, caseicmp, casencmp, casewcmp, yesno, nyesno, acmp, dcmp, rcmp, rcmp4, rcmp6, rcmp9)"),
    ("polygon", changed_xml('run-count="1"', 'run-count="2"'), "problem.xml: problems with several runs are not supported"),
    ("polygon", changed_xml("std::wcmp.cpp", "check.dpr").replace("files/check.cpp", "tests/01"),
     "tests/01: only programs with one source file in a known language are supported"),
    ("polygon", changed_xml("<assets>", '<assets><interactor><source path="statement-sections/english/legend.tex"/></interactor>'),
     "statement-sections/english/legend.tex: only programs with one source file in a known language are supported"),
    ("polygon", changed_xml("<test-count>2", "<test-count>99999999"), "problem.xml: more than 10000 tests"),
    ("polygon", changed_xml("<test-count>2", "<test-count>3"), "tests/03: no such file (hint: download the *full* package, which includes generated tests)"),
    ("polygon", changed_xml("tests/%02d<", "tests/%0999999999d<"), "problem.xml: `tests/%0999999999d` is not a valid input path pattern"),
    ("polygon", changed_xml("tests/%02d<", "../%02d<"), "problem.xml: `../%02d` is not a valid input path pattern"),
    ("polygon", changed_xml("1500", "soon"), "problem.xml: `soon` is not a time limit in milliseconds"),
    ("polygon", changed_xml("<problem ", '<!DOCTYPE p [<!ENTITY a "b">]><problem '), "problem.xml: document types and entities are not allowed"),
    ("polygon", "<problem>\n<x>", "problem.xml:2:4: not XML: no element found"),
    ("files", {"a.in": "1"}, "a.in: has no .out or .ans file beside it"),
    ("files", {"a.in": "1", "a.out": "1", "a.ans": "1"}, "a.in: has both an .out and an .ans file beside it"),
    ("files", {"readme": ""}, ": no problem in it (hint: needed: a problem.yaml, a problem.xml, or *.in with *.out or *.ans)"),
    ("row", [COMPANION | {"interactive": True}], "rows.jsonl:1: interactive problems are not supported"),
    ("row", [COMPANION | {"tests": "none"}], "rows.jsonl:1: `tests`: input should be a valid list"),
    ("row", [LIVE_CODE_BENCH | {"private_test_cases": "!"}], "rows.jsonl:1: the private tests cannot be unpacked: Only base64 data is allowed"),
    ("row", [CODE_CONTESTS | {"public_tests": {"input": ["1"], "output": []}}], "rows.jsonl:1: tests/shown: `input` and `output` are not lists of the same length"),
    ("row", [CODE_CONTESTS, {"a": 1}], "rows.jsonl:2: unknown kind of row (hint: see docs/formats.md for the supported kinds)"),
]  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize(("kind", "content", "message"), REFUSED, ids=lambda value: value[:60] if isinstance(value, str) else "")
def test_what_cannot_be_carried_over_is_refused_in_one_line(kind: str, content: Any, message: str, tmp_path: Path) -> None:
    if kind == "kattis":
        kattis(tmp_path, **content)
    elif kind == "polygon":
        polygon(tmp_path, content)
    elif kind == "files":
        write_files(tmp_path, content)
    path = write_row(tmp_path, *content) if kind == "row" else tmp_path
    with pytest.raises(UserError) as caught:
        load_problem(path)
    assert str(caught.value) == f"{tmp_path}{'' if message.startswith(':') else '/'}{message}"
    result = CliRunner().invoke(app, ["import", str(path), str(tmp_path / "out")])
    assert (result.exit_code, result.stderr, (tmp_path / "out").exists()) == (2, f"error: {caught.value}\n", False)


def hostile_zip(path: Path, name: str, content: bytes = b"", mode: int = 0) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("problem.yaml", KATTIS_YAML)
        entry = zipfile.ZipInfo(name)
        entry.external_attr = mode << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(entry, content)
    return path


@pytest.mark.parametrize("name", ["../evil.in", "data/../../evil.in", "/tmp/evil.in", "C:\\evil.in", "data\\..\\..\\evil.in"])
def test_a_zip_path_that_leads_out_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="leads out of the archive"):
        load_problem(hostile_zip(tmp_path / "a.zip", name))


def test_a_link_in_a_zip_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"`data/x.in` is a symbolic link \(hint: unpack the archive"):
        load_problem(hostile_zip(tmp_path / "a.zip", "data/x.in", b"/etc/passwd", 0o120777))


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "MAX_FILE_BYTES", MIB)
    bomb = hostile_zip(tmp_path / "a.zip", "data/secret/1.in", bytes(2 * MIB))
    with zipfile.ZipFile(bomb, "a") as archive:
        archive.writestr("data/secret/1.ans", "")
    with pytest.raises(UserError, match=r"data/secret/1.in: larger than 1 MiB"):
        load_problem(bomb)
    monkeypatch.setattr(package, "MAX_BYTES", MIB // 2)
    with pytest.raises(UserError, match=r"more than 1 MiB once unpacked"):
        load_problem(bomb)
    monkeypatch.setattr(rows, "MAX_BYTES", MIB)
    (tmp_path / "rows.gz").write_bytes(gzip.compress(b"[" + bytes(2 * MIB)))
    with pytest.raises(UserError, match=r"a line of more than 1 MiB"):
        load_problem(tmp_path / "rows.gz")


@pytest.mark.parametrize("target", ["/etc", "../outside", ".."])
def test_a_link_in_a_folder_may_not_lead_out(target: str, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    folder = kattis(tmp_path / "package")
    (folder / "data" / "secret" / "link").symlink_to(target if target != "../outside" else tmp_path / "outside")
    message = "is a link to a folder above itself" if target == ".." else "leads out of the package"
    with pytest.raises(UserError, match=message):
        load_problem(folder)


def test_a_link_inside_a_folder_is_followed(tmp_path: Path) -> None:
    folder = kattis(tmp_path)
    for suffix in (".in", ".ans"):
        (folder / "data" / "secret" / f"2{suffix}").symlink_to(f"../sample/1{suffix}")
    assert "1 test left out as duplicates" in read_problem(folder).notes


def test_import_writes_a_folder_that_loads_the_same(tmp_path: Path) -> None:
    folder = kattis(tmp_path / "sum")
    result = CliRunner().invoke(app, ["import", str(folder), str(tmp_path / "out")])
    assert (result.exit_code, result.stdout) == (0, f"{tmp_path / 'out'}\n")
    assert "note: the package sets no time limit: using 2 s\n" in result.stderr
    problem = load_problem(tmp_path / "out")
    assert problem.digest == load_problem(folder).digest
    assert {one.name for one in submissions(problem)} == {"accepted/sum.py", "time_limit/slow.py"}
    again = CliRunner().invoke(app, ["import", str(folder), str(tmp_path / "out")])
    assert (again.exit_code, again.stderr) == (2, f"error: {tmp_path / 'out'}: exists already (hint: name another folder)\n")


def test_a_native_problem_is_not_imported(tmp_path: Path) -> None:
    source = ROOT / "problems" / "triangle"
    result = CliRunner().invoke(app, ["import", str(source), str(tmp_path / "out")])
    assert (result.exit_code, result.stderr) == (2, f"error: {source}: is already a native problem (hint: copy its folder)\n")


def test_import_takes_a_statement_and_all_rows(tmp_path: Path) -> None:
    task, text = tmp_path / "task.json", tmp_path / "text.tex"
    task.write_text(json.dumps(COMPANION))
    text.write_text("Defend $n \\leq 5$ castles.")
    result = CliRunner().invoke(app, ["import", str(task), str(tmp_path / "out"), "--statement", str(text)])
    assert result.exit_code == 0 and "Defend n ≤ 5 castles." in load_problem(tmp_path / "out").statement
    rows = [CODE_CONTESTS, CODE_CONTESTS | {"name": "2_B", "public_tests": 5}, CODE_CONTESTS | {"name": "1_A.:Sum"}, {"a": 1}, CODE_CONTESTS | {"name": "3"}]
    file = write_row(tmp_path, *rows)
    file.write_text(f"{file.read_text()}{{\n")
    result = CliRunner().invoke(app, ["import", "--all", str(file), str(tmp_path / "all")])
    assert (result.exit_code, result.stdout) == (2, f"{tmp_path / 'all' / '1_A.-Sum'}\n{tmp_path / 'all' / '3'}\n")
    assert result.stderr.splitlines() == [
        "2_B: tests/shown: `input` and `output` are not lists of the same length", f"1_A.:Sum: {tmp_path / 'all' / '1_A.-Sum'}: exists already",
        f"{file}:4: unknown kind of row", f"{file}:6: not JSON: expecting property name enclosed in double quotes", "2 problems written, 4 could not be",
    ]  # fmt: skip
    assert CliRunner().invoke(app, ["import", "--all", str(write_row(tmp_path, CODE_CONTESTS)), str(tmp_path / "one")]).exit_code == 0
