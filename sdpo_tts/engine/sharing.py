"""One copy of the base for learner and engine: the learner's parameters become views of the engine's.

The engine keeps query, key and value of a layer as one matrix, and so gate and up; the learner's parts are its rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

FUSED = {
    "qkv_proj": ("q_proj", "k_proj", "v_proj"),
    "gate_up_proj": ("gate_proj", "up_proj"),
}


class NotSharedError(Exception):
    """Why the base is held twice."""


def share(base: Any, engine: Any) -> None:
    """Make every parameter of `base` (transformers) a view of the same one in `engine` (vLLM's network).

    All or nothing. Raises NotSharedError where the engine lays its weights out in another way, or holds other values.
    """
    views = dict(_views(dict(base.named_parameters()), _weights(engine)))
    for name, parameter in base.named_parameters():
        parameter.data = views[name]


def _weights(engine: Any) -> dict[str, Tensor]:
    """By their names without the wrappers of LoRA."""
    return {name.replace(".base_layer.", "."): tensor.data for name, tensor in engine.named_parameters()}


def _views(parameters: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    for name, parameter in parameters.items():
        view = _view(name, parameters, weights)
        if view is None or view.shape != parameter.shape or view.dtype != parameter.dtype:
            raise NotSharedError(f"the engine has no {name} of the same shape")
        if not torch.equal(view, parameter.to(view.device)):
            raise NotSharedError(f"the engine's {name} has other values")
        yield name, view


def _view(name: str, parameters: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> Tensor | None:
    """Rows of the engine's tensor; it may be longer than the learner's, since vLLM pads its vocabulary."""
    *path, module, kind = name.split(".")
    for fused, parts in FUSED.items():
        if module in parts and (whole := weights.get(".".join([*path, fused, kind]))) is not None:
            before = parts[: parts.index(module)]
            start = sum(len(parameters[".".join([*path, part, kind])]) for part in before)
            return whole[start : start + len(parameters[name])]
    found = weights.get(name)
    return None if found is None else found[: len(parameters[name])]


@contextmanager
def plain_weights_on_cpu() -> Iterator[None]:
    """While the engine is made: its weights stay as they are on a CPU too, where they would be packed for its kernels
    and could not be shared. Costs speed."""
    from vllm.model_executor.layers import utils

    theirs = utils.dispatch_cpu_unquantized_gemm
    utils.dispatch_cpu_unquantized_gemm = _plain
    try:
        yield
    finally:
        utils.dispatch_cpu_unquantized_gemm = theirs


def _plain(layer: Any, remove_weight: bool) -> None:
    layer.cpu_linear = torch.nn.functional.linear
