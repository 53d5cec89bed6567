"""How much memory a run needs at the least, from the shape of its model alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sdpo_tts.doctor.finding import Subject, size

PROMPT_TOKENS = 1024  # of a problem of usual length, with feedback
ITEM = {"bfloat16": 2, "float16": 2, "float32": 4}
FP32 = 4
LOGITS_COPIES = 4  # of a chunk of logits: student, teacher, log-probabilities, gradient


@dataclass(frozen=True)
class Need:
    """Bytes: the frozen weights; the adapter with its gradient and AdamW's two moments; the keys and values of a
    batch that is sampled; one sequence of the learner with its activations computed twice."""

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


def need_of(source: str, subject: Subject, dtype: str) -> Need:
    """`source` is a folder or a hub id. No weights are loaded: the network is built without memory of its own."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(source)
    with torch.device("meta"):
        network = AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]
    tokens, item = PROMPT_TOKENS + subject.max_new_tokens, ITEM[dtype]
    trains = subject.method in ("sdpo", "grpo")
    return Need(
        weights=item * sum(parameter.numel() for parameter in network.parameters()),
        adapter=FP32 * _adapter(network) * (_copies(subject) if trains else 1),
        cache=subject.batch_size * tokens * item * _cache_width(config),
        work=_work(config, tokens, item) if trains else 0,
    )


def _adapter(network: Any) -> int:
    """Parameters of LoRA on all linear layers but the output layer."""
    import torch

    from sdpo_tts.policy.network import LoraSettings

    head = network.get_output_embeddings()
    layers = (layer for layer in network.modules() if isinstance(layer, torch.nn.Linear) and layer is not head)
    return LoraSettings().rank * sum(layer.in_features + layer.out_features for layer in layers)


def _copies(subject: Subject) -> int:
    """Weights, gradient, two moments; and the teacher's shadow of the weights."""
    return 5 if subject.teacher == "ema" else 4


def _cache_width(config: Any) -> int:
    """Numbers that one token leaves in the cache of keys and values."""
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return int(2 * config.num_hidden_layers * heads * width)


def _work(config: Any, tokens: int, item: int) -> int:
    """A hidden state a layer, one layer's own activations, and chunks of logits in fp32."""
    from sdpo_tts.policy.learner import CHUNK

    layer = 8 * config.hidden_size + 4 * config.intermediate_size
    return int(tokens * item * (config.num_hidden_layers * config.hidden_size + layer) + LOGITS_COPIES * FP32 * CHUNK)
