"""Throughput of three ways to run a program on its tests, beside each other on one machine.

    python -m benchmarks.judge [--programs N] [--tests N] [--repeat N] [--write]

`ours` is the Judge; `docker run` starts a container with the same flags for every test; `bare` is a subprocess without
any isolation, the physical limit. Each is measured in Python and in native code, with one worker and with two. Below
stands the processor time of a test, on which other work on the machine has little influence.
"""

from __future__ import annotations

import argparse
import itertools
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from unittest.mock import patch

import docker

from benchmarks.report import machine, table, write
from sdpo_tts.judge import Judge
from sdpo_tts.judge.compiler import Compiler
from sdpo_tts.judge.containers.engine import sandbox_image
from sdpo_tts.judge.containers.pool import PIDS
from sdpo_tts.problem import Problem, Test
from sdpo_tts.problem.language import Language, language, sandbox_folder
from tests.hostile.corpus import RIGHT, SUM

STDIN, EXPECTED = b"3 4\n", b"7\n"
CPP = "#include <iostream>\nint main() { long long a, b; std::cin >> a >> b; std::cout << a + b << '\\n'; }\n"
SOURCES = {"python3": RIGHT, "cpp20": CPP}
COMMENT = {"python3": "#", "cpp20": "//"}
PYTHON = "/usr/bin/python3"  # as in the image; a virtual environment's starts more slowly
_fresh = itertools.count()


@dataclass(frozen=True)
class Row:
    """`per_test_ms`: of each test beyond the first, with that many workers at work."""

    language: str
    workers: int
    way: str
    programs_per_s: float
    per_test_ms: float


# One way: (language, workers, programs, tests) -> seconds, compilation left out.
Way = Callable[[str, int, int, int], float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--programs", type=int, default=8, help="a measurement in Python; 8 times as many in native code"
    )
    parser.add_argument("--tests", type=int, default=20)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    rows = [row for language in SOURCES for workers in (1, 2) for row in measure(language, workers, options)]
    text = f"{report(rows, options.tests)}\n\n{processor_report()}"
    print(text)
    if options.write:
        write("judge.md", "throughput", text)


def measure(language: str, workers: int, options: argparse.Namespace) -> list[Row]:
    """The ways take turns, so that a busy moment of the machine hits all of them; the best turn of each counts."""
    programs = options.programs * (1 if language == "python3" else 8)  # native code is that much quicker
    ways: dict[str, tuple[Way, int]] = {
        "ours": (ours, programs),
        "docker run": (docker_run, workers),
        "bare": (bare, programs),
    }
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(options.repeat):
        for name, (way, count) in ways.items():
            pair = way(language, workers, count, 1), way(language, workers, count, options.tests)
            seconds[name].append(pair)
    return [_row(language, workers, name, ways[name][1], options.tests, seconds[name]) for name in ways]


def _row(language: str, workers: int, way: str, programs: int, tests: int, pairs: Sequence[tuple[float, float]]) -> Row:
    one, all_tests = (min(seconds) for seconds in zip(*pairs, strict=True))
    beyond_s = (all_tests - one) / (programs * (tests - 1)) * workers
    row = Row(language, workers, way, programs / all_tests, beyond_s * 1000)
    print(row, file=sys.stderr)
    return row


def ours(language: str, workers: int, programs: int, tests: int) -> float:
    """Of a warm judge."""
    with compiled_once(), Judge(_problem(tests, language), workers=workers) as judge:
        judge.judge_many(_programs(language, 2 * workers))
        sources = _programs(language, programs)
        started = time.monotonic()
        judgements = judge.judge_many(sources)
        seconds = time.monotonic() - started
    assert all(judgement.solved for judgement in judgements)
    return seconds


@contextmanager
def compiled_once() -> Iterator[None]:
    """The programs differ in a comment only, so that one binary serves all: compilation is not what is measured."""
    compile, binaries = Compiler.compile, {}

    def cached(compiler: Compiler, known: Language, files: dict[str, bytes]) -> dict[str, bytes]:
        if not known.compile:
            return files
        if known not in binaries:
            binaries[known] = compile(compiler, known, files)
        return binaries[known]

    with patch.object(Compiler, "compile", cached):
        yield


def processor_ms(language: str, programs: int = 3, tests: int = 200) -> dict[str, float]:
    """Of one test, of all processes on either side: of our judge and its container, or of the bare subprocesses."""
    count = programs * tests
    with compiled_once(), Judge(_problem(tests, language), workers=1) as judge:
        judge.judge_many(_programs(language, 2))
        before = _processor_s(judge)
        judge.judge_many(_programs(language, programs))
        found = {"ours": _processor_s(judge) - before}
    with _folder(language) as folder:
        before = _processor_s()
        _timed(_command(language, str(folder)), 1, 1, count)
        found["bare"] = _processor_s() - before
    return {way: seconds / count * 1000 for way, seconds in found.items()}


def _processor_s(judge: Judge | None = None) -> float:
    """Of this process, of children that have ended, and of a judge's containers."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = time.process_time() + children.ru_utime + children.ru_stime
    ids = list(judge._containers._live) if judge else []
    usages = [judge._client.api.stats(id, stream=False, one_shot=True)["cpu_stats"]["cpu_usage"] for id in ids]  # type: ignore[union-attr]
    return own + sum(usage["total_usage"] for usage in usages) / 1e9


def processor_report() -> str:
    found = {language: processor_ms(language) for language in SOURCES}
    lines = [
        (language, way, f"{ms:.2f}", f"{ms / both['bare']:.2f}")
        for language, both in found.items()
        for way, ms in both.items()
    ]
    return table(("language", "way", "ms of processor time a test", "x bare"), lines)


def _problem(tests: int, language: str) -> Problem:
    cases = tuple(Test(str(number), STDIN, EXPECTED, shown=number < 2) for number in range(tests))
    return replace(SUM, limits=replace(SUM.limits, time_s=2.0), language=language, tests=cases)


def _programs(language: str, count: int) -> list[str]:
    """All different, since equal programs are judged once."""
    return [f"{SOURCES[language]}{COMMENT[language]} {next(_fresh)}\n" for _ in range(count)]


def docker_run(language: str, workers: int, programs: int, tests: int) -> float:
    """A fresh container a test, with the judge's own flags."""
    with _folder(language) as folder:
        command = [*_flags(folder), _image(), *_command(language, "/w")]
        return _timed(command, workers, programs, tests)


def bare(language: str, workers: int, programs: int, tests: int) -> float:
    with _folder(language) as folder:
        return _timed(_command(language, str(folder)), workers, programs, tests)


def _timed(command: Sequence[str], workers: int, programs: int, tests: int) -> float:
    def judge(_: int) -> bool:
        return all(_run(command) == EXPECTED for _ in range(tests))

    with ThreadPoolExecutor(workers) as pool:
        started = time.monotonic()
        assert all(pool.map(judge, range(programs)))
        return time.monotonic() - started


def _run(command: Sequence[str]) -> bytes:
    environment = {"PATH": os.environ["PATH"], "PYTHONHASHSEED": "0"}
    return subprocess.run(command, input=STDIN, capture_output=True, env=environment, check=True).stdout


@contextmanager
def _folder(language: str) -> Iterator[Path]:
    """With the program in it, compiled by the sandbox's compiler."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "solution.py").write_text(SOURCES["python3"])
        if language == "cpp20":
            binary = _binary()
            (folder / "solution").write_bytes(binary)
            (folder / "solution").chmod(0o755)
        yield folder


@cache
def _binary() -> bytes:
    with Judge(_problem(1, "cpp20"), workers=1) as judge:
        known = language("cpp20")
        return judge._resources.compiler.compile(known, {known.source: SOURCES["cpp20"].encode()})[known.binary]


@cache
def _image() -> str:
    with closing(docker.from_env()) as client:
        return sandbox_image(client, set(SOURCES))


def _command(language: str, folder: str) -> list[str]:
    if language == "cpp20":
        return [f"{folder}/solution"]
    return [PYTHON, "-s", "-P", "-B", "-X", "utf8", "-X", "int_max_str_digits=0", f"{folder}/solution.py"]


def _flags(folder: Path) -> list[str]:
    return [
        *("docker", "run", "--rm", "--interactive", "--network", "none", "--read-only", "--user", "65534:65534"),
        *("--tmpfs", "/tmp:rw,nosuid,nodev,exec,size=32m,nr_inodes=4k", "--volume", f"{folder}:/w:ro"),
        *("--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
        *("--security-opt", f"seccomp={sandbox_folder() / 'seccomp.json'}", "--pids-limit", str(PIDS), "--init"),
        *("--memory", "96m", "--memory-swap", "96m", "--ipc", "none", "--log-driver", "none", "--cpus", "1"),
        *("--ulimit", "core=0", "--ulimit", "nofile=256", "--ulimit", "stack=-1", "--oom-score-adj", "500"),
        *("--entrypoint", ""),
    ]


def report(rows: Sequence[Row], tests: int) -> str:
    by_way = {(row.language, row.workers, row.way): row for row in rows}
    lines = [_line(row, by_way) for row in rows]
    head = ("language", "workers", "way", "programs/s", "x docker run", "ms a test beyond the first", "x bare")
    where = f"{machine()}; {tests} tests a program, compilation left out, the best turn of each."
    return f"{where}\n\n{table(head, lines)}"


def _line(row: Row, by_way: dict[tuple[str, int, str], Row]) -> tuple[str, ...]:
    docker_rate = by_way[row.language, row.workers, "docker run"].programs_per_s
    bare_ms = by_way[row.language, row.workers, "bare"].per_test_ms
    faster, slower = row.programs_per_s / docker_rate, row.per_test_ms / bare_ms
    rate, test = f"{row.programs_per_s:.2f}", f"{row.per_test_ms:.2f}"
    return row.language, str(row.workers), row.way, rate, f"{faster:.1f}", test, f"{slower:.2f}"


if __name__ == "__main__":
    main()
