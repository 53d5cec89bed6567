"""The network of a loaded model, on paths that are exact for it."""

from __future__ import annotations

from typing import Any

from sdpo_tts.models import exactness_cache
from sdpo_tts.models.progress import Report
from sdpo_tts.models.weights import Weights
from sdpo_tts.policy.batch import Ids
from sdpo_tts.policy.families import exactness
from sdpo_tts.policy.families.paths import Exactness
from sdpo_tts.policy.network import LoraSettings, Network


def network_of(
    base: Any, located: Weights, lora: LoraSettings, quantization: str, seed: int, text: Ids, report: Report,
    *, samples: bool,
) -> tuple[Network, Exactness]:
    """The network on paths that are exact for it, measured on `text` once and then remembered. `samples`: no other
    engine does the sampling. Raises SetupError."""
    key = exactness_cache.key_of(
        located, dtype=str(base.dtype), device=base.device.type, quantization=quantization,
        engine="torch" if samples else "vllm", experts=lora.experts,
    )  # fmt: skip
    if key and (found := exactness_cache.recall(key)):
        return exactness.known(base, lora, seed, found), found
    report(f"checking that {located.name} is computed exactly (once)")
    network, found = exactness.exact(base, lora, seed, text, samples=samples)
    if key:
        exactness_cache.remember(key, found)
    return network, found
