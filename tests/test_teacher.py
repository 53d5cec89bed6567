"""Teachers against explicit computations on a real, tiny transformer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from peft.tuners.lora import LoraLayer
from torch import Tensor

from sdpo_tts.policy.batch import Pair
from sdpo_tts.policy.learning.ema import NAME, EmaAdapter, compress
from sdpo_tts.policy.learning.teacher import Teacher, TeacherSettings
from sdpo_tts.policy.network import POLICY, Network
from tests.tiny import tiny_network

PAIR = Pair((5, 6, 7), (8, 9, 10, 3))


def plain_logits(network: Network) -> Tensor:
    with torch.no_grad():
        out = network.peft(input_ids=torch.tensor([PAIR.prompt + PAIR.response]), use_cache=False).logits[0]
    return out[len(PAIR.prompt) - 1 : -1]


def teacher_logits(network: Network, settings: TeacherSettings) -> Tensor:
    teacher = Teacher(network, settings)
    (views,) = teacher.read([PAIR.prompt]).hidden([PAIR])
    return teacher.logits(views)


def layers(network: Network) -> list[Any]:
    return [module for module in network.peft.modules() if isinstance(module, LoraLayer)]


def change(layer: Any, name: str = POLICY) -> Tensor:
    """What an adapter adds to a weight matrix."""
    product: Tensor = layer.scaling[name] * layer.lora_B[name].weight @ layer.lora_A[name].weight
    return product.detach().clone()


@contextmanager
def added(network: Network, changes: list[Tensor]) -> Iterator[None]:
    """The base with changes written into its weights, and no adapter."""
    pairs = list(zip(layers(network), changes, strict=True))
    for layer, delta in pairs:
        layer.base_layer.weight.data += delta
    with network.without_adapter():
        yield
    for layer, delta in pairs:
        layer.base_layer.weight.data -= delta


def move(network: Network, seed: int) -> None:
    """Another adapter, as a step of learning would leave it."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in network.trainable:
        parameter.data += 0.05 * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)


def test_frozen_is_the_base_and_live_the_student() -> None:
    network = tiny_network()
    student = plain_logits(network)
    with network.without_adapter():
        base = plain_logits(network)
    assert float((student - base).abs().max()) > 0.1
    torch.testing.assert_close(teacher_logits(network, TeacherSettings("frozen")), base)
    torch.testing.assert_close(teacher_logits(network, TeacherSettings("live")), student)


@pytest.mark.parametrize("rate", [0.0, 0.3, 1.0])
def test_trust_region_interpolates_the_logits(rate: float) -> None:
    network = tiny_network()
    student = plain_logits(network)
    with network.without_adapter():
        base = plain_logits(network)
    got = teacher_logits(network, TeacherSettings("trust-region", rate))
    torch.testing.assert_close(got, torch.lerp(base, student, rate))


def test_ema_is_the_average_of_the_full_weights() -> None:
    network, rate = tiny_network(), 0.2
    teacher = Teacher(network, TeacherSettings("ema", rate))
    average = [torch.zeros_like(change(layer)) for layer in layers(network)]
    trainable = len(network.trainable)
    for seed in range(3):
        move(network, seed)
        teacher.follow()
        average = [(1 - rate) * old + rate * change(layer) for old, layer in zip(average, layers(network), strict=True)]
    for layer, expected in zip(layers(network), average, strict=True):
        torch.testing.assert_close(change(layer, NAME), expected, atol=1e-10, rtol=0)
    student = plain_logits(network)
    with added(network, average):
        expected_logits = plain_logits(network)
    (views,) = teacher.read([PAIR.prompt]).hidden([PAIR])
    torch.testing.assert_close(teacher.logits(views), expected_logits)
    torch.testing.assert_close(plain_logits(network), student)
    assert len(network.trainable) == trainable, "the average is not trained"


def test_ema_starts_at_the_base() -> None:
    network = tiny_network()
    with network.without_adapter():
        base = plain_logits(network)
    torch.testing.assert_close(teacher_logits(network, TeacherSettings("ema", 0.05)), base)


def test_ema_beyond_its_rank_is_the_nearest_product_and_tells_what_it_lost() -> None:
    network = tiny_network()
    shadow = EmaAdapter(network, rate=0.5, rank=4)
    for seed in range(2):
        move(network, seed)
        before = [0.5 * change(layer, NAME) + 0.5 * change(layer) for layer in layers(network)]
        shadow.follow()
    shares = []
    for layer, whole in zip(layers(network), before, strict=True):
        left, values, right = torch.linalg.svd(whole)
        nearest = left[:, :4] * values[:4] @ right[:4]
        torch.testing.assert_close(change(layer, NAME), nearest, atol=1e-9, rtol=0)
        shares.append(float(values[4:].norm() / values.norm()))
    assert shadow.lost == pytest.approx(max(shares))
    assert 0 < shadow.lost < 0.7


def test_compress_keeps_a_product_that_fits() -> None:
    generator = torch.Generator().manual_seed(0)
    factor_B, factor_A = (torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in ((9, 6), (6, 11)))
    narrow_B, narrow_A, lost = compress(factor_B, factor_A, 6)
    torch.testing.assert_close(narrow_B @ narrow_A, factor_B @ factor_A)
    assert lost == 0.0


def test_no_teacher_copies_the_base() -> None:
    network = tiny_network()
    base = sum(p.numel() for p in network.peft.parameters() if not p.requires_grad)
    Teacher(network, TeacherSettings("ema", 0.05))
    more = sum(p.numel() for p in network.peft.parameters() if not p.requires_grad) - base
    policy = sum(p.numel() for p in network.trainable)
    assert more == 4 * policy
