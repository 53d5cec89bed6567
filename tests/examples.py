"""The examples of problemtools, of the package format's own repository and of DOMjudge, rebuilt by the published formats.

Layout and keys are as published, texts and programs are ours.
"""

from __future__ import annotations

from dataclasses import dataclass

Files = dict[str, str | bytes]
_ACCEPT = "import sys\nsys.exit(42)\n"
_PDF = b"%PDF-1.5\n\xe2\xe3\xcf\xd3\n"


@dataclass(frozen=True)
class Example:
    """`refused`: what the one line says. `tests`: how many are shown and held out, and the time limit in seconds."""

    files: Files
    tests: tuple[int, int, float] = (0, 0, 2.0)
    programs: tuple[str, ...] = ()
    says: str = ""
    interactive: bool = False
    refused: str = ""


def _tests(folder: str, *pairs: tuple[str, str]) -> Files:
    names = [f"{folder}/{number}" for number in range(1, len(pairs) + 1)]
    return {f"{name}{end}": text for name, pair in zip(names, pairs, strict=True) for end, text in zip((".in", ".ans"), pair, strict=True)}


_HELLO: Files = {
    "problem.yaml": "source: Kattis\nlicense: public domain\nname: Hello World!\nlimits:\n  memory: 512\n",
    "problem_statement/problem.en.tex": "\\problemname{Hello World!}\n\\section*{Output}\nPrint ``Hello World!''.\n",
    "problem_statement/problem.sv.tex": "\\problemname{Hej}\n",
    "data/secret/hello.in": "", "data/secret/hello.ans": "Hello World!\n",
    "input_validators/validate.py": "import sys\nsys.exit(42)\n",
    "submissions/accepted/hello.py": "print('Hello World!')\n", "submissions/accepted/hello.java": "class Hello {}",
    "submissions/accepted/hello.kt": "", "submissions/run_time_error/memory_limit.cc": "int main() {}\n", "submissions/wrong_answer/hello.cc": "int main() {}\n",
}  # fmt: skip

_DIFFERENT: Files = {
    "problem.yaml": "name: A Different Problem\nsource: Kattis\nlicense: cc by-sa\nvalidation: custom\nlimits:\n  time_safety_margin: 4  # (default is 2)\n",
    "problem_statement/problem.en.tex": "\\problemname{A Different Problem}\nBetween $0$ and $10^{15}$ (inclusive).\n",
    "data/sample/1.in": "10 12\n", "data/sample/1.ans": "2\n", "data/secret/01.in": "1 2\n", "data/secret/01.ans": "1\n", "data/secret/01.desc": "small",
    "output_validators/different_validator/validate.cc": '#include "validate.h"\nint main() { return 42; }\n',
    "output_validators/different_validator/validate.h": "#pragma once\n",
    "submissions/accepted/different_py3.py": "print(2)\n", "submissions/accepted/prolog/different.pl": "", "submissions/accepted/prolog/kattio.pl": "",
    "submissions/slow_accepted/different_slow.py": "print(2)\n", "submissions/time_limit_exceeded/different_linear_search.cc": "int main() { for (;;); }\n",
}  # fmt: skip

_GUESS: Files = {
    "problem.yaml": (
        "problem_format_version: 2023-07-draft\nuuid: 5ca6ba5b-36d5-4eff-8aa7-d967cbc4375e\nsource: Kattis\nlicense: cc by-sa\n"
        "type: interactive\nname:\n  en: Guess the Number\n  sv: Gissa talet\nlimits:\n  time_multipliers:\n    time_limit_to_tle: 4\n"
    ),
    "statement/problem.en.tex": "\\problemname{Guess the Number}\nBetween $1$ and $1000$.\n\n\\section*{Interaction}\nFlush standard out.\n",
    "statement/problem.sv.md": "Mellan $1$ och $1000$.\n",
    "data/sample/1.interaction": ">500\n<lower\n", "data/sample/2.interaction": ">1\n<correct\n",
    **_tests("data/secret", ("17\n", ""), ("1000\n", "")),
    "output_validator/guess_validator/validate.cc": '#include "validate.h"\nint main() { return 42; }\n', "output_validator/guess_validator/validate.h": "",
    "submissions/accepted/guess.cc": "int main() {}\n", "submissions/wrong_answer/guess.py": "print(1)\n",
}  # fmt: skip

_ODD_ECHO: Files = {
    "problem.yaml": (
        "problem_format_version: 2023-07-draft\nuuid: 025dfeea-eb85-4532-94d1-3108ec03c80f\nlicense: cc by-sa\ncredits: A. Setter\n"
        "type: scoring\nname:\n  en: Odd Echo\n"
    ),
    "statement/problem.en.tex": (
        "\\problemname{Odd Echo}\n\\illustration{0.3}{cave.jpg}{A cave}\nAn integer \\(N\\) (\\(1 \\le N \\le 10\\)), letters `a-z`.\n"
        "\\noindent\n\\begin{tabular}{| l | l | l |}\n\\hline\nGroup & Points & Constraints \\\\ \\hline\n$1$ & $1$ & $N$ is always $5$ \\\\ \\hline\n\\end{tabular}\n"
    ),
    "statement/cave.jpg": b"\xff\xd8", **_tests("data/sample", ("1\na\n", "a\n")), **_tests("data/secret/subtask1", ("5\na\nb\nc\nd\ne\n", "a\nc\ne\n")),
    **_tests("data/secret/subtask2", ("2\na\nb\n", "a\n")),
    "data/testdata.yaml": "on_reject: continue\nrange: 0 100\ngrader_flags: ignore_sample\n",
    "data/sample/testdata.yaml": "on_reject: continue\nrange: 0 0\naccept_score: 0\ngrader_flags: first_error\ninput_validator_flags: nFive=0\n",
    "data/secret/subtask1/testdata.yaml": "on_reject: break\naccept_score: 50\nrange: 0 50\ngrader_flags: min\n",
    "submissions/accepted/js.py": "print('a')\n", "submissions/partially_accepted/sol.py": "print('a')\n",
}  # fmt: skip

_VERSION = "problem_format_version: 2025-09\nuuid: 789c94bb-11e7-47f4-bfe6-4988f460f021\nname: Sample problem\ncredits:\n  authors: A. Setter <a@example.org>\nlicense: cc by-sa\n"
_PASS_FAIL: Files = {
    "problem.yaml": f"{_VERSION}type: pass-fail\n", "statement/problem.en.tex": "\\problemname{}\nPrint $N$.\n", **_tests("data/sample", ("1\n", "1\n")),
    "data/sample/testdata.yaml": "", **_tests("data/secret", ("2\n", "2\n"), ("3\n", "3\n")), "input_validators/validator.ctd": "INT(1, 9)",
    "submissions/accepted/solution.py": "print(input())\n", "submissions/submissions.yaml": "accepted:\n  permitted: [AC]\n", "submissions/wrong_answer/wrong.py": "print(1)\n",
}  # fmt: skip
_MAXIMAL: Files = _PASS_FAIL | {
    "problem.yaml": f"{_VERSION}limits:\n  time_limit: 10\nkeywords: [example]\nlanguages: [python3, cpp]\nconstants:\n  example_constant: 1\n",
    "statement/problem.en.tex": "\\illustration{.3}{kattis.png}{An illustration}\nPrint $N \\pm \\constant{example\\_constant}$.\n",
    "statement/kattis.png": b"\x89PNG", "output_validator/validator.py": _ACCEPT, "input_visualizer/README.md": "", "solution/solution.en.md": "",
    "data/sample/1.svg": "<svg/>", "attachments/my_attachment.txt": "", "output_visualizer/output_visualizer.py": "",
}  # fmt: skip

EXAMPLES = {
    "hello": Example(_HELLO, (0, 1, 2.0), ("accepted/hello.py", "runtime_error/memory_limit.cpp", "wrong_answer/hello.cpp"), 'Print "Hello World!".'),
    "different": Example(_DIFFERENT, (1, 1, 2.0), ("accepted/different_py3.py", "time_limit/different_linear_search.cpp"), "Between 0 and 10^15 (inclusive)."),
    "guess": Example(_GUESS, (0, 2, 2.0), ("accepted/guess.cpp", "wrong_answer/guess.py"), "written by it):\n```\n>500\n<lower\n```", interactive=True),
    "oddecho": Example(_ODD_ECHO, (1, 2, 2.0), ("accepted/js.py",), "[a picture is left out: A cave]\nAn integer N (1 ≤ N ≤ 10), letters `a-z`."),
    "passfail": Example(_PASS_FAIL, (1, 2, 2.0), ("accepted/solution.py", "wrong_answer/wrong.py"), "Print N."),
    "maximal": Example(_MAXIMAL, (1, 2, 10.0), ("accepted/solution.py", "wrong_answer/wrong.py"), "Print N ± 1."),
    "maximal with included code": Example(_MAXIMAL | {"include/python3/include.py": ""}, refused="include: code added to every program (`include/`) is not supported"),
    "scoring": Example(_PASS_FAIL | {"problem.yaml": f"{_VERSION}type: scoring\n"}, (1, 2, 2.0), ("accepted/solution.py", "wrong_answer/wrong.py"), "Print N."),
    "interactive": Example(_PASS_FAIL | {"problem.yaml": f"{_VERSION}type: pass-fail interactive\n"}, refused="an interactive problem without an output validator"),
    "multipass": Example(_PASS_FAIL | {"problem.yaml": f"{_VERSION}type: pass-fail multi-pass\n"}, refused="multi-pass problems are not supported"),
    "submit answer": Example(_PASS_FAIL | {"problem.yaml": f"{_VERSION}type: pass-fail submit-answer\n"}, refused="submit-answer problems are not supported"),
    "domjudge hello": Example(
        {"problem.yaml": "name: Hello World\n", ".timelimit": "5\n", "problem.txt": "Print Hello world!\n", **_tests("data/sample", ("\n", "Hello world!\n"))},
        (1, 0, 5.0), says="Print Hello world!",
    ),
    "domjudge fltcmp": Example(
        {"problem.yaml": "name: Float special compare test\nvalidator_flags: 'float_tolerance 1E-6'\n", ".timelimit": "1\n", "problem.txt": "Print 1/x.",
         **_tests("data/sample", ("1\n2\n", "0.5\n")), **_tests("data/secret", ("1\n4\n", "0.25\n")), "submissions/accepted/a.c": "", "submissions/mixed-verdicts/b.py": ""},
        (1, 1, 1.0), says="Print 1/x.",
    ),
    "domjudge boolfind": Example(
        {"problem.yaml": "name: Boolean switch search\n\nvalidation: custom interactive\n", "domjudge-problem.ini": "timelimit = '3'\n", "problem.txt": "READ and OUTPUT.",
         **_tests("data/secret", ("1\n5\n1\n0\n", "")), "output_validators/boolfind_run/validate.cc": "int main() { return 42; }\n", "output_validators/boolfind_run/validate.h": ""},
        (0, 1, 3.0), says="READ and OUTPUT.", interactive=True,
    ),
    "domjudge hangman": Example({"problem.yaml": "name: Hangman\nvalidation: custom multi-pass\nlimits:\n  validation_passes: 26\n", "problem.pdf": _PDF,
                                 "output_validator/validator.py": _ACCEPT, **_tests("data/secret", ("a\n", "a\n"))}, refused="problem.yaml:2:13: multi-pass problems are not supported"),
    "domjudge with its statement in a pdf": Example({"problem.yaml": "name: Hello World\n", "problem.pdf": _PDF, **_tests("data/sample", ("\n", "Hello\n"))},
                                                    refused="problem.pdf: the statement is not text, so it cannot be read (hint: give its text with `sdpo-tts import --statement FILE`)"),
}  # fmt: skip
