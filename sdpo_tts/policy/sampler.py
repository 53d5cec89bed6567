"""Sampling from the policy at temperature 1, with the log-probability of every sampled token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sdpo_tts.policy.batch import Ids, SharedPrefix
from sdpo_tts.policy.network import Network


@dataclass(frozen=True)
class Sample:
    """One response: `logprobs[t]` is log pi(response[t] | prompt, response[:t]) over the full vocabulary.

    `response` ends with the end-of-turn token unless it was cut off at the token budget (`truncated`). `base`: drawn
    from the base, without the adapter of its time.
    """

    prompt: Ids
    response: Ids
    logprobs: tuple[float, ...]
    truncated: bool
    base: bool = False


class TorchSampler:
    """Batched sampling with transformers: one row a prompt, finished rows leave the batch."""

    name = "torch"

    def __init__(self, network: Network, stop_ids: Sequence[int], *, max_new_tokens: int) -> None:
        self.network, self.max_new_tokens = network, max_new_tokens
        self.stop_ids = torch.tensor(sorted(stop_ids), device=network.device)

    def sample(self, prompts: Sequence[Ids], rngs: Sequence[np.random.Generator], *, base: int = 0) -> list[Sample]:
        """One sample a prompt, the first `base` of them from the base.

        Row i draws from `rngs[i]` alone, so it does not depend on its neighbours' draws.
        """
        with torch.inference_mode():
            with self.network.without_adapter():
                samples = self._sample(prompts[:base], rngs[:base], base=True)
            with self.network.bare_at_version_zero():
                return samples + self._sample(prompts[base:], rngs[base:], base=False)

    def _sample(self, prompts: Sequence[Ids], rngs: Sequence[np.random.Generator], *, base: bool) -> list[Sample]:
        if not prompts:
            return []
        uniforms_B_T = np.stack([rng.random(self.max_new_tokens) for rng in rngs])
        tokens, logprobs = self._decode(prompts, torch.from_numpy(uniforms_B_T))
        stops = set(self.stop_ids.tolist())
        return [
            Sample(tuple(prompt), tuple(row), tuple(logp), row[-1] not in stops, base)
            for prompt, row, logp in zip(prompts, tokens, logprobs, strict=True)
        ]

    def _decode(self, prompts: Sequence[Ids], uniforms_B_T: Tensor) -> tuple[list[list[int]], list[list[float]]]:
        tokens: list[list[int]] = [[] for _ in prompts]
        logprobs: list[list[float]] = [[] for _ in prompts]
        alive = list(range(len(prompts)))
        prefix = SharedPrefix(self.network, prompts, grad=False)
        hidden, mask, cache = prefix.extend([tuple(p[len(prefix.ids) :]) for p in prompts], left=True)
        positions = mask.sum(-1, keepdim=True)
        for step in range(self.max_new_tokens):
            chosen, logp = draw(self.network.logits(hidden[:, -1]), uniforms_B_T[alive, step])
            for row, token, value in zip(alive, chosen.tolist(), logp.tolist(), strict=True):
                tokens[row].append(token)
                logprobs[row].append(value)
            keep = (~torch.isin(chosen, self.stop_ids)).nonzero().squeeze(-1)
            if not len(keep) or step + 1 == self.max_new_tokens:
                break
            if len(keep) < len(alive):
                alive = [alive[i] for i in keep.tolist()]
                cache.batch_select_indices(keep)
                chosen, mask, positions = chosen[keep], mask[keep], positions[keep]
            mask = torch.cat([mask, mask.new_ones(len(alive), 1)], dim=1)
            hidden = self.network.hidden(chosen[:, None], mask_B_L=mask, positions_B_S=positions, cache=cache)
            positions = positions + 1
        return tokens, logprobs


def draw(logits_B_V: Tensor, uniforms_B: Tensor) -> tuple[Tensor, Tensor]:
    """(token ids_B, log-probabilities_B) by inverting the cumulative distribution at each row's uniform number."""
    logp_B_V = logits_B_V.log_softmax(-1)
    cdf_B_V = logp_B_V.double().exp().cumsum(-1)
    target_B_1 = uniforms_B.to(cdf_B_V)[:, None] * cdf_B_V[:, -1:]
    chosen_B = torch.searchsorted(cdf_B_V, target_B_1, right=True).squeeze(-1).clamp(max=logits_B_V.shape[-1] - 1)
    return chosen_B, logp_B_V.gather(-1, chosen_B[:, None]).squeeze(-1)
