"""The losses against independent computations, in double precision."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical, kl_divergence

from sdpo_tts.policy.learning.loss import (
    LossSettings,
    Support,
    Target,
    clipped,
    distillation,
    ratio,
    token_loss,
    with_tail,
)

VOCABULARY = 24
FULL = LossSettings(support=Support.FULL, clip=None)


def logits(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2


STUDENT, TEACHER = logits(7, VOCABULARY, seed=1), logits(7, VOCABULARY, seed=2)
RESPONSE = torch.arange(7) * 3
SAMPLED_LOGP = STUDENT.log_softmax(-1).gather(-1, RESPONSE[:, None]).squeeze(-1)
TARGET = Target(RESPONSE, TEACHER, SAMPLED_LOGP)


def loss(settings: LossSettings, target: Target = TARGET, student: Tensor = STUDENT) -> Tensor:
    return token_loss(student, target, settings).loss_T


def gradient(settings: LossSettings, target: Target = TARGET) -> Tensor:
    student = STUDENT.clone().requires_grad_()
    (found,) = torch.autograd.grad(loss(settings, target, student).sum(), student)
    return found


def plain_divergence(student: Tensor, teacher: Tensor, alpha: float) -> Tensor:
    """By torch's own distributions, over whatever buckets are given as probabilities."""
    p, q = Categorical(probs=student), Categorical(probs=teacher)
    if alpha in (0.0, 1.0):
        return kl_divergence(p, q) if alpha else kl_divergence(q, p)
    mixture = Categorical(probs=(1 - alpha) * student + alpha * teacher)
    return (1 - alpha) * kl_divergence(p, mixture) + alpha * kl_divergence(q, mixture)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.5, 1.0])
def test_whole_vocabulary_is_the_plain_divergence(alpha: float) -> None:
    plain = plain_divergence(STUDENT.softmax(-1), TEACHER.softmax(-1), alpha)
    tokens = token_loss(STUDENT, TARGET, replace(FULL, alpha=alpha))
    torch.testing.assert_close(tokens.loss_T, plain, atol=1e-10, rtol=0)
    torch.testing.assert_close(tokens.divergence_T, plain, atol=1e-10, rtol=0)
    torch.testing.assert_close(tokens.entropy_T, Categorical(logits=STUDENT).entropy(), atol=1e-10, rtol=0)
    torch.testing.assert_close(tokens.logp_T, SAMPLED_LOGP, atol=1e-10, rtol=0)


@pytest.mark.parametrize("support", [Support.STUDENT, Support.TEACHER, Support.UNION])
@pytest.mark.parametrize("alpha", [0.0, 0.4, 1.0])
def test_top_k_of_the_whole_vocabulary_is_full(support: Support, alpha: float) -> None:
    settings = LossSettings(alpha=alpha, support=support, top_k=VOCABULARY, clip=None)
    torch.testing.assert_close(loss(settings), loss(replace(FULL, alpha=alpha)), atol=1e-10, rtol=0)


@pytest.mark.parametrize("support", [Support.STUDENT, Support.TEACHER, Support.UNION])
@pytest.mark.parametrize("alpha", [0.0, 0.4, 1.0])
def test_chosen_ids_and_a_tail_are_the_divergence_of_the_merged_distributions(support: Support, alpha: float) -> None:
    got = loss(LossSettings(alpha=alpha, support=support, top_k=4, clip=None))
    p, q = STUDENT.softmax(-1), TEACHER.softmax(-1)
    for t in range(len(RESPONSE)):
        best = [set(x[t].argsort(descending=True)[:4].tolist()) for x in (p, q)]
        ids = sorted({"student": best[0], "teacher": best[1], "union": best[0] | best[1]}[support])
        rest = [i for i in range(VOCABULARY) if i not in ids]
        merged = [torch.cat([x[t, ids], x[t, rest].sum()[None]]) for x in (p, q)]
        assert float(got[t]) == pytest.approx(float(plain_divergence(merged[0], merged[1], alpha)), abs=1e-9)


def test_the_gradient_of_reverse_kl_is_its_closed_form() -> None:
    p, log_ratio = STUDENT.softmax(-1), STUDENT.log_softmax(-1) - TEACHER.log_softmax(-1)
    divergence = (p * log_ratio).sum(-1, keepdim=True)
    torch.testing.assert_close(gradient(FULL), p * (log_ratio - divergence), atol=1e-10, rtol=0)


@pytest.mark.parametrize("support", [Support.STUDENT, Support.TEACHER, Support.UNION, Support.FULL])
@pytest.mark.parametrize("alpha", [0.0, 0.4, 1.0])
def test_the_gradient_is_the_numerical_one(support: Support, alpha: float) -> None:
    settings = LossSettings(alpha=alpha, support=support, top_k=5, clip=None)
    teacher_logp = TEACHER.log_softmax(-1)

    def losses(student: Tensor) -> Tensor:
        return distillation(student.log_softmax(-1), teacher_logp, RESPONSE, settings)[0]

    assert torch.autograd.gradcheck(losses, STUDENT.clone().requires_grad_())
    torch.testing.assert_close(losses(STUDENT), loss(settings))


def test_the_sampled_token_s_gradient_is_right_on_average() -> None:
    settings = LossSettings(support=Support.SAMPLED, clip=None)
    expected = torch.zeros_like(STUDENT)
    for token in range(VOCABULARY):
        response = torch.full_like(RESPONSE, token)
        target = Target(response, TEACHER, STUDENT.log_softmax(-1)[:, token])
        expected += STUDENT.softmax(-1)[:, [token]] * gradient(settings, target)
    torch.testing.assert_close(expected, gradient(FULL), atol=1e-10, rtol=0)


def test_grpo_is_the_log_probability_times_the_advantage() -> None:
    settings, target = LossSettings(grpo_weight=1.0), replace(TARGET, teacher_logits_T_V=None, advantage=1.5)
    torch.testing.assert_close(loss(settings, target), -1.5 * SAMPLED_LOGP)
    plain = -1.5 * (torch.nn.functional.one_hot(RESPONSE, VOCABULARY) - STUDENT.softmax(-1))
    torch.testing.assert_close(gradient(settings, target), plain)


def test_the_hybrid_lies_between_its_ends() -> None:
    target = replace(TARGET, advantage=-0.7)
    alone, reward, both = (loss(replace(FULL, grpo_weight=w), target) for w in (0.0, 1.0, 0.25))
    torch.testing.assert_close(alone, loss(FULL))
    torch.testing.assert_close(reward, 0.7 * SAMPLED_LOGP)
    torch.testing.assert_close(both, 0.25 * reward + 0.75 * alone)


def test_importance_weights_are_cut_and_carry_no_gradient() -> None:
    old, sampler = SAMPLED_LOGP - math.log(1.5), SAMPLED_LOGP - math.log(1.5) - math.log(3)
    weighted = replace(TARGET, old_logp_T=old, sampler_logp_T=sampler)
    torch.testing.assert_close(loss(FULL, weighted), 1.5 * 2.0 * loss(FULL))
    torch.testing.assert_close(gradient(FULL, weighted), 3.0 * gradient(FULL))
    assert float(ratio(torch.tensor(0.0), torch.tensor(1.0), 2.0)) == pytest.approx(math.exp(-1))


def test_tail_holds_the_mass_left_over() -> None:
    logp = torch.tensor([[0.5, 0.25]]).log()
    torch.testing.assert_close(with_tail(logp).exp(), torch.tensor([[0.5, 0.25, 0.25]]))
    assert torch.isfinite(with_tail(torch.tensor([[0.0]]))).all()


def test_clip_bounds_a_token_and_keeps_its_direction() -> None:
    divergence = torch.tensor([1.0, 20.0], requires_grad=True)
    bounded = clipped(divergence, 5.0)
    bounded.sum().backward()
    torch.testing.assert_close(bounded.detach(), torch.tensor([1.0, 5.0]))
    torch.testing.assert_close(divergence.grad, torch.tensor([1.0, 0.25]))
