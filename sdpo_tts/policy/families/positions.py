"""Keeps positions constant during a run. Some models use other rotation frequencies once a text is long (Phi's
longrope, dynamic NTK), for all its tokens at once, but cached keys would stay as they were."""

from __future__ import annotations

from typing import Any

import torch

from sdpo_tts.policy.families.anatomy import text_config

CHANGING = ("longrope", "dynamic")  # in the names of the kinds whose frequencies depend on the length of the text
FIXED = "fixed"  # a kind that transformers does not know, so it changes nothing


def positions_of(base: Any) -> int | None:
    """The most tokens the model was made for, prompt and answer together; None if it does not say."""
    positions: int | None = getattr(text_config(base), "max_position_embeddings", None)
    return positions


@torch.no_grad()
def fix(base: Any, longest: int) -> bool:
    """From here on use the frequencies for a text of `longest` tokens, as vLLM does for the longest text that it
    accepts. Returns whether the model has any that change."""
    changing = [module for module in base.modules() if _kinds(module)]
    for module in changing:
        # called once for the last position, the module sets its frequencies itself
        place = torch.tensor([[longest - 1]], device=base.device)
        values = torch.zeros(1, device=base.device, dtype=base.dtype)
        for layers in _kinds(module):
            module(values, place, **({"layer_type": layers} if layers else {}))
        module.rope_type = dict.fromkeys(module.rope_type, FIXED) if isinstance(module.rope_type, dict) else FIXED
    return bool(changing)


def _kinds(module: Any) -> list[str]:
    """The kinds of layers for which a module's frequencies change, "" if it does not distinguish kinds."""
    found = getattr(module, "rope_type", None)
    kinds = found if isinstance(found, dict) else {"": found}
    return [layers for layers, kind in kinds.items() if isinstance(kind, str) and any(one in kind for one in CHANGING)]
