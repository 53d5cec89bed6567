"""A disk that is full, on a real file system of a few hundred KiB: what is written waits for room, and nothing is torn."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from sdpo_tts.cli.command import app_of, orderly
from sdpo_tts.record import AttemptRecord, Journal, RunDir, disk_full, read_events, write_folder, write_text, write_with
from sdpo_tts.view import heard
from tests import interrupted

LONG = "x" * 3000


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """An empty file system of 800 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=800k", "tmpfs", str(place)]
    if subprocess.run(words, capture_output=True).returncode:
        pytest.skip("a file system can only be mounted by root")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def ballast(disk: Path, left: int = 0) -> Path:
    """Fill the disk but for `left` bytes."""
    file = disk / "ballast"
    file.write_bytes(b"\0" * (os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize - left))
    return file


@contextmanager
def told_full(react: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What is said meanwhile; `react` is called when it is said that the disk is full."""
    said: list[str] = []

    def hear(text: str) -> None:
        said.append(text)
        if "is full" in text:
            react()

    monkeypatch.setattr(disk_full, "POLL_S", 0.01)
    with heard(hear, "record"):
        yield said


def test_a_journal_waits_and_no_line_is_torn(disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Journal(disk / "events.jsonl") as journal:
        journal.append("step_skipped", step=0, reason=LONG)
        file = ballast(disk)
        journal.append_if_room("step_skipped", step=1, reason=LONG)
        before = (disk / "events.jsonl").read_bytes()
        assert [event["step"] for event in read_events(journal.path)] == [0] and before.endswith(b"}\n")
        with told_full(file.unlink, monkeypatch) as said:
            journal.append("step_skipped", step=2, reason=LONG)
        journal.append("step_skipped", step=3, reason=LONG)
    assert [(event["seq"], event["step"]) for event in read_events(journal.path)] == [(0, 0), (1, 2), (2, 3)]
    assert len(said) == 2 and said[1] == f"there is space again at {disk}"
    assert said[0].startswith(f"the disk of {disk} is full: 3.0 KiB are needed and 0.0 KiB are free; waiting for room")


def checkpoint(path: Path) -> None:
    state = {"weights": torch.arange(50_000)}
    write_with(path, lambda file: torch.save(state, file))
    assert torch.equal(torch.load(path, weights_only=True)["weights"], state["weights"])


def adapter(path: Path) -> None:
    weights = {"lora": torch.arange(50_000)}
    write_folder(path, lambda folder: save_file(weights, folder / "adapter.safetensors"))
    assert torch.equal(load_file(path / "adapter.safetensors")["lora"], weights["lora"])


def attempt(path: Path) -> None:
    record = AttemptRecord(1, 0, 0, "é" * 20_000, None, "", interrupted.Verdict.NC, (), (), ())
    record.save(path)
    assert AttemptRecord.load(path) == record


@pytest.mark.parametrize("write", [checkpoint, adapter, attempt])
def test_files_wait_and_replace_the_old_ones_whole(
    disk: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], None]
) -> None:
    path = disk / "deep" / "thing"
    if write is not adapter:
        write_text(path, "old")
    file = ballast(disk, left=20_000)
    names: list[list[str]] = []

    def free() -> None:
        names.append(sorted(entry.name for entry in path.parent.iterdir()) if path.parent.exists() else [])
        file.unlink()

    with told_full(free, monkeypatch) as said:
        write(path)
    assert names in ([["thing"]], [[]]), "nothing half written lies about"
    assert len(said) == 2
    assert [entry.name for entry in path.parent.iterdir()] == ["thing"]


def test_a_lock_is_taken_on_a_full_disk(disk: Path) -> None:
    run = RunDir.at(disk / "run")
    ballast(disk)
    with run.lock():
        assert run.locked


def test_a_command_that_does_not_wait_says_that_the_disk_is_full(disk: Path) -> None:
    def write() -> None:
        with orderly():
            write_text(disk / "page.html", LONG * 99, wait=False)

    ballast(disk)
    result = CliRunner().invoke(app_of(write, "write"))
    assert (result.exit_code, result.stderr) == (4, "error: a disk is full: [Errno 28] No space left on device\n")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, ...]:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    assert os.waitpid(interrupted.forked(folder), 0)[1] == 0
    return interrupted.final(folder)


def waited_for(pid: int, folder: Path) -> None:
    """Until the process of the run does nothing any more."""
    seen: list[Any] = []
    while len(seen) < 15 or len(set(seen[-15:])) > 1:
        assert os.waitpid(pid, os.WNOHANG) == (0, 0), "it waits, it does not end"
        journal = folder / "events.jsonl"
        seen.append(journal.stat().st_size if journal.exists() else 0)
        time.sleep(0.1)


@pytest.mark.parametrize("left", [110_000, 170_000])
def test_a_run_on_a_full_disk_ends_as_one_with_room(
    disk: Path, undisturbed: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    """Wherever the disk becomes full; Ctrl-C ends the wait, and the run goes on later."""
    monkeypatch.setattr(disk_full, "POLL_S", 0.01)
    file = ballast(disk, left)
    pid = interrupted.forked(disk / "run")
    waited_for(pid, disk / "run")
    for _ in range(2):
        with suppress(ProcessLookupError):  # the second is for a batch that is being judged
            os.kill(pid, signal.SIGINT)
        time.sleep(0.5)
    assert os.waitpid(pid, os.WNOHANG) == (pid, 256), "an interruption ends the wait"
    pid = interrupted.forked(disk / "run")
    waited_for(pid, disk / "run")
    file.unlink()
    assert os.waitpid(pid, 0)[1] == 0
    told, *rest = interrupted.final(disk / "run")
    told = [event for event in told if event.get("reason") != "interrupted"]
    assert (told, *rest) == undisturbed


def test_what_is_heard_of_one_room_is_not_of_another() -> None:
    heard_of: list[str] = []
    with heard(heard_of.append, "judge"):
        logging.getLogger("sdpo_tts.judge.containers.outage").warning("gone")
        logging.getLogger("sdpo_tts.record.disk_full").warning("full")
        logging.getLogger("sdpo_tts.judge.containers.outage").info("back")
        logging.getLogger("sdpo_tts.judge.containers.outage").debug("nothing")
    logging.getLogger("sdpo_tts.judge.containers.outage").warning("later")
    assert heard_of == ["gone", "back"]
    with heard(heard_of.append, "judge", relief=heard_of.remove):
        logging.getLogger("sdpo_tts.judge.containers.outage").info("back")
    assert heard_of == ["gone"]
    assert logging.getLogger("sdpo_tts.judge").level == logging.NOTSET
