"""An exponential moving average of the adapter, as a teacher.

The average is taken over the change of the weights, W_t = (1 - rate) W_{t-1} + rate * scale * B_t A_t, not over A and B
separately, because the mean of products is not the product of means. It starts at 0, the base. The sum has a higher
rank than one adapter, so it is kept in factors of at most `rank` columns; beyond that the smallest singular values are
dropped, and `lost` says how much that was. No second set of base weights is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from sdpo_tts.policy.families import adapters
from sdpo_tts.policy.network import POLICY, Network

NAME = "ema"
RANKS = 4  # times the adapter's rank, for the columns of its average


class EmaAdapter:
    """The average as a second adapter of the network. `rank` None: RANKS times that of the policy's."""

    def __init__(self, network: Network, rate: float, rank: int | None = None) -> None:
        from peft.tuners.lora import LoraLayer

        self.network, self.rate = network, rate
        lora: Any = network.peft.peft_config[POLICY]
        self.rank, self.lost = rank or RANKS * lora.r, 0.0
        with adapters.as_given():
            network.peft.add_adapter(NAME, adapters.like(lora, rank=self.rank, alpha=self.rank))
        self._layers: list[Any] = [m for m in network.peft.modules() if isinstance(m, LoraLayer) and NAME in m.lora_A]
        for layer in self._layers:
            for factor, like in ((layer.lora_A, layer.lora_A), (layer.lora_B, layer.lora_B)):
                weight = factor[NAME].weight
                weight.requires_grad_(False)
                weight.data = torch.zeros_like(weight, dtype=like[POLICY].weight.dtype)

    @contextmanager
    def active(self) -> Iterator[None]:
        """The network with the average in place of the policy's adapter."""
        self._activate(NAME)
        try:
            yield
        finally:
            self._activate(POLICY)

    def _activate(self, name: str) -> None:
        # PEFT's own set_adapter would also change which parameters are trainable
        for layer in self._layers:
            layer._active_adapter = [name]

    def state(self) -> list[tuple[Tensor, Tensor]]:
        """A copy of the factors."""
        return [tuple(f[NAME].weight.clone() for f in (layer.lora_A, layer.lora_B)) for layer in self._layers]

    def restore(self, state: list[tuple[Tensor, Tensor]]) -> None:
        for layer, (factor_A, factor_B) in zip(self._layers, state, strict=True):
            layer.lora_A[NAME].weight.data.copy_(factor_A)
            layer.lora_B[NAME].weight.data.copy_(factor_B)

    @torch.no_grad()
    def follow(self) -> None:
        """One step toward the policy's adapter. `lost` becomes the largest share of a layer's norm that was cut off."""
        self.lost = max(self._follow(layer) for layer in self._layers)

    def _follow(self, layer: Any) -> float:
        averages, changes = adapters.factors(layer, NAME), adapters.factors(layer, POLICY)
        return max(
            self._average(average, change, layer.scaling[POLICY])
            for average, change in zip(averages, changes, strict=True)
        )

    def _average(self, average: tuple[Tensor, Tensor], change: tuple[Tensor, Tensor], scale: float) -> float:
        (average_B, average_A), (change_B, change_A) = average, change
        wide_B = torch.cat([(1 - self.rate) * average_B, self.rate * scale * change_B], dim=1)
        narrow_B, narrow_A, lost = compress(wide_B, torch.cat([average_A, change_A], dim=0), self.rank)
        average_B.zero_()[:, : narrow_B.shape[1]] = narrow_B
        average_A.zero_()[: narrow_A.shape[0]] = narrow_A
        return lost


def compress(factor_B: Tensor, factor_A: Tensor, rank: int) -> tuple[Tensor, Tensor, float]:
    """The nearest product of at most `rank` columns to B A, balanced; and the share of its Frobenius norm that was
    dropped."""
    q_B, r_B = torch.linalg.qr(factor_B.double())
    q_A, r_A = torch.linalg.qr(factor_A.double().T)
    left, values, right = torch.linalg.svd(r_B @ r_A.T, full_matrices=False)
    root = values[:rank].sqrt()
    lost = values[rank:].norm() / values.norm().clamp(min=1e-30)
    narrow_B, narrow_A = q_B @ left[:, :rank] * root, (root[:, None] * right[:rank]) @ q_A.T
    return narrow_B.to(factor_B), narrow_A.to(factor_A), float(lost)
