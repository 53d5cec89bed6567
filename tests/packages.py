"""Small packages and rows in other people's formats, made in a test's own folder."""

from __future__ import annotations

import base64
import json
import pickle
import zipfile
import zlib
from pathlib import Path
from typing import Any

KATTIS_YAML = "problem_format_version: 2025-09\nname: {en: Sum, sv: Summa}\nuuid: 5ca6ba5b-36d5-4eff-8aa7-d967cbc4375e\n"

POLYGON = """<?xml version="1.0" encoding="utf-8" standalone="no"?>
<problem revision="3" short-name="a-plus-b" url="https://polygon.codeforces.com/x">
  <names><name language="english" value="A + B"/><name language="swedish" value="Summa"/></names>
  <judging input-file="" output-file="" run-count="1">
    <testset name="tests">
      <time-limit>1500</time-limit>
      <memory-limit>268435456</memory-limit>
      <test-count>2</test-count>
      <input-path-pattern>tests/%02d</input-path-pattern>
      <answer-path-pattern>tests/%02d.a</answer-path-pattern>
      <tests><test method="manual" sample="true"/><test cmd="gen 2" method="generated"/></tests>
    </testset>
  </judging>
  <assets>
    <checker name="std::wcmp.cpp" type="testlib"><source path="files/check.cpp" type="cpp.g++17"/></checker>
    <solutions>
      <solution tag="main"><source path="solutions/main.py" type="python.3"/></solution>
      <solution tag="rejected"><source path="solutions/bad.py" type="python.3"/></solution>
    </solutions>
  </assets>
</problem>
"""

COMPANION: dict[str, Any] = {
    "name": "G. Castle Defense",
    "group": "Codeforces - Educational Codeforces Round 40",
    "url": "https://codeforces.com/problemset/problem/954/G",
    "interactive": False,
    "memoryLimit": 256,
    "timeLimit": 1500,
    "tests": [{"input": "5 0 6\n5 4 3 4 9\n", "output": "5\n"}, {"input": "4 2 0\n1 2 3 4\n", "output": "6\n"}],
    "testType": "single",
    "input": {"type": "stdin"},
    "output": {"type": "stdout"},
    "languages": {"java": {"mainClass": "Main", "taskClass": "GCastleDefense"}},
    "batch": {"id": "123e67c8-03c6-44a4-a3f9-5918533f9fb2", "size": 1},
}


def case(given: str, wanted: str, kind: str = "stdin") -> dict[str, str]:
    return {"input": given, "output": wanted, "testtype": kind}


LIVE_CODE_BENCH: dict[str, Any] = {
    "question_title": "Sum",
    "question_content": "Print a + b.\n\nSample\n1 2\n3\n",
    "platform": "atcoder",
    "question_id": "abc387_f",
    "contest_id": "abc387",
    "contest_date": "2025-02-01T00:00:00",
    "starter_code": "",
    "difficulty": "hard",
    "public_test_cases": json.dumps([case("1 2\n", "3\n")]),
    "private_test_cases": "",
    "metadata": "{}",
}

CODE_CONTESTS: dict[str, Any] = {
    "name": "1_A. Sum",
    "description": "Print a + b.",
    "public_tests": {"input": ["1 2\n"], "output": ["3\n"]},
    "private_tests": {"input": ["2 2\n"], "output": ["4\n"]},
    "generated_tests": {"input": ["1 2\n", "5 5\n"], "output": ["3\n", "10\n"]},
    "time_limit": {"seconds": 1, "nanos": 500000000},
    "memory_limit_bytes": 256000000,
    "input_file": "",
    "output_file": "",
    "solutions": {"language": [3, 4, 2], "solution": ["print(3)", "class Main {}", "int main() {}"]},
}

HUMAN_EVAL: dict[str, Any] = {
    "task_id": "HumanEval/0",
    "prompt": "def f(n):\n    \"\"\"Half of it.\"\"\"\n",
    "entry_point": "f",
    "canonical_solution": "    return n / 2\n",
    "test": "def check(candidate):\n    assert candidate(3) == 1.5\n",
}

HUMAN_EVAL_PLUS: dict[str, Any] = HUMAN_EVAL | {
    "prompt": "def f(n):\n    \"\"\"Half of it.\n    >>> f(2)\n    1.0\n    \"\"\"\n",
    "test": (
        "import numpy as np\n\n\ndef assertion(out, exp, atol):\n    assert np.allclose(out, exp, atol=atol)\n\n\n"
        "def check(candidate):\n    inputs = [[3], [2]]\n    results = [1.5, 1.0]\n"
        "    for i, (inp, exp) in enumerate(zip(inputs, results)):\n        assertion(candidate(*inp), exp, 0)\n"
    ),
}

APPS: dict[str, Any] = {
    "problem_id": 7,
    "question": "Print a + b.\n\n-----Examples-----\nInput\n1 2\n\nOutput\n3\n",
    "solutions": json.dumps(["print(sum(map(int, input().split())))", "print(3)"]),
    "input_output": json.dumps({"inputs": ["1 2\n", "2 2", ["5", "5"]], "outputs": ["3\n", "4", ["10"]]}),
    "difficulty": "interview",
    "url": "https://example.org/7",
    "starter_code": "",
}

TACO: dict[str, Any] = {key: value for key, value in APPS.items() if key != "problem_id"} | {
    "name": None, "tags": "['Math']", "time_limit": "1.5 seconds", "memory_limit": "64.0 megabytes",
}  # fmt: skip

MBPP: dict[str, Any] = {
    "task_id": 11,
    "text": "Write a python function to remove all occurrences of a given character.",
    "code": "def helper(s):\n    return s\n\ndef remove_all(s, ch='l'):\n    return helper(s).replace(ch, '')\n",
    "test_list": ["assert remove_all('hello', 'l') == 'heo'", "assert remove_all('abcda', 'a') == 'bcd'", "assert len(remove_all('a')) == 1"],
    "test_setup_code": "",
    "challenge_test_list": ["assert remove_all('hello') == 'heo'"],
}


def packed(tests: object) -> str:
    """As LiveCodeBench packs its private tests."""
    return base64.b64encode(zlib.compress(pickle.dumps(json.dumps(tests)))).decode()


def write_files(root: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def write_row(folder: Path, *rows: object) -> Path:
    """JSON lines; one row alone is one object."""
    path = folder / "rows.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def kattis(root: Path, **changes: str | bytes) -> Path:
    """A package of version 2025-09; a change names a file with `__` for `/`, and `None` content is not written."""
    files: dict[str, str | bytes] = {
        "problem.yaml": KATTIS_YAML,
        "statement/problem.en.md": "Print $a + b$.\n",
        "data/sample/1.in": "1 2\n",
        "data/sample/1.ans": "3\n",
        "data/secret/1.in": "2 2\n",
        "data/secret/1.ans": "4\n",
        "submissions/accepted/sum.py": "print(sum(map(int, input().split())))\n",
        "submissions/time_limit_exceeded/slow.py": "while True: pass\n",
    }
    return write_files(root, files | {name.replace("__", "/"): content for name, content in changes.items()})


def polygon(root: Path, xml: str = POLYGON) -> Path:
    files: dict[str, str | bytes] = {
        "problem.xml": xml,
        "tests/01": b"1 2\r\n", "tests/01.a": b"3\r\n", "tests/02": b"2 2\r\n", "tests/02.a": b"4\r\n",
        "statement-sections/english/legend.tex": "Add $a$ and $b$.\r\n",
        "statement-sections/english/input.tex": "Two integers ($0 \\le a, b \\le 10^{9}$).\r\n",
        "statement-sections/english/output.tex": "Their sum.\r\n",
        "solutions/main.py": "print(sum(map(int, input().split())))\n", "solutions/bad.py": "print(7)\n",
    }  # fmt: skip
    return write_files(root, files)


def zipped(folder: Path, archive: Path, top: str = "") -> Path:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                file.write(path, f"{top}{path.relative_to(folder).as_posix()}")
    return archive
