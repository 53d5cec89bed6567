"""Packages of other systems: constants, litter, Polygon's own ways, and the published examples rebuilt."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from sdpo_tts.cli.main import app
from sdpo_tts.errors import UserError
from sdpo_tts.judge.checking.checker import compare
from sdpo_tts.judge.submissions import submissions
from sdpo_tts.problem import Checker, Convention, load_problem, read_problem
from sdpo_tts.problem.values import checker
from tests.examples import EXAMPLES
from tests.packages import CODE_CONTESTS, KATTIS_YAML, POLYGON, kattis, polygon, write_files, write_row, zipped

CONSTANTS = KATTIS_YAML + "constants:\n  maxn: 100\n  big: {value: 5000000, tex: '5 \\cdot 10^6'}\n"
LIMIT = "import sys\nn = int(sys.stdin.read())\nsys.exit(42 if n == int('{{maxn}}') else 43)\n"


def test_constants_in_a_statement(tmp_path: Path) -> None:
    latex = r"$n \le \constant{maxn}$, $m \le \constant{big.tex}$, {{big}}, {{big.value}}, \constant{max\_n}, {{none}}, {{big.none}}"
    files = {"problem.yaml": CONSTANTS + "  max_n: x\n", "statement/problem.en.tex": latex}
    assert load_problem(kattis(tmp_path / "tex", **files)).statement.startswith(
        "n ≤ 100, m ≤ 5 · 10^6, 5000000, 5000000, x, none, big.none\n"
    )
    markdown = "$n \\le {{maxn}}$, $m \\le {{big.tex}}$, {{ big }}, {{none}}, {{nextsample}}."
    files = {"problem.yaml": CONSTANTS, "statement/problem.en.md": markdown}
    assert load_problem(kattis(tmp_path / "md", **files)).statement.startswith("n ≤ 100, m ≤ 5 · 10^6, 5000000, {{none}}, .\n")


def test_constants_in_programs_and_groups(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "problem.yaml": CONSTANTS, "submissions/accepted/sum.py": "print({{maxn}})\n", "submissions/wrong_answer/a.py": b"print('{{maxn}} \xff')",
        "output_validator/check.py": LIMIT, "output_validator/lib.h": "{{big}}", "data/secret/test_group.yaml": "output_validator_args: [top, '{{maxn}}']\n",
    }  # fmt: skip
    reading = read_problem(kattis(tmp_path, **files))
    program = reading.problem.checker.program
    assert program and b"int('100')" in program.source and program.files == (("lib.h", b"5000000"),)
    assert program.arguments == ("top", "100")
    assert dict(reading.programs)["accepted/sum.py"] == b"print(100)\n"


def test_a_validator_with_constants_judges(tmp_path: Path, engine: None) -> None:
    folder = kattis(tmp_path / "p", **{"problem.yaml": CONSTANTS, "output_validator/check.py": LIMIT})
    (tmp_path / "right.py").write_text("print(100)")
    assert CliRunner().invoke(app, ["judge", str(folder), str(tmp_path / "right.py")]).exit_code == 0


def test_samples_are_shown_as_their_own_files_say(tmp_path: Path) -> None:
    files = {
        "data/sample/1.in.statement": "one two\n", "data/sample/1.ans.statement": "three\n", "data/sample/2.in": "5 5\n", "data/sample/2.ans": "10\n",
        "data/sample/2.out": "+10\n", "data/sample/1.in.download": "no", "data/sample/1.ans.download": "no",
    }  # fmt: skip
    problem = load_problem(kattis(tmp_path, **files))
    assert problem.statement.endswith(
        "Sample input 1:\n```\none two\n```\n\nSample output 1:\n```\nthree\n```\n\n"
        "Sample input 2:\n```\n5 5\n```\n\nSample output 2:\n```\n+10\n```"
    )
    assert [test.input for test in problem.shown] == [b"1 2\n", b"5 5\n"]


def test_a_custom_validator_that_is_not_there_is_refused(tmp_path: Path) -> None:
    kattis(tmp_path, **{"problem.yaml": "name: x\nlicense: cc0\nvalidation: custom\n"})
    with pytest.raises(UserError) as caught:
        load_problem(tmp_path)
    hint = "add it in output_validators/, or write `validation: default` to use the default one"
    assert str(caught.value) == f"{tmp_path}/problem.yaml:3:13: the output validator is not in the package (hint: {hint})"


LITTER: dict[str, str | bytes] = {
    "output_validators/.gitkeep": "", "include/.gitkeep": "", "static_validator/.gitkeep": "", "data/secret/._1.in": "\0", "data/secret/._1.ans": "\0",
    "data/secret/._2.in": "\0", ".DS_Store": "", "data/.DS_Store": "", "submissions/accepted/._sum.py": "\0", ".git/data/secret/9.in": "",
    "data/secret/.hidden/3.in": "", "__MACOSX/data/secret/7.in": "", "statement/._problem.en.md": "\0", "data/secret/1.files/.gitkeep": "",
}  # fmt: skip


def test_names_with_a_dot_in_front_are_no_part_of_a_package(tmp_path: Path) -> None:
    clean = read_problem(kattis(tmp_path / "clean" / "sum"))
    folder = write_files(kattis(tmp_path / "dirty" / "sum"), LITTER)
    (tmp_path / "._sum").write_text("")
    archives = [zipped(folder, tmp_path / "sum.zip"), zipped(tmp_path / "dirty", tmp_path / "deep.zip")]
    for path in (folder, *archives):
        reading = read_problem(path)
        assert reading.problem.digest == clean.problem.digest
        assert (reading.programs, reading.notes) == (clean.programs, clean.notes)
    assert load_problem(kattis(tmp_path / "timed", **{".timelimit": "3"})).limits.time_s == 3
    timed = zipped(tmp_path / "timed", tmp_path / "timed.zip", top="a/")
    assert load_problem(timed).limits.time_s == 3


def test_litter_among_the_tests_of_other_formats(tmp_path: Path) -> None:
    pairs = write_files(tmp_path / "pairs", {"a.in": "1", "a.out": "2", "._a.in": "\0", ".b/c.in": "", "statement.md": "S"})
    assert [test.name for test in load_problem(pairs).tests] == ["a"]
    native = "format: sdpo-solve/1\ntitle: t\nstatement: s\ntests: {shown: [{files: '*.in'}]}\n"
    write_files(pairs, {"problem.yaml": native, "._a.out": "\0"})
    assert [test.name for test in load_problem(pairs).tests] == ["a"]


def test_the_scoring_section_of_polygon_is_appended(tmp_path: Path) -> None:
    folder = write_files(polygon(tmp_path), {"statement-sections/english/scoring.tex": "Group 1: $n \\le 10$.", "statement-sections/english/notes.tex": "None."})
    assert "Their sum.\n\n## Scoring\n\nGroup 1: n ≤ 10.\n\n## Notes\n\nNone." in load_problem(folder).statement


FCMP = [
    (b"1 2\n3", b"1 2\n3\n", True), (b"1 2\n3\n", b"1 2\n3", True), (b"1 2\r\n3\r\n", b"1 2\n3\n\n \n", True), (b"1 2\n", b"1 2\r\n", True),
    (b"1 2\n", b"1  2\n", False), (b"1 2\n", b" 1 2\n", False), (b"1 2 \n", b"1 2\n", False), (b"1\n2\n", b"1\n\n2\n", False), (b"1\n", b"1\n2\n", False),
    (b"1\n2\n", b"1\n", False), (b"a\n", b"A\n", False),
]  # fmt: skip


@pytest.mark.parametrize(("expected", "actual", "ok"), FCMP)
def test_fcmp_compares_lines_whole(expected: bytes, actual: bytes, ok: bool, tmp_path: Path) -> None:
    for xml in (POLYGON.replace("std::wcmp.cpp", "std::fcmp.cpp"), POLYGON.replace("<checker", "<other").replace("</checker", "</other")):
        chosen = load_problem(polygon(tmp_path, xml)).checker
        assert chosen == checker("lines exact_spaces") == Checker(kind="lines", exact_spaces=True)
        comparison = compare(chosen, expected, actual)
        assert (comparison.ok, bool(comparison.detail)) == (ok, not ok)


POINTS = ["quitp(1.0, \"points\");", "quitpi(\"x\");", "quitf(_pc(50), \"half\");", "quit(_points, \"1\");"]


@pytest.mark.parametrize("call", POINTS)
def test_a_checker_that_gives_points_is_refused(call: str, tmp_path: Path) -> None:
    polygon(tmp_path, POLYGON.replace("std::wcmp.cpp", "check.cpp"))
    write_files(tmp_path, {"files/testlib.h": "void quitp(int); // _points", "files/check.cpp": f'#include "testlib.h"\nint main() {{ {call} }}\n'})
    with pytest.raises(UserError, match=r"problem.xml: a checker that gives points \(`\w+\(?`\) is not supported \(hint: here a program is right or wrong"):
        load_problem(tmp_path)
    write_files(tmp_path, {"files/check.cpp": f'#include "testlib.h"\n// {call}\nint main() {{ quitf(_ok, "fine"); }} /* {call} */\n'})
    assert load_problem(tmp_path).checker.convention is Convention.TESTLIB


def test_check_judges_the_submissions_that_a_package_or_a_row_brings(tmp_path: Path, engine: None) -> None:
    right = CODE_CONTESTS | {"solutions": {"language": [3], "solution": ["print(sum(map(int, input().split())))"]}}
    packages = {
        zipped(polygon(tmp_path / "polygon"), tmp_path / "polygon.zip"): ["accepted/main.py"],
        zipped(kattis(tmp_path / "kattis", **{".timelimit": "1"}), tmp_path / "kattis.zip"): ["accepted/sum.py", "time_limit/slow.py"],
        tmp_path / "polygon": ["accepted/main.py"],
        write_row(tmp_path, right): ["accepted/1.py"],
    }
    for path, names in packages.items():
        result = CliRunner().invoke(app, ["check", str(path)])
        assert result.exit_code == 0 and "no submissions" not in result.stderr
        assert [line.split()[1:] for line in result.stdout.splitlines()[1:]] == [[name, "ok"] for name in names]


def test_litter_is_no_submission(tmp_path: Path) -> None:
    native = "format: sdpo-solve/1\ntitle: t\nstatement: s\ntests: {shown: [{input: a, output: b}]}\n"
    write_files(tmp_path, {"problem.yaml": native, "submissions/accepted/a.py": "", "submissions/accepted/._a.py": "\0"})
    assert [one.name for one in submissions(load_problem(tmp_path))] == ["accepted/a.py"]


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("as_zip", [False, True])
def test_the_published_examples_load_or_are_refused_in_one_line(name: str, as_zip: bool, tmp_path: Path) -> None:
    example = EXAMPLES[name]
    folder = write_files(tmp_path / name.replace(" ", "-"), example.files)
    path = zipped(folder, tmp_path / "p.zip", top=f"{folder.name}/") if as_zip else folder
    if example.refused:
        with pytest.raises(UserError) as caught:
            load_problem(path)
        assert example.refused in str(caught.value) and "\n" not in str(caught.value)
        return
    reading = read_problem(path)
    problem = reading.problem
    assert (len(list(problem.shown)), len(list(problem.held_out)), problem.limits.time_s) == example.tests
    assert {name for name, _ in reading.programs} == set(example.programs)
    assert example.says in problem.statement
    assert (problem.interactor is not None) is example.interactive
    assert CliRunner().invoke(app, ["import", str(path), str(tmp_path / "native")]).exit_code == 0
    assert load_problem(tmp_path / "native").digest == problem.digest
