"""A run that was interrupted goes on as if it had not been."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sdpo_tts.cli.existing_run import ExistingRun
from sdpo_tts.cli.solving.ending import go_on, near
from sdpo_tts.cli.solving.solve import app
from sdpo_tts.discovery import checkpoint
from sdpo_tts.discovery.assemble import RunSettings
from sdpo_tts.discovery.budget import Budget
from sdpo_tts.discovery.interrupts import deferred
from sdpo_tts.discovery.methods.best_of_k import BestOfK
from sdpo_tts.discovery.solve import Solver
from sdpo_tts.discovery.state import Parts, SolverSettings
from sdpo_tts.errors import UserError
from sdpo_tts.judge import Judge
from sdpo_tts.policy.learning.loss import LossSettings, Support
from sdpo_tts.problem import load_problem
from sdpo_tts.record import AttemptRecord, Event, Journal, RunDir, read_events, write_json
from tests import forked, synthetic
from tests.conftest import ROOT
from tests.fakes import CharacterChat, ScriptedSampler, Version
from tests.forked import Forked
from tests.interrupted import ATTEMPTS, BATCH, final, solver, work
from tests.test_author_programs import NO_NEGATIVES, STRESSED
from tests.test_judge import RIGHT


@pytest.mark.parametrize(("method", "trials"), [("sdpo", 25), ("auto", 15)])
def test_a_run_killed_at_random_moments_ends_as_the_undisturbed_one(method: str, trials: int, tmp_path: Path) -> None:
    """Each is killed twice, once at an event and once at a moment. Its journal has every attempt once, its adapter is the same to the last bit, and so are archive and bandit."""
    words = [sys.executable, "-W", "ignore", "-m", "tests.interrupted", str(tmp_path), str(trials), "0", method]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["same"] == told["trials"] == trials
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


def elapsed(folder: Path) -> list[float]:
    return [event["seconds"] for event in read_events(folder / "events.jsonl") if event["type"] == "resumed"]


def test_what_an_interruption_undid_was_spent_all_the_same(tmp_path: Path) -> None:
    """Time spent on the batch that was being sampled, and verdicts given after an earlier interruption."""

    def stopped(event: Event) -> None:
        if event["type"] == "attempt_judged" and event["attempt"] == 3:
            raise KeyboardInterrupt

    def stopped_while_sampling(self: Solver, queue: object) -> None:
        time.sleep(0.3)
        raise KeyboardInterrupt

    run = RunDir.at(tmp_path / "run")
    with pytest.raises(KeyboardInterrupt), Journal(run.events) as journal:
        journal.subscribe(stopped)
        solver(journal, run, ATTEMPTS).run()
    for attempt in (4, None):
        with Journal(run.events) as journal, pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
            one = solver(journal, run, ATTEMPTS)
            checkpoint.resume(one)
            assert len(one.known) == (3 if attempt else 4), "verdicts stand"
            if attempt:
                patch.setattr(Solver, "learn", stopped_while_sampling)
            else:
                patch.setattr(Solver, "learn", lambda self, batch: None)
                patch.setattr(Solver, "sample", stopped_while_sampling)
            one.run()
        ended = read_events(run.events)[-1]
        assert ended["seconds"] >= (0.3 if attempt else 0.6)
    with Journal(run.events) as journal:
        one = solver(journal, run, ATTEMPTS)
        checkpoint.resume(one)
        assert one.spent.elapsed >= ended["seconds"] and elapsed(run.path)[-1] >= ended["seconds"]
        assert one.spent.seconds["sampling"] >= ended["sampling_seconds"] - 1e-6


@pytest.mark.parametrize(
    ("limits", "ended", "refused", "hint"),
    [
        ({"max_attempts": 8}, "max_attempts", (), "--max-attempts 16"),
        ({"max_attempts": 8}, "max_attempts", ("--max-attempts", "6"), "--max-attempts 16"),
        ({"max_tokens": 20, "max_attempts": None}, "max_tokens", (), "--max-tokens 160"),
        ({"max_seconds": 3600.0, "max_attempts": None}, "max_time", (), "--max-time 2h"),
    ],
)
def test_a_spent_budget_is_told_before_anything_is_loaded(
    limits: dict[str, Any], ended: str, refused: tuple[str, ...], hint: str,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The command that goes on names a larger budget, and without one it is refused."""
    folder = spent(tmp_path, limits, ended)
    begun: list[Any] = []
    monkeypatch.setattr("sdpo_tts.cli.solving.solve._solve", lambda job, **rest: begun.append(job.settings.budget) or 3)
    result = CliRunner().invoke(app, ["--resume", str(folder), *refused])
    assert (result.exit_code, begun) == (2, [])
    assert result.stderr == (
        f"error: {folder}: the run has spent its budget (hint: give it a larger one: {hint})\n"
    )
    assert CliRunner().invoke(app, ["--resume", str(folder), *hint.split()]).exit_code == 3 and len(begun) == 1


def spent(folder: Path, limits: dict[str, Any], reason: str) -> Path:
    """A run on sum-line that has ended since one of its limits was reached."""
    run = RunDir(synthetic.write(folder, "sum-line", "sdpo", 0, [False] * 8, 8, batch=4))
    told = [json.loads(line) for line in run.events.read_text().splitlines()]
    for event in told:
        event |= {"run_started": limits, "run_ended": {"reason": reason, "seconds": 3600.5}}.get(event["type"], {})
    run.events.write_text("".join(json.dumps(event) + "\n" for event in told))
    problem = load_problem(ROOT / "problems" / "sum-line")
    settings = RunSettings(budget=Budget(**{"max_attempts": 8, **limits}))
    kept = {"settings": asdict(settings), "problem": {"path": str(problem.path), "digest": problem.digest}}
    write_json(run.manifest, kept)
    return run.path


def test_a_budget_that_was_raised_holds_the_next_time_too(tmp_path: Path) -> None:
    folder = spent(tmp_path, {"max_attempts": 8}, "max_attempts")
    with Journal(folder / "events.jsonl") as journal:
        journal.append("resumed", step=2, attempts=0, seconds=1.0, max_attempts=64, max_tokens=None, max_seconds=None)
    assert ExistingRun.open(folder).settings["budget"]["max_attempts"] == 64


def test_the_command_that_goes_on_can_be_copied(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where it would be broken in two at the end of a line it begins at the margin; a path below is written short."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    short, long = Path("runs/rle/sdpo-s0-20261125-093124-1c2d"), Path("runs/leap year/sdpo-s0-20261125-093124-1c2d")
    assert near(tmp_path / short) == short and near(Path("/elsewhere")) == Path("/elsewhere")
    assert go_on(short) == f"  continue  sdpo-solve --resume {short}"
    assert go_on(long, "--max-attempts 8") == f"  continue with\nsdpo-solve --resume '{long}' --max-attempts 8"


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


def test_a_batch_cut_off_for_lack_of_time_says_nothing_of_the_policy(tmp_path: Path) -> None:
    """Also where all that had ended are samples of the base."""
    run = RunDir.at(tmp_path / "run")
    with Journal(run.events) as journal:
        one = solver(journal, run, ATTEMPTS)
        learner = one.strategy.learner
        assert learner
        learner.settings = replace(learner.settings, max_gap=9.0)  # it learns twice from what it sampled once
        batch = one.batch()
        samples = [replace(judged.attempt.sample, cancelled=i > 0, base=i == 0) for i, judged in enumerate(batch)]
        cut = [replace(j, attempt=replace(j.attempt, sample=sample)) for j, sample in zip(batch, samples, strict=True)]
        one.learn(cut)
        assert one.parts.guard and one.parts.guard.first is None
        one.learn(batch)
    assert one.parts.guard.first is not None
    assert [event["type"] for event in read_events(run.events)[-3:]] == ["step_taken", "batch_watched", "step_taken"]


def test_programs_are_tried_on_what_earlier_ones_failed_after_resuming_too(tmp_path: Path, engine: None) -> None:
    """Two batches, of which the second is in hand: each finds a counter-example of its own."""
    answers = [f"```python\n{program}```" for program in (NO_NEGATIVES, RIGHT.replace("a + b", "min(a + b, 7)"), "print(7)\n")]

    def tried(folder: Path, *budgets: int) -> list[str]:
        """The tests of the last attempt, of a run that is resumed with one budget after the other."""
        run, chat, sampler = RunDir.at(folder), CharacterChat(), ScriptedSampler(answers)
        for attempts in budgets:
            with Judge(STRESSED) as judge, Journal(run.events) as journal:
                parts = Parts(Version(), chat, sampler, judge, journal, run)  # type: ignore[arg-type]
                one = Solver(parts, BestOfK(STRESSED, chat, 1), Budget(max_attempts=attempts), 0)  # type: ignore[arg-type]
                if journal.length:
                    checkpoint.resume(one)
                one.run()
        return [outcome.test for outcome in AttemptRecord.load(run.attempt(3)).outcomes]

    undisturbed = tried(tmp_path / "whole", 3)
    assert undisturbed[0] == "one" and [name.partition("-")[0] for name in undisturbed[1:]] == ["stress", "stress"]
    assert tried(tmp_path / "resumed", 1, 2, 3) == undisturbed


@pytest.mark.parametrize("keep_going", [False, True])
def test_of_solved_runs_only_one_that_keeps_going_can_be_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep_going: bool
) -> None:
    problem, run = load_problem(ROOT / "problems" / "sum-line"), RunDir.at(tmp_path / "run")
    settings = asdict(RunSettings(solver=SolverSettings(keep_going=keep_going)))
    told = {"path": str(problem.path), "digest": problem.digest}
    write_json(run.manifest, {"settings": settings, "problem": told})
    with Journal(run.events) as journal:
        journal.append("solved", attempt=1, step=0, adapter=0, tokens=1, seconds=1.0)
    monkeypatch.setattr("sdpo_tts.cli.solving.solve._solve", lambda job, **_: 3)
    result = CliRunner().invoke(app, ["--resume", str(run.path)])
    assert (result.exit_code, "the run has solved its problem" in result.stderr) == ((3, False) if keep_going else (2, True))


def told(*words: str) -> tuple[int, str]:
    code, _, err = forked.run(forked.SOLVE, *words)
    return code, err


def test_the_command_goes_on_where_it_was_interrupted(tmp_path: Path, engine: None, tiny_model: Path) -> None:
    """Interrupted while it judges or learns, with everything that is refused on resuming."""
    options = (
        "--model", str(tiny_model), "--dtype", "float32", "--max-new-tokens", "16", "--batch-size", "4",
        "--max-attempts", "8", "--runs", str(tmp_path),
    )  # fmt: skip
    problem = str(ROOT / "problems" / "sum-line")
    process = Forked(forked.SOLVE, problem, *options)
    deadline = time.monotonic() + 300
    while not (found := list(tmp_path.glob("*/*/events.jsonl"))) or b"attempt_judged" not in found[0].read_bytes():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    run = found[0].parent
    assert process.returncode == 130 and f"sdpo-solve --resume {run}" in err
    before = [json.loads(line) for line in found[0].read_text().splitlines()]
    assert sum(event["type"] == "attempt_judged" for event in before) == 4, "the batch was judged to its end"

    assert told("--resume", str(run), "--seed", "1")[1].startswith(
        "error: --seed: a resumed run keeps its settings"
    )
    assert told("--resume", str(run), str(ROOT / "problems" / "dedup"))[0] == 2
    assert told("--resume", str(tmp_path / "nowhere"))[1].startswith("error: ")
    code, err = told("--resume", str(run), "--max-attempts", "12")
    assert code in (0, 3), err
    after = [json.loads(line) for line in found[0].read_text().splitlines()]
    numbers = [event["attempt"] for event in after if event["type"] == "attempt_judged"]
    assert sorted(numbers) == list(range(1, len(numbers) + 1)) and len(numbers) in (4, 8, 12)
    assert [event["type"] for event in after].count("resumed") == 1
    assert [event["seq"] for event in after] == list(range(len(after)))


@pytest.mark.parametrize("content", [b"", b"abc", b"PK\x03\x04abc", bytes(1000)])
def test_a_damaged_checkpoint_is_one_line_and_loses_nothing(tmp_path: Path, content: bytes) -> None:
    work(tmp_path, attempts=BATCH)
    run = RunDir(tmp_path)
    run.checkpoint.write_bytes(content)
    before = run.events.read_bytes()
    with pytest.raises(UserError, match=r"state.pt: the checkpoint cannot be read: .+ \(hint: start a new run\)"):
        work(tmp_path, attempts=ATTEMPTS)
    assert run.events.read_bytes().startswith(before)
