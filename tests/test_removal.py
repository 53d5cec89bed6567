"""What is deleted, and what never is: models by name, and the rests of runs that are over."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from sdpo_tts.cli.main import app
from sdpo_tts.models.catalogue import find
from sdpo_tts.record import RunDir
from tests import synthetic

UNSOLVED, SOLVED = [False] * 4, [False, False, True]


def test_a_model_goes_with_the_weights_made_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDPO_TTS_CACHE", str(tmp_path))
    entry, models = find("smollm2-135m"), tmp_path / "models"
    made = models / f"{Path(entry.file).stem}-{entry.sha256[:12]}-dequantised-1"
    made.mkdir(parents=True)
    (made / "model.safetensors").write_bytes(bytes(2_000_000))
    (models / entry.file).write_bytes(bytes(1_000_000))
    (models / "other.gguf").write_bytes(b"stays")
    done = CliRunner().invoke(app, ["model", "rm", "smollm2-135m"])
    assert (done.exit_code, done.stderr) == (0, "deleted: 3 MB\n")
    assert [path.name for path in models.iterdir()] == ["other.gguf"]
    again = CliRunner().invoke(app, ["model", "rm", "smollm2-135m"])
    assert again.exit_code == 2 and "the model smollm2-135m is not on this machine" in again.stderr


def test_so_does_one_of_a_hub_and_nothing_of_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    (tmp_path / "hub" / "models--a--b" / "blobs").mkdir(parents=True)
    (tmp_path / "hub" / "models--a--b" / "blobs" / "1").write_bytes(bytes(1_500_000))
    (own := tmp_path / "a.gguf").write_bytes(b"mine")
    entry = find("qwen3.5-0.8b")
    (tmp_path / "hub" / f"models--{entry.repo.replace('/', '--')}" / "blobs").mkdir(parents=True)
    for name, code in ((entry.name, 0), (entry.name, 2), ("a/b", 0), ("a/b", 2), ("../..", 2), (str(own), 2), ("./own", 2), ("smollm3", 2)):
        assert CliRunner().invoke(app, ["model", "rm", name]).exit_code == code
    assert own.exists() and (tmp_path / "hub").exists() and not (tmp_path / "hub" / "models--a--b").exists()


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """One that ended unsolved, one that solved, two that did not begin; each of the first two with a checkpoint."""
    for seed, outcomes in enumerate((UNSOLVED, SOLVED)):
        run = RunDir(synthetic.write(tmp_path, "rle", "sdpo", seed, outcomes, 4))
        for folder in (run.attempts, run.logs, run.checkpoint.parent):
            folder.mkdir(exist_ok=True)
        run.checkpoint.write_bytes(bytes(1000))
    for seed in (2, 3):
        RunDir.at(tmp_path / "rle" / f"sdpo-s{seed}").events.touch()
    (tmp_path / "rle" / "notes").mkdir()
    return tmp_path


def pruned(runs: Path, *options: str, answer: str = "") -> tuple[list[str], str]:
    done = CliRunner().invoke(app, ["runs", "prune", "--runs", str(runs), *options], input=answer)
    assert done.exit_code == 0, done.output
    rows = [line for line in done.stdout.splitlines() if " MiB " in line]
    return [Path(row.split()[2]).relative_to(runs).as_posix() for row in rows], done.stderr


def test_what_can_go_is_listed_and_asked_about(runs: Path) -> None:
    before = sorted(runs.rglob("*"))
    listed = ["rle/sdpo-s0/checkpoint", "rle/sdpo-s2", "rle/sdpo-s3"]
    for answer in ("n\n", ""):
        found, said = pruned(runs, answer=answer)
        assert (found, sorted(runs.rglob("*"))) == (listed, before) and said.endswith("nothing was deleted\n")
    assert pruned(runs, answer="y\n")[0] == listed
    left = {path.relative_to(runs).as_posix() for path in runs.glob("*/*")}
    assert left == {"rle/sdpo-s0", "rle/sdpo-s1", "rle/notes"}
    assert (runs / "rle/sdpo-s0/events.jsonl").exists() and not (runs / "rle/sdpo-s0/checkpoint").exists()
    assert (runs / "rle/sdpo-s1/checkpoint/state.pt").exists(), "whoever solved keeps what there is"
    assert pruned(runs, "--yes") == ([], "nothing to delete\n")


def test_a_run_that_is_at_work_is_left_alone(runs: Path) -> None:
    with RunDir(runs / "rle" / "sdpo-s2").lock(), RunDir(runs / "rle" / "sdpo-s0").lock():
        assert pruned(runs, "--yes")[0] == ["rle/sdpo-s3"]
    assert (runs / "rle" / "sdpo-s2").exists() and (runs / "rle/sdpo-s0/checkpoint").exists()
