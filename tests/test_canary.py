"""The random adapter that an engine is tried with when it starts: an engine that does not follow it is refused."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sdpo_tts.discovery.assemble import PolicySettings, load_policy
from sdpo_tts.doctor import Subject, model
from sdpo_tts.engine import selection
from sdpo_tts.engine.in_process import Request
from sdpo_tts.engine.sampler import VllmSampler
from sdpo_tts.engine.versions import Adapter
from sdpo_tts.errors import SetupError
from sdpo_tts.policy.families.canary import NATS, NotFollowedError, follow
from sdpo_tts.policy.network import LoraSettings, Network
from sdpo_tts.policy.sampler import Listener, Sample, TorchSampler
from tests.tiny import VOCABULARY, tiny_network

TEXT = tuple(range(1, VOCABULARY))


class TorchEngine:
    """Stands in for vLLM: another network of the same base, into which every adapter is loaded from its folder, and
    then treated as a `fault` says."""

    longest = 128

    def __init__(self, network: Network, fault: Callable[[Network], object] = lambda network: None) -> None:
        self.network, self.fault = network, fault
        self.served: list[Adapter | None] = []

    def sample(self, requests: Sequence[Request], adapter: Adapter | None, listener: Listener) -> list[Sample]:
        self.served.append(adapter)
        if adapter:
            self.network.load_adapter(adapter.folder)
            self.fault(self.network)
        sampler = TorchSampler(self.network, requests[0].stop_ids, max_new_tokens=requests[0].max_tokens)
        rngs = [np.random.default_rng(request.seed) for request in requests]
        return sampler.sample([one.prompt for one in requests], rngs, base=sum(one.base for one in requests))

    def close(self) -> None:
        """Nothing to give back."""


def without(network: Network, part: str) -> None:
    """Like an engine that has no place for these layers' adapters."""
    for name, parameter in network.peft.named_parameters():
        if "lora_B" in name and part in name:
            parameter.data.zero_()


def beside(network: Network, dtype: torch.dtype = torch.float32, **fault: Any) -> VllmSampler:
    return VllmSampler(TorchEngine(tiny_network(dtype=dtype), **fault), network, [2], max_new_tokens=4)


@pytest.mark.parametrize(("dtype", "noise"), [(torch.float32, 2e-5), (torch.bfloat16, 6e-3)])
def test_an_engine_that_follows_passes(dtype: torch.dtype, noise: float) -> None:
    with closing(beside(tiny_network(), dtype)) as sampler:
        found = follow(sampler.network, sampler, TEXT, noise)
    assert NATS / 2 < found.moved < NATS * 2 and found.off < found.allowed < found.moved / 4
    assert dtype != torch.float32 or found.off < 1e-5


@pytest.mark.parametrize("part", [".layers.1.", "q_proj", "lora"])
@pytest.mark.parametrize(("dtype", "noise"), [(torch.float32, 2e-5), (torch.bfloat16, 6e-3)])
def test_an_engine_that_drops_parts_of_an_adapter_is_refused(dtype: torch.dtype, noise: float, part: str) -> None:
    with (
        closing(beside(tiny_network(), dtype, fault=lambda network: without(network, part))) as sampler,
        pytest.raises(NotFollowedError, match=r"nats per token off, with one that moves .* are allowed \(hint: ") as told,
    ):
        follow(sampler.network, sampler, TEXT, noise)
    assert told.value.exit_code == 4 and "\n" not in str(told.value)


def test_an_adapter_that_an_engine_cannot_load_is_one_line() -> None:
    def refuse(network: Network) -> None:
        raise ValueError("expected target modules in ['qkv_proj']\nbut received lora_magnitude")

    with closing(beside(tiny_network(), fault=refuse)) as sampler, pytest.raises(SetupError) as told:
        follow(sampler.network, sampler, TEXT, 2e-5)
    assert str(told.value).startswith("--engine vllm: vLLM cannot use a LoRA adapter: ValueError: expected target")
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("version", [0, 1])
def test_nothing_is_left_of_it(version: int) -> None:
    """Neither in the network, nor in the engine, nor on the shelf, nor in anybody's random numbers."""
    network = tiny_network()
    network.version, before, drawn = version, network.state(), torch.get_rng_state()
    with closing(beside(network)) as sampler:
        follow(network, sampler, TEXT, 2e-5)
        assert network.version == version and all(map(torch.equal, network.state(), before))
        assert torch.equal(torch.get_rng_state(), drawn)
        sampler.sample([TEXT[:4]], [np.random.default_rng(0)])
        assert isinstance(sampler.engine, TorchEngine)
        random, own = sampler.engine.served
        folders = [path.name for path in sampler.versions.folder.iterdir() if path.is_dir()]
        assert random and (own is None if version == 0 else own and own.number > random.number)
        assert folders == ([own.folder.name] if own else [])


def test_auto_takes_torch_instead_and_the_manifest_says_what_was_taken(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    dropped: list[str] = []

    def beside(base: Any, wanted: selection.Wanted, report: Callable[[str], None]) -> selection.Engine:
        faulty = TorchEngine(Network(copy.deepcopy(base), LoraSettings(), 0), lambda it: [without(it, one) for one in dropped])
        return selection.Engine(faulty, {"engine_version": "9"})

    monkeypatch.setenv("SDPO_TTS_CACHE", str(tmp_path))
    monkeypatch.setattr(selection, "choose", lambda name, device: "vllm" if name == "auto" else name)
    monkeypatch.setattr(selection, "beside", beside)
    settings, said = PolicySettings(str(tiny_model), "cpu", "float32", replicas=2), list[str]()
    for engine in ("vllm", "torch"):
        with load_policy(settings, 0, said.append) as policy:
            facts = policy.facts
        assert facts["engine"] == engine and ("engine_version" in facts) is (engine == "vllm")
        assert (facts["exactness"]["engine"] is None) is (engine == "torch")
        dropped.append("down_proj")
    assert any("does not follow a LoRA adapter" in line and line.endswith("sampling with torch instead") for line in said)
    found = model.exactness(Subject(settings.model, "cpu", "float32")).said
    assert re.search(r"^sampling shared-prefix, .*; or sampling vllm \(with an adapter \S+ nats per token off\), ", found)
    asked = replace(settings, engine="vllm")
    with pytest.raises(NotFollowedError):
        load_policy(asked, 0, said.append)
    with load_policy(asked, 0, said.append, adapts=False) as policy:  # a method that does not learn
        assert (policy.facts["engine"], policy.facts["exactness"]["engine"]) == ("vllm", None)
