"""A comparison on a Ray cluster of two machines, one of which is lost in the middle of a run."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sdpo_tts.comparison.arms import Arm
from sdpo_tts.comparison.cells import claimed, ending
from sdpo_tts.comparison.cluster import ClusterComparison, Share, connected, pack, share_of, unpack
from sdpo_tts.comparison.job import Makers
from sdpo_tts.comparison.plan import Choices, Plan
from sdpo_tts.comparison.run import Comparison
from sdpo_tts.discovery.assemble import Policy, RunSettings
from sdpo_tts.discovery.budget import Budget
from sdpo_tts.discovery.methods.strategy import Strategy
from sdpo_tts.errors import SandboxError, SetupError
from sdpo_tts.problem import Problem
from sdpo_tts.record import RunDir, read_events
from tests import coins
from tests.conftest import ROOT

cluster_utils = pytest.importorskip("ray.cluster_utils")

STALLS, FAILS = ("hard", "sdpo", 1), ("easy", "multi-turn", 0)


def makers(folder: Path) -> Makers:
    """Notes every start with its machine; one cell stalls when it is run first, one always fails."""
    return replace(coins.makers(), strategy=partial(strategy, folder))


def strategy(folder: Path, settings: RunSettings, problem: Problem, policy: Policy) -> Strategy:
    import ray

    cell = (problem.slug, settings.method, settings.seed)
    machine = ray.get_runtime_context().get_node_id()
    (folder / f"{'-'.join(map(str, cell))}.{time.monotonic_ns()}").write_text(machine)
    if cell == FAILS:
        raise SandboxError("the engine is gone", where="judge")
    if cell == STALLS and not (folder / "stalled").exists():
        (folder / "stalled").write_text(machine)
        time.sleep(120)
    return coins.strategy(settings, problem, policy)


@pytest.fixture
def machines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A head that runs nothing and two machines of one processor each, which know the tests' modules."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    small = {"include_dashboard": False, "object_store_memory": 100 * 2**20}
    cluster = cluster_utils.Cluster(True, head_node_args={"num_cpus": 0, **small})
    try:
        nodes = [cluster.add_node(num_cpus=1, **small) for _ in range(2)]
        monkeypatch.setenv("RAY_ADDRESS", cluster.address)
        cluster.wait_for_nodes()
        yield cluster, {node.node_id: node for node in nodes}
    finally:
        cluster.shutdown()


def lose_the_stalled_one(cluster: Any, nodes: dict[str, Any], folder: Path) -> None:
    while not (folder / "stalled").exists() or not (machine := (folder / "stalled").read_text()):
        time.sleep(0.05)
    cluster.remove_node(nodes[machine], allow_graceful=False)


def test_a_lost_machine_s_cells_run_again_and_all_come_home(
    tmp_path: Path, machines: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (starts := tmp_path / "starts").mkdir()
    arms = tuple(Arm(name, name) for name in ("sdpo", "best-of-k", "multi-turn"))
    choices = Choices(arms, 2, RunSettings(budget=Budget(max_attempts=8)), {"best-of-k": 4})
    plan = Plan(tmp_path / "comparison", tmp_path / "pools", coins.PROBLEMS, choices)
    killer = threading.Thread(target=lose_the_stalled_one, args=(*machines, starts), daemon=True)
    killer.start()
    lines: list[str] = []
    with connected():
        assert share_of("cpu", 1.0) == share_of("auto", 1.0) == Share(1.0, 0.0) and share_of("cuda:0", 2.0).gpus == 1
        tally = ClusterComparison(plan, partial(makers, starts), lines.append, Share()).run()
        killer.join(10)
        told = capsys.readouterr()
        trace = (plan.folder / "easy" / "multi-turn-s0" / "logs" / "error.txt").read_text()
        monkeypatch.setattr("sdpo_tts.__version__", "0.0.0")
        refused = ClusterComparison(plan, partial(makers, starts), lines.append, Share()).run()
        other = ExitStack()
        other.enter_context(claimed(refused.failed[0][0].home))
        tell = partial(released_when_waited_for, other, lines)
        held = ClusterComparison(plan, partial(makers, starts), tell, Share()).run()
    assert not told.out and "the node it was running on is dead" in told.err, "stdout is for results"
    assert lines[0] == "the cluster has 3 machines and room for 2 runs at once"
    assert (tally.cells, tally.finished, tally.busy) == (18, 17, [])
    ((failed, error),) = tally.failed
    assert (str(failed), str(error), getattr(error, "exit_code", None)) == (
        "easy multi-turn seed 0", "judge: the engine is gone", 5,
    )  # fmt: skip
    assert "SandboxError" in trace
    assert [str(cell) for cell, _ in refused.failed] == [str(failed)] and refused.finished == 17
    assert ", this machine 0.0.0 (hint: install the same on all)" in str(refused.failed[0][1])
    assert (held.busy, [cell for cell, _ in held.failed], held.finished) == ([], [failed], 17)
    assert "waiting for cells of other processes: 1" in lines
    counts = Counter(path.name.partition(".")[0] for path in starts.glob("*.*"))
    assert len(counts) == 18 and counts["-".join(map(str, STALLS))] == 2, "it was running on the machine that was lost"
    homes = [cell.home for cell in plan.cells()]
    assert len(set(homes)) == 18 and sum(bool(ending(home)) for home in homes) == 17
    assert not list(tmp_path.rglob(".unpack-*"))
    here = replace(plan, folder=tmp_path / "here", pools=tmp_path / "here-pools")
    Comparison(here, coins.makers(), lambda line: None).run()
    for home in set(homes) - {failed.home}:
        assert outcomes(home) == outcomes(here.folder / home.relative_to(plan.folder)), "as it would have been here"


def released_when_waited_for(other: ExitStack, lines: list[str], line: str) -> None:
    lines.append(line)
    if line.startswith("waiting"):
        other.close()


def outcomes(home: Path) -> list[tuple[int, str]]:
    events = read_events(home / "events.jsonl")
    assert [event["type"] for event in events].count("run_started") == 1
    return [(event["attempt"], event["verdict"]) for event in events if event["type"] == "attempt_judged"]


def test_a_run_is_packed_without_its_checkpoint(tmp_path: Path) -> None:
    run = RunDir.at(tmp_path / "run")
    for name in ("events.jsonl", "checkpoint/state.pt", "adapter/last/a.bin", "lock"):
        (run.path / name).parent.mkdir(parents=True, exist_ok=True)
        (run.path / name).write_bytes(name.encode() * 1000)
    unpack(pack(run.path), tmp_path / "a" / "b")
    files = {str(path.relative_to(tmp_path / "a" / "b")): path for path in (tmp_path / "a" / "b").rglob("*") if path.is_file()}
    assert set(files) == {"events.jsonl", "adapter/last/a.bin"}
    assert all(path.read_bytes() == name.encode() * 1000 for name, path in files.items())
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]


def test_without_a_cluster_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    monkeypatch.setattr("ray.init", refuse)
    with pytest.raises(SetupError, match=r"no Ray cluster answers: Could not find any running Ray instance\. \(hint"), connected():
        pass


def refuse(*given: object, **named: object) -> None:
    raise ConnectionError("Could not find any running Ray instance.\nPlease specify the one to connect to.")
