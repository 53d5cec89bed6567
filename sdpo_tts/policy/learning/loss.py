"""The loss of one response, token by token: self-distillation (paper, section 2.2 and table 12) and GRPO.

Student and teacher are compared over some ids of the vocabulary plus one bucket for all the rest. The log-probabilities
are the true ones over the full vocabulary. Without the tail bucket a truncated divergence is not a divergence, and can
be minimised by moving probability out of the chosen ids.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor

NOWHERE = -1e4  # log-probability of an unused bucket: its probability and its gradient are exactly 0


class Support(StrEnum):
    """The ids that are compared one by one; the rest goes into the tail bucket."""

    STUDENT = "student"  # the student's top K (the paper's)
    TEACHER = "teacher"  # the teacher's top K
    UNION = "union"  # both
    FULL = "full"  # the whole vocabulary, no tail
    SAMPLED = "sampled"  # no comparison: the policy gradient of the reverse KL on the sampled token alone


@dataclass(frozen=True)
class LossSettings:
    """How far the student is from its teacher, and how much each token counts.

    `alpha` 1 is reverse KL(student || teacher), 0 forward KL(teacher || student), between them the generalised
    Jensen-Shannon divergence. The summed divergence of one token counts for at most `clip` nats (None: as is).
    `grpo_weight` is lambda of the hybrid lambda * GRPO + (1 - lambda) * SDPO. `max_ratio` cuts importance weights.
    """

    alpha: float = 1.0
    support: Support = Support.STUDENT
    top_k: int = 20
    clip: float | None = 5.0
    grpo_weight: float = 0.0
    max_ratio: float = 2.0


@dataclass(frozen=True)
class Target:
    """What the tokens of one response are compared with, besides the student's logits.

    `teacher_logits_T_V` None: nothing to learn from a teacher, or what is known of it is in `likeliest`: its likeliest
    ids_T_K, by which it is compared, and their log-probabilities_T_K. `advantage` is the response's GRPO advantage.
    `old_logp_T` are the log-probabilities of the sampled ids before the batch's first update, `sampler_logp_T` those
    that the sampler drew with.
    """

    response_T: Tensor
    teacher_logits_T_V: Tensor | None
    sampler_logp_T: Tensor
    old_logp_T: Tensor | None = None
    advantage: float = 0.0
    likeliest: tuple[Tensor, Tensor] | None = None


@dataclass(frozen=True)
class TokenLoss:
    """Per token: `loss_T` to be minimised, without gradient `divergence_T` before clipping, the student's `entropy_T`
    and `logp_T` of the sampled ids, all in nats."""

    loss_T: Tensor
    divergence_T: Tensor
    entropy_T: Tensor
    logp_T: Tensor


def token_loss(student_logits_T_V: Tensor, target: Target, settings: LossSettings) -> TokenLoss:
    """The loss at every response position. Only the student's logits carry a gradient."""
    student_logp_T_V = student_logits_T_V.log_softmax(-1)
    logp_T = student_logp_T_V.gather(-1, target.response_T[:, None]).squeeze(-1)
    now_T = logp_T.detach()
    loss_T, divergence_T = -target.advantage * logp_T * settings.grpo_weight, torch.zeros_like(now_T)
    if target.teacher_logits_T_V is not None and settings.grpo_weight < 1:
        teacher_logp_T_V = target.teacher_logits_T_V.log_softmax(-1)
        distilled_T, divergence_T = distillation(student_logp_T_V, teacher_logp_T_V, target.response_T, settings)
        loss_T = loss_T + (1 - settings.grpo_weight) * distilled_T
    old_T = now_T if target.old_logp_T is None else target.old_logp_T
    weight_T = ratio(now_T, old_T, settings.max_ratio) * ratio(old_T, target.sampler_logp_T, settings.max_ratio)
    entropy_T = -(student_logp_T_V.detach().exp() * student_logp_T_V.detach()).sum(-1)
    return TokenLoss(weight_T * loss_T, divergence_T.detach(), entropy_T, now_T)


def distillation(
    student_logp_T_V: Tensor, teacher_logp_T_V: Tensor, response_T: Tensor, settings: LossSettings
) -> tuple[Tensor, Tensor]:
    """(loss_T, divergence_T before clipping) of the self-distillation term."""
    if settings.support is Support.SAMPLED:
        student_T = student_logp_T_V.gather(-1, response_T[:, None]).squeeze(-1)
        advantage_T = teacher_logp_T_V.gather(-1, response_T[:, None]).squeeze(-1) - student_T.detach()
        bound = settings.clip if settings.clip is not None else float("inf")
        return -advantage_T.clamp(-bound, bound) * student_T, -advantage_T
    return compared(*buckets(student_logp_T_V, teacher_logp_T_V, settings), settings)


def compared(student_T_K: Tensor, teacher_T_K: Tensor, settings: LossSettings) -> tuple[Tensor, Tensor]:
    """(loss_T, divergence_T before clipping) over some buckets."""
    divergence_T = divergence(student_T_K, teacher_T_K, settings.alpha)
    return clipped(divergence_T, settings.clip), divergence_T


def buckets(student_logp_T_V: Tensor, teacher_logp_T_V: Tensor, settings: LossSettings) -> tuple[Tensor, Tensor]:
    """Log-probabilities (student_T_K, teacher_T_K) of the chosen ids and of the tail."""
    vocabulary = student_logp_T_V.shape[-1]
    top_k = min(settings.top_k, vocabulary)
    if settings.support is Support.FULL or top_k == vocabulary:
        return student_logp_T_V, teacher_logp_T_V
    chosen_by = {Support.STUDENT: [student_logp_T_V], Support.TEACHER: [teacher_logp_T_V]}.get(
        settings.support, [student_logp_T_V, teacher_logp_T_V]
    )
    ids_T_K = torch.cat([logp.detach().topk(top_k, dim=-1).indices for logp in chosen_by], -1)
    student_T_K, teacher_T_K = (with_tail(_gather_once(logp, ids_T_K)) for logp in (student_logp_T_V, teacher_logp_T_V))
    return student_T_K, teacher_T_K


def _gather_once(logp_T_V: Tensor, ids_T_K: Tensor) -> Tensor:
    """Log-probabilities at ids; a repeated id in a row counts only once."""
    sorted_T_K, order_T_K = ids_T_K.sort(dim=-1, stable=True)
    again_T_K = torch.zeros_like(ids_T_K, dtype=torch.bool)
    again_T_K.scatter_(-1, order_T_K[:, 1:], sorted_T_K[:, 1:] == sorted_T_K[:, :-1])
    return logp_T_V.gather(-1, ids_T_K).masked_fill(again_T_K, NOWHERE)


def with_tail(logp_T_K: Tensor) -> Tensor:
    """logp_T_K1: one more bucket with the probability outside the K ids."""
    inside_T_1 = logp_T_K.logsumexp(-1, keepdim=True).clamp(max=-1e-7)
    return torch.cat([logp_T_K, torch.log(-torch.expm1(inside_T_1))], dim=-1)


def divergence(student_logp_T_K: Tensor, teacher_logp_T_K: Tensor, alpha: float) -> Tensor:
    """Generalised Jensen-Shannon divergence per token, in nats, over the given buckets (see LossSettings).

    Between the ends: (1 - alpha) KL(student || M) + alpha KL(teacher || M), M = (1 - alpha) student + alpha teacher.
    """
    if alpha == 1.0:
        return kl(student_logp_T_K, teacher_logp_T_K)
    if alpha == 0.0:
        return kl(teacher_logp_T_K, student_logp_T_K)
    weights = torch.tensor([1 - alpha, alpha], device=student_logp_T_K.device, dtype=student_logp_T_K.dtype).log()
    mixture_T_K = torch.logaddexp(student_logp_T_K + weights[0], teacher_logp_T_K + weights[1])
    return (1 - alpha) * kl(student_logp_T_K, mixture_T_K) + alpha * kl(teacher_logp_T_K, mixture_T_K)


def kl(p_logp_T_K: Tensor, q_logp_T_K: Tensor) -> Tensor:
    """KL(p || q) per token, in nats."""
    return (p_logp_T_K.exp() * (p_logp_T_K - q_logp_T_K)).sum(-1)


def clipped(divergence_T: Tensor, clip: float | None) -> Tensor:
    """Scale a token's divergence down to `clip` nats; unlike a clamp this keeps the direction of its gradient."""
    if clip is None:
        return divergence_T
    return divergence_T * (clip / divergence_T.detach().clamp(min=1e-9)).clamp(max=1.0)


def ratio(new_logp_T: Tensor, old_logp_T: Tensor, most: float) -> Tensor:
    """Importance weight new / old of every sampled token, at most `most`, without gradient."""
    return (new_logp_T - old_logp_T).clamp(-20, 20).exp().clamp(max=most).detach()
