"""Attention for decoding on a CPU, where PyTorch's fused kernel takes 10 ms per layer in bfloat16 with one query and a
mask.

Here the query heads that share a key head become the rows of one matrix product (grouped-query attention taken
literally), which is 20 times faster for one query; longer queries go to the fused kernel.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

NAME = "grouped_decode"
_OTHERS = ("position_bias", "s_aux", "softcap")  # options that only the fused kernel knows, or refuses


def install(body: Any) -> None:
    """Make `body` (a transformers model) use this attention, if it would otherwise use PyTorch's own. A model that does
    not support that one has sinks, caps or biases that this does not know."""
    if not body._supports_sdpa:
        return
    from transformers import AttentionInterface
    from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

    AttentionInterface.register(NAME, grouped_decode)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    body.set_attn_implementation(NAME)


def grouped_decode(
    module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **kwargs: Any
) -> tuple[Tensor, None]:
    """With transformers' signature; query_B_H_S_D, key_B_G_L_D and value_B_G_L_D, boolean mask_B_1_S_L."""
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    more = any(kwargs.get(name) is not None for name in _OTHERS)
    masked = attention_mask is not None and (attention_mask.dtype != torch.bool or attention_mask.shape[1] > 1)
    if query.shape[2] > 1 or query.device.type != "cpu" or torch.is_grad_enabled() or more or masked:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **kwargs)
    batch, heads, _, width = query.shape
    groups = key.shape[1]
    scale = kwargs.get("scaling") or width**-0.5
    scores = (query.reshape(batch, groups, heads // groups, width) @ key.transpose(-1, -2)).float() * scale
    if attention_mask is not None:
        scores = scores.masked_fill(~attention_mask, torch.finfo(scores.dtype).min)
    mixed = scores.softmax(-1).to(value.dtype) @ value
    return mixed.reshape(batch, 1, heads, value.shape[-1]), None
