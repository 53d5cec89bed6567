"""The supervisor's counters, on the files of both versions of control groups."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT

sys.path.insert(0, str(ROOT / "sandbox"))
from meter import Meter

V1 = {
    "cpuacct/cpuacct.usage": "2500000000\n",
    "memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
    "memory/memory.stat": "cache 999\nrss 4000000000\nshmem 5000\ntotal_rss 1\n",
    "memory/memory.max_usage_in_bytes": "67108864\n",
    "memory/memory.limit_in_bytes": "67108864\n",
}
V2 = {
    "cpu.stat": "usage_usec 2500000\nuser_usec 1\nsystem_usec 2\n",
    "memory.events": "low 0\nhigh 0\nmax 9\noom 1\noom_kill 3\noom_group_kill 0\n",
    "memory.stat": "anon 4000000000\nfile 999\nshmem 5000\n",
}


def meter(folder: Path, files: dict[str, str]) -> Meter:
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return Meter(folder)


@pytest.mark.parametrize("files", [V1, V2], ids=["v1", "v2"])
def test_processor_time_and_memory_of_the_whole_group_less_the_supervisors_own(
    tmp_path: Path, files: dict[str, str]
) -> None:
    found = meter(tmp_path, files)
    assert found.cpu_s() == pytest.approx(2.5 - time.process_time(), abs=0.1)
    assert 3e9 < found.memory_bytes() < 4_000_005_000
    assert (found.oom_kills(), found.ran_out()) == (3, True)


@pytest.mark.parametrize(
    ("files", "name", "text"),
    [
        (V1, "memory/memory.max_usage_in_bytes", "50000000"),
        (V2, "memory.events", "oom 0\noom_kill 3\n"),
    ],
    ids=["v1", "v2"],
)
def test_a_kill_within_the_limit_is_the_machines_lack_of_memory(
    tmp_path: Path, files: dict[str, str], name: str, text: str
) -> None:
    found = meter(tmp_path, {**files, name: text})
    assert (found.oom_kills(), found.ran_out()) == (3, False)


def test_without_counters_children_that_have_ended_are_counted(tmp_path: Path) -> None:
    found = meter(tmp_path, {})
    before = found.cpu_s()
    subprocess.run([sys.executable, "-c", "import time\nwhile time.process_time() < 0.2: pass"], check=True)
    assert found.cpu_s() - before == pytest.approx(0.2, abs=0.1)
    assert (found.oom_kills(), found.ran_out()) == (0, False)
