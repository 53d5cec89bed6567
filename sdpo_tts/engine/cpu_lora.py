"""LoRA in vLLM on a CPU, for one adapter: two small products per layer.

vLLM's own CPU code gathers a copy of the adapter for every token of the batch.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor
from vllm.lora.punica_wrapper.punica_cpu import PunicaWrapperCPU


class SingleAdapterLora(PunicaWrapperCPU):  # type: ignore[misc]
    """What vLLM calls for every linear layer with LoRA. Tokens with index -1 have no adapter."""

    def add_lora_linear(
        self,
        y: Tensor,
        x: Tensor,
        lora_a_stacked: tuple[Tensor, ...],
        lora_b_stacked: tuple[Tensor, ...],
        scale: float,
        output_slices: tuple[int, ...],
        **kwargs: Any,
    ) -> None:
        """Add scale B A x to y_N_O in place, slice by slice (q, k, v of one product); A_1_1_R_I and B_1_1_O_R."""
        if self.no_lora:
            return
        rows, inputs = y.view(-1, y.shape[-1]), x.view(-1, x.shape[-1])
        weight_N_1 = (self.token_lora_indices >= 0).to(x.dtype).unsqueeze(1) * scale
        start = 0
        for a, b, width in zip(lora_a_stacked, lora_b_stacked, output_slices, strict=True):
            rows[:, start : start + width] += ((inputs @ a[0, 0].T) * weight_N_1) @ b[0, 0].T
            start += width
