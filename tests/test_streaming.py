"""Attempts that are judged while others are still being sampled, and what is cancelled once no more is needed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sdpo_tts.discovery.budget import Budget
from sdpo_tts.discovery.methods.best_of_k import BestOfK
from sdpo_tts.discovery.solve import Solver
from sdpo_tts.discovery.state import Parts, SolverSettings
from sdpo_tts.errors import SandboxError
from sdpo_tts.judge import Judge, Judgement, JudgingQueue, Verdict
from sdpo_tts.policy.batch import Ids
from sdpo_tts.policy.sampler import NOBODY, Listener, Sample, TorchSampler
from sdpo_tts.record import AttemptRecord, Journal, RunDir, read_events
from tests.fakes import STOP, CharacterChat, Version
from tests.test_judge import RIGHT, SUM
from tests.tiny import tiny_network

SOLUTION, WRONG = f"```python\n{RIGHT}```", "```python\nprint(7)\n```"
PATIENCE_S = 60.0


class Typist:
    """Types its answers a letter at a time, all rows at once, and an answer that is None without end."""

    name = "typist"

    def __init__(self, answers: Sequence[str | None]) -> None:
        self.answers = answers

    def sample(
        self, prompts: Sequence[Ids], rngs: Sequence[np.random.Generator], *, base: int = 0, top: int = 0,
        listener: Listener = NOBODY,
    ) -> list[Sample]:
        typed, ended = [""] * len(prompts), dict[int, Sample]()
        deadline = time.monotonic() + PATIENCE_S
        while len(ended) < len(prompts) and not listener.enough():
            assert time.monotonic() < deadline, "nobody stops the typist"
            for place, answer in enumerate(self.answers[: len(prompts)]):
                if place in ended:
                    continue
                typed[place] = answer[: len(typed[place]) + 8] if answer else "never ends"
                if typed[place] == answer:
                    ids = (*map(ord, answer), STOP)
                    ended[place] = Sample(prompts[place], ids, (0.0,) * len(ids), truncated=False)
                    listener.ended(place, ended[place])
            time.sleep(0.001)
        cut = [Sample(prompts[i], tuple(map(ord, text)), (0.0,) * len(text), False, cancelled=True) for i, text in enumerate(typed)]
        return [ended.get(place, cut[place]) for place in range(len(prompts))]

    def close(self) -> None:
        """Nothing to give back."""


def solve(folder: Path, answers: Sequence[str | None], budget: Budget, settings: SolverSettings | None = None) -> Any:
    chat, run = CharacterChat(), RunDir.at(folder / "run")
    with Judge(SUM) as judge, Journal(run.events) as journal:
        parts = Parts(Version(), chat, Typist(answers), judge, journal, run)  # type: ignore[arg-type]
        winner = Solver(parts, BestOfK(SUM, chat, len(answers)), budget, 0, settings).run()  # type: ignore[arg-type]
    return winner, run, read_events(run.events)


def test_a_success_cancels_what_has_not_ended_and_all_is_counted(tmp_path: Path, engine: None) -> None:
    winner, run, events = solve(tmp_path, [None, WRONG, SOLUTION, None], Budget(max_attempts=8))
    assert winner.attempt.number == 3
    verdicts = {event["attempt"]: event["verdict"] for event in events if event["type"] == "attempt_judged"}
    assert verdicts == {1: "CA", 2: "WA", 3: "AC", 4: "CA"}
    sampled = next(event for event in events if event["type"] == "batch_sampled")
    assert (sampled["attempts"], sampled["cancelled"], sampled["truncated"]) == (4, 2, 0)
    typed = len(SOLUTION) + len(WRONG) + 2 + 2 * len("never ends")
    assert sampled["completion_tokens"] == typed == events[-1]["tokens"], "what was cancelled was paid for"
    assert (events[-1]["reason"], events[-1]["attempts"]) == ("solved", 4)
    record = AttemptRecord.load(run.attempt(4))
    assert (record.text, record.program, record.feedback) == ("never ends", None, "")


def test_time_that_is_up_ends_a_batch(tmp_path: Path, engine: None) -> None:
    winner, _, events = solve(tmp_path, [None, WRONG], Budget(max_seconds=3.0))
    assert winner is None and events[-1]["reason"] == "max_time"
    assert [event["verdict"] for event in events if event["type"] == "attempt_judged"] == ["CA", "WA"]
    assert events[-1]["seconds"] < PATIENCE_S / 2


@pytest.mark.parametrize("settings", [SolverSettings(cancel=False), SolverSettings(keep_going=True)])
def test_nothing_is_cancelled_where_the_whole_batch_is_wanted(tmp_path: Path, engine: None, settings: SolverSettings) -> None:
    late = f"```python\n{'# long ' * 40}\n{RIGHT}```"
    winner, _, events = solve(tmp_path, [SOLUTION, late], Budget(max_attempts=2), settings)
    assert winner.attempt.number == 1
    assert [event["verdict"] for event in events if event["type"] == "attempt_judged"] == ["AC", "AC"]


def test_the_torch_engine_tells_of_rows_as_they_end_and_stops_when_told() -> None:
    sampler = TorchSampler(tiny_network(), [3], max_new_tokens=40)
    prompts = [(5, 6, 7)] * 12

    def rngs() -> list[np.random.Generator]:
        return [np.random.default_rng([7, i]) for i in range(12)]

    whole = sampler.sample(prompts, rngs())
    heard: dict[int, Sample] = {}
    cut = sampler.sample(prompts, rngs(), listener=Listener(heard.__setitem__, lambda: len(heard) >= 3))
    ended = {place: sample for place, sample in enumerate(cut) if not sample.cancelled}
    assert heard == ended and 3 <= len(ended) < 12
    longest = max(len(sample.response) for sample in ended.values())
    for place, sample in enumerate(cut):
        assert sample.response == whole[place].response[:longest], "cut short, and else the same"
        assert not (sample.cancelled and sample.truncated)
    heard.clear()
    mixed = sampler.sample(prompts, rngs(), base=12, listener=Listener(heard.__setitem__, lambda: True))
    assert all(sample.cancelled and not sample.response for sample in mixed) and not heard


def judgement(passed: int) -> Judgement:
    from tests.fakes import judged

    return judged(1, "x", passed=passed).judgement


def test_a_queue_judges_equal_programs_once_and_knows_of_a_success_without_waiting() -> None:
    started: dict[str, Future[Judgement]] = {}
    with JudgingQueue(lambda program: started.setdefault(program, Future()), 2) as queue:
        for index, program in enumerate(["a", None, "b", "a"]):
            queue.submit(index, program)
        assert list(started) == ["a", "b"] and not queue.solved()
        started["b"].set_exception(SandboxError("gone", where="judge"))
        assert not queue.solved(), "an error is no success, and is told by verdicts()"
        started["a"].set_result(judgement(2))
        assert queue.solved()
        told = queue.verdicts()
        assert next(told) == (1, Judgement(Verdict.NC, (), 2))
        with pytest.raises(SandboxError):
            for index, _ in told:
                assert index in (0, 3)


def test_leaving_a_queue_drops_what_waits() -> None:
    waiting: Future[Judgement] = Future()
    with pytest.raises(KeyboardInterrupt), JudgingQueue(lambda program: waiting, 2) as queue:
        queue.submit(0, "a")
        raise KeyboardInterrupt
    assert waiting.cancelled()
