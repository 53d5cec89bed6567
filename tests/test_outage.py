"""The Docker engine is gone for a while: a socket in front of the real one is cut and restored."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from sdpo_tts.discovery import checkpoint
from sdpo_tts.discovery.budget import Budget
from sdpo_tts.discovery.methods.best_of_k import BestOfK
from sdpo_tts.discovery.solve import Solver
from sdpo_tts.discovery.state import Parts
from sdpo_tts.errors import SandboxError
from sdpo_tts.judge import Judge
from sdpo_tts.judge.containers import outage
from sdpo_tts.judge.containers.pool import RUN_LABEL
from sdpo_tts.record import Journal, RunDir, read_events
from sdpo_tts.view import heard
from tests.fakes import CharacterChat, ScriptedSampler, Version
from tests.test_judge import RIGHT, SUM

SLOW = f"import time\ntime.sleep(0.3)\n{RIGHT}"
REAL = "/var/run/docker.sock"


class Road:
    """A Unix socket that leads to the real engine, as long as it is not cut."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ends: list[socket.socket] = []
        self.restore()

    def restore(self) -> None:
        self._machine = machine = socket.socket(socket.AF_UNIX)
        machine.bind(str(self.path))
        machine.listen()
        self._ends = [machine]
        threading.Thread(target=self._serve, args=(machine,), daemon=True).start()

    def cut(self) -> None:
        self.path.unlink(missing_ok=True)
        for end in self._ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def _serve(self, machine: socket.socket) -> None:
        while True:
            try:
                near, _ = machine.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(REAL)
            self._ends += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=_carry, args=(source, sink), daemon=True).start()


def _carry(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return


@pytest.fixture
def road(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: None) -> Iterator[Road]:
    road = Road(tmp_path / "engine.sock")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{road.path}")
    monkeypatch.setattr(outage, "POLL_S", 0.05)
    yield road
    road.cut()


def left_over(judge: Judge) -> list[Any]:
    client = docker.DockerClient(base_url=f"unix://{REAL}")
    try:
        filters = {"label": f"{RUN_LABEL}={judge._containers.run_id}"}
        return client.containers.list(all=True, ignore_removed=True, filters=filters)
    finally:
        client.close()


def test_what_was_in_hand_is_judged_again_when_the_engine_is_back(road: Road) -> None:
    programs = [SLOW, f"{SLOW}\n", "print(7)", SLOW.replace("sum", "max"), f"# other\n{SLOW}"]
    said: list[str] = []
    with Judge(SUM, workers=2) as judge, heard(said.append, "judge"):
        expected = [judge.judge(program).verdict for program in programs]
        found: list[Any] = []
        work = threading.Thread(target=lambda: found.extend(judge.judge_many(programs)))
        work.start()
        time.sleep(0.4)
        road.cut()
        time.sleep(0.6)
        assert work.is_alive()
        road.restore()
        work.join(60)
    assert [one.verdict for one in found] == expected and {"AC", "WA"} <= {str(one) for one in expected}
    assert said == [
        "the Docker engine is gone: waiting for it, at most 15 minutes",
        "the Docker engine is back: judging again what was interrupted",
    ]
    assert left_over(judge) == []


def solver(run: RunDir, journal: Journal, judge: Judge, answers: list[str]) -> Solver:
    chat = CharacterChat()
    parts = Parts(Version(), chat, ScriptedSampler(answers), judge, journal, run)  # type: ignore[arg-type]
    return Solver(parts, BestOfK(SUM, chat, 3), Budget(max_attempts=6), 0)  # type: ignore[arg-type]


def test_a_run_is_given_up_after_a_time_and_can_be_gone_on_with(
    road: Road, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outage, "PATIENCE_S", 0.5)
    run = RunDir.at(tmp_path / "run")
    answers = [f"```python\n{text}\n```" for text in ("print(1)", "import time; time.sleep(1); print(2)", "print(3)")]
    with (
        pytest.raises(SandboxError, match="gone for") as error,
        Judge(SUM, workers=1) as judge,
        Journal(run.events) as journal,
    ):
        journal.subscribe(lambda event: road.cut() if event["type"] == "attempt_judged" else None)
        solver(run, journal, judge, list(answers)).run()
    assert error.value.exit_code == 5
    events = read_events(run.events)
    assert (events[-1]["type"], events[-1]["reason"]) == ("run_ended", "error")
    judged = [event["attempt"] for event in events if event["type"] == "attempt_judged"]
    assert judged == [1]
    road.restore()
    with Judge(SUM, workers=1) as judge, Journal(run.events) as journal:
        again = solver(run, journal, judge, list(answers))
        checkpoint.resume(again)
        again.run()
    events = read_events(run.events)
    verdicts = [(event["attempt"], event["verdict"]) for event in events if event["type"] == "attempt_judged"]
    assert verdicts == [(number, "WA") for number in range(1, 7)], "each once, and none for the engine's sake"


def test_stopping_does_not_wait_for_the_engine(road: Road) -> None:
    with Judge(SUM, workers=1) as judge:
        judging = iter(judge.judge_each([SLOW, "print(1)"]))
        threading.Timer(0.2, road.cut).start()
        threading.Timer(0.6, judge._containers.close).start()
        with pytest.raises(SandboxError, match="stopped while"):
            list(judging)
