"""A base in four bits, for real: on a CPU, with the torch engine."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("bitsandbytes")

from sdpo_tts.discovery.assemble import Policy, PolicySettings, load_policy
from sdpo_tts.doctor import software
from sdpo_tts.doctor.finding import Subject
from sdpo_tts.errors import SdpoError, SetupError
from sdpo_tts.models import weights
from sdpo_tts.policy.learning.learner import Learner, LearnerSettings
from sdpo_tts.policy.learning.lesson import Lesson
from sdpo_tts.policy.memory_plan import memory_needed
from tests.conftest import MODEL

SETTINGS = PolicySettings(model=MODEL, device="cpu", dtype="float32", max_new_tokens=8, quantization="nf4")


@pytest.fixture(scope="module")
def policy(bundled_model: object) -> Iterator[Policy]:
    with load_policy(SETTINGS, 0, lambda text: None) as loaded:
        yield loaded


def lessons(policy: Policy) -> list[Lesson]:
    """Attempts of the adapter as it is now, and what their teacher reads."""
    prompts = [policy.chat.prompt("Name a colour. Answer with one word.")] * 4
    samples = policy.sampler.sample(prompts, [np.random.default_rng(place) for place in range(4)])
    return [Lesson(one, policy.chat.prompt("Say: blue, blue, blue, blue.")) for one in samples]


def base_of(policy: Policy) -> dict[str, torch.Tensor]:
    """Codes, scales and all else that is frozen."""
    return {name: value.clone() for name, value in policy.network.peft.state_dict().items() if "lora_" not in name}


def test_steps_lower_the_loss_and_leave_the_base_as_it_was(policy: Policy) -> None:
    learner = Learner(policy.network, LearnerSettings(learning_rate=1e-3))
    before, batch = base_of(policy), lessons(policy)
    assert {value.dtype for name, value in before.items() if name.endswith("q_proj.base_layer.weight")} == {torch.uint8}
    steps = [learner.step(batch)]
    assert steps[0].gap_mean < 1e-4, "one network samples and learns"
    learner.settings = replace(learner.settings, max_gap=9.0)  # the batch gets older from here on
    steps += [learner.step(batch) for _ in range(3)]
    assert steps[-1].kl < 0.9 * steps[0].kl
    after = base_of(policy)
    assert after.keys() == before.keys() and all(torch.equal(after[name], before[name]) for name in before)
    assert learner.gradient(lessons(policy)).gap_mean < 1e-4, "the newest adapter samples"
    learner.optimiser.zero_grad()


def test_an_older_adapter_is_still_told_apart(policy: Policy) -> None:
    batch = lessons(policy)
    policy.network.restore([torch.randn_like(one) * 0.05 for one in policy.network.trainable])
    with pytest.raises(SdpoError, match="nats from the learner's on average"):
        Learner(policy.network, LearnerSettings()).step(batch)


def test_the_manifest_tells_of_it_and_every_weight_counts_as_one(policy: Policy) -> None:
    plain, _ = weights.load(weights.locate(SETTINGS.model), "float32", "cpu")
    assert policy.facts["quantization"] == "nf4"
    assert policy.facts["parameters"] == plain.num_parameters()


def test_its_memory_is_planned(policy: Policy) -> None:
    source = weights.locate(SETTINGS.model).source
    needed = {kind: memory_needed(source, Subject(quantization=kind), "float32", checkpointing=False) for kind in ("none", "nf4")}
    network = policy.network.peft
    held = sum(one.nbytes for name, one in network.state_dict().items() if "lora_" not in name and "lm_head" not in name)
    assert 1 < needed["nf4"].weights / held < 1.1, "a little more than is held: scales, and one matrix in full"
    assert needed["none"].adapter == needed["nf4"].adapter


def test_what_others_quantised_is_refused(tmp_path: Path) -> None:
    config = {"model_type": "qwen2", "quantization_config": {"quant_method": "awq", "bits": 4}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(SetupError, match=r"in quantised form \(awq\)"):
        weights.load(weights.locate(str(tmp_path)), "bfloat16", "cpu")


def test_the_package_may_be_missing(monkeypatch: pytest.MonkeyPatch, bundled_model: object) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SetupError, match="bitsandbytes is not installed") as told:
        load_policy(replace(SETTINGS, engine="torch"), 0, lambda text: None)
    assert told.value.exit_code == 4 and "sdpo-tts[quantization]" in str(told.value)
    assert software.packages(Subject(quantization="nf4")).level == "fail"
