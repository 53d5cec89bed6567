"""What is left when a judge ends: in good order, by SIGKILL, and after many judgements."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker
import pytest

from sdpo_tts.judge import Judge
from sdpo_tts.judge.containers import pool
from sdpo_tts.judge.containers.pool import OWNER_LABEL
from tests.conftest import ROOT
from tests.hostile.corpus import RIGHT, SUM

ENDS_WITHIN_S = 30
CONNECTIONS_KEPT = 25  # to the engine, by docker-py, for later requests
LONG = """
from contextlib import closing
from dataclasses import replace
from sdpo_tts.judge import Judge
from tests.hostile.corpus import SUM

problem = replace(SUM, limits=replace(SUM.limits, time_s=1000.0))
with Judge(problem, workers=2) as judge:
    judge.judge_many(["import time\\ntime.sleep(1000)", "while True: pass"])
"""


@pytest.fixture
def client() -> Iterator[Any]:
    client = docker.from_env()
    yield client
    client.close()


def owned(client: Any, pid: int, **filters: str) -> list[Any]:
    """The containers that a process of this host started."""
    found = client.containers.list(all=True, ignore_removed=True, filters={"label": OWNER_LABEL, **filters})
    return [one for one in found if f"/{pid}/" in one.labels[OWNER_LABEL]]


def wait(until: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not (done := until()) and time.monotonic() < end:
        time.sleep(0.1)
    return done


def test_after_sigkill_containers_end_by_themselves_and_the_next_start_removes_them(engine: None, client: Any) -> None:
    tool = subprocess.Popen([sys.executable, "-c", LONG], cwd=ROOT)
    assert wait(lambda: len(owned(client, tool.pid, status="running")) == 2, 120)
    time.sleep(1)  # so that both programs run
    tool.send_signal(signal.SIGKILL)
    tool.wait()
    assert wait(lambda: not owned(client, tool.pid, status="running"), ENDS_WITHIN_S)
    with Judge(SUM):
        assert owned(client, tool.pid) == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_an_interrupted_judge_says_what_it_waits_for_and_leaves_nothing(
    engine: None, client: Any, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    limits = "limits: {time: 100s, memory: 64MiB}\ntests: {shown: [{input: a, output: a}]}\n"
    (tmp_path / "problem.yaml").write_text(f"format: sdpo-solve/1\ntitle: Echo\nstatement: Print it.\n{limits}")
    (tmp_path / "a.py").write_text("import time\ntime.sleep(1000)")
    command = [sys.executable, "-c", "from sdpo_tts.cli.main import main; main()", "judge", tmp_path, tmp_path / "a.py"]
    tool = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert wait(lambda: len(owned(client, tool.pid, status="running")) == 1, 120)
    time.sleep(1)  # so that the program runs
    tool.send_signal(number)
    _, said = tool.communicate(timeout=ENDS_WITHIN_S)
    assert (tool.returncode, owned(client, tool.pid)) == (code, [])
    assert "stopping: removing the sandbox's containers" in said


def test_the_next_start_removes_what_cannot_end(engine: None, client: Any) -> None:
    tool = subprocess.Popen([sys.executable, "-c", LONG], cwd=ROOT)
    assert wait(lambda: len(owned(client, tool.pid, status="running")) == 2, 120)
    for one in owned(client, tool.pid):
        one.pause()
    tool.send_signal(signal.SIGKILL)
    tool.wait()
    with Judge(SUM):
        assert owned(client, tool.pid) == []


def test_many_judgements_leave_descriptors_threads_and_containers_as_they_were(
    engine: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "MOST_USES", 2)
    before = _resources()
    with Judge(replace(SUM, tests=SUM.tests[:1]), workers=2) as judge:
        judge.judge_many(_programs(8))
        warm = _resources()
        judge.judge_many(_programs(60))  # in 30 containers
        after = _resources()
    assert after[0] - warm[0] <= CONNECTIONS_KEPT
    assert after[1] == warm[1]
    assert after[2] <= 2
    assert _resources() == before


def _programs(count: int) -> list[str]:
    return [f"{RIGHT if number % 2 else 'raise ValueError'}\n# {number}" for number in range(count)]


def _resources() -> tuple[int, int, int]:
    """Open descriptors, threads, containers."""
    with closing(docker.from_env()) as client:
        containers = len(owned(client, os.getpid()))
    return len(list(Path("/proc/self/fd").iterdir())), threading.active_count(), containers
