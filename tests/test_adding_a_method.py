"""docs/adding-a-method.md, followed to the letter: its code, put where it says, runs and learns."""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sdpo_tts.cli import options
from sdpo_tts.discovery import launch
from sdpo_tts.discovery.assemble import Policy, RunSettings
from sdpo_tts.discovery.budget import Budget
from sdpo_tts.discovery.solve import Solver
from sdpo_tts.discovery.source import Source
from sdpo_tts.discovery.state import Parts
from sdpo_tts.policy.batch import Ids
from sdpo_tts.policy.learning.learner import LearnerSettings
from sdpo_tts.policy.sampler import TorchSampler
from sdpo_tts.record import Journal, RunDir, read_events
from tests.conftest import ROOT
from tests.fakes import STOP, CharacterChat, WordJudge, judged
from tests.test_judge import SUM
from tests.tiny import VOCABULARY, tiny_network

PAGE = (ROOT / "docs" / "adding-a-method.md").read_text()
NAME = "sdpo_tts.discovery.methods.climb"


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    return str(found)


def patched(diff: str) -> str:
    """The file that the diff names, with its new lines behind those that it quotes."""
    head, *lines = diff.splitlines()
    text = (ROOT / head.removeprefix("--- ")).read_text().splitlines()
    place = 0
    for line in lines:
        if line.startswith("+"):
            text.insert(place, line[1:])
        else:
            place = text.index(line[1:])
        place += 1
    return "\n".join(text)


def module(name: str, source: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    made = ModuleType(name)
    monkeypatch.setitem(sys.modules, name, made)
    exec(compile(source, name, "exec"), made.__dict__)
    return made


@pytest.fixture
def assemble(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """sdpo_tts/discovery/assemble.py as the page leaves it."""
    module(NAME, block("python"), monkeypatch)
    return module("patched_assemble", patched(block("diff")), monkeypatch)


class TinyChat(CharacterChat):
    """Prompts that the tiny network can read: some of the characters, of which it knows 63."""

    def prompt(self, text: str) -> Ids:
        return tuple(1 + ord(letter) % (VOCABULARY - 1) for letter in text[::12])


@pytest.fixture
def ended(assemble: ModuleType, tmp_path: Path) -> Iterator[tuple[list[Any], Any]]:
    """The events of three batches of four, with a real network, sampler and learner, and the method at their end."""
    network = tiny_network()
    chat: Any = TinyChat()
    sampler = TorchSampler(network, (STOP,), max_new_tokens=6)
    settings = RunSettings(method="climb", batch_size=4, learner=LearnerSettings(learning_rate=1e-2))
    strategy = assemble.make_strategy(SUM, Policy(network, chat, sampler, {}), settings)
    judge: Any = WordJudge(SUM, None)
    run = RunDir.at(tmp_path / "run")
    with Journal(run.events) as journal:
        parts = Parts(network, chat, sampler, judge, journal, run)
        assert Solver(parts, strategy, Budget(max_attempts=12), 0).run() is None
    yield read_events(run.events), strategy


def test_it_samples_the_feedback_on_the_best_attempt_and_learns_what_it_sampled(ended: Any) -> None:
    events, _ = ended
    sources = [(event["source"], event["parent"]) for event in events if event["type"] == "attempt_judged"]
    assert sources == [("student", None)] * 4 + [("feedback", 1)] * 8
    (step,) = (event for event in events if event["type"] == "step_taken")
    assert (step["step"], step["imitated"]) == (1, 4)
    assert step["grad_norm"] > 0 and step["kl"] > 0
    (skipped,) = (event for event in events if event["type"] == "step_skipped")
    assert (skipped["step"], skipped["reason"]) == (0, "no sample of this batch was drawn with help")


def test_a_checkpoint_keeps_what_it_knows(ended: Any, assemble: ModuleType) -> None:
    _, strategy = ended
    other = type(strategy)((1,), None, strategy._context)
    other.restore(json.loads(json.dumps(strategy.state())))
    assert [draw.prompt for draw in other.draws(2)] == [draw.prompt for draw in strategy.draws(2)]
    assert other.draws(1)[0].source is Source.FEEDBACK
    other.restore(json.loads(json.dumps(type(strategy)((1,), None, None).state())))
    assert other.draws(1)[0].prompt == (1,)


def test_held_out_tests_and_hard_coded_answers_choose_nobody(assemble: ModuleType) -> None:
    steps: list[Sequence[Any]] = []

    class Learner:
        def step(self, lessons: Sequence[Any]) -> str:
            steps.append(lessons)
            return "step"

    climb = sys.modules[NAME].Climb((1,), Learner(), None)
    hidden = judged(2, "b", passed=1)
    outcomes = [replace(one, test=replace(one.test, shown=False)) for one in hidden.judgement.outcomes]
    hidden = replace(hidden, judgement=replace(hidden.judgement, outcomes=tuple(outcomes)))
    batch = [judged(1, "a"), hidden, replace(judged(3, "c", passed=1), hard_coded=True)]
    assert climb.learn(batch) == "no sample of this batch was drawn with help"
    assert climb.state()[1] == 1, "the others pass no more shown tests"
    helped = [replace(one, attempt=replace(one.attempt, parent=1)) for one in batch]
    assert climb.learn(helped) == "step"
    assert [lesson.sample.response for lesson in steps[0]] == [one.attempt.sample.response for one in helped[:2]]


def test_the_places_that_the_page_names_are_there() -> None:
    assert "sdpo" in options.METHODS and "sdpo" in launch.READS_FEEDBACK
    for path in re.findall(r"`((?:sdpo_tts|tests)/[\w/]+\.py)`", PAGE):
        assert (ROOT / path).exists() or path.endswith(("climb.py", "auto.py")), path


def test_it_is_about_thirty_lines() -> None:
    tree = ast.parse(block("python"))
    (method,) = (node for node in tree.body if isinstance(node, ast.ClassDef))
    assert method.end_lineno is not None and method.end_lineno - method.lineno < 36
