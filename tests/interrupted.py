"""A whole run on a tiny network, killed at random moments and resumed. `python -m tests.interrupted FOLDER TRIALS SEED METHOD`.

Prints how many trials ended as the undisturbed run did, and where they were killed. One process forks all the others, so
that torch is loaded once.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel

from sdpo_tts.discovery import checkpoint
from sdpo_tts.discovery.budget import Budget
from sdpo_tts.discovery.guard import Guard, GuardSettings
from sdpo_tts.discovery.methods.auto import Auto, AutoSettings
from sdpo_tts.discovery.methods.context import ContextSettings, TeacherContext
from sdpo_tts.discovery.methods.sdpo import SelfDistillation
from sdpo_tts.discovery.methods.strategy import Strategy
from sdpo_tts.discovery.solve import Solver
from sdpo_tts.discovery.state import Parts, SolverSettings
from sdpo_tts.judge import Judgement, Verdict
from sdpo_tts.judge.verdict import TestOutcome
from sdpo_tts.policy.learning.learner import Learner, LearnerSettings
from sdpo_tts.policy.learning.loss import LossSettings
from sdpo_tts.policy.learning.teacher import TeacherSettings
from sdpo_tts.policy.network import Network
from sdpo_tts.policy.sampler import TorchSampler
from sdpo_tts.record import Journal, RunDir, read_events
from tests.fakes import LateQueue
from tests.test_judge import SUM
from tests.tiny import tiny_network

ATTEMPTS, BATCH = 20, 4
made_before: list[Network] = []  # one that is new, for every fork to find
PHASES = ("batch_sampled", "attempt_judged", "batch_watched", "step_taken")  # after each of them it is killed in turn
TIMES = ("t", "seq", "seconds", "sampling_seconds", "judging_seconds", "learning_seconds")


class TinyChat:
    """Any text is a prompt of 24 of the network's ids; any answer is a program that prints its ids."""

    def prompt(self, text: str) -> tuple[int, ...]:
        return tuple(4 + ord(letter) % 60 for letter in text[-400::17][:24])

    def text(self, ids: Sequence[int]) -> str:
        return f"```python\nprint({list(ids)})\n```"


class SlowJudge:
    """Every program is wrong, after a while."""

    problem = SUM

    def queue(self) -> LateQueue:
        return LateQueue(self.judge_each)

    def recall(self, failed: Iterable[str]) -> None:
        """It has no generated tests."""

    def judge_each(self, programs: Sequence[str | None]) -> Iterator[tuple[int, Judgement]]:
        for i, program in enumerate(programs):
            time.sleep(0.005)
            output = str(len(program or "")).encode()
            outcomes = tuple(
                TestOutcome(test, Verdict.WA, 0.0, 0.0, 0, 0, None, output, b"") for test in self.problem.tests
            )
            yield i, Judgement(Verdict.WA, outcomes, len(outcomes))


def solver(journal: Journal, run: RunDir, attempts: int, method: str = "sdpo") -> Solver:
    network, chat = made_before.pop() if made_before else tiny_network(dtype=torch.float32), TinyChat()
    teacher = TeacherSettings("frozen" if method == "auto" else "ema", 0.2)
    learner = Learner(
        network, LearnerSettings(learning_rate=3e-3, micro_tokens=256, teacher=teacher, loss=LossSettings(top_k=8))
    )
    context = TeacherContext(SUM, chat, ContextSettings(), 0)  # type: ignore[arg-type]
    strategy: Strategy = SelfDistillation(SUM, chat, learner, context, BATCH)  # type: ignore[arg-type]
    if method == "auto":  # with what the base says of its samples among what is kept
        strategy = Auto(SUM, chat, learner, context, AutoSettings(help_adapter=False), 0, BATCH)  # type: ignore[arg-type]
    sampler = TorchSampler(network, [3], max_new_tokens=4)
    guard = Guard(learner, GuardSettings(entropy=1.0))
    parts = Parts(network, chat, sampler, SlowJudge(), journal, run, guard)  # type: ignore[arg-type]
    return Solver(parts, strategy, Budget(max_attempts=attempts), 0, SolverSettings(base_samples=1))


def work(folder: Path, last: int | None = None, attempts: int = ATTEMPTS, method: str = "sdpo") -> None:
    """Begin the run in a folder, or go on with it; die by SIGKILL as soon as the journal has `last` events more."""
    fresh = not (folder / "checkpoint" / "state.pt").exists()
    if fresh and folder.exists():
        (folder / "events.jsonl").unlink(missing_ok=True)
    run = RunDir(folder) if folder.exists() else RunDir.at(folder)
    with Journal(run.events) as journal:
        one = solver(journal, run, attempts, method)
        if not fresh:
            checkpoint.resume(one)
        if last is not None:
            end = journal.length + last
            journal.subscribe(lambda event: os.kill(os.getpid(), signal.SIGKILL) if event["seq"] >= end else None)
        one.run()


def forked(folder: Path, method: str = "sdpo", last: int | None = None) -> int:
    if pid := os.fork():
        return pid
    try:
        work(folder, last, method=method)
        os._exit(0)
    finally:
        os._exit(1)


def final(folder: Path) -> tuple[Any, ...]:
    """All that must not depend on interruptions: journal, adapter, attempts, and what the method remembers."""
    events = [event for event in read_events(folder / "events.jsonl") if event["type"] != "resumed"]
    told = [{key: value for key, value in event.items() if key not in TIMES} for event in events]
    told = [one for step in _in_order(told) for one in step]
    state = torch.load(folder / "checkpoint" / "state.pt", weights_only=True)
    learned = [tensor.tolist() for tensor in state["learner"]["adapter"]]
    attempts = {path.name: path.read_text() for path in (folder / "attempts").iterdir()}
    return told, learned, attempts, state["strategy"]


def _in_order(events: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Verdicts of a batch come as its samples end; of one that is judged again, in the order of its attempts."""
    for kind, group in groupby(events, key=lambda event: str(event["type"])):
        found = list(group)
        yield sorted(found, key=lambda event: int(event["attempt"])) if kind == "attempt_judged" else found


def events_of(folder: Path) -> dict[str, list[int]]:
    """Where in a journal events of each type are."""
    places: dict[str, list[int]] = {}
    for event in read_events(folder / "events.jsonl"):
        places.setdefault(str(event["type"]), []).append(int(event["seq"]))
    return places


def main(root: Path, trials: int, seed: int, method: str) -> None:
    torch.set_num_threads(1)
    os.fsync = lambda descriptor: None  # SIGKILL leaves the kernel's copy of a file whole
    PeftModel.create_or_update_model_card = lambda *_: None  # a page for a hub, beside each adapter
    work(root / "first", method=method)  # imports what each fork would
    made_before.append(tiny_network(dtype=torch.float32))
    rng = random.Random(seed)
    began = time.monotonic()
    os.waitpid(forked(root / "whole", method), 0)
    length, expected = time.monotonic() - began, final(root / "whole")
    same, phases = 0, Counter[str]()
    places = events_of(root / "whole")
    for trial in range(trials):
        folder = root / f"trial-{trial}"
        for at_event in (True, False):
            pid = forked(folder, method, rng.choice(places[PHASES[trial % len(PHASES)]]) if at_event else None)
            if not at_event:
                time.sleep(rng.uniform(0, length / 2))
                os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            journal = folder / "events.jsonl"
            events = read_events(journal) if journal.exists() else []
            phases[events[-1]["type"] if events else "start"] += 1
        _, status = os.waitpid(forked(folder, method), 0)
        same += status == 0 and final(folder) == expected
    print(json.dumps({"trials": trials, "same": same, "killed_after": dict(phases)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
