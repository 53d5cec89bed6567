"""Two vLLMs in processes of their own, on a CPU with a thread each: run by `make test` in an environment of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch

pytest.importorskip("vllm")

from sdpo_tts.engine.replicas import Replicas
from sdpo_tts.engine.sampler import VllmSampler
from sdpo_tts.engine.vllm import EngineSettings
from sdpo_tts.errors import SetupError
from sdpo_tts.models import weights
from sdpo_tts.policy.learning.learner import Learner, LearnerSettings
from sdpo_tts.policy.learning.lesson import Lesson
from sdpo_tts.policy.network import LoraSettings, Network
from sdpo_tts.policy.prompts import Chat
from sdpo_tts.policy.sampler import Listener, Sample
from tests.conftest import ROOT

PARENT = """
from sdpo_tts.policy.sampler import Listener
from tests.vllm.test_replicas import made, rngs
if __name__ == "__main__":
    policy = made(MODEL)
    told = Listener(lambda place, sample: print("sampling", flush=True))
    while True:
        policy.sampler.sample([policy.chat.prompt("Count.")] * 64, rngs(64), listener=told)
"""


@dataclass(frozen=True)
class Made:
    """A learner's network, and a sampler over two processes."""

    network: Network
    chat: Chat
    sampler: VllmSampler


def made(model: str) -> Made:
    located = weights.locate(model)
    base, tokenizer = weights.load(located, "float32", "cpu")
    network, chat = Network(base, LoraSettings(), 0), Chat(tokenizer, base.generation_config)
    engines = Replicas(["cpu", "cpu"], located.source, "float32", 16, EngineSettings(16, 512, 2**26))
    return Made(network, chat, VllmSampler(engines, network, chat.stop_ids, max_new_tokens=12))


def workers(parent: int | None = None) -> list[psutil.Process]:
    return [one for one in psutil.Process(parent).children() if "spawn_main" in " ".join(one.cmdline())]


def rngs(count: int) -> list[np.random.Generator]:
    return [np.random.default_rng([3, place]) for place in range(count)]


@pytest.fixture(scope="module")
def policy(tiny_model: Path) -> Iterator[Made]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        two = made(str(tiny_model))
    yield two
    two.sampler.close()
    assert workers() == [], "they end when they are told to"


def test_nothing_is_left_of_a_parent_that_was_killed(tmp_path: Path, tiny_model: Path) -> None:
    """The first test: before those that have two engines of their own."""
    script = tmp_path / "parent.py"
    script.write_text(PARENT.replace("MODEL", repr(str(tiny_model))))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout and any(line == "sampling\n" for line in parent.stdout)
        two = workers(parent.pid)
        os.kill(parent.pid, signal.SIGKILL)
    assert len(two) == 2
    _, alive = psutil.wait_procs(two, timeout=20)
    assert not alive


def batch(policy: Made, count: int, listener: Listener, *, base: int = 0) -> list[Sample]:
    prompts = [policy.chat.prompt(f"Name a colour that begins with {chr(97 + place)}.") for place in range(count)]
    samples = policy.sampler.sample(prompts, rngs(count), base=base, listener=listener)
    assert [one.prompt for one in samples] == prompts, "each at the place of its prompt"
    return samples


def gap(learner: Learner, samples: list[Sample]) -> float:
    """Mean distance of the samples' log-probabilities from the learner's, in nats per token."""
    pairs = [(a, b) for one in samples for a, b in zip(one.logprobs, learner.logprobs(Lesson(one)), strict=True)]
    return sum(abs(a - b) for a, b in pairs) / len(pairs)


def test_two_processes_share_a_batch_out_and_serve_the_newest_adapter(policy: Made) -> None:
    told: dict[int, Sample] = {}
    samples = batch(policy, 5, Listener(told.__setitem__))
    assert told == dict(enumerate(samples)), "heard of as they end"
    learner = Learner(policy.network, LearnerSettings())
    for seed in (1, 2):
        generator = torch.Generator().manual_seed(seed)
        policy.network.restore([torch.randn(one.shape, generator=generator) * 0.05 for one in policy.network.trainable])
        samples = batch(policy, 5, Listener(), base=1)
        assert [one.base for one in samples] == [True] + [False] * 4
        assert gap(learner, samples[1:]) < 0.1 < gap(learner, samples[:1])
        with policy.network.without_adapter():
            assert gap(learner, samples[:1]) < 0.1 < gap(learner, samples[1:])
    assert batch(policy, 1, Listener())[0].response, "one of them has nothing to do"


def test_all_are_cancelled_as_one(policy: Made) -> None:
    heard: list[int] = []
    samples = batch(policy, 24, Listener(lambda place, sample: heard.append(place), lambda: bool(heard)))
    ended = [place for place, one in enumerate(samples) if not one.cancelled]
    assert sorted(heard) == ended and len(ended) < 24
    assert any(one.response for one in samples if one.cancelled), "what was sampled of them counts"
    assert not any(one.cancelled for one in batch(policy, 4, Listener())), "nothing is left over"


def test_a_batch_left_in_the_middle_is_not_taken_for_the_next(policy: Made) -> None:
    def stop(place: int, sample: Sample) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        batch(policy, 24, Listener(stop))
    assert len(batch(policy, 6, Listener())) == 6


def test_signals_to_the_whole_group_are_for_the_run_to_obey(policy: Made) -> None:
    for one in workers():
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(one.pid, number)
    time.sleep(0.5)
    assert len(batch(policy, 4, Listener())) == 4


def test_one_that_dies_is_one_clear_error(policy: Made) -> None:
    """The last test: its engine cannot be used any more."""
    two = workers()
    heard: list[int] = []

    def kill(place: int, sample: Sample) -> None:
        if not heard:
            os.kill(two[-1].pid, signal.SIGKILL)
            time.sleep(0.5)
        heard.append(place)

    with pytest.raises(SetupError, match=r"vLLM on cpu \(\d of 2\) is gone \(exit code -9\)"):
        batch(policy, 24, Listener(kill))
    with pytest.raises(SetupError, match="is gone"):
        batch(policy, 4, Listener())
