"""One tiny random model for each mechanism that sets families of models apart: exact through sampler and learner, and
through loading, a step, saving and PEFT."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import GenerationConfig

from benchmarks.families import VOCABULARY, distances, sampled, stirred, tiny
from sdpo_tts.discovery import checkpoint
from sdpo_tts.discovery.assemble import (
    PolicySettings,
    RunSettings,
    check_policy,
    load_policy,
    make_guard,
    make_strategy,
)
from sdpo_tts.discovery.budget import Budget
from sdpo_tts.discovery.launch import announce
from sdpo_tts.discovery.solve import SAMPLING, Solver
from sdpo_tts.discovery.state import Parts
from sdpo_tts.doctor import Subject, model
from sdpo_tts.errors import SetupError, UserError
from sdpo_tts.models import exactness_cache
from sdpo_tts.models.quantization import published
from sdpo_tts.policy.batch import Pair
from sdpo_tts.policy.families import positions
from sdpo_tts.policy.families.exactness import exact
from sdpo_tts.policy.families.paths import PLAIN, Exactness, Paths
from sdpo_tts.policy.families.truth import answered
from sdpo_tts.policy.learning.learner import Learner, LearnerSettings
from sdpo_tts.policy.learning.lesson import Lesson
from sdpo_tts.policy.learning.teacher import Teacher, TeacherSettings
from sdpo_tts.policy.memory_plan import memory_needed
from sdpo_tts.policy.network import LoraSettings, Network
from sdpo_tts.policy.sampler import Sample, TorchSampler
from sdpo_tts.record import Journal, RunDir, read_events
from tests.fakes import WordJudge
from tests.test_judge import SUM
from tests.test_prompts import chatml

MECHANISMS = {
    "plain": ("qwen2", Paths()),
    "window": ("mistral", Paths(sampling="own-cache")),
    "sinks": ("gpt_oss", Paths("own", "own-cache")),
    "softcap": ("gemma2", Paths("own", "own-cache")),
    "scaled-logits": ("granite", Paths()),
    "latent": ("deepseek_v3", Paths()),
    "delta-net": ("qwen3_5_text", Paths(sampling="own-cache", learning="whole")),
    "mamba2": ("bamba", Paths(sampling="own-cache", learning="whole")),
    "convolution": ("lfm2", Paths(sampling="own-cache", learning="whole")),
    "shared-experts": ("glm4_moe", Paths()),
    "per-layer-embeddings": ("gemma4_text", Paths(sampling="own-cache")),
    "vision": ("mistral3", Paths(sampling="own-cache")),
}
LORA = LoraSettings(rank=4, alpha=8)
TEXT = tuple(range(3, VOCABULARY - 8))
every = pytest.mark.parametrize("mechanism", list(MECHANISMS))


def base_of(mechanism: str, **more: Any) -> Any:
    return tiny(MECHANISMS[mechanism][0], pictures=mechanism == "vision", **more)


@functools.cache
def _built(mechanism: str) -> tuple[Network, Exactness]:
    return exact(base_of(mechanism), LORA, 0, TEXT)


def exact_network(mechanism: str) -> tuple[Network, Exactness]:
    """With an adapter that is new; each is measured once."""
    network, found = _built(mechanism)
    network.renew(0)
    return network, found


@every
def test_log_probabilities_and_gradient_are_the_model_s_own(mechanism: str) -> None:
    network, found = exact_network(mechanism)
    logprobs, gradient = distances(stirred(network))
    assert (found.paths, logprobs < 1e-4, gradient < 1e-4) == (MECHANISMS[mechanism][1], True, True)


@pytest.mark.parametrize("mechanism", ["window", "sinks"])
def test_the_fastest_path_would_be_wrong_without_a_word(mechanism: str) -> None:
    """What the check finds is there to be found."""
    network = Network(base_of(mechanism), LORA, 0)
    if mechanism == "sinks":
        network.body.set_attn_implementation("grouped_decode")
    assert network.paths == PLAIN and sampled(stirred(network))[0] > 0.05


def test_a_model_that_no_path_computes_is_refused_with_the_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """As of one whose tokens depend on what comes behind them."""
    base = base_of("plain")
    forward = base.model.norm.forward
    base.model.norm.forward = lambda hidden: forward(hidden) + hidden.mean(1, keepdim=True)
    with pytest.raises(SetupError, match=r"no path computes Qwen2ForCausalLM .* nats per token off.* are allowed") as told:
        exact(base, LORA, 0, TEXT)
    assert told.value.exit_code == 4 and "\n" not in str(told.value)


def test_whatever_a_model_raises_is_one_line() -> None:
    base = base_of("plain")
    base.model.norm.forward = lambda hidden: 1 / 0
    with pytest.raises(SetupError, match="Qwen2ForCausalLM cannot be computed: ZeroDivisionError"):
        exact(base, LORA, 0, TEXT)


FOURS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
"""What three bits of an FP4 number stand for; the fourth is its sign."""


def test_experts_published_in_mxfp4_are_read_as_what_they_stand_for(tmp_path: Path) -> None:
    settings = saved("sinks", tmp_path)
    stored = load_file(tmp_path / "model.safetensors")
    for name in [name for name in stored if name.endswith(("experts.gate_up_proj", "experts.down_proj"))]:
        count, width, rows = stored.pop(name).shape
        stored[f"{name}_blocks"] = torch.randint(0, 256, (count, rows, width // 32, 16), dtype=torch.uint8)
        stored[f"{name}_scales"] = torch.randint(122, 126, (count, rows, width // 32), dtype=torch.uint8)
    save_file(stored, tmp_path / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "quantization_config": {"quant_method": "mxfp4"}}))
    with load_policy(settings, 0, lambda _: None) as policy:
        network, facts = policy.network.peft.get_base_model(), policy.facts
    name = "model.layers.1.mlp.experts.down_proj"
    halves = torch.stack([stored[f"{name}_blocks"] & 15, stored[f"{name}_blocks"] >> 4], -1).flatten(-2).long()
    values = torch.tensor([*FOURS, *(-one for one in FOURS)])[halves]
    values *= 2.0 ** (stored[f"{name}_scales"].float() - 127)[..., None]
    assert torch.equal(network.get_parameter(name), values.flatten(-2).transpose(1, 2))
    assert facts["exactness"]["paths"]["sampling"] == "own-cache"
    with pytest.raises(SetupError, match=r"quantised form \(mxfp4\).*leave --quantization out"):
        published("toy", SimpleNamespace(quantization_config={"quant_method": "mxfp4"}), "nf4")


@pytest.mark.parametrize("long", [False, True])
def test_frequencies_that_follow_the_length_are_those_of_the_longest_text(long: bool) -> None:
    """An answer that crosses the length would otherwise be read by other frequencies than its prompt was."""
    scaling = {
        "rope_type": "longrope", "rope_theta": 1e4, "original_max_position_embeddings": 48,
        "long_factor": [2.0] * 8, "short_factor": [1.0] * 8,
    }  # fmt: skip
    more = {"rope_parameters": scaling, "sliding_window": None}
    untouched, base = (tiny("phi3", **more) for _ in range(2))
    ids = torch.arange(3, 83)[None, : 80 if long else 40]
    with torch.no_grad():
        truth = untouched(ids).logits
        assert positions.fix(base, 80 if long else 40)
        torch.testing.assert_close(base(ids).logits, truth)
        base(ids[:, :10])
        torch.testing.assert_close(base(ids).logits, truth)
    _, found = exact(base, LORA, 0, TEXT)
    assert found.paths == PLAIN


def test_positions_that_do_not_change_are_left_alone() -> None:
    assert not positions.fix(base_of("plain"), 512)


@every
def test_every_adapter_has_a_gradient_after_the_first_step(mechanism: str) -> None:
    """So none lies on a layer that the model reads past, or that only chooses."""
    network, _ = exact_network(mechanism)
    learner = Learner(network, LearnerSettings(micro_tokens=64, learning_rate=1e-3, max_gap=9.0))
    lessons = [Lesson(one, teacher_prompt=(9, 8, 7, *one.prompt)) for one in sampled(network)[1]]
    learner.step(lessons)
    learner.gradient(lessons)
    without = [
        name
        for name, parameter in network.peft.named_parameters()
        if parameter.requires_grad and (parameter.grad is None or not parameter.grad.any())
    ]
    assert without == [] and network.version == 1


@every
def test_what_is_saved_loads_in_peft_and_resumes(mechanism: str, tmp_path: Path) -> None:
    network, _ = exact_network(mechanism)
    stirred(network).save_adapter(tmp_path)
    ids = torch.tensor([TEXT[:40]])
    with torch.no_grad():
        expected = network.peft(input_ids=ids, use_cache=False).logits
        loaded: Any = PeftModel.from_pretrained(base_of(mechanism), tmp_path).eval()
        torch.testing.assert_close(loaded(input_ids=ids, use_cache=False).logits, expected, atol=1e-4, rtol=1e-4)
        network.renew(1)
        assert float((network.peft(input_ids=ids, use_cache=False).logits - expected).abs().max()) > 0.01
        network.load_adapter(tmp_path)
        torch.testing.assert_close(network.peft(input_ids=ids, use_cache=False).logits, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("experts", [False, True])
@pytest.mark.parametrize("family", ["qwen3_moe", "gpt_oss", "glm4_moe"])
def test_the_average_of_a_mixture_follows_its_adapter(family: str, experts: bool) -> None:
    """At rate 1 the teacher is the student, at rate 0 the base."""
    ids = torch.tensor([TEXT[:40]])
    for rate in (0.0, 1.0):
        network = stirred(Network(tiny(family), LoraSettings(4, 8, experts), 0))
        teacher = Teacher(network, TeacherSettings("ema", rate))
        teacher.follow()
        assert teacher.ema is not None
        with torch.no_grad():
            student = network.peft(input_ids=ids, use_cache=False).logits
            with teacher.ema.active():
                taught = network.peft(input_ids=ids, use_cache=False).logits
            with network.without_adapter():
                base = network.peft(input_ids=ids, use_cache=False).logits
        torch.testing.assert_close(taught, student if rate else base, atol=2e-4, rtol=1e-3)
        assert float((student - base).abs().max()) > 0.1


def test_routers_get_no_adapter_and_experts_only_if_asked_for() -> None:
    chosen = {experts: Network(tiny("qwen2_moe"), LoraSettings(4, 8, experts), 0).targets for experts in (False, True)}
    ends = {name.rpartition(".")[2] for name in chosen[False].modules}
    assert ends == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
    assert "model.layers.*.mlp.shared_expert_gate" in chosen[False].in_short()
    assert "model.layers.*.mlp.experts.down_proj" in chosen[False].in_short()
    assert {name.rpartition(".")[2] for name in chosen[True].experts} == {"gate_up_proj", "down_proj"}
    assert not any("experts." in name for name in chosen[True].without)


def test_a_vision_tower_gets_no_adapter() -> None:
    network = Network(base_of("vision"), LORA, 0)
    assert network.targets.modules and not any("vision" in name for name in network.targets.modules)
    trained = [name for name, parameter in network.peft.named_parameters() if parameter.requires_grad]
    assert trained and not any("vision" in name for name in trained)


def saved(mechanism: str, folder: Path) -> PolicySettings:
    """Settings for a model of the mechanism that lies in a folder, as a hub has it."""
    tokenizer = chatml()
    base = base_of(mechanism, max_position_embeddings=2048)
    base.generation_config = GenerationConfig(eos_token_id=tokenizer.eos_token_id)
    base.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return PolicySettings(str(folder), "cpu", "float32", engine="torch", max_new_tokens=8, lora=LORA)


@contextmanager
def solving(settings: RunSettings, run: RunDir, said: list[str]) -> Iterator[Solver]:
    """As `sdpo-solve` does it, but for the sandbox: no program passes, and none is run."""
    judge: Any = WordJudge(SUM, None)
    judge.recall = lambda failed: None
    with load_policy(settings.policy, 0, said.append) as policy, Journal(run.events) as journal:
        strategy = make_strategy(SUM, policy, settings)
        if not run.manifest.exists():
            announce(journal, run, judge, policy, strategy, settings, ["sdpo-solve"])
        guard = make_guard(strategy, settings.guard)
        yield Solver(Parts(policy.network, policy.chat, policy.sampler, judge, journal, run, guard), strategy, settings.budget, 0)


@every
def test_a_run_from_a_folder_that_is_resumed_and_read_by_peft(mechanism: str, tmp_path: Path) -> None:
    """A batch, a step, and a batch with the new adapter: a fresh network draws the second one again from the
    checkpoint, and PEFT on the plain model computes its log-probabilities from the adapter that the run saved."""
    policy, said = saved(mechanism, tmp_path / "model"), list[str]()
    settings = RunSettings(
        batch_size=2, budget=Budget(max_attempts=4), policy=policy, learner=LearnerSettings(0.02, max_gap=1e-3)
    )
    with solving(settings, run := RunDir.at(tmp_path / "run"), said) as solver:
        assert solver.run() is None
    manifest, (step,) = (
        [event for event in read_events(run.events) if event["type"] == kind] for kind in ("manifest", "step_taken")
    )
    assert step["gap_mean"] < 1e-4 and step["grad_norm"] > 0
    assert manifest[0]["model"]["exactness"]["paths"] == vars(MECHANISMS[mechanism][1])
    assert any(line.startswith("checking that") for line in said)
    with solving(settings, run, said) as again:
        checkpoint.resume(again)
        drawn = [attempt.sample for attempt in again.in_hand]
        rngs = [np.random.default_rng([0, SAMPLING, 1, place]) for place in range(2)]
        assert again.parts.sampler.sample([one.prompt for one in drawn], rngs) == drawn and len(drawn) == 2
    moved = []
    for base in (base_of(mechanism), PeftModel.from_pretrained(base_of(mechanism), run.last_adapter)):
        model: Any = base.eval()
        told = [answered(_logits(model, one), Pair(one.prompt, one.response)) for one in drawn]
        moved.append(max(float((a - torch.tensor(one.logprobs)).abs().max()) for a, one in zip(told, drawn, strict=True)))
    assert moved[1] < 1e-4 < 1e-2 < moved[0]


@torch.no_grad()
def _logits(model: Any, one: Sample) -> torch.Tensor:
    ids = torch.tensor([one.prompt + one.response[:-1]])
    return model(input_ids=ids, use_cache=False).logits[0, -len(one.response) :]  # type: ignore[no-any-return]


def test_a_known_model_is_not_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = saved("window", tmp_path / "model")
    with load_policy(settings, 0, lambda _: None) as first:
        facts = first.facts["exactness"]
    said = model.exactness(Subject(settings.model, "cpu", "float32")).said
    assert said.startswith("sampling own-cache, learning shared-prefix, attention grouped: sampling not shared-prefix: ")
    assert "first time" in model.exactness(Subject(settings.model, "cpu", "bfloat16")).said
    monkeypatch.setattr("sdpo_tts.policy.families.exactness.exact", lambda *args: pytest.fail("it is known"))
    with load_policy(settings, 0, lambda _: None) as second:
        assert second.facts["exactness"] == facts and second.network.paths.sampling == "own-cache"


def test_no_answer_goes_beyond_the_model_s_positions() -> None:
    sampler = TorchSampler(Network(base_of("plain"), LORA, 0), [2], max_new_tokens=8, positions=40)
    sampler.sample([TEXT[:32]], [np.random.default_rng(0)])
    with pytest.raises(UserError, match="a prompt of 33 tokens and an answer of 8 exceed the model's 40 positions"):
        sampler.sample([TEXT[:33]], [np.random.default_rng(0)])


def test_experts_are_planned_for_and_refused_with_vllm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny("qwen3_moe").config.save_pretrained(tmp_path)
    need = {
        experts: memory_needed(str(tmp_path), Subject(experts=experts), "float32", checkpointing=True).adapter
        for experts in (False, True)
    }
    made = {experts: Network(tiny("qwen3_moe"), LoraSettings(experts=experts), 0) for experts in (False, True)}
    for experts, network in made.items():
        assert need[experts] == 4 * 7 * sum(parameter.numel() for parameter in network.trainable)
    monkeypatch.setattr("sdpo_tts.engine.selection.choose", lambda engine, device: "vllm")
    with pytest.raises(UserError, match="--lora-experts: adapters on experts cannot be handed to vLLM"):
        check_policy(PolicySettings(lora=LoraSettings(experts=True), device="cpu"))


def test_what_another_version_found_is_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDPO_TTS_CACHE", str(tmp_path))
    exactness_cache.remember("key", found := Exactness(Paths("own"), 0.1, 0.5, {"learning": 0.2}, ("why",), ("a.b",)))
    assert exactness_cache.recall("key") == found
    (tmp_path / "models" / "exactness" / "key.json").write_text('{"paths": {"attention": "own", "speed": 3}}')
    assert exactness_cache.recall("key") is None and exactness_cache.recall("other") is None
