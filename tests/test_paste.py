"""Statements as browsers copy them from the pages of Codeforces, AtCoder, Kattis and CSES: one paste, no questions."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sdpo_tts.cli.main import app
from sdpo_tts.cli.problems.new import offered
from sdpo_tts.cli.solving.solve import app as solve_app
from sdpo_tts.errors import UserError
from sdpo_tts.problem import Checker, load_problem
from sdpo_tts.problem.reading.paste import read_paste
from tests.packages import COMPANION, write_files

CODEFORCES = """
B. Even Parts
time limit per test1.5 seconds
memory limit per test64 megabytes
inputstandard input
outputstandard output
Two friends share one melon of w kilos.

Input
The only line has the integer w.

Output
Print YES or NO.

Examples
InputCopy
8
OutputCopy
YES
InputCopy
3
OutputCopy
NO
Note
In the first example both get 4 kilos.
"""
CODEFORCES_BY_BLOCKS = """
B. Even Parts
time limit per test
1.5 seconds
memory limit per test
64 megabytes
input
standard input
output
standard output

Two friends share one melon of w kilos.

Input

The only line has the integer w.

Output

Print YES or NO.

Examples

Input
Copy
8

Output
Copy
YES

Input
Copy
3

Output
Copy
NO

Note

In the first example both get 4 kilos.
"""
ATCODER = """
A - Three Dice Editorial
/
Time Limit: 2 sec / Memory Limit: 1024 MiB

Score : 100 points

Problem Statement
Throw N dice.

Constraints
1 ≤ N ≤ 10
Input
The input is given from Standard Input in the following format:

N
A_1 … A_N
Output
Print the sum.

Sample Input 1
Copy
2
3 6

Sample Output 1
Copy
9

The sum of the two dice is 9, as you can see.

Sample Input 2
Copy
1
1
Sample Output 2
Copy
1
"""
KATTIS = """
Squares in Frames
Print the frame of each number.
Input
There are two lines of numbers.
Output
Print one number a line.
Sample Input 1	Sample Output 1
3 4
5 6
	
7

11
Sample Input 2	Sample Output 2
1 1	2

CPU Time limit
1 second
Memory limit
2048 MB
Difficulty
1.4 - 2.0 Easy
Author
License
"""
CSES = """
Odd Walk
Time limit: 1.00 s
Memory limit: 512 MB

Walk from the integer n until you reach 1.
Input
The only input line contains an integer n.
Output
Print a line that contains all values of n during the walk.
Constraints

1 ≤ n ≤ 10^6

Example
Input:
3

Output:
3 10 5 16 8 4 2 1
"""
MIB = 2**20
FURNITURE = ("Copy", "ime limit", "emory limit", "tandard input\n", "Editorial", "Score", "Difficulty", "Author", "Time Limit", "Easy")
PAGES = [
    (CODEFORCES, "Even Parts", 1.5, 64, [("8\n", "YES\n"), ("3\n", "NO\n")], "both get 4 kilos."),
    (CODEFORCES_BY_BLOCKS, "Even Parts", 1.5, 64, [("8\n", "YES\n"), ("3\n", "NO\n")], "both get 4 kilos."),
    (ATCODER, "Three Dice", 2.0, 1024, [("2\n3 6\n", "9\n"), ("1\n1\n", "1\n")], "N\nA_1 … A_N\nOutput"),
    (KATTIS, "Squares in Frames", 1.0, 2048, [("3 4\n5 6\n", "7\n\n11\n"), ("1 1\n", "2\n")], "Print one number a line."),
    (CSES, "Odd Walk", 1.0, 512, [("3\n", "3 10 5 16 8 4 2 1\n")], "Constraints\n\n1 ≤ n ≤ 10^6"),
]


@pytest.mark.parametrize(("page", "title", "time", "memory", "samples", "kept"), PAGES)
def test_a_page_tells_title_limits_and_samples(
    page: str, title: str, time: float, memory: int, samples: list[tuple[str, str]], kept: str
) -> None:
    for text in (page, page.replace("\n", "\r\n") if page is not KATTIS else page, page.replace(" ", "\u00a0")):
        paste = read_paste(text)
        assert (paste.title, paste.time_s, paste.memory_bytes) == (title, time, memory * MIB)
        assert list(paste.samples) == samples
        assert kept in paste.statement and "Input\n" in paste.statement
        assert [word for word in FURNITURE if word in paste.statement] == []


DRAWING = """\ufeffA. Pyramid
time limit per test{time}
memory limit per test{memory}
Print it.

Example
Input

Output
  *
 ***
"""


@pytest.mark.parametrize(
    ("time", "memory", "seconds", "size"),
    [(": 1,000 ms", ": 1,024 MB", 1.0, 2**30), (": 1,5 s", ": 1.5 GB", 1.5, 3 * 2**29), (": 2 s", ": 1,048,576 KB", 2.0, 2**30), ("\n2 s", "9" * 400 + " MB", 2.0, None)],
)
def test_drawings_keep_their_blanks_and_thousands_are_no_fractions(time: str, memory: str, seconds: float, size: int | None) -> None:
    paste = read_paste(DRAWING.format(time=time, memory=memory))
    assert (paste.title, paste.time_s, paste.memory_bytes) == ("Pyramid", seconds, size)
    assert paste.samples == (("", "  *\n ***\n"),)


PLAIN = "Translate each line.\n\nInput\nOne line.\n\nOutput\nOne line.\n\nCopy\n"


@pytest.mark.parametrize("text", [PLAIN, "Sample Input 1\n3\nNothing more.", "Examples\nInput\n1\nInput\n2\nOutput\n3"])
def test_what_is_not_understood_stays_as_it_is(text: str) -> None:
    paste = read_paste(text)
    assert (paste.statement, paste.samples, paste.time_s, paste.title) == (text.strip(), (), None, "")


def test_one_paste_and_no_questions(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["new", str(tmp_path / "parts")], input=f"{CODEFORCES}END\n")
    assert (done.exit_code, done.stdout) == (0, f"{tmp_path / 'parts' / 'problem.yaml'}\n")
    assert "note: read from the text: 2 samples, 1.5 s, 64 MiB\n" in done.stderr and "Sample 1" not in done.stderr
    problem = load_problem(tmp_path / "parts")
    assert (problem.title, problem.limits.time_s, problem.limits.memory_bytes) == ("Even Parts", 1.5, 64 * MIB)
    assert [(test.input, test.expected) for test in problem.shown] == [(b"8\n", b"YES\n"), (b"3\n", b"NO\n")]
    assert problem.statement.endswith("Sample input 2:\n```\n3\n```\n\nSample output 2:\n```\nNO\n```")


FILE = """# Prices of $n$ goods

Time limit: 2 s

Print `$a$ and $b$` for each.<!-- not ```
--> Here $x_1 \\leq 5$.

### Sample Input

```
$1 and $2  ![x](y) <!-- a -->

Output
a b c d e f
```

### Sample Output
```
$3$ \\leq

  Note that this is one output
```

### Note
Pay $x$.

```
$x$



copy
```
"""


def test_samples_and_code_in_a_file_stay_as_they_are_written(tmp_path: Path) -> None:
    (tmp_path / "text.md").write_text(FILE)
    assert CliRunner().invoke(app, ["new", str(tmp_path / "prices"), "--statement", str(tmp_path / "text.md")]).exit_code == 0
    problem = load_problem(tmp_path / "prices")
    given, wanted = "$1 and $2  ![x](y) <!-- a -->\n\nOutput\na b c d e f\n", "$3$ \\leq\n\n  Note that this is one output\n"
    assert [(test.input.decode(), test.expected.decode()) for test in problem.tests] == [(given, wanted)]
    text = "Print `$a$ and $b$` for each. Here x_1 ≤ 5.\n\n### Note\nPay x.\n\n```\n$x$\n\n\n\ncopy\n```\n\n"
    assert problem.title == "Prices of n goods"
    assert problem.statement == f"{text}Sample input 1:\n```\n{given}```\n\nSample output 1:\n```\n{wanted}```"


CHANCE = "Input is 1 number. Output is 1 number.\n\nSample Input\n1\nSample Output\n1\n"


def test_a_sample_that_was_separated_is_added_although_the_text_looks_like_it(tmp_path: Path) -> None:
    files = {"task.toml": "", "instruction.md": CHANCE, "tests/sample.in": "1\n", "tests/sample.out": "1\n"}
    task = COMPANION | {"tests": [{"input": "1\n", "output": "1\n"}]}
    write_files(tmp_path, {"text.md": CHANCE, "task.md": CHANCE, "task.json": json.dumps(task)} | {f"t/{name}": text for name, text in files.items()})
    assert CliRunner().invoke(app, ["new", str(tmp_path / "n"), "--statement", str(tmp_path / "text.md")]).exit_code == 0
    for source in (tmp_path / "n", tmp_path / "t", tmp_path / "task.json"):
        assert load_problem(source).statement.endswith("Sample output 1:\n```\n1\n```"), source


def test_a_tolerance_in_it_becomes_the_checker_and_a_dialogue_is_refused(tmp_path: Path) -> None:
    page = CSES.replace("3 10 5 16 8 4 2 1", "0.5").replace("Print a line", "Print, with an error of at most 10^-6, a line")
    assert CliRunner().invoke(app, ["new", str(tmp_path / "a")], input=f"{page}END\n").exit_code == 0
    assert load_problem(tmp_path / "a").checker == Checker(kind="floats", absolute=1e-6, relative=1e-6)
    talk = CSES.replace("Walk from", "This is an interactive problem. Walk from")
    done = CliRunner().invoke(app, ["new", str(tmp_path / "b")], input=f"{talk}END\n")
    assert done.exit_code == 2 and "interactive problems are not supported" in done.stderr and not (tmp_path / "b").exists()


def test_a_statement_given_to_solve_is_offered_to_become_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "parts.txt"
    file.write_text(CODEFORCES)
    done = CliRunner().invoke(solve_app, [str(file)])
    hint = f"sdpo-tts new {tmp_path / 'parts'} --statement {file}"
    assert (done.exit_code, done.stderr) == (2, f"error: {file}: a statement, not a problem yet (hint: {hint})\n")
    answers = io.StringIO("n\ny\n")
    monkeypatch.setattr(answers, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", answers)
    with pytest.raises(UserError, match="a statement, not a problem yet"):
        offered(file)
    assert load_problem(offered(file)).title == "Even Parts"
    assert offered(tmp_path / "parts") == tmp_path / "parts", "a problem is taken as it is"
