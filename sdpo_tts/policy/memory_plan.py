"""The least memory that a run needs, computed from the shape of its model alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol

PROMPT_TOKENS = 1024  # of a problem of usual length, with feedback
ITEM = {"bfloat16": 2, "float16": 2, "float32": 4}
FP32, GIB = 4, 2**30
NF4 = 0.5 + 4 / 64  # bytes of a weight: its code, and a scale in fp32 for 64 of them
CARDS = (8, 12, 16, 24, 32, 48, 80, 96, 141)  # GiB, as they are sold
RESERVE = 0.9  # of a card: the driver and torch's allocator take the rest
SHARE = 0.95  # of the free memory: allocators keep pieces that fit nothing
LOGITS_COPIES = 10  # of a chunk of logits: as computed and in fp32, log-probabilities, entropy, gradients; twice two
HIDDEN_BYTES, INNER_BYTES = 44, 12  # kept for the backward pass, a layer and token, per hidden and per inner unit:
# inputs of norms, attention and linear layers in 16 bits, and their copies in fp32 for the adapter


class Work(Protocol):
    """What a run does, as far as memory is concerned."""

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
    @property
    def experts(self) -> bool: ...


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
    """`source` is a folder or a hub id. Loads no weights: the network is built without memory of its own.

    With `checkpointing` activations are computed twice, as the learner does once a GPU's memory has run out.
    """
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(source, trust_remote_code=False)
    return memory_of(config, subject, dtype, checkpointing=checkpointing)


def memory_of(config: Any, subject: Work, dtype: str, *, checkpointing: bool) -> MemoryNeed:
    """The same of a configuration of transformers."""
    network = _network(_Configured(config.to_json_string(use_diff=False), config))
    tokens, item = PROMPT_TOKENS + subject.max_new_tokens, ITEM[dtype]
    trains = subject.method in ("auto", "sdpo", "grpo")
    return MemoryNeed(
        weights=_weights(network, item, quantised=subject.quantization != "none"),
        adapter=FP32 * _adapter(network, experts=subject.experts) * (_copies(subject) if trains else 1),
        cache=subject.batch_size * item * _kept(network, tokens),
        work=_work(network, tokens, item, checkpointing=checkpointing) if trains else 0,
    )


def parameters_of(config: Any) -> int:
    """How many numbers a model of this configuration has."""
    network = _network(_Configured(config.to_json_string(use_diff=False), config))
    return sum(parameter.numel() for parameter in network.parameters())


def card_for(need: float) -> int | None:
    """The smallest common card, in GiB, that holds this many bytes; None: no single card does."""
    return next((card for card in CARDS if need < RESERVE * card * GIB), None)


@dataclass(frozen=True)
class _Configured:
    """A configuration, identified by its text."""

    text: str
    config: Any = field(compare=False)


@lru_cache(maxsize=2)
def _network(of: _Configured) -> Any:
    """Without memory of its own. Cached, because a plan asks for it repeatedly and a large one takes seconds to
    build."""
    import torch

    from sdpo_tts.policy.families.anatomy import text_model

    with torch.device("meta"):
        return text_model(of.config).from_config(of.config).eval()


def _weights(network: Any, item: int, *, quantised: bool) -> int:
    """Only linear layers are quantised; the largest of them exists in full while it is used."""
    total: int = item * sum(parameter.numel() for parameter in network.parameters())
    if not quantised:
        return total
    sizes = [layer.weight.numel() for layer in _linear(network)]
    return int(total + sum(sizes) * (NF4 - item) + item * max(sizes, default=0))


def _adapter(network: Any, *, experts: bool) -> int:
    """LoRA's parameters on everything that gets an adapter."""
    from sdpo_tts.policy.families.anatomy import body_of
    from sdpo_tts.policy.families.targets import targets_of
    from sdpo_tts.policy.network import LoraSettings

    targets = targets_of(network, body_of(network), experts=experts)
    modules = sum(sum(network.get_submodule(name).weight.shape) for name in targets.modules)
    stacks = [tuple(network.get_parameter(name).shape) for name in targets.experts]
    return int(LoraSettings().rank * (modules + sum(count * (rows + width) for count, rows, width in stacks)))


def _linear(network: Any) -> list[Any]:
    """All but the output layer."""
    from sdpo_tts.policy.families.targets import is_linear

    head = network.get_output_embeddings()
    return [layer for layer in network.modules() if is_linear(layer) and layer is not head]


def _copies(subject: Work) -> int:
    """Weights, gradient, two moments; what the guard keeps of the best batch, all but the gradient; and an average of
    the weights, of more columns, of which the guard keeps one too."""
    from sdpo_tts.policy.learning.ema import RANKS

    return 7 + (2 * RANKS if subject.teacher == "ema" else 0)


@lru_cache(maxsize=32)
def _kept(network: Any, tokens: int) -> int:
    """Numbers that the model keeps for a text of this many tokens, found by reading one without memory of its own."""
    import torch

    from sdpo_tts.policy.families.anatomy import body_of, cache_name, tensors_of

    body = body_of(network)
    try:
        with torch.no_grad():
            output = body(input_ids=torch.zeros(1, tokens, dtype=torch.long, device="meta"), use_cache=True)
        return sum(held.numel() for layer in output[cache_name(body)].layers for held in tensors_of(layer))
    except (RuntimeError, NotImplementedError, KeyError, AttributeError):  # of a pass that depends on values
        return tokens * _usual_width(network)


def _usual_width(network: Any) -> int:
    """Numbers of keys and values per token, if every layer keeps them for every token: an upper bound."""
    from sdpo_tts.policy.families.anatomy import heads_of, text_config

    config = text_config(network)
    heads, width = heads_of(config)
    return int(2 * config.num_hidden_layers * (config.to_dict().get("num_key_value_heads") or heads) * width)


def _work(network: Any, tokens: int, item: int, *, checkpointing: bool) -> int:
    """The activations of one sequence, and chunks of logits."""
    from sdpo_tts.policy.families.anatomy import body_of, layers_of
    from sdpo_tts.policy.learning.learner import CHUNK

    hidden = network.get_input_embeddings().weight.shape[-1]
    layers = [HIDDEN_BYTES * hidden + INNER_BYTES * _inner(layer, hidden) for layer in layers_of(body_of(network))]
    kept = item * hidden * len(layers) + max(layers, default=0) if checkpointing else sum(layers)
    return int(tokens * kept + LOGITS_COPIES * FP32 * CHUNK)


def _inner(layer: Any, hidden: int) -> int:
    """The largest width of a layer."""
    from sdpo_tts.policy.families.targets import is_linear

    widths = [max(one.weight.shape) for one in layer.modules() if is_linear(one)]
    return max(widths, default=hidden)
