"""How a token is chosen from the model's distribution."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Sampling:
    """First the `temperature` (0: always the likeliest token), then `min_p` drops tokens less likely than that share of
    the likeliest, then `top_p` those beyond that much probability: vLLM's order. The defaults change nothing, and a
    learner knows the probabilities only with the defaults."""

    temperature: float = 1.0
    top_p: float = 1.0
    min_p: float = 0.0


PLAIN = Sampling()


def shaped(logits_B_V: Tensor, sampling: Sampling) -> Tensor:
    """Logits of the distribution that is drawn from; minus infinity for what is never drawn."""
    if sampling == PLAIN:
        return logits_B_V
    if not sampling.temperature:
        likeliest_B_1 = logits_B_V.argmax(-1, keepdim=True)
        return torch.full_like(logits_B_V, -torch.inf).scatter(-1, likeliest_B_1, 0.0)
    logits_B_V = logits_B_V / sampling.temperature
    probs_B_V = logits_B_V.softmax(-1)
    least_B_1 = sampling.min_p * probs_B_V.amax(-1, keepdim=True)
    logits_B_V = logits_B_V.masked_fill(probs_B_V < least_B_1, -torch.inf)
    ordered_B_V, places_B_V = logits_B_V.softmax(-1).sort(-1, descending=True)
    beyond_B_V = ordered_B_V.cumsum(-1) - ordered_B_V >= sampling.top_p
    beyond_B_V[:, 0] = False
    beyond_B_V &= sampling.top_p < 1  # rounding must not cut the tail off
    return logits_B_V.masked_fill(torch.zeros_like(beyond_B_V).scatter(-1, places_B_V, beyond_B_V), -torch.inf)
