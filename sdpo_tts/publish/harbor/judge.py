"""Judges an agent's program in the container of a Harbor task: a single file that needs only the standard library.

    python3 judge.py TESTS APP REWARD

TESTS is the folder of this file, with `task.json` and the cases; APP is where the program is; REWARD is the file to
write a number from 0 to 1 to: the share of all points, or 1 for a program that passes all tests.
"""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

_NUMBER = re.compile(rb"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_INTEGER = re.compile(rb"[-+]?[0-9]+")


def agree(checker: dict[str, Any], expected: bytes, actual: bytes) -> bool:
    """Whether an output is right."""
    if checker["kind"] == "exact":
        return expected == actual
    want, got = expected.split(), actual.split()
    return len(want) == len(got) and all(_same(checker, *pair) for pair in zip(want, got, strict=True))


def _same(checker: dict[str, Any], expected: bytes, actual: bytes) -> bool:
    if expected == actual or (checker["ignore_case"] and expected.lower() == actual.lower()):
        return True
    if checker["kind"] != "floats" or not (_NUMBER.fullmatch(expected) and _NUMBER.fullmatch(actual)):
        return False
    if _INTEGER.fullmatch(expected) and _INTEGER.fullmatch(actual):
        return _canonical(expected) == _canonical(actual)
    want, got = float(expected), float(actual)
    allowed = max(checker["absolute"] or 0.0, (checker["relative"] or 0.0) * abs(want))
    return abs(want - got) <= allowed


def _canonical(integer: bytes) -> bytes:
    """Without plus sign and leading zeros; int() refuses thousands of digits."""
    digits = integer.lstrip(b"+-").lstrip(b"0") or b"0"
    return b"-" + digits if integer.startswith(b"-") and digits != b"0" else digits


def run(command: list[str], app: Path, given: bytes, limits: dict[str, Any]) -> bytes | None:
    """What the program writes; None if it fails or takes too much."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (int(limits["time_s"]) + 1, int(limits["time_s"]) + 2))
        resource.setrlimit(resource.RLIMIT_DATA, (limits["memory_bytes"], limits["memory_bytes"]))

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        done = subprocess.run(
            command, cwd=app, input=given, capture_output=True, timeout=3 * limits["time_s"] + 1, preexec_fn=limit
        )
    except (subprocess.TimeoutExpired, OSError):
        return None
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done.stdout if done.returncode == 0 and seconds <= limits["time_s"] else None


def passed(task: dict[str, Any], tests: Path, app: Path) -> set[str]:
    """The names of the cases that the program passes."""
    if task["compile"] and subprocess.run(task["compile"], cwd=app).returncode:
        return set()
    found = set()
    for case in sorted(tests.glob("cases/*/*.in")):
        output = run(task["run"], app, case.read_bytes(), task["limits"])
        if output is not None and agree(task["compare"], case.with_suffix(".out").read_bytes(), output):
            found.add(case.relative_to(tests).with_suffix("").as_posix())
    return found


def reward(task: dict[str, Any], right: set[str], total: int) -> float:
    """The share of the points; without groups, all or nothing."""
    groups = {group["name"]: group for group in task["groups"]}
    if not sum(group["points"] for group in groups.values()):
        return float(len(right) == total)
    points = 0.0
    for group in groups.values():
        if all(name in right for needed in group["requires"] for name in groups[needed]["tests"]):
            share = sum(name in right for name in group["tests"]) / len(group["tests"])
            points += group["points"] * (share if group["each"] else share > 0 if group.get("any") else share == 1)
    return float(points / sum(group["points"] for group in groups.values()))


def main() -> None:
    tests, app, target = map(Path, sys.argv[1:])
    task = json.loads((tests / "task.json").read_text(encoding="utf-8"))
    right = passed(task, tests, app)
    total = len(list(tests.glob("cases/*/*.in")))
    print(f"{len(right)} of {total} tests passed")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(f"{reward(task, right, total)}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
