"""Answers that grow by one token at a time after their prompts, in a way that is exact for the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from sdpo_tts.policy.batch import Ids, SharedPrefix, pad
from sdpo_tts.policy.network import Network


class Decoding(Protocol):
    """Rows of a batch as they grow."""

    def logits(self) -> Tensor:
        """Logits_B_V of each row's next token."""
        ...

    def select(self, keep: Tensor) -> None:
        """Continue with these rows only."""
        ...

    def append(self, tokens_B: Tensor) -> None:
        """Each row's next token."""
        ...


def together(network: Network, prompts: Sequence[Ids]) -> list[list[int]]:
    """Which prompts are answered in one batch: all, or, with the model's own cache, those that are equal."""
    if network.paths.sampling != "own-cache":
        return [list(range(len(prompts)))] if prompts else []
    groups: dict[Ids, list[int]] = {}
    for place, prompt in enumerate(prompts):
        groups.setdefault(tuple(prompt), []).append(place)
    return list(groups.values())


def begun(network: Network, prompts: Sequence[Ids]) -> Decoding:
    """The answers to prompts that are answered together, before their first token."""
    match network.paths.sampling:
        case "own-cache":
            return OwnCache(network, prompts[0], len(prompts))
        case "recomputed":
            return Recomputed(network, prompts)
    return PaddedCache(network, prompts)


class PaddedCache:
    """The prompts' common beginning is computed once; the rest of each is padded on the left. For a model that keeps
    the keys and values of all tokens and nothing else."""

    def __init__(self, network: Network, prompts: Sequence[Ids]) -> None:
        self._network = network
        prefix = SharedPrefix(network, prompts, grad=False)
        rest = [tuple(prompt[len(prefix.ids) :]) for prompt in prompts]
        self._hidden, self._mask, self._cache = prefix.extend(rest, left=True)
        self._positions = self._mask.sum(-1, keepdim=True)

    def logits(self) -> Tensor:
        return self._network.logits(self._hidden[:, -1])

    def select(self, keep: Tensor) -> None:
        self._cache.batch_select_indices(keep)
        self._mask, self._positions = self._mask[keep], self._positions[keep]

    def append(self, tokens_B: Tensor) -> None:
        self._mask = torch.cat([self._mask, self._mask.new_ones(len(tokens_B), 1)], dim=1)
        self._hidden = self._network.hidden(
            tokens_B[:, None], mask_B_L=self._mask, positions_B_S=self._positions, cache=self._cache
        )
        self._positions = self._positions + 1


class OwnCache:
    """Rows after one prompt, which is read once into the model's own cache: windows, states of linear attention and of
    convolutions, or anything else. Nothing is padded."""

    def __init__(self, network: Network, prompt: Ids, rows: int) -> None:
        self._network, self._length = network, len(prompt)
        hidden, self._cache = network.read(torch.tensor([prompt], device=network.device))
        first = torch.zeros(rows, dtype=torch.long, device=network.device)
        self._cache.reorder_cache(first)
        self._hidden = hidden[first]

    def logits(self) -> Tensor:
        return self._network.logits(self._hidden[:, -1])

    def select(self, keep: Tensor) -> None:
        self._cache.reorder_cache(keep)

    def append(self, tokens_B: Tensor) -> None:
        self._hidden, self._cache = self._network.read(tokens_B[:, None], self._cache, self._length)
        self._length += 1


class Recomputed:
    """Without any cache: slow, but exact for every model that can be trained."""

    def __init__(self, network: Network, prompts: Sequence[Ids]) -> None:
        self._network, self._rows = network, [list(prompt) for prompt in prompts]

    def logits(self) -> Tensor:
        if self._network.paths.learning == "one-by-one":
            return torch.cat([self._of([row]) for row in self._rows])
        return self._of(self._rows)

    def _of(self, rows: Sequence[Sequence[int]]) -> Tensor:
        ids, mask = pad([tuple(row) for row in rows], left=False, device=self._network.device)
        hidden = self._network.whole(ids)
        return self._network.logits(hidden[torch.arange(len(rows)), mask.sum(-1) - 1])

    def select(self, keep: Tensor) -> None:
        self._rows = [self._rows[i] for i in keep.tolist()]

    def append(self, tokens_B: Tensor) -> None:
        for row, token in zip(self._rows, tokens_B.tolist(), strict=True):
            row.append(token)
