"""The parts of a transformers model: its text body, output layer and layers, none of them found by name."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from sdpo_tts.errors import SetupError

CACHES = ("cache", "past_key_values", "cache_params")  # transformers' names for it, newest first
_PROBE = 8  # tokens
_LOUDER = 1000.0  # times the hidden states of the probe: a cap shows on large logits


def text_config(base: Any) -> Any:
    """The configuration of the model that reads and writes text, even if it is part of a larger one."""
    return base.config.get_text_config(decoder=True)


def heads_of(config: Any) -> tuple[int, int]:
    """(query heads, width of one) from a text model's configuration; 0 heads for a model without attention. If layers
    differ, those that most of them have."""
    told = config.to_dict()
    heads = told.get("num_attention_heads") or told.get("n_head") or 0
    return heads, told.get("head_dim") or config.hidden_size // max(1, heads)


def shape_of(base: Any) -> dict[str, int]:
    """What FLOPs are computed from: parameters without input embeddings, layers, and the width of all query heads.

    In a mixture of experts all experts are counted, although a token passes through only a few: an upper bound.
    """
    config, embedding = text_config(base), base.get_input_embeddings().weight
    head = base.get_output_embeddings()
    tied = head is not None and head.weight is embedding
    parameters = base.num_parameters()  # four-bit weights pack several parameters into one element
    heads, width = heads_of(config)
    return {
        "parameters": parameters - (0 if tied else embedding.numel()),
        "layers": config.num_hidden_layers,
        "width": heads * width,
    }


def text_model(config: Any) -> Any:
    """The transformers class for a model with this configuration that reads and writes text, alone or besides pictures.
    Raises SetupError if there is none."""
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

    for kind in (AutoModelForCausalLM, AutoModelForImageTextToText):
        if type(config) in kind._model_mapping:
            return kind
    what = f"transformers {_version()} has no model of kind {config.model_type!r} that writes text"
    raise SetupError(what, where="--model", hint="choose another --model, or a newer transformers")


def _version() -> str:
    import transformers

    return transformers.__version__


def body_of(base: Any) -> Any:
    """The network between token ids and last hidden states: the innermost model that has the input embeddings. Raises
    SetupError."""
    from transformers import PreTrainedModel

    try:
        embeddings = base.get_input_embeddings()
    except NotImplementedError:
        embeddings = None
    models = [module for module in base.modules() if isinstance(module, PreTrainedModel) and module is not base]
    holders = [model for model in models if any(module is embeddings for module in model.modules())]
    if not holders:
        raise SetupError(f"{type(base).__name__} has no body behind its embeddings", hint="choose another --model")
    return holders[-1]


def cache_name(body: Any) -> str:
    """The cache's name in the body's forward pass; under another name it would be silently ignored. Raises SetupError
    if there is none."""
    known = inspect.signature(body.forward).parameters
    for name in CACHES:
        if name in known:
            return name
    raise SetupError(f"{type(body).__name__} takes no cache", hint="choose another --model")


def tensors_of(layer: Any) -> list[Tensor]:
    """All tensors in a layer of a cache, including those in dictionaries."""
    held = [value for one in vars(layer).values() for value in (one.values() if isinstance(one, dict) else [one])]
    return [value for value in held if isinstance(value, Tensor)]


def layers_of(body: Any) -> list[Any]:
    """The layers whose activations may be recomputed instead of being kept, outermost ones only."""
    from transformers.modeling_layers import GradientCheckpointingLayer

    if isinstance(body, GradientCheckpointingLayer):
        return [body]
    return [layer for child in body.children() for layer in layers_of(child)]


class Head:
    """From last hidden states to logits.

    `plain` where that is the output layer alone. Otherwise the whole model computes them, with its body made to answer
    with given hidden states: so scales, caps and multipliers come along, whatever they are. Raises SetupError if
    the model computes logits that are not finite.
    """

    def __init__(self, base: Any, body: Any) -> None:
        self._base, self._body = base, body
        self._layer = base.get_output_embeddings()
        self._answer, logits_T_V = self._probe()
        self.vocabulary: int = logits_T_V.shape[-1]
        hidden_T_D = self._answer.last_hidden_state[0]
        self.plain = self._layer is not None and all(
            torch.equal(self._layer(hidden[None]), self._whole(hidden)[None])
            for hidden in (hidden_T_D, _LOUDER * hidden_T_D)
        )

    def __call__(self, hidden: Tensor) -> Tensor:
        """Logits in the base's precision; `hidden` may have any leading axes."""
        if self.plain:
            return self._layer(hidden)  # type: ignore[no-any-return]
        return self._whole(hidden.reshape(-1, hidden.shape[-1])).reshape(*hidden.shape[:-1], -1)

    @torch.no_grad()
    def _probe(self) -> tuple[Any, Tensor]:
        """The body's answer to a few tokens, and logits_T_V."""
        kept: list[Any] = []
        hook = self._body.register_forward_hook(lambda *args: kept.append(args[-1]))
        try:
            ids_1_T = torch.arange(_PROBE, device=self._base.device)[None]
            logits_T_V = self._base(input_ids=ids_1_T, use_cache=False).logits[0]
        finally:
            hook.remove()
        if not logits_T_V.isfinite().all():
            raise SetupError(
                f"{type(self._base).__name__} computes logits that are not finite",
                hint="its weights are damaged, or too large for their precision: try --dtype bfloat16 or float32",
            )
        return kept[-1], logits_T_V

    def _whole(self, hidden_T_D: Tensor) -> Tensor:
        ids_1_T = torch.ones(1, len(hidden_T_D), dtype=torch.long, device=hidden_T_D.device)
        with self._answering(hidden_T_D[None]):
            return self._base(input_ids=ids_1_T, use_cache=False).logits[0]  # type: ignore[no-any-return]

    @contextmanager
    def _answering(self, hidden_1_T_D: Tensor) -> Iterator[None]:
        answer = copy.copy(self._answer)
        answer["last_hidden_state"] = hidden_1_T_D
        self._body.forward, forward = lambda *args, **kwargs: answer, self._body.forward
        try:
            yield
        finally:
            self._body.forward = forward


def is_plain_cache(cache: Any) -> bool:
    """Whether every layer keeps the keys and values of all tokens, and nothing else."""
    from transformers.cache_utils import DynamicLayer

    layers = getattr(cache, "layers", None) or []
    return bool(layers) and all(type(layer) is DynamicLayer and layer.is_initialized for layer in layers)


def has_keys_and_values(cache: Any) -> bool:
    """Whether every layer keeps keys and values, of all tokens or the latest, and nothing else."""
    from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

    layers = getattr(cache, "layers", None) or []
    return bool(layers) and all(type(layer) in (DynamicLayer, DynamicSlidingWindowLayer) for layer in layers)
