"""The network of a loaded model, on paths that are exact for it, and the engine that follows it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sdpo_tts.models import exactness_cache
from sdpo_tts.models.progress import Report
from sdpo_tts.models.weights import Weights
from sdpo_tts.policy.batch import Ids
from sdpo_tts.policy.families import canary, exactness
from sdpo_tts.policy.families.paths import Exactness
from sdpo_tts.policy.network import LoraSettings, Network


def network_of(
    base: Any, located: Weights, lora: LoraSettings, quantization: str, seed: int, text: Ids, report: Report,
    *, samples: bool,
) -> tuple[Network, Exactness]:
    """The network on paths that are exact for it, measured on `text` once and then remembered, without what an earlier
    run found about its engine. `samples`: no other engine does the sampling. Raises SetupError."""
    key = _key(base, located, quantization, samples=samples, experts=lora.experts)
    if key and (found := exactness_cache.recall(key)):
        return exactness.known(base, lora, seed, found), replace(found, engine=None)
    report(f"checking that {located.name} is computed exactly (once)")
    network, found = exactness.exact(base, lora, seed, text, samples=samples)
    if key:
        exactness_cache.remember(key, found)
    return network, found


def followed(
    network: Network, found: Exactness, engine: canary.Engine, located: Weights, quantization: str, text: Ids
) -> Exactness:
    """`found`, with a measurement of how an engine that has just started follows the network's adapter. It is made at
    every start, because it depends on much else, and remembered for the doctor. Raises NotFollowedError."""
    found = replace(found, engine=canary.follow(network, engine, text, found.noise))
    base, experts = network.peft.get_base_model(), bool(network.targets.experts)
    if key := _key(base, located, quantization, samples=False, experts=experts):
        exactness_cache.remember(key, found)
    return found


def _key(base: Any, located: Weights, quantization: str, *, samples: bool, experts: bool) -> str:
    return exactness_cache.key_of(
        located, dtype=str(base.dtype), device=base.device.type, quantization=quantization,
        engine="torch" if samples else "vllm", experts=experts,
    )  # fmt: skip
