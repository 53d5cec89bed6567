"""Positions that do not change under a run: some models rotate by other frequencies once a text is long (longrope of
Phi, dynamic NTK), for all its tokens at once, and keys that are cached already stay as they were."""

from __future__ import annotations

from typing import Any

import torch

from sdpo_tts.policy.families.anatomy import text_config

CHANGING = ("longrope", "dynamic")  # in the names of the kinds whose frequencies follow the length of the text
FIXED = "fixed"  # a kind of which transformers knows nothing, and so changes nothing


def positions_of(base: Any) -> int | None:
    """How many tokens the model was made for, prompt and answer together; None if it does not tell."""
    positions: int | None = getattr(text_config(base), "max_position_embeddings", None)
    return positions


@torch.no_grad()
def fix(base: Any, longest: int) -> bool:
    """Rotate by the frequencies of a text of `longest` tokens from here on, as vLLM does for the longest that it takes.
    Whether the model has any that change."""
    changing = [module for module in base.modules() if _kinds(module)]
    for module in changing:
        # asked once for the last position, the module sets its frequencies itself
        place = torch.tensor([[longest - 1]], device=base.device)
        values = torch.zeros(1, device=base.device, dtype=base.dtype)
        for layers in _kinds(module):
            module(values, place, **({"layer_type": layers} if layers else {}))
        module.rope_type = dict.fromkeys(module.rope_type, FIXED) if isinstance(module.rope_type, dict) else FIXED
    return bool(changing)


def _kinds(module: Any) -> list[str]:
    """The kinds of layers for which a module's frequencies change, "" where it does not tell kinds apart."""
    found = getattr(module, "rope_type", None)
    kinds = found if isinstance(found, dict) else {"": found}
    return [layers for layers, kind in kinds.items() if isinstance(kind, str) and any(one in kind for one in CHANGING)]
