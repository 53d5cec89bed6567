"""Prompts and responses as tensors. What the prompts of a batch share at their beginning is computed once.

The prompts of a batch are the same question, or the same question followed by different feedback. A response's token
ids are appended to a prompt's; text is never tokenised again.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sdpo_tts.policy.network import Network

Ids = tuple[int, ...]
SPARE = 64  # tokens that keys and values have room for, beyond those that are there


@dataclass(frozen=True)
class Pair:
    """One attempt after one prompt, as token ids."""

    prompt: Ids
    response: Ids


def common_prefix(prompts: Sequence[Ids]) -> Ids:
    """The longest common beginning that leaves at least one token of every prompt."""
    shortest, longest = min(prompts), max(prompts)
    limit = min(len(prompt) for prompt in prompts) - 1
    length = next((i for i in range(limit) if shortest[i] != longest[i]), limit)
    return shortest[:length]


def pad(rows: Sequence[Ids], *, left: bool, device: torch.device) -> tuple[Tensor, Tensor]:
    """(ids_B_S, mask_B_S) of ragged rows; padding is id 0 with mask 0."""
    width = max(len(row) for row in rows)
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    mask = torch.zeros(len(rows), width, dtype=torch.long)
    for i, row in enumerate(rows):
        place = slice(width - len(row), width) if left else slice(0, len(row))
        ids[i, place] = torch.tensor(row)
        mask[i, place] = 1
    return ids.to(device), mask.to(device)


class SharedPrefix:
    """Keys and values of the prompts' common beginning, computed once and lent to any number of micro-batches.

    With `grad`, each micro-batch's gradient accumulates in detached copies of the keys and values, and `backward` sends
    the sum through the prefix once: the chain rule, so gradients are exact.
    """

    def __init__(self, network: Network, prompts: Sequence[Ids], *, grad: bool) -> None:
        from transformers import Cache

        self.network, self.grad = network, grad
        self.ids = common_prefix(prompts)
        self._computed: list[tuple[Tensor, Tensor]] = []
        self._lent: list[tuple[Tensor, Tensor]] = []
        if not self.ids:
            return
        ids, mask = pad([self.ids], left=False, device=network.device)
        cache = Cache(layer_class_to_replicate=_layers()[0])
        with torch.set_grad_enabled(grad):
            network.hidden(ids, mask_B_L=mask, positions_B_S=mask.cumsum(-1) - 1, cache=cache)
        self._computed = [(layer.keys, layer.values) for layer in cache.layers]  # type: ignore[misc, union-attr]
        self._lent = [tuple(t.detach().requires_grad_(grad) for t in pair) for pair in self._computed]  # type: ignore[misc]

    def cache(self, batch: int) -> Any:
        """A transformers cache that holds the prefix for `batch` rows."""
        from transformers import DynamicCache

        if self.grad and not self.ids:
            return None
        cache = DynamicCache([tuple(t.expand(batch, -1, -1, -1) for t in pair) for pair in self._lent])
        for layer in cache.layers:
            layer.__class__ = _layers()[1 if self.grad else 2]
        return cache

    def extend(self, rows: Sequence[Ids], *, left: bool) -> tuple[Tensor, Tensor, Any]:
        """(hidden_B_S_D, mask_B_L, cache) of rows that continue the prefix, padded on one side."""
        ids, mask = pad(rows, left=left, device=self.network.device)
        whole = torch.cat([mask.new_ones(len(rows), len(self.ids)), mask], dim=1)
        positions = (len(self.ids) + mask.cumsum(-1) - 1).clamp(min=0)
        cache = self.cache(len(rows))
        with torch.set_grad_enabled(self.grad):
            hidden = self.network.hidden(ids, mask_B_L=whole, positions_B_S=positions, cache=cache)
        return hidden, whole, cache

    def response_hidden(self, pairs: Sequence[Pair]) -> list[Tensor]:
        """For each pair hidden_T_D at the positions that predict its T response tokens."""
        head = len(self.ids)
        hidden, _, _ = self.extend([p.prompt[head:] + p.response[:-1] for p in pairs], left=False)
        starts = [len(p.prompt) - head - 1 for p in pairs]
        return [h[s : s + len(p.response)] for h, s, p in zip(hidden, starts, pairs, strict=True)]

    def backward(self) -> None:
        """Send what the micro-batches left in the lent keys and values through the prefix."""
        tensors = [
            (computed, lent.grad)
            for pairs in zip(self._computed, self._lent, strict=True)
            for computed, lent in zip(*pairs, strict=True)
            if lent.grad is not None
        ]
        if tensors:
            torch.autograd.backward([t for t, _ in tensors], [g for _, g in tensors])


class WholePrompts:
    """The same for a model whose prompts cannot be shared: each attempt runs with its prompt, without a cache, padded
    on the right, or one after another without padding."""

    ids: Ids = ()

    def __init__(self, network: Network, *, grad: bool) -> None:
        self.network, self.grad = network, grad

    def response_hidden(self, pairs: Sequence[Pair]) -> list[Tensor]:
        """As `SharedPrefix.response_hidden`."""
        if self.network.paths.learning == "one-by-one" and len(pairs) > 1:
            return [hidden for pair in pairs for hidden in self.response_hidden([pair])]
        ids, _ = pad([p.prompt + p.response[:-1] for p in pairs], left=False, device=self.network.device)
        with torch.set_grad_enabled(self.grad):
            hidden = self.network.whole(ids)
        starts = [len(p.prompt) - 1 for p in pairs]
        return [h[s : s + len(p.response)] for h, s, p in zip(hidden, starts, pairs, strict=True)]

    def backward(self) -> None:
        """Nothing is shared through which a gradient would have to go."""


def reading(network: Network, prompts: Sequence[Ids], *, grad: bool) -> SharedPrefix | WholePrompts:
    """Computes attempts after these prompts, in a way that is exact for the network."""
    if network.paths.learning == "shared-prefix":
        return SharedPrefix(network, prompts, grad=grad)
    return WholePrompts(network, grad=grad)


@functools.cache
def _layers() -> tuple[type[Any], type[Any], type[Any]]:
    """(collecting, lending, growing) cache layers. The first two do not grow when checkpointing runs a layer a second
    time; the last has room for more tokens, so that a step of decoding does not copy all that is there."""
    from transformers.cache_utils import DynamicLayer

    class Collecting(DynamicLayer):  # type: ignore[no-untyped-call]
        def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
            if not self.is_initialized:
                super().update(key_states, value_states)
            return key_states, value_states

    class Lending(DynamicLayer):  # type: ignore[no-untyped-call]
        def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
            assert self.keys is not None and self.values is not None
            return torch.cat([self.keys, key_states], -2), torch.cat([self.values, value_states], -2)

    class Growing(DynamicLayer):  # type: ignore[no-untyped-call]
        def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
            assert self.keys is not None and self.values is not None
            self.keys, self.key_room = _grown(self.keys, key_states, getattr(self, "key_room", None))
            self.values, self.value_room = _grown(self.values, value_states, getattr(self, "value_room", None))
            return self.keys, self.values

    return Collecting, Lending, Growing


def _grown(old_B_H_L_D: Tensor, new_B_H_S_D: Tensor, room: Tensor | None) -> tuple[Tensor, Tensor]:
    """(both, one after the other; the memory that they are in): `room`, if the old is in it and there is space left."""
    length = old_B_H_L_D.shape[2]
    whole = length + new_B_H_S_D.shape[2]
    if room is None or room.data_ptr() != old_B_H_L_D.data_ptr() or room.shape[2] < whole:
        batch, heads, _, width = new_B_H_S_D.shape
        room = new_B_H_S_D.new_empty(batch, heads, whole + SPARE, width)
        room[:, :, :length] = old_B_H_L_D
    room[:, :, length:whole] = new_B_H_S_D
    return room[:, :, :whole], room
