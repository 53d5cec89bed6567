"""The loss against independent computations."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Categorical, kl_divergence

from sdpo_tts.policy.loss import LossSettings, clipped, token_loss, with_tail


def logits(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2


@pytest.mark.parametrize("vocabulary", [5, 64])
def test_whole_vocabulary_is_plain_reverse_kl(vocabulary: int) -> None:
    student, teacher = logits(7, vocabulary, seed=1), logits(7, vocabulary, seed=2)
    tokens = token_loss(student, teacher, LossSettings(top_k=vocabulary, clip=None))
    plain = kl_divergence(Categorical(logits=student), Categorical(logits=teacher))
    torch.testing.assert_close(tokens.loss_T, plain, atol=1e-10, rtol=0)
    torch.testing.assert_close(tokens.entropy_T, Categorical(logits=student).entropy(), atol=1e-10, rtol=0)


def test_top_k_with_tail_is_the_kl_of_the_merged_distribution() -> None:
    student, teacher = logits(6, 40, seed=3), logits(6, 40, seed=4)
    tokens = token_loss(student, teacher, LossSettings(top_k=4, clip=None))
    p, q = student.softmax(-1), teacher.softmax(-1)
    order = p.argsort(-1, descending=True)
    merged = [torch.cat([x.gather(-1, order[:, :4]), x.gather(-1, order[:, 4:]).sum(-1, keepdim=True)], -1) for x in (p, q)]
    plain = kl_divergence(Categorical(probs=merged[0]), Categorical(probs=merged[1]))
    torch.testing.assert_close(tokens.loss_T, plain, atol=1e-9, rtol=0)


def test_tail_holds_the_mass_left_over() -> None:
    logp = torch.tensor([[0.5, 0.25]]).log()
    torch.testing.assert_close(with_tail(logp).exp(), torch.tensor([[0.5, 0.25, 0.25]]))
    assert torch.isfinite(with_tail(torch.tensor([[0.0]]))).all()


def test_clip_bounds_a_token_and_keeps_its_direction() -> None:
    divergence = torch.tensor([1.0, 20.0], requires_grad=True)
    loss = clipped(divergence, 5.0)
    loss.sum().backward()
    torch.testing.assert_close(loss.detach(), torch.tensor([1.0, 5.0]))
    torch.testing.assert_close(divergence.grad, torch.tensor([1.0, 0.25]))


def test_the_gradient_is_the_numerical_one() -> None:
    student, teacher = logits(3, 12, seed=5).requires_grad_(), logits(3, 12, seed=6)
    assert torch.autograd.gradcheck(lambda x: token_loss(x, teacher, LossSettings(top_k=5, clip=None)).loss_T, student)
