"""Learns from samples that were drawn with help: what feedback made the model write, put behind the bare question.

SDPO scores the student's own tokens, so a student that never does the right thing is hardly moved toward it. A sample
from the teacher's prompt shows what the teacher would do. Here the student, which reads only the question, is pulled
toward the teacher that has read the sample's prompt (forward KL: SGPO, arXiv 2606.24064), or toward the sample itself
if it did better than samples without help (RLTF-SD, arXiv 2602.02482). Where the base drew the sample and is the
teacher too, its likeliest ids were kept on the way, and it does not have to read the sample again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import torch
from torch import Tensor

from sdpo_tts.policy.learning.loss import (
    LossSettings,
    Support,
    Target,
    TokenLoss,
    compared,
    distillation,
    ratio,
    with_tail,
)

UNLIKELY = -5.0  # nats; RLTF-SD ignores tokens that the student gives less


class ImitationLoss(StrEnum):
    """The loss for samples drawn with help."""

    FKL = "fkl"  # forward KL(teacher || student) over the teacher's top K and the tail
    JSD = "jsd"  # Jensen-Shannon divergence, half and half, over the same
    NLL = "nll"  # -advantage * log-probability of the sampled tokens; no teacher


ALPHA = {ImitationLoss.FKL: 0.0, ImitationLoss.JSD: 0.5}


@dataclass(frozen=True)
class ImitationSettings:
    """`samples`: which samples drawn with help to learn from: all, the improved ones (better than the mean of those
    drawn without), or none. `weight` scales their loss. `ratio`: `truncated` weighs a token by how much likelier the
    student finds it than its sampler did, at most LossSettings.max_ratio; `none` does not."""

    samples: str = "all"
    loss: ImitationLoss = ImitationLoss.FKL
    weight: float = 1.0
    ratio: str = "none"

    @property
    def reads_teacher(self) -> bool:
        return self.loss is not ImitationLoss.NLL


def imitation_loss(
    student_logits_T_V: Tensor, target: Target, settings: ImitationSettings, loss: LossSettings
) -> TokenLoss:
    """The loss at every response position; the student's logits are those behind the bare question.

    `target.advantage` counts for NLL only. Only the student's logits carry a gradient.
    """
    student_logp_T_V = student_logits_T_V.log_softmax(-1)
    logp_T = student_logp_T_V.gather(-1, target.response_T[:, None]).squeeze(-1)
    now_T = logp_T.detach()
    if settings.loss is ImitationLoss.NLL:
        loss_T, divergence_T = -target.advantage * logp_T * (now_T >= UNLIKELY), torch.zeros_like(now_T)
    else:
        loss_T, divergence_T = _toward_teacher(student_logp_T_V, target, replace(loss, alpha=ALPHA[settings.loss]))
    if settings.ratio == "truncated":
        loss_T = ratio(now_T, target.sampler_logp_T, loss.max_ratio) * loss_T
    entropy_T = -(student_logp_T_V.detach().exp() * student_logp_T_V.detach()).sum(-1)
    return TokenLoss(settings.weight * loss_T, divergence_T.detach(), entropy_T, now_T)


def _toward_teacher(student_logp_T_V: Tensor, target: Target, loss: LossSettings) -> tuple[Tensor, Tensor]:
    """(loss_T, divergence_T before clipping) over the teacher's likeliest ids."""
    if target.likeliest is not None:
        ids_T_K, teacher_logp_T_K = target.likeliest
        return compared(with_tail(student_logp_T_V.gather(-1, ids_T_K)), with_tail(teacher_logp_T_K), loss)
    assert target.teacher_logits_T_V is not None
    support = loss.support if loss.support is Support.FULL else Support.TEACHER
    teacher_logp_T_V = target.teacher_logits_T_V.log_softmax(-1)
    return distillation(student_logp_T_V, teacher_logp_T_V, target.response_T, replace(loss, support=support))
