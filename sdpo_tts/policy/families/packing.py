"""Weights laid out for decoding on a CPU.

A step of decoding multiplies every weight by a few rows. PyTorch lays the weight out anew for each such product, which
takes longer than the product itself. Here oneDNN does that once for a whole batch, and the adapter is added to the
weights on the way: a second copy of them, and the same numbers up to rounding.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor

from sdpo_tts.policy import memory
from sdpo_tts.policy.network import Network

LOG = logging.getLogger(__name__)
ROWS = 16  # that the layout is chosen for; it helps from 2 to 64
WORTH = 32  # steps from which it pays: packing takes as long as some ten


@contextmanager
def packed(network: Network) -> Iterator[None]:
    """Linear layers compute with packed weights: with the adapter, or without if it is turned off. On a GPU, in another
    precision than fp32, where memory is short or this PyTorch cannot do it, nothing changes."""
    with ExitStack() as stack:
        try:
            products = {layer: _product(*_weights(layer)) for layer in _packable(network)}
        except (RuntimeError, AttributeError) as error:
            LOG.warning("weights are not packed for decoding: %s", error)
            products = {}
        for layer, product in products.items():
            layer.forward = product
            stack.callback(delattr, layer, "forward")
        yield


def _packable(network: Network) -> list[Any]:
    """Only if the copies fit into the memory that keys and values leave."""
    if network.device.type != "cpu" or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return []
    layers = _linear_layers(network.peft)
    size = sum(_base(layer).weight.nbytes for layer in layers)
    return layers if size <= (1 - memory.SAMPLING_SHARE) * memory.free_bytes(network.device) else []


def _linear_layers(module: Any) -> list[Any]:
    """Those in fp32, with an adapter or none, each once."""
    return list(dict.fromkeys(_found(module)))


def _found(module: Any) -> list[Any]:
    from peft.tuners.lora import LoraLayer
    from peft.tuners.lora.layer import Linear

    found = []
    for child in module.children():
        if type(child) in (Linear, torch.nn.Linear) and type(_base(child)) is torch.nn.Linear:
            found += [child] if _base(child).weight.dtype is torch.float32 else []
        elif not isinstance(child, LoraLayer):
            found += _found(child)
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
