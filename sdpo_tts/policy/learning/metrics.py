"""What one step measures, averaged as in training: mean over sequences of per-sequence token means."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from sdpo_tts.errors import SdpoError
from sdpo_tts.policy.learning.loss import TokenLoss


@dataclass(frozen=True)
class Step:
    """What one step did; loss, divergence from the teacher (`kl`), entropy and gap in nats.

    `trained` attempts, of which `distinct` were different, each computed once: `trained_tokens` by the student, with a
    gradient, and `teacher_tokens` by the teacher. `gap` is between the sampler's and the learner's log-probabilities.
    `ema_lost` is the largest share of a layer's norm that the `ema` teacher's rank could not hold. `imitated` attempts
    were drawn with help and learned behind the bare question.
    """

    loss: float
    kl: float
    entropy: float
    grad_norm: float
    gap_mean: float
    gap_max: float
    trained: int
    distinct: int
    trained_tokens: int
    teacher_tokens: int
    micro_tokens: int
    ema_lost: float = 0.0
    imitated: int = 0


@dataclass
class RunningMetrics:
    """Sums over a batch of `sequences` attempts, `on_policy` of which the current adapter sampled."""

    sequences: int
    on_policy: int
    loss: float = 0.0
    kl: float = 0.0
    entropy: float = 0.0
    gap_mean: float = 0.0
    gap_max: float = 0.0

    def add(self, chunk: TokenLoss, share: float, part: float) -> None:
        """What one token weighs in the batch: `share` in its loss, `part` in a mean over what is learned."""
        self.loss += float(chunk.loss_T.detach().sum()) * share
        self.kl += float(chunk.divergence_T.sum()) * part
        self.entropy += float(chunk.entropy_T.sum()) * part

    def add_gap(self, gap_T: Tensor, part: float) -> None:
        self.gap_mean += float(gap_T.sum()) * part * self.sequences / self.on_policy
        self.gap_max = max(self.gap_max, float(gap_T.max()))

    def check(self, max_gap: float) -> None:
        """Raises SdpoError if the samples are not from this network."""
        if self.gap_mean > max_gap:
            raise SdpoError(
                f"the sampler's log-probabilities are {self.gap_mean:.3f} nats from the learner's on average",
                where="learner",
                hint="the sampler used another adapter or model than the one being trained",
            )
