"""Weights laid out for decoding on a CPU.

A step of decoding multiplies every weight by a few rows. PyTorch lays the weight out anew for each such product, which
takes longer than the product itself. Here oneDNN does that once for a whole batch, and the adapter is added to the
weights on the way: a second copy of them, and the same numbers up to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor

from sdpo_tts.policy import memory
from sdpo_tts.policy.network import Network

ROWS = 16  # that the layout is chosen for; it helps from 2 to 64
WORTH = 32  # steps from which it pays: packing takes as long as some ten
ROOM = 4  # times the packed weights must be free: the rest is for keys and values


@contextmanager
def packed(network: Network) -> Iterator[None]:
    """Linear layers compute with packed weights: with the adapter, or without if it is turned off. On a GPU, in another
    precision than fp32 or where memory is short, nothing changes."""
    layers = _linear_layers(network.peft) if _possible(network) else []
    with ExitStack() as stack:
        for layer in layers:
            layer.forward = _product(*_weights(layer))
            stack.callback(delattr, layer, "forward")
        yield


def _possible(network: Network) -> bool:
    if network.device.type != "cpu" or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    size: int = sum(_base(layer).weight.nbytes for layer in _linear_layers(network.peft))
    return ROOM * size <= memory.free_bytes(network.device)


def _linear_layers(module: Any) -> list[Any]:
    """Those in fp32, with an adapter or none."""
    from peft.tuners.lora import LoraLayer
    from peft.tuners.lora.layer import Linear

    found = []
    for child in module.children():
        if type(child) in (Linear, torch.nn.Linear) and type(_base(child)) is torch.nn.Linear:
            found += [child] if _base(child).weight.dtype is torch.float32 else []
        elif not isinstance(child, LoraLayer):
            found += _linear_layers(child)
    return found


def _base(layer: Any) -> Any:
    return getattr(layer, "base_layer", layer)


@torch.inference_mode()
def _weights(layer: Any) -> tuple[Tensor, Tensor | None]:
    """(packed weight, bias)."""
    base = _base(layer)
    weight = base.weight.detach()
    if base is not layer and not layer.disable_adapters:
        for name in layer.active_adapters:
            weight = weight + layer.get_delta_weight(name)
    return torch.ops.mkldnn._reorder_linear_weight(weight, ROWS), base.bias


def _product(weight: Tensor, bias: Tensor | None) -> Callable[[Tensor], Tensor]:
    def forward(rows: Tensor) -> Tensor:
        return torch.ops.mkldnn._linear_pointwise(rows, weight, bias, "none", [], "")  # type: ignore[no-any-return]

    return forward
