"""Many judgements in a row, and what they leave in memory, descriptors, threads, containers and on disk.

    python -m benchmarks.leaks [--judgements N] [--write]

The programs are well-behaved and hostile ones in turn, all different. The first tenth warms up.
"""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import docker

from benchmarks.report import table, write
from sdpo_tts.judge import Judge
from sdpo_tts.judge.containers.pool import OWNER_LABEL
from tests.hostile.corpus import FOLDER, RIGHT, SUM

# The last one costs a container each time.
HOSTILE = ("daemon_holds_stdout", "zombies", "stdout_flood", "million_files", "odd_files", "segfault") * 4 + (
    "memory_touched",
)


@dataclass(frozen=True)
class Sample:
    judgements: int
    seconds: float
    memory_mib: float
    descriptors: int
    threads: int
    containers: int
    engine_mib: float
    engine_descriptors: int
    disk_mib: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--judgements", type=int, default=10_000)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    head = [field.name.replace("_", " ") for field in fields(Sample)]
    text = table(head, [[_cell(value) for value in astuple(sample)] for sample in run(options.judgements)])
    print(text)
    if options.write:
        write("judge.md", "leaks", text)


def _cell(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.1f}"


def run(judgements: int) -> Iterator[Sample]:
    """One sample before the judge starts, one after each tenth, one after its end."""
    started, programs = time.monotonic(), _programs()
    with closing(docker.from_env()) as client:
        yield _sample(client, 0, started)
        with Judge(SUM, workers=2) as judge:
            for tenth in range(1, 11):
                judge.judge_many(list(itertools.islice(programs, judgements // 10)))
                yield _sample(client, tenth * (judgements // 10), started)
        yield _sample(client, judgements, started)


def _programs() -> Iterator[str]:
    """Two of three well-behaved; no two the same, since equal programs are judged once."""
    hostile = itertools.cycle([(FOLDER / "programs" / f"{name}.py").read_text() for name in HOSTILE])
    for number in itertools.count():
        yield f"{next(hostile) if number % 3 == 2 else RIGHT}# {number}\n"


def _sample(client: docker.DockerClient, judgements: int, started: float) -> Sample:
    engine, info = _engine(), client.info()
    labelled = client.api.containers(all=True, filters={"label": OWNER_LABEL})
    sample = Sample(
        judgements=judgements,
        seconds=time.monotonic() - started,
        memory_mib=_memory_mib(Path("/proc/self")),
        descriptors=_descriptors(Path("/proc/self")),
        threads=threading.active_count(),
        containers=len([c for c in labelled if f"/{os.getpid()}/" in c["Labels"][OWNER_LABEL]]),
        engine_mib=_memory_mib(engine) if engine else 0.0,
        engine_descriptors=_descriptors(engine) if engine else 0,
        disk_mib=shutil.disk_usage(info["DockerRootDir"]).used / 2**20,
    )
    print(sample, file=sys.stderr)
    return sample


def _engine() -> Path | None:
    """The engine's process, where it is one of this machine and ours to look at."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "comm").read_text().strip() == "dockerd":
                return folder
        except OSError:
            continue
    return None


def _memory_mib(process: Path) -> float:
    return int((process / "statm").read_text().split()[1]) * 4096 / 2**20


def _descriptors(process: Path) -> int:
    return len(list((process / "fd").iterdir()))


if __name__ == "__main__":
    main()
