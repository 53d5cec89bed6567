"""A run that was interrupted goes on as if it had not been."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from sdpo_tts.discovery.assemble import RunSettings
from sdpo_tts.discovery.stop import deferred
from sdpo_tts.errors import UserError
from sdpo_tts.policy.loss import LossSettings, Support
from sdpo_tts.record import read_events
from tests.conftest import ROOT
from tests.interrupted import ATTEMPTS, BATCH, final, work


def test_a_run_killed_at_random_moments_ends_as_the_undisturbed_one(tmp_path: Path) -> None:
    """Its journal has every attempt once, and its adapter is the same to the last bit."""
    words = [sys.executable, "-W", "ignore", "-m", "tests.interrupted", str(tmp_path), "50", "0"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["same"] == told["trials"] == 50
    assert {"attempt_judged", "batch_watched", "step_taken"} <= set(told["killed_after"]), "in every phase"


def test_more_budget_takes_the_step_that_the_spent_one_left_out(tmp_path: Path) -> None:
    """A run whose budget was raised ends as one that had it from the start, to the last bit."""
    work(tmp_path / "whole", attempts=ATTEMPTS)
    expected = final(tmp_path / "whole")
    work(tmp_path / "raised", attempts=BATCH)
    spent = [event["type"] for event in read_events(tmp_path / "raised" / "events.jsonl")]
    assert spent == ["batch_sampled", *["attempt_judged"] * BATCH, "run_ended"]
    for attempts in (BATCH, 2 * BATCH, ATTEMPTS):
        work(tmp_path / "raised", attempts=attempts)
    assert final(tmp_path / "raised") == expected


def test_settings_come_back_from_what_the_manifest_says() -> None:
    settings = RunSettings(batch_size=3)
    loss = LossSettings(alpha=0.5, support=Support.UNION)
    settings = replace(settings, learner=replace(settings.learner, loss=loss))

    class Told:
        batch_size = 3

    kept = json.loads(json.dumps(settings.effective(Told())))  # type: ignore[arg-type]
    assert RunSettings.of(kept) == settings
    with pytest.raises(UserError, match="another version"):
        RunSettings.of({**kept, "magic": 1})


def test_the_first_interruption_waits_and_the_second_does_not() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), deferred():
        os.kill(os.getpid(), signal.SIGINT)
        done.append("the block")
    assert done == ["the block"]
    with pytest.raises(KeyboardInterrupt), deferred():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        done.append("never")
    assert done == ["the block"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    thread = threading.Thread(target=lambda: done.append("elsewhere") if deferred().__enter__() is None else None)
    thread.start()
    thread.join()
    assert done[-1] == "elsewhere"


def command(*words: str) -> list[str]:
    return [sys.executable, "-c", "from sdpo_tts.cli.solve import main; main()", *words]


def told(words: list[str]) -> tuple[int, str]:
    done = subprocess.run(words, capture_output=True, text=True, timeout=600)
    return done.returncode, done.stderr


def test_the_command_goes_on_where_it_was_interrupted(tmp_path: Path, engine: None) -> None:
    """Interrupted while it judges or learns, with everything that is refused on resuming."""
    options = (
        "--model", "smollm2-135m", "--dtype", "float32", "--max-new-tokens", "16", "--batch-size", "4",
        "--max-attempts", "8", "--runs", str(tmp_path),
    )  # fmt: skip
    problem = str(ROOT / "problems" / "sum-line")
    process = subprocess.Popen(command(problem, *options), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 300
    while not (found := list(tmp_path.glob("*/*/events.jsonl"))) or b"batch_sampled" not in found[0].read_bytes():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    run = found[0].parent
    assert process.returncode == 130 and f"sdpo-solve --resume {run}" in err
    before = [json.loads(line) for line in found[0].read_text().splitlines()]
    assert sum(event["type"] == "attempt_judged" for event in before) == 4, "the batch was judged to its end"

    assert told(command("--resume", str(run), "--seed", "1"))[1].startswith(
        "error: --seed: a run that is resumed keeps its settings"
    )
    assert told(command("--resume", str(run), str(ROOT / "problems" / "dedup")))[0] == 2
    assert told(command("--resume", str(tmp_path / "nowhere")))[1].startswith("error: ")
    code, err = told(command("--resume", str(run), "--max-attempts", "12"))
    assert code in (0, 3), err
    after = [json.loads(line) for line in found[0].read_text().splitlines()]
    numbers = [event["attempt"] for event in after if event["type"] == "attempt_judged"]
    assert sorted(numbers) == list(range(1, len(numbers) + 1)) and len(numbers) in (4, 8, 12)
    assert [event["type"] for event in after].count("resumed") == 1
    assert [event["seq"] for event in after] == list(range(len(after)))
