"""Puts a run together from settings: model, sampler, learner, strategy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sdpo_tts.discovery.strategies import BestOfK, MultiTurn, SelfDistillation, Strategy
from sdpo_tts.models import weights
from sdpo_tts.policy.learner import Learner, LearnerSettings
from sdpo_tts.policy.network import LoraSettings, Network
from sdpo_tts.policy.prompts import Chat
from sdpo_tts.policy.sampler import TorchSampler
from sdpo_tts.problem import Problem


@dataclass(frozen=True)
class PolicySettings:
    """`device` and `dtype` of `auto` are chosen from the hardware; lengths in tokens."""

    model: str = "auto"
    device: str = "auto"
    dtype: str = "auto"
    max_new_tokens: int = 512
    max_prompt_tokens: int = 8192
    lora: LoraSettings = field(default_factory=LoraSettings)
    learner: LearnerSettings = field(default_factory=LearnerSettings)


@dataclass(frozen=True)
class Policy:
    """The loaded model; `facts` go into the manifest."""

    network: Network
    chat: Chat
    sampler: TorchSampler
    facts: dict[str, Any]


def load_policy(settings: PolicySettings, seed: int, report: Callable[[str], None]) -> Policy:
    """Raises UserError (no such model) or SetupError (not to be had here)."""
    import torch

    device = settings.device if settings.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    dtype = settings.dtype if settings.dtype != "auto" else weights.dtype_for(device)
    located = weights.locate(settings.model, report)
    report(f"loading {located.name} ({dtype}, {device})")
    base, tokenizer = weights.load(located, dtype, device)
    shape = shape_of(base)
    chat = Chat(tokenizer, base.generation_config)
    network = Network(base, settings.lora, seed)
    sampler = TorchSampler(network, chat.stop_ids, max_new_tokens=settings.max_new_tokens)
    facts = {"name": located.name, "sha256": located.sha256, "dtype": dtype, "device": device, "engine": sampler.name}
    return Policy(network, chat, sampler, {**facts, **shape})


def shape_of(base: Any) -> dict[str, int]:
    """What FLOPs follow from: parameters without input embeddings, layers, and the width of all query heads.

    Of a mixture of experts all experts are counted, although a token passes through a few: an upper bound.
    """
    config, embedding = base.config, base.get_input_embeddings().weight
    tied = base.get_output_embeddings().weight is embedding
    parameters = sum(parameter.numel() for parameter in base.parameters())
    heads = config.num_attention_heads
    return {
        "parameters": parameters - (0 if tied else embedding.numel()),
        "layers": config.num_hidden_layers,
        "width": heads * (getattr(config, "head_dim", None) or config.hidden_size // heads),
    }


def make_strategy(
    method: str, problem: Problem, policy: Policy, settings: PolicySettings, batch_size: int | None
) -> Strategy:
    """`batch_size` None is the method's own default."""
    size = {} if batch_size is None else {"batch_size": batch_size}
    if method == "sdpo":
        return SelfDistillation(problem, policy.chat, Learner(policy.network, settings.learner), **size)
    if method == "multi-turn":
        return MultiTurn(problem, policy.chat, settings.max_prompt_tokens, **size)
    return BestOfK(problem, policy.chat, **size)
