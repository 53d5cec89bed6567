"""Weights packed for decoding, and caches that grow in place, against the plain ones."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from sdpo_tts.policy import memory
from sdpo_tts.policy.batch import SPARE, SharedPrefix, _grown
from sdpo_tts.policy.families.decoding import begun
from sdpo_tts.policy.families.packing import _linear_layers, packed
from sdpo_tts.policy.network import Network
from tests.tiny import tiny_network

PROMPTS = ((1, 2, 3, 4), (1, 2, 5))


@pytest.fixture
def network() -> Network:
    network = tiny_network(dtype=torch.float32)
    network.restore([torch.randn(one.shape, generator=torch.Generator().manual_seed(1)) for one in network.trainable])
    return network


def decoded(network: Network) -> torch.Tensor:
    with torch.inference_mode():
        decoding = begun(network, PROMPTS)
        decoding.append(torch.tensor([6, 7]))
        return decoding.logits()


def test_packed_weights_give_the_same_numbers(network: Network) -> None:
    """With the adapter and without; afterwards each layer is as it was."""
    layers = _linear_layers(network.peft)
    plain = decoded(network)
    with network.without_adapter():
        bare = decoded(network)
    assert not torch.allclose(plain, bare, atol=1e-2)
    with packed(network):
        assert all("forward" in layer.__dict__ for layer in layers) and torch.allclose(decoded(network), plain, atol=1e-4)
    with network.without_adapter(), packed(network):
        assert torch.allclose(decoded(network), bare, atol=1e-5)
    assert not any("forward" in layer.__dict__ for layer in layers) and torch.equal(decoded(network), plain)
    linear = [module for module in network.peft.modules() if type(module) is torch.nn.Linear]
    factors = [factor for layer in layers if hasattr(layer, "lora_A") for factor in (layer.lora_A, layer.lora_B)]
    assert len(layers) == len(linear) - len(factors), "every linear layer of the model"


def test_nothing_is_packed_where_it_cannot_be(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    layers = [*_linear_layers(network.peft)]
    monkeypatch.setattr(memory, "free_bytes", lambda device: 1)
    with packed(network):
        assert layers and not any("forward" in layer.__dict__ for layer in layers)
    assert not _linear_layers(tiny_network(dtype=torch.float64).peft)


def test_a_cache_has_room_to_grow() -> None:
    """It is copied once in SPARE tokens, and when it is no longer in its room."""
    torch.manual_seed(0)
    expected, now, room, copies = torch.randn(2, 1, 3, 4), None, None, 0
    now = expected
    for step in range(2 * SPARE):
        if step == SPARE // 2:
            now, expected = now[[1]], expected[[1]]
        new: Any = torch.randn(len(now), 1, 1, 4)
        expected, before = torch.cat([expected, new], 2), room
        now, room = _grown(now, new, room)
        copies += room is not before
        assert torch.equal(now, expected)
    assert copies == 3


def test_what_a_prefix_lends_is_not_written_to(network: Network) -> None:
    with torch.inference_mode():
        prefix = SharedPrefix(network, PROMPTS, grad=False)
        kept = [keys.clone() for keys, _ in prefix._lent]
        prefix.extend([(3, 4), (5,)], left=True)
        prefix.extend([(3,), (5,)], left=True)
        assert all(torch.equal(before, keys) for before, (keys, _) in zip(kept, prefix._lent, strict=True))
