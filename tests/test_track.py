"""Trackers: the figures of a journal, in a real TensorBoard log, and in the others where they are installed."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sdpo_tts.cli.main import app
from sdpo_tts.cli.solving.solve import app as solve_app
from sdpo_tts.errors import UserError
from sdpo_tts.track.backends import BACKENDS, Wanted, parse
from sdpo_tts.track.tracker import Tracker
from sdpo_tts.view import heard
from tests.conftest import ROOT
from tests.test_problem import GOOD
from tests.test_view import EVENTS, REST

MANIFEST = {"v": 1, "seq": 0, "t": 99.0, "type": "manifest", "settings": {"seed": 7, "learner": {"learning_rate": 1e-4}}}
TOLD = [MANIFEST, *EVENTS, *REST]


def track(folder: Path, kind: str, place: str = "", first: int = 0) -> None:
    """What two processes of one run tell: the second begins with event `first`."""
    tracker = Tracker(Wanted(kind, place), folder)
    tracker.catch_up(TOLD[:first])
    for event in TOLD[first:]:
        tracker.event(event)


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log = EventAccumulator(str(folder))
    log.Reload()
    return {name: [(one.step, one.value) for one in log.Scalars(name)] for name in log.Tags()["scalars"]}


EXPECTED = {
    "sampling/completion_tokens": [(0, 1200), (3, 1200)],
    "batch/accepted": [(3, 0.0), (6, 1 / 3)],
    "batch/best_share": [(3, 0.4), (6, 1.0)],
    "step/loss": [(3, 0.25)],
    "step/trained": [(3, 3)],
    "solved/attempt": [(6, 5)],
    "run/seconds": [(6, 32.5)],
}


def test_tensorboard_has_the_figures_over_attempts(tmp_path: Path) -> None:
    run = tmp_path / "sum-line" / "sdpo-s7"
    track(run, "tensorboard")
    found = scalars(run / "tensorboard")
    for name, points in EXPECTED.items():
        assert found[name] == [(step, pytest.approx(value)) for step, value in points], name
    assert "step/kl" not in found, "it was not finite"
    track(run, "tensorboard", place=str(tmp_path / "all"))
    assert scalars(tmp_path / "all" / "sum-line" / "sdpo-s7").keys() == found.keys()


def test_a_resumed_run_is_tracked_from_where_it_goes_on(tmp_path: Path) -> None:
    run = tmp_path / "sum-line" / "sdpo-s7"
    track(run, "tensorboard", first=8)
    assert scalars(run / "tensorboard")["batch/accepted"] == [(6, pytest.approx(1 / 3))]


OTHERS = {
    "wandb": "import wandb; assert wandb.run is None",
    "trackio": "from trackio.sqlite_storage import SQLiteStorage; print(SQLiteStorage.get_logs('sdpo-tts', 'sdpo-s7'))",
}


@pytest.mark.parametrize("kind", OTHERS)
def test_the_others_take_it_too(tmp_path: Path, kind: str) -> None:
    """In a process of its own, offline: they start threads and servers."""
    if importlib.util.find_spec(kind) is None:
        pytest.skip(f"{kind} is not installed")
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\nfrom pathlib import Path\nfrom tests.test_track import track\n"
        "from sdpo_tts.view import heard\nsaid = []\nwith heard(said.append, 'track'):\n"
        f"    track(Path({str(tmp_path)!r}) / 'sum-line' / 'sdpo-s7', {kind!r})\nassert not said, said\n{OTHERS[kind]}"
    )
    here = {"WANDB_MODE": "offline", "TRACKIO_DIR": str(tmp_path / "trackio"), "HF_HUB_OFFLINE": "1", "HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**here, "PATH": ""}, timeout=120)
    assert done.returncode == 0, done.stderr
    if kind == "wandb":
        assert list(tmp_path.rglob("run-sdpo-s7.wandb"))
    else:
        assert "'batch/accepted': 0.333" in done.stdout


class Broken:
    def __init__(self, *arguments: object) -> None:
        self.calls = 0

    def log(self, figures: Mapping[str, float], attempts: int) -> None:
        self.calls += 1
        raise ConnectionError("the server is gone\nmore")

    def close(self) -> None:
        raise AssertionError("it is left alone")


def test_a_tracker_that_fails_is_left_alone_and_the_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BACKENDS, "wandb", Broken)
    said: list[str] = []
    with heard(said.append, "track"):
        track(tmp_path, "wandb")
    assert said == ["wandb failed, and the run continues without it: the server is gone"]


def test_what_may_be_tracked() -> None:
    assert parse("tensorboard:logs/x, wandb") == [Wanted("tensorboard", "logs/x"), Wanted("wandb", "")]
    with pytest.raises(UserError, match="no tracker is called 'mlflow'"):
        parse("mlflow")


def test_a_missing_package_is_one_line_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "wandb" else find(name, *rest))
    arguments = [str(ROOT / "problems" / "rle"), "--track", "wandb", "--runs", str(tmp_path)]
    result = CliRunner().invoke(solve_app, arguments)
    assert (result.exit_code, result.stderr) == (
        4, "error: --track: the package wandb is not installed (hint: pip install wandb)\n",
    )  # fmt: skip
    assert not list(tmp_path.iterdir())


def test_a_problem_decides_nothing_of_it(tmp_path: Path) -> None:
    (tmp_path / "problem.yaml").write_text(f"{GOOD}run:\n  track: wandb\n")
    result = CliRunner().invoke(app, ["config", str(tmp_path / "problem.yaml")])
    assert result.exit_code == 2 and "track" in result.stderr
    result = CliRunner().invoke(app, ["config", "--track", "tensorboard", "--json"])
    assert json.loads(result.stdout)["track"]["value"] == "tensorboard"


