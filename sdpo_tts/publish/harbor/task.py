"""Writes a problem as a Harbor task: `task.toml`, `instruction.md`, `environment/`, `tests/`, `solution/`."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any

from sdpo_tts.errors import UserError
from sdpo_tts.problem import Problem
from sdpo_tts.problem.formats.harbor import INSTRUCTION, OWN, PROGRAM, SETTINGS
from sdpo_tts.problem.language import language
from sdpo_tts.problem.writer import checker_as_text

COMPARERS = ("tokens", "exact", "floats")  # supported by judge.py
IMAGES = {"python": "python:3.13-slim", "c": "gcc:14", "cpp": "gcc:14"}
APP = "/app"
COMPILE_S, AGENT_S = 60.0, 1800.0
_TEST_SH = f"""#!/bin/bash
python3 /tests/judge.py /tests {APP} /logs/verifier/reward.txt
"""
_DOCKERFILE = """FROM {image}
RUN command -v python3 || (apt-get update && apt-get install -y --no-install-recommends python3)
WORKDIR {app}
"""
_TOML = """schema_version = "1.1"

[task]
name = "sdpo-tts/{slug}"

[metadata]
category = "programming"

[verifier]
timeout_sec = {verifier:.1f}

[agent]
timeout_sec = {agent:.1f}

[environment]
build_timeout_sec = 600.0
cpus = 1
memory_mb = {memory}
storage_mb = 10240
"""


def write_task(problem: Problem, folder: Path, program: str | None = None) -> None:
    """Into a new folder, with `program`, which passes all tests, as its solution. Raises UserError for what the task's
    judge does not support."""
    _demand(problem)
    for name, content in _files(problem, program):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (folder / "tests" / "test.sh").chmod(0o755)


def _demand(problem: Problem) -> None:
    lacks = {
        "dialogues": problem.interactor is not None,
        "functions": problem.function is not None,
        f"the checker `{problem.checker.kind}`": problem.checker.kind not in COMPARERS,
        f"programs in {language(problem.language).title}": _image(problem) is None,
    }
    if lack := next((what for what, lacking in lacks.items() if lacking), ""):
        raise UserError(f"{lack} cannot be carried over into a Harbor task", where=problem.slug)


def _image(problem: Problem) -> str | None:
    return IMAGES.get(problem.language.rstrip("0123456789"))


def _files(problem: Problem, program: str | None) -> Iterator[tuple[str, bytes]]:
    source, cases = language(problem.language).source, _cases(problem)
    longest = COMPILE_S + len(problem.tests) * (3 * problem.limits.time_s + 2)
    memory = max(2048, math.ceil(problem.limits.memory_bytes / 2**20) + 512)
    told = {
        SETTINGS: _TOML.format(slug=problem.slug, verifier=longest, agent=AGENT_S, memory=memory),
        INSTRUCTION: _instruction(problem, source),
        "environment/Dockerfile": _DOCKERFILE.format(image=_image(problem), app=APP),
        "tests/test.sh": _TEST_SH,
        "tests/judge.py": resources.files(__package__).joinpath("judge.py").read_text(encoding="utf-8"),
        OWN: json.dumps(_task(problem, cases), indent=2) + "\n",
    }
    yield from ((name, text.encode()) for name, text in told.items())
    for test in problem.tests:
        yield f"tests/{cases[test.name]}.in", test.input
        yield f"tests/{cases[test.name]}.out", test.expected
    if program is not None:
        yield f"solution/{source}", program.encode(errors="surrogateescape")
        yield "solution/solve.sh", f"#!/bin/bash\ncp /solution/{source} {APP}/{source}\n".encode()


def _cases(problem: Problem) -> dict[str, str]:
    """By the names of tests, numbered in order."""
    tiers = {True: "shown", False: "held_out"}
    return {test.name: f"cases/{tiers[test.shown]}/{i:04}" for i, test in enumerate(problem.tests, start=1)}


def _instruction(problem: Problem, source: str) -> str:
    where = f"Write a {language(problem.language).title} program into `{APP}/{source}`."
    what = "It reads the input from standard input and prints only the answer to standard output."
    limits = f"At most {problem.limits.time_s:g} s and {problem.limits.memory_bytes / 2**20:g} MiB for each test."
    return f"# {problem.title}\n\n{problem.statement.strip()}{PROGRAM}\n{where} {what} {limits}\n"


def _task(problem: Problem, cases: dict[str, str]) -> dict[str, Any]:
    known = language(problem.language)
    checker = problem.checker
    groups = [{**asdict(group), "tests": [cases[name] for name in group.tests]} for group in problem.groups]
    return {
        "format": "sdpo-tts/1",
        "limits": asdict(problem.limits),
        "checker": checker_as_text(checker),
        "compare": {name: getattr(checker, name) for name in ("kind", "ignore_case", "absolute", "relative")},
        "compile": list(known.compile),
        "run": list(known.command(problem.limits.memory_bytes)),
        "groups": groups,
    }
