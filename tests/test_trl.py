"""Our loss against that of another implementation of the method: TRL's SDPO trainer, on the same logits.

What both define is the same in value and gradient: the divergence over the student's top K with a tail bucket, over the
whole vocabulary, and on the sampled token, for every alpha; importance weights current/old cut at 2; padded positions
without weight; the mean over sequences of their token means; the policy gradient of GRPO, and the mixture of both.

What differs, and is therefore set aside here:
- TRL renormalises the top K by default (`distillation_add_tail=False`); ours always keeps the tail.
- Ours cuts a token's summed divergence at `clip` nats, and weighs by old/sampler; TRL's SDPO does neither.
- TRL's policy loss is PPO's (no gradient beyond 1 +- epsilon) and reports -A times the ratio; ours is -A times the
  log-probability under a ratio cut at 2. Their gradients agree within epsilon; their values mean nothing.
- A sequence without a teacher counts as zero in TRL's mean; ours is the mean over those that have one.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from dataclasses import replace
from functools import cache
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from sdpo_tts.policy.learning.loss import LossSettings, Support, Target, token_loss

ROWS, LONGEST, VOCABULARY, TOP_K = 3, 6, 40, 8
LENGTHS = (6, 2, 4)
ALPHAS = (0.0, 0.3, 0.5, 1.0)
MODES = {
    "topk_logits": LossSettings(support=Support.STUDENT, top_k=TOP_K, clip=None),
    "full_logits": LossSettings(support=Support.FULL, clip=None),
    "sampled_token": LossSettings(support=Support.SAMPLED, clip=None),
}


def draws(*shape: int, seed: int, scale: float = 1.0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * scale


STUDENT, TEACHER = draws(ROWS, LONGEST, VOCABULARY, seed=1, scale=2), draws(ROWS, LONGEST, VOCABULARY, seed=2, scale=2)
IDS = torch.randint(VOCABULARY, (ROWS, LONGEST), generator=torch.Generator().manual_seed(3))
MASK = torch.tensor([[float(t < length) for t in range(LONGEST)] for length in LENGTHS], dtype=torch.float64)
LOGP = STUDENT.log_softmax(-1).gather(-1, IDS[..., None]).squeeze(-1)


def ours(student: Tensor, settings: LossSettings, old: Tensor | None = None, advantages: Tensor | None = None) -> Tensor:
    """The batch's loss: the mean over sequences of the mean over their tokens."""
    rows = []
    for row, length in enumerate(LENGTHS):
        told = LOGP[row, :length] if old is None else old[row, :length]
        target = Target(
            response_T=IDS[row, :length],
            teacher_logits_T_V=TEACHER[row, :length].to(student.dtype),
            sampler_logp_T=told.to(student.dtype),
            old_logp_T=told.to(student.dtype),
            advantage=float(advantages[row]) if advantages is not None else 0.0,
        )
        rows.append(token_loss(student[row, :length], target, settings).loss_T.mean())
    return torch.stack(rows).mean()


@cache
def trl() -> ModuleType:
    """Imported by the first test that needs it: seconds, for every process that only collects the tests."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that it is experimental
        from trl.experimental.sdpo import sdpo_trainer
    return sdpo_trainer  # type: ignore[no-any-return]


def theirs(student: Tensor, mode: str, alpha: float, weight: float = 1.0, **inputs: Any) -> Tensor:
    """By the trainer's own methods, of which only what they read of a trainer is made up."""
    mask, metrics = MASK.to(student.dtype), defaultdict(lambda: defaultdict(list))
    told = SimpleNamespace(
        distillation_mode=mode, distillation_topk=TOP_K, distillation_alpha=alpha, distillation_add_tail=True,
        distillation_is_clip=2.0, distillation_weight=weight,
    )  # fmt: skip
    trainer = SimpleNamespace(
        args=told, model=SimpleNamespace(training=True), _metrics=metrics, epsilon_low=0.9, epsilon_high=0.9,
        importance_sampling_level="token", loss_type="grpo", use_teacher_server=False, teacher_model=None,
        accelerator=SimpleNamespace(gather=lambda tensor: tensor), current_gradient_accumulation_steps=1,
        _log_self_distillation_metric=lambda mode, value: None, _forward_logits=lambda **rest: student,
        _compute_teacher_student_logits=lambda *rest: trl().DistillationLogits(
            IDS, completion_mask=mask, loss_mask=mask, student_logits=student, teacher_logits=TEACHER.to(student.dtype)
        ),
    )  # fmt: skip
    for name in ("_compute_policy_loss", "_compute_self_distillation_loss"):
        setattr(trainer, name, getattr(trl().SDPOTrainer, name).__get__(trainer))
    batch = {"prompt_ids": IDS, "prompt_mask": mask, "completion_ids": IDS, "completion_mask": mask, **inputs}
    return trl().SDPOTrainer.compute_loss(trainer, trainer.model, batch)  # type: ignore[no-any-return]


def with_gradient(loss: Any, student: Tensor) -> tuple[Tensor, Tensor]:
    leaf = student.clone().requires_grad_()
    value = loss(leaf)
    return value.detach(), torch.autograd.grad(value, leaf)[0]


CASES = [(mode, alpha) for mode in MODES for alpha in ALPHAS if mode != "sampled_token" or alpha == 1.0]


@pytest.mark.parametrize(("mode", "alpha"), CASES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_self_distillation_is_trl_s_in_value_and_gradient(mode: str, alpha: float, dtype: torch.dtype) -> None:
    student, settings = STUDENT.to(dtype), replace(MODES[mode], alpha=alpha)
    wanted = with_gradient(lambda leaf: theirs(leaf, mode, alpha), student)
    found = with_gradient(lambda leaf: ours(leaf, settings), student)
    assert wanted[1].abs().max() > 1e-3
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-12 if dtype == torch.float64 else 1e-6)


@pytest.mark.parametrize("mode", MODES)
def test_importance_weights_are_trl_s(mode: str) -> None:
    old = LOGP + draws(ROWS, LONGEST, seed=4)
    assert ((LOGP - old).exp() > 2).any() and ((LOGP - old).exp() < 1).any(), "some are cut, some are not"
    wanted = with_gradient(lambda leaf: theirs(leaf, mode, 1.0, old_per_token_logps=old), STUDENT)
    found = with_gradient(lambda leaf: ours(leaf, MODES[mode], old), STUDENT)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-12)
    plain = with_gradient(lambda leaf: ours(leaf, MODES[mode]), STUDENT)
    assert (found[1] - plain[1]).abs().max() > 1e-3


@pytest.mark.parametrize("weight", [0.0, 0.25, 1.0])
def test_the_hybrid_s_gradient_is_trl_s(weight: float) -> None:
    """`distillation_weight` is 1 - lambda. All ratios are within epsilon."""
    advantages, old = torch.tensor([1.5, -0.5, 0.25], dtype=torch.float64), LOGP + draws(ROWS, LONGEST, seed=5, scale=0.2)
    settings = replace(MODES["topk_logits"], grpo_weight=1 - weight)
    _, wanted = with_gradient(
        lambda leaf: theirs(leaf, "topk_logits", 1.0, weight, advantages=advantages, old_per_token_logps=old), STUDENT
    )
    _, found = with_gradient(lambda leaf: ours(leaf, settings, old, advantages), STUDENT)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-12)


def test_without_a_tail_trl_s_is_another_loss() -> None:
    """Renormalised top K: it is blind to mass that leaves them, which is why the tail is always kept here."""
    trl()
    from trl.experimental.sdpo import loss_utils

    kept, bare = (
        loss_utils.compute_topk_self_distillation_loss(
            STUDENT, TEACHER, distillation_topk=TOP_K, distillation_alpha=1.0, distillation_add_tail=tail
        )
        for tail in (True, False)
    )
    assert (kept - bare).abs().max() > 0.1
