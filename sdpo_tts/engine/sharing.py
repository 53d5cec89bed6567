"""One copy of the base for learner and engine: the learner's parameters become views of the engine's.

The engine stores query, key and value of a layer as one matrix, and likewise gate and up, and what gated delta nets
project; the learner's parts are rows of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

FUSED = {
    "qkv_proj": ("q_proj", "k_proj", "v_proj"),
    "gate_up_proj": ("gate_proj", "up_proj"),
    "in_proj_qkvz": ("in_proj_qkv", "in_proj_z"),
    "in_proj_ba": ("in_proj_b", "in_proj_a"),
}


class NotSharedError(Exception):
    """Why the base is held twice."""


@dataclass(frozen=True)
class _Place:
    """Where the engine stores a parameter: rows of `whole` from `start` on, the `part`-th of what is fused there."""

    whole: Any
    part: int = 0
    start: int = 0


def share(base: Any, engine: Any) -> None:
    """Make every parameter of `base` (transformers) a view of the same one in `engine` (vLLM's network). For four-bit
    weights the codes are shared; each side keeps the scales in its own form.

    All or nothing. Raises NotSharedError if the engine uses another layout, or holds other values.
    """
    views = dict(_views(dict(base.named_parameters()), _weights(engine)))
    for name, parameter in base.named_parameters():
        parameter.data = views[name]


def _weights(engine: Any) -> dict[str, Any]:
    """By their names without LoRA's wrappers, and without that of the part of a vision-language model that reads and
    writes text: the learner has no other part."""
    return {
        name.removeprefix("language_model.").replace(".base_layer.", "."): parameter
        for name, parameter in engine.named_parameters()
    }


def _views(parameters: Mapping[str, Any], weights: Mapping[str, Any]) -> Iterator[tuple[str, Tensor]]:
    for name, parameter in parameters.items():
        place, ours = _place(name, parameters, weights), parameter.data
        view = place.whole.data[place.start : place.start + len(ours)] if place else None
        if place is None or view is None or view.shape != ours.shape or view.dtype != ours.dtype:
            raise NotSharedError(f"the engine has no {name} of the same shape")
        if not torch.equal(view, ours.to(view.device)) or not _same_scales(parameter, place):
            raise NotSharedError(f"the engine's {name} has other values")
        yield name, view


def _place(name: str, parameters: Mapping[str, Any], weights: Mapping[str, Any]) -> _Place | None:
    """The engine's tensor may be longer than the learner's, since vLLM pads its vocabulary."""
    *path, module, kind = name.split(".")
    for fused, parts in FUSED.items():
        if module in parts and (whole := weights.get(".".join([*path, fused, kind]))) is not None:
            part = parts.index(module)
            start = sum(len(parameters[".".join([*path, one, kind])]) for one in parts[:part])
            return _Place(whole, part, start)
    return _Place(weights[name]) if name in weights else None


def _same_scales(parameter: Any, place: _Place) -> bool:
    """For four-bit weights: the learner's are quantised themselves, the engine's are not. Others have none."""
    from sdpo_tts.models.quantization import scales

    if getattr(parameter, "quant_state", None) is None:
        return True
    theirs = place.whole.bnb_quant_state[place.part].absmax
    return torch.allclose(scales(parameter).to(theirs.device), theirs)


@contextmanager
def plain_weights_on_cpu() -> Iterator[None]:
    """Inside the block, a new engine's weights stay unpacked on a CPU too; packed for its kernels they could not be
    shared. Costs speed."""
    from vllm.model_executor.layers import utils

    theirs = utils.dispatch_cpu_unquantized_gemm
    utils.dispatch_cpu_unquantized_gemm = _plain
    try:
        yield
    finally:
        utils.dispatch_cpu_unquantized_gemm = theirs


def _plain(layer: Any, remove_weight: bool) -> None:
    layer.cpu_linear = torch.nn.functional.linear
