"""Problem files: what is read from a good one, and the one line that each kind of bad one gets."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from typer.testing import CliRunner

from sdpo_tts.cli.solving.solve import app
from sdpo_tts.errors import UserError
from sdpo_tts.problem import Checker, Convention, FeedbackScope, Interactor, Mode, Program, Stress, load_problem
from sdpo_tts.problem.values import natural

GOOD = """format: sdpo-solve/1
title: Sum
statement: Add two numbers.
tests:
  shown:
    - input: "3 4"
      output: "7"
"""
TESTS = GOOD.index("  shown")

BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 10)}]\n" for n in range(9))

BAD = [
    ("missing key", GOOD.replace("title: Sum\n", ""), ":1:1: missing key `title`"),
    ("misspelt key", GOOD.replace("statement:", "statment:"), ":3:1: unknown key `statment` (hint: did you mean `statement`?)"),
    ("misspelt inner key", GOOD.replace("output:", "outputs:"), ":7:7: unknown key `outputs` (hint: did you mean `output`?)"),
    ("duplicate key", GOOD + "title: Again\n", ":8:1: key `title` is given twice (hint: first on line 2)"),
    ("mapping where text is meant", GOOD.replace("title: Sum", "title: {a: b}"), ":2:8: `title` must be text, not a mapping"),
    ("list where text is meant", GOOD.replace('"3 4"', "[3, 4]"), ":6:14: `input` must be text, not a list"),
    ("number where a list is meant", GOOD[:TESTS] + "  shown: 5\n", ":5:10: `shown` must be a list, not text"),
    ("null where text is meant", GOOD.replace("Add two numbers.", "~"), ":3:12: `statement` must be text, not null (hint: write \"\" for empty text)"),
    ("limit without a unit", GOOD + "limits: {time: 2}\n", ":8:16: `2` has no unit (hint: one of ms, s: 2s or 500ms)"),
    ("limit with a wrong unit", GOOD + "limits: {memory: 256Mb}\n", ":8:18: unknown unit `Mb` (hint: one of B, KB, MB, GB, KiB, MiB, GiB: 256MiB)"),
    ("negative limit", GOOD + "limits: {time: -1s}\n", ":8:16: `-1s` is not a quantity (hint: write a number and its unit: 2s or 500ms)"),
    ("missing file", GOOD.replace("statement: Add two numbers.", "statement_file: no.md"), ":3:17: no such file: `no.md` (hint: paths are relative to the problem folder)"),
    ("path out of the folder", GOOD.replace("statement: Add two numbers.", "statement_file: ../x.md"),
     ":3:17: `../x.md` leaves the problem folder (hint: give a path relative to the folder)"),
    ("empty tests", GOOD[:TESTS] + "  shown: []\n", ":5:3: no tests (hint: give at least one under `shown` or `held_out`)"),
    ("no tests", GOOD[: GOOD.index("tests")], ":1:1: missing key `tests`"),
    ("pattern without a match", GOOD[:TESTS] + "  shown:\n    - files: tests/*.in\n", ":6:14: no file matches `tests/*.in` (hint: patterns are relative to the problem folder)"),
    ("tabs", GOOD.replace("  shown:", "\tshown:"), ":5:1: not YAML: found character '\\t' that cannot start any token (hint: indent with spaces)"),
    ("not YAML", GOOD + "x: [1\n", ":9:1: not YAML: expected ',' or ']', but got '<stream end>'"),
    ("two documents", GOOD + "---\na: b\n", ":8:1: more than one YAML document (hint: one file holds one problem)"),
    ("a list", "- a\n- b\n", ":1:1: the file must be a mapping, not a list"),
    ("an empty file", "", ":1:1: the file is empty (hint: the first line is `format: sdpo-solve/1`)"),
    ("another version", GOOD.replace("solve/1", "solve/9"), ":1:9: `sdpo-solve/9` is not a known format (hint: did you mean `sdpo-solve/1`?)"),
    ("no format", GOOD.replace("format: sdpo-solve/1\n", ""), ":1:1: missing key `format` (hint: the first line is `format: sdpo-solve/1`)"),
    ("a Kattis package", "problem_format_version: legacy\nname: x\n", ":1:1: a Kattis package without tests (hint: *.in with *.ans in data/sample and data/secret)"),
    ("function mode without a function", GOOD + "mode: function\n", ":8:7: `mode: function` needs the key `function` (hint: function: {name: two_sum})"),
    ("misspelt mode", GOOD + "mode: stdinn\n", ":8:7: `stdinn` is not a mode (hint: did you mean `stdin`?)"),
    ("misspelt language", GOOD + "language: python\n", ":8:11: `python` is not a language (hint: did you mean `python3`?)"),
    ("checker without its tolerance", GOOD + "checker: floats\n", ":8:10: `floats` is not a checker: give a tolerance above 0, at most 1 (hint: write `floats 1e-6`)"),
    ("function test that is not JSON", GOOD + "mode: function\nfunction: {name: add}\n", ":6:14: `input` is not JSON at its line 1, column 3: extra data (hint: function mode needs one JSON value per line)"),
    ("CRLF does not move the place", GOOD.replace("title", "titel").replace("\n", "\r\n"), ":2:1: unknown key `titel` (hint: did you mean `title`?)"),
    ("BOM does not move the place", "\ufeff" + GOOD.replace("title", "titel"), ":2:1: unknown key `titel` (hint: did you mean `title`?)"),
    ("huge", GOOD + "#" * (17 << 20), ": larger than 16 MiB (hint: keep large tests in files)"),
    ("bytes that are not text", b"format: \xff\xfe", ":1:9: not UTF-8 text (hint: save the file as UTF-8)"),
    ("nothing where text is meant", GOOD.replace('"3 4"', ""), ":6:13: `input` must be text, not nothing (hint: write \"\" for empty text)"),
    ("statement without text", GOOD.replace("Add two numbers.", "' '"), ":3:12: the statement is empty (hint: the model sees nothing else of the problem)"),
    ("neither statement nor its file", GOOD.replace("statement: Add two numbers.\n", ""), ":1:1: missing key `statement` (hint: or `statement_file`)"),
    ("statement and its file", GOOD + "statement_file: text.md\n", ":8:1: `statement_file` beside `statement` (hint: use one or the other)"),
    ("title of two lines", GOOD.replace("title: Sum", "title: 'Sum\n\n  of two'"), ":2:8: the title must be one line of printable text"),
    ("test without its output", GOOD[: GOOD.index("      output")], ":6:7: missing key `output` (hint: a test has `input` and `output`, or `files`)"),
    ("test that is text", GOOD[:TESTS] + "  shown:\n    - 3 4\n", ":6:7: an entry must be a mapping, not text"),
    ("test in the file and in files", GOOD + "      files: tests/*.in\n", ":6:7: `input` beside `files` (hint: use one or the other)"),
    ("absolute pattern", GOOD[:TESTS] + "  shown:\n    - files: /tests/*.in\n", ":6:14: `/tests/*.in` leaves the problem folder (hint: give a path relative to the folder)"),
    ("pattern of other files", GOOD[:TESTS] + "  shown:\n    - files: tests/*\n", ":6:14: `tests/*` does not end in `.in` (hint: for example tests/shown/*.in)"),
    ("name too long", GOOD.replace("statement: Add two numbers.", f"statement_file: {'a' * 300}"), ":3:17: `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…` is not a usable path"),
    ("function in stdin mode", GOOD + "function: {name: add}\n", ":8:1: `function` needs `mode: function`"),
    ("function name that is none", GOOD + "mode: function\nfunction: {name: 2sum}\n", ":9:18: `2sum` is not a Python function name"),
    ("function mode in another language", GOOD + "mode: function\nfunction: {name: add}\nlanguage: cpp20\n", ":10:11: function mode is not for `cpp20` (hint: use `python3`)"),
    ("not a number in JSON", GOOD.replace('"3 4"', "NaN") + "mode: function\nfunction: {name: add}\n", ":6:14: `input` is not JSON at its line 1, column 1: NaN is not a JSON number (hint: function mode needs one JSON value per line)"),
    ("misspelt feedback", GOOD + "feedback: hidden\n", ":8:11: `hidden` is not a feedback scope (hint: one of `shown`, `all`, `none`)"),
    ("misspelt checker", GOOD + "checker: token\n", ":8:10: `token` is not a checker (hint: did you mean `tokens`?)"),
    ("memory too small for an interpreter", GOOD + "limits: {memory: 1MiB}\n", ":8:18: `1MiB` is too small (hint: for example 256MiB)"),
    ("time of zero", GOOD + "limits: {time: 0s}\n", ":8:16: `0s` is too small (hint: for example 2s or 500ms)"),
    ("YAML tag", GOOD.replace("title: Sum", "title: !!int 5"), ":2:8: YAML tag `tag:yaml.org,2002:int` is not allowed (hint: every value is read as text)"),
    ("merge key", GOOD + "<<: {a: b}\n", ":8:1: unknown key `<<` (hint: one of `format`, `title`, `statement`, `statement_file`, `mode`, `language`, `limits`, `checker`, `interactor`, `stress`, `feedback`, `function`, `tests`, `run`, `groups`)"),
    ("key that is a list", GOOD + "? [a]\n: b\n", ":8:3: a key must be text"),
    ("unknown alias", GOOD.replace("title: Sum", "title: *a"), ":2:8: not YAML: found undefined alias 'a'"),
    ("alias inside itself", "a: &a [*a]\n", ":1:4: an alias contains itself"),
    ("alias bomb", BOMB, ":7:5: the file is too large once its aliases are expanded"),
    ("nested too deeply", "a: " + "[" * 100_000, ":1:35: not YAML: nested deeper than 32 levels"),
    ("control character", GOOD.replace("Sum", "Su\am"), ":2:10: character U+0007 is not allowed"),
    ("half a surrogate pair", GOOD.replace('"7"', '"\\ud83d"'), ":7:15: half a surrogate pair is not a character (hint: write \\U0001F600, not \\uD83D\\uDE00)"),
    ("option that a checker lacks", GOOD + "checker: tokens ignorecase\n", ":8:10: `tokens` has no option `ignorecase` (hint: did you mean `ignore_case`?)"),
    ("option for an exact checker", GOOD + "checker: exact ignore_case\n", ":8:10: `exact` has no option `ignore_case`"),
    ("tolerance without its number", GOOD + "checker: floats absolute 1e-3 relative\n", ":8:10: `floats absolute 1e-3 relative` is not a checker: give a tolerance above 0, at most 1 (hint: write `floats 1e-6`)"),
    ("tolerance above one", GOOD + "checker: floats 2\n", ":8:10: `floats 2` is not a checker: give a tolerance above 0, at most 1 (hint: write `floats 1e-6`)"),
    ("flag that Kattis lacks", GOOD + "checker: kattis case_insensitive\n", ":8:10: `kattis` has no option `case_insensitive` (hint: did you mean `case_sensitive`?)"),
    ("flag of Kattis without its number", GOOD + "checker: kattis float_tolerance\n", ":8:10: `float_tolerance` needs a number, not `` (hint: write `float_tolerance 1e-6`)"),
    ("checker that is a list", GOOD + "checker: [a]\n", ":8:10: `checker` must be text, not a list"),
    ("checker program without a convention", GOOD + "checker: {program: c.py}\n", ":8:10: missing key `convention`"),
    ("misspelt key of a checker program", GOOD + "checker: {program: c.py, conventions: kattis}\n", ":8:26: unknown key `conventions` (hint: did you mean `convention`?)"),
    ("unknown convention", GOOD + "checker: {program: problem.yaml, language: python3, convention: icpc}\n", ":8:65: `icpc` is not a convention (hint: one of `testlib`, `kattis`)"),
    ("checker program that is not there", GOOD + "checker: {program: c.py, convention: kattis}\n", ":8:20: no such file: `c.py` (hint: paths are relative to the problem folder)"),
    ("checker program out of the folder", GOOD + "checker: {program: ../c.py, convention: kattis}\n", ":8:20: `../c.py` leaves the problem folder (hint: give a path relative to the folder)"),
    ("checker program in no known language", GOOD + "checker: {program: problem.yaml, convention: kattis}\n", ":8:20: the language of `problem.yaml` is unknown (hint: add `language`)"),
    ("language that there is not", GOOD + "checker: {program: problem.yaml, convention: kattis, language: cpp}\n", ":8:64: `cpp` is not a language (hint: did you mean `cpp23`?)"),
    ("file beside a program that is not there", GOOD + "checker: {program: problem.yaml, language: c, convention: kattis, files: [a.h]}\n", ":8:75: no such file: `a.h` (hint: paths are relative to the problem folder)"),
    ("arguments that are text", GOOD + "checker: {program: c.py, convention: kattis, arguments: --x}\n", ":8:57: `arguments` must be a list, not text"),
    ("checker of text in function mode", GOOD.replace("3 4", "3") + "checker: lines\nmode: function\nfunction: {name: add}\n", ":8:10: `lines` is not for function mode (hint: results are JSON values, not text)"),
    ("interactor that is text", GOOD + "interactor: i.py\n", ":8:13: `interactor` must be a mapping, not text"),
    ("interactor in function mode", GOOD.replace("3 4", "3") + "mode: function\nfunction: {name: add}\ninteractor: {program: i.py, convention: kattis}\n", ":10:1: `interactor` is not for function mode"),
    ("checker beside an interactor", GOOD + "checker: exact\ninteractor: {program: problem.yaml, language: c, convention: kattis}\n", ":8:10: checker `exact` beside `interactor` (hint: the interactor judges; a checker program may judge what it writes)"),
    ("checker program beside an interactor with the convention `kattis`", GOOD + "checker: {program: problem.yaml, language: c, convention: kattis}\ninteractor: {program: problem.yaml, language: c, convention: kattis}\n",
     ":8:1: a checker program beside an interactor with the convention `kattis` (hint: only `testlib` interactors write a file for the checker)"),
    ("stress tests beside an interactor", GOOD + "interactor: {program: i.py, convention: kattis}\nstress: {generator: g.py, brute: b.py}\n", ":9:1: `stress` beside `interactor` (hint: a brute-force answer cannot be compared with a dialogue)"),
    ("stress tests without brute force", GOOD + "stress: {generator: g.py}\n", ":8:9: missing key `brute`"),
    ("generator that is not there", GOOD + "stress: {generator: g.py, brute: b.py}\n", ":8:21: no such file: `g.py` (hint: paths are relative to the problem folder)"),
    ("no generated tests", GOOD + "stress: {generator: g.py, brute: b.py, cases: 0}\n", ":8:47: `0` is not a number from 1 to 10000"),
    ("generator of nothing", GOOD + "stress: {generator: , brute: b.py}\n", ":8:20: `generator` must be a mapping, not nothing"),
    ("place of no argument", GOOD.replace("3 4", "3") + "mode: function\nfunction: {name: add, in_place: 2}\n", ":9:33: test `shown-1` has 1 argument, so none to change in place"),
    ("place that is no number", GOOD.replace("3 4", "3") + "mode: function\nfunction: {name: add, in_place: first}\n", ":9:33: `first` is not a number from 1 to 255"),
    ("text alone", "sum\n", ":1:1: the file must be a mapping, not text"),
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
    assert str(caught.value) == f"{file}{message}"
    result = CliRunner().invoke(app, [str(file), "--runs", str(tmp_path / "runs")])
    assert result.exit_code == 2
    assert result.stderr == f"error: {caught.value}\n"
    assert not (tmp_path / "runs").exists()


KATTIS = [("data/secret", ""), ("data/sample", "name: Hello World\n"), (".", "uuid: 5\n")]


@pytest.mark.parametrize(("folder", "content"), KATTIS)
def test_a_kattis_package_is_known_by_its_content(tmp_path: Path, folder: str, content: str) -> None:
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    with pytest.raises(UserError, match=r"problem.yaml:1:1: a Kattis package without tests"):
        load_problem(write(tmp_path, content))


def with_files(folder: Path, *patterns: str, **files: str) -> Path:
    """A problem whose tests lie in files; `a_in` stands for the file `a.in`."""
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_text(content)
    return write(folder, GOOD[:TESTS] + "  shown:\n" + "".join(f"    - files: '{pattern}'\n" for pattern in patterns))


FILES = [
    (("*.in",), {"a_in": ""}, "problem.yaml:6:14: `a.in` has no .out or .ans file beside it"),
    (("*.in",), {"a_in": "", "a_out": "", "a_ans": ""},
     "problem.yaml:6:14: `a.in` has both an .out and an .ans file beside it (hint: remove one)"),
    (("*.in", "a.in"), {"a_in": "", "a_out": ""},
     "problem.yaml:7:14: test `a` appears twice (hint: two patterns match the same file)"),
]  # fmt: skip


@pytest.mark.parametrize(("patterns", "files", "message"), FILES)
def test_faults_of_test_files(tmp_path: Path, patterns: tuple[str, ...], files: dict[str, str], message: str) -> None:
    with pytest.raises(UserError) as caught:
        load_problem(with_files(tmp_path, *patterns, **files))
    assert str(caught.value) == f"{tmp_path}/{message}"


def test_a_test_file_that_is_not_json_is_named_with_the_place(tmp_path: Path) -> None:
    file = with_files(tmp_path, "*.in", a_in="[1]\n\n[2,]\n", a_out="3")
    file.write_text(file.read_text() + "mode: function\nfunction: {name: add}\n")
    with pytest.raises(UserError) as caught:
        load_problem(file)
    assert str(caught.value).startswith(f"{tmp_path}/a.in:3:")
    assert str(caught.value).endswith(" (hint: function mode needs one JSON value per line)")


@pytest.mark.parametrize("target", ["/etc/passwd", "x.in"], ids=["outside", "itself"])
def test_links_do_not_lead_out(tmp_path: Path, target: str) -> None:
    (tmp_path / "x.in").symlink_to(target)
    with pytest.raises(UserError, match=r"problem.yaml:6:14: `x.in` (leads out|is not a usable path)"):
        load_problem(with_files(tmp_path, "x.in", x_out=""))


@pytest.mark.parametrize("path", ["/dev/zero", "/nothing/here", "x" * 300])
def test_a_path_that_is_no_file(path: str) -> None:
    with pytest.raises(UserError, match=r"not a regular file|no such file|cannot be read"):
        load_problem(Path(path))


def test_nothing_but_a_user_error_comes_out_of_a_damaged_file(tmp_path: Path) -> None:
    bits = ["&a ", "*a", "~", "\t", ": ", "- ", "{", "]", "'", '"', "|", "\r", "\0", "\x85", "!!int ", "? ", "%", "---\n", "\ufeff"]
    random = Random(0)
    for _ in range(300):
        at, length = random.randrange(len(GOOD)), random.choice([0, 0, 1, 9])
        damaged = GOOD[:at] + random.choice(bits) + GOOD[at + length :]
        with suppress(UserError):
            load_problem(write(tmp_path, damaged))


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
    assert (problem.checker, problem.feedback) == (Checker(kind="floats", absolute=1e-6, relative=1e-6), FeedbackScope.ALL)
    assert [test.name for test in problem.held_out] == ["tests/9", "tests/10"]
    assert next(problem.held_out).input == b"1 2\r\n"


def test_names_are_in_the_order_of_their_numbers() -> None:
    names = [f"a/{'9' * 5000}", "b", "a/10b", "a/010", "a/2"]
    assert sorted(names, key=natural) == ["a/2", "a/010", "a/10b", f"a/{'9' * 5000}", "b"]


def test_programs_of_the_author_are_read(tmp_path: Path) -> None:
    for name in ("check.cpp", "testlib.h", "gen.py", "brute.c"):
        (tmp_path / name).write_text(name)
    problem = load_problem(write(tmp_path, GOOD + (
        "checker: {program: check.cpp, convention: testlib, files: [testlib.h], arguments: [--eps, '1']}\n"
        "stress: {generator: gen.py, brute: {program: brute.c, language: cpp17}, cases: 5}\n"
    )))  # fmt: skip
    checker = problem.checker.program
    assert checker == Program("cpp20", b"check.cpp", (("testlib.h", b"testlib.h"),), ("--eps", "1"))
    assert problem.stress == Stress(Program("python3", b"gen.py"), Program("cpp17", b"brute.c"), 5)
    assert problem.author_languages == {"cpp20", "python3", "cpp17"}
    (tmp_path / "brute.c").write_text("other")
    assert load_problem(problem.path).digest != problem.digest


def test_an_interactive_test_needs_no_output(tmp_path: Path) -> None:
    (tmp_path / "talk.py").write_text("pass")
    text = GOOD.replace('      output: "7"\n', "") + "interactor: {program: talk.py, convention: kattis}\n"
    problem = load_problem(write(tmp_path, text))
    assert problem.interactor == Interactor(Program("python3", b"pass"), Convention.KATTIS)
    assert problem.tests[0].expected == b""


def test_null_as_test_data_is_text_and_empty_input_stays_empty(tmp_path: Path) -> None:
    text = GOOD.replace('"3 4"', '""').replace('"7"', "null") + "mode: function\nfunction: {name: add}\n"
    [test] = load_problem(write(tmp_path, text)).tests
    assert (test.input, test.expected) == (b"", b"null\n")


def test_an_alias_is_what_it_stands_for(tmp_path: Path) -> None:
    text = GOOD.replace('"3 4"', "&same '5'").replace('"7"', "*same")
    assert load_problem(write(tmp_path, text)).tests[0].expected == b"5\n"


def test_the_slug_fits_a_path(tmp_path: Path) -> None:
    folder = tmp_path / "Überholen & co"
    folder.mkdir()
    assert load_problem(write(folder, GOOD)).slug == "berholen---co"


def test_digest_follows_content_and_not_place(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    digests = [load_problem(write(tmp_path / place, GOOD)).digest for place in "ab"]
    changed = load_problem(write(tmp_path, GOOD.replace('"7"', '"8"'))).digest
    assert digests[0] == digests[1] != changed


@pytest.mark.parametrize("content", [GOOD.replace("\n", "\r\n"), "\ufeff" + GOOD])
def test_crlf_and_bom_are_accepted(tmp_path: Path, content: str) -> None:
    assert load_problem(write(tmp_path, content)).digest == load_problem(write(tmp_path, GOOD)).digest
