"""The supervisor's counters, on the files of both versions of control groups, compiled and run in the sandbox's image."""

from __future__ import annotations

import io
import subprocess
import tarfile
from dataclasses import dataclass

import pytest

from tests.conftest import ROOT

V1 = {
    "cpuacct/cpuacct.usage": "2500000000\n",
    "memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
    "memory/memory.stat": "cache 999\nrss 4000000000\nshmem 5000\ntotal_rss 1\n",
    "memory/memory.max_usage_in_bytes": "67108864\n",
    "memory/memory.limit_in_bytes": "67108864\n",
    "memory/memory.usage_in_bytes": "4000006000\n",
}
V1_JOINED = {"cpu,cpuacct/cpuacct.usage": "2500000000\n"}
V2 = {
    "cpu.stat": "usage_usec 2500000\nuser_usec 1\nsystem_usec 2\n",
    "memory.events": "low 0\nhigh 0\nmax 9\noom 1\noom_kill 3\noom_group_kill 0\n",
    "memory.stat": "anon 4000000000\nfile 999\nshmem 5000\n",
    "memory.peak": "67108864\n",
    "memory.current": "4000006000\n",
}
FOLDERS = {
    "v1": V1,
    "v1 joined": V1_JOINED,
    "v2": V2,
    "v1 with room": {**V1, "memory/memory.max_usage_in_bytes": "50000000"},
    "v2 with room": {**V2, "memory.events": "oom 0\noom_kill 3\n"},
    "none": {"empty": ""},
}
COMPILE = (
    "gcc -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -Werror -I /sandbox/source -o meter meter.c /sandbox/source/meter.c"
)


@dataclass(frozen=True)
class Reading:
    """`child_s`: what a child of 0.2 s of CPU has added."""

    cpu_s: float
    memory_bytes: int
    oom_kills: int
    ran_out: bool
    peak_bytes: int
    kernel_bytes: int
    child_s: float


@pytest.fixture(scope="module")
def readings(engine: None) -> dict[str, Reading]:
    files = {f"{folder}/{name}": text for folder, files in FOLDERS.items() for name, text in files.items()}
    files["meter.c"] = (ROOT / "tests" / "meter.c").read_text()
    folders = " ".join(f"'{folder}'" for folder in FOLDERS)
    script = f"mkdir /tmp/x && cd /tmp/x && tar -x && {COMPILE} && ./meter {folders}"
    image = subprocess.run([ROOT / "sandbox" / "build"], check=True, capture_output=True, text=True).stdout.strip()
    command = ["docker", "run", "--rm", "-i", "--network", "none", "--entrypoint", "sh", image, "-c", script]
    done = subprocess.run(command, input=_archive(files), check=True, stdout=subprocess.PIPE)
    return dict(zip(FOLDERS, map(_reading, done.stdout.decode().splitlines()), strict=True))


def _archive(files: dict[str, str]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return stream.getvalue()


def _reading(line: str) -> Reading:
    cpu_s, memory, kills, ran_out, peak, kernel, child_s = line.split()
    return Reading(float(cpu_s), int(memory), int(kills), ran_out == "1", int(peak), int(kernel), float(child_s))


@pytest.mark.parametrize("folder", ["v1", "v2"])
def test_processor_time_and_memory_of_the_whole_group_less_the_supervisors_own(
    folder: str, readings: dict[str, Reading]
) -> None:
    found = readings[folder]
    assert found.cpu_s == pytest.approx(2.5, abs=0.1)
    assert 3e9 < found.memory_bytes < 4_000_005_000
    assert (found.oom_kills, found.ran_out) == (3, True)
    assert (found.peak_bytes, found.kernel_bytes) == (67_108_864, 1000)


def test_an_engine_may_join_the_counters_of_processor_time(readings: dict[str, Reading]) -> None:
    assert readings["v1 joined"].cpu_s == pytest.approx(2.5, abs=0.1)


@pytest.mark.parametrize("folder", ["v1 with room", "v2 with room"])
def test_a_kill_within_the_limit_is_the_machines_lack_of_memory(folder: str, readings: dict[str, Reading]) -> None:
    assert (readings[folder].oom_kills, readings[folder].ran_out) == (3, False)


def test_without_counters_children_that_have_ended_are_counted(readings: dict[str, Reading]) -> None:
    found = readings["none"]
    assert found.child_s == pytest.approx(0.2, abs=0.1)
    assert (found.oom_kills, found.ran_out, found.peak_bytes) == (0, False, 0)
    assert readings["v2"].child_s == pytest.approx(0.0, abs=0.1)  # the counter's file stands still
