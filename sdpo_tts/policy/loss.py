"""The self-distillation loss: per-token divergence between student and teacher (paper, section 2.2 and table 12).

Both distributions are looked at over the student's top-K ids plus one bucket for all the rest. The log-probabilities
are the true ones over the full vocabulary; without the tail bucket a truncated divergence is none, and is minimised by
moving mass out of the top K.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class LossSettings:
    """`top_k` ids of the student's; the summed divergence of one token counts for at most `clip` nats (None: as is)."""

    top_k: int = 20
    clip: float | None = 5.0


@dataclass(frozen=True)
class TokenLoss:
    """Per token: `loss_T` to be minimised, `divergence_T` before clipping and the student's `entropy_T`, in nats."""

    loss_T: Tensor
    divergence_T: Tensor
    entropy_T: Tensor


def token_loss(student_logits_T_V: Tensor, teacher_logits_T_V: Tensor, settings: LossSettings) -> TokenLoss:
    """Reverse KL from student to teacher at every response position. The teacher's logits carry no gradient."""
    student_logp_T_V = student_logits_T_V.log_softmax(-1)
    top_k = min(settings.top_k, student_logits_T_V.shape[-1])
    ids_T_K = student_logp_T_V.detach().topk(top_k, dim=-1).indices
    teacher_logp_T_K = teacher_logits_T_V.gather(-1, ids_T_K) - teacher_logits_T_V.logsumexp(-1, keepdim=True)
    student_logp_T_K = student_logp_T_V.gather(-1, ids_T_K)
    if top_k < student_logits_T_V.shape[-1]:
        student_logp_T_K, teacher_logp_T_K = with_tail(student_logp_T_K), with_tail(teacher_logp_T_K)
    divergence_T = reverse_kl(student_logp_T_K, teacher_logp_T_K.detach())
    entropy_T = -(student_logp_T_V.detach().exp() * student_logp_T_V.detach()).sum(-1)
    return TokenLoss(clipped(divergence_T, settings.clip), divergence_T.detach(), entropy_T)


def with_tail(logp_T_K: Tensor) -> Tensor:
    """logp_T_K1: one more bucket with the mass that the K ids leave over."""
    inside_T_1 = logp_T_K.logsumexp(-1, keepdim=True).clamp(max=-1e-7)
    return torch.cat([logp_T_K, torch.log(-torch.expm1(inside_T_1))], dim=-1)


def reverse_kl(student_logp_T_K: Tensor, teacher_logp_T_K: Tensor) -> Tensor:
    """KL(student || teacher) per token, in nats, over whatever buckets are given."""
    return (student_logp_T_K.exp() * (student_logp_T_K - teacher_logp_T_K)).sum(-1)


def clipped(divergence_T: Tensor, clip: float | None) -> Tensor:
    """Scale a token's divergence down to `clip` nats; unlike a clamp this keeps the direction of its gradient."""
    if clip is None:
        return divergence_T
    return divergence_T * (clip / divergence_T.detach().clamp(min=1e-9)).clamp(max=1.0)
