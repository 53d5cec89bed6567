"""How much memory a run needs at the least, from the shape of its model alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

PROMPT_TOKENS = 1024  # of a problem of usual length, with feedback
ITEM = {"bfloat16": 2, "float16": 2, "float32": 4}
FP32, GIB = 4, 2**30
NF4 = 0.5 + 4 / 64  # bytes of a weight: its code, and a scale in fp32 for 64 of them
LOGITS_COPIES = 10  # of a chunk of logits: as computed and in fp32, log-probabilities, entropy, gradients; twice two
HIDDEN_BYTES, INNER_BYTES = 44, 12  # kept for the backward pass, a layer and token, per hidden and per inner unit:
# inputs of norms, attention and linear layers in 16 bits, and their copies in fp32 for the adapter


class Work(Protocol):
    """What a run does, as far as memory goes."""

    @property
    def batch_size(self) -> int: ...
    @property
    def max_new_tokens(self) -> int: ...
    @property
    def quantization(self) -> str: ...
    @property
    def teacher(self) -> str: ...
    @property
    def method(self) -> str: ...


@dataclass(frozen=True)
class MemoryNeed:
    """Bytes: the frozen weights; the adapter with its gradient, AdamW's two moments, and what guard and teacher keep of
    it; the keys and values of a batch that is sampled; one sequence of the learner."""

    weights: int
    adapter: int
    cache: int
    work: int

    @property
    def total(self) -> int:
        return self.weights + self.adapter + self.cache + self.work

    def __str__(self) -> str:
        parts = f"weights {size(self.weights)}, adapter {size(self.adapter)}"
        return f"{size(self.total)} ({parts}, batch {size(self.cache + self.work)})"


def size(amount: float) -> str:
    """Bytes for people."""
    return f"{amount / GIB:.1f} GiB" if amount >= GIB / 10 else f"{amount / 2**20:.0f} MiB"


def memory_needed(source: str, subject: Work, dtype: str, *, checkpointing: bool) -> MemoryNeed:
    """`source` is a folder or a hub id. No weights are loaded: the network is built without memory of its own.

    With `checkpointing` activations are computed twice, as the learner does once a GPU's memory has run out.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(source)
    with torch.device("meta"):
        network = AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]
    tokens, item = PROMPT_TOKENS + subject.max_new_tokens, ITEM[dtype]
    trains = subject.method in ("auto", "sdpo", "grpo")
    return MemoryNeed(
        weights=_weights(network, item, quantised=subject.quantization != "none"),
        adapter=FP32 * _adapter(network) * (_copies(subject) if trains else 1),
        cache=subject.batch_size * tokens * item * _cache_width(config),
        work=_work(config, tokens, item, checkpointing=checkpointing) if trains else 0,
    )


def _weights(network: Any, item: int, *, quantised: bool) -> int:
    """Only linear layers are quantised; the largest of them is there in full while it is computed with."""
    total: int = item * sum(parameter.numel() for parameter in network.parameters())
    if not quantised:
        return total
    sizes = [layer.weight.numel() for layer in _linear(network)]
    return int(total + sum(sizes) * (NF4 - item) + item * max(sizes))


def _adapter(network: Any) -> int:
    """Parameters of LoRA on all linear layers but the output layer."""
    from sdpo_tts.policy.network import LoraSettings

    return LoraSettings().rank * sum(int(layer.in_features + layer.out_features) for layer in _linear(network))


def _linear(network: Any) -> list[Any]:
    """All but the output layer."""
    import torch

    head = network.get_output_embeddings()
    return [layer for layer in network.modules() if isinstance(layer, torch.nn.Linear) and layer is not head]


def _copies(subject: Work) -> int:
    """Weights, gradient, two moments; what the guard keeps of the best batch, all but the gradient; and an average of
    the weights, of more columns."""
    from sdpo_tts.policy.learning.ema import RANKS

    return 7 + (RANKS if subject.teacher == "ema" else 0)


def _cache_width(config: Any) -> int:
    """Numbers that one token leaves in the cache of keys and values."""
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return int(2 * config.num_hidden_layers * heads * width)


def _work(config: Any, tokens: int, item: int, *, checkpointing: bool) -> int:
    """The activations of one sequence, and chunks of logits."""
    from sdpo_tts.policy.learning.learner import CHUNK

    layer = HIDDEN_BYTES * config.hidden_size + INNER_BYTES * config.intermediate_size
    layers = config.num_hidden_layers
    kept = item * config.hidden_size * layers + layer if checkpointing else layer * layers
    return int(tokens * kept + LOGITS_COPIES * FP32 * CHUNK)
