"""One self-distillation step a batch: the student moves toward itself with the feedback in its context (SDPO)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from sdpo_tts.errors import SdpoError
from sdpo_tts.policy.batch import Ids, Pair, SharedPrefix
from sdpo_tts.policy.loss import LossSettings, token_loss
from sdpo_tts.policy.network import Network
from sdpo_tts.policy.sampler import Sample


@dataclass(frozen=True)
class LearnerSettings:
    """AdamW as in the paper's table 12, with a learning rate for LoRA instead of full fine-tuning.

    `micro_tokens` bounds the padded tokens behind the shared prompt that one forward pass takes. A mean gap above
    `max_gap` nats between the sampler's and the learner's log-probabilities is an error.
    """

    learning_rate: float = 1e-4
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0
    micro_tokens: int = 1024
    max_gap: float = 0.1
    loss: LossSettings = field(default_factory=LossSettings)


@dataclass(frozen=True)
class Lesson:
    """One attempt to learn from: the sample, and the prompt under which the model is its teacher."""

    sample: Sample
    teacher_prompt: Ids


@dataclass(frozen=True)
class Step:
    """What one step did, averaged as it was trained: mean over sequences of per-sequence token means (nats)."""

    loss: float
    kl: float
    entropy: float
    grad_norm: float
    gap_mean: float
    gap_max: float
    trained: int
    trained_tokens: int
    teacher_tokens: int


class Learner:
    """The trainable adapter with its optimiser; the teacher is the base without it (frozen teacher)."""

    def __init__(self, network: Network, settings: LearnerSettings) -> None:
        self.network, self.settings = network, settings
        self.optimiser = torch.optim.AdamW(
            network.trainable, lr=settings.learning_rate, weight_decay=settings.weight_decay
        )

    def step(self, lessons: Sequence[Lesson]) -> Step:
        """Take one optimiser step on a batch and move the network to its next version.

        Raises SdpoError when the loss is not finite or the sampler's log-probabilities are not this network's.
        """
        meter = self.gradient(lessons)
        norm = float(torch.nn.utils.clip_grad_norm_(self.network.trainable, self.settings.max_grad_norm))
        if not (math.isfinite(norm) and math.isfinite(meter.loss)):
            self.optimiser.zero_grad()
            raise SdpoError(f"the loss ({meter.loss}) or its gradient ({norm}) is not finite", where="learner")
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.network.version += 1
        return meter.result(lessons, norm)

    def gradient(self, lessons: Sequence[Lesson]) -> Meter:
        """Leave the gradient of the batch's loss in the adapter's parameters; return what was measured on the way."""
        student = [Pair(lesson.sample.prompt, lesson.sample.response) for lesson in lessons]
        teacher = [Pair(lesson.teacher_prompt, lesson.sample.response) for lesson in lessons]
        meter = Meter(len(lessons))
        with self.network.without_adapter():
            teacher_prefix = SharedPrefix(self.network, [pair.prompt for pair in teacher], grad=False)
        student_prefix = SharedPrefix(self.network, [pair.prompt for pair in student], grad=True)
        for chosen in micro_batches(teacher, len(teacher_prefix.ids), self.settings.micro_tokens):
            with self.network.without_adapter():
                teacher_hidden = teacher_prefix.response_hidden([teacher[i] for i in chosen])
            student_hidden = student_prefix.response_hidden([student[i] for i in chosen])
            gradients = [
                self._sequence(h_student, h_teacher, lessons[i].sample, meter)
                for i, h_student, h_teacher in zip(chosen, student_hidden, teacher_hidden, strict=True)
            ]
            torch.autograd.backward(student_hidden, gradients)
        student_prefix.backward()
        meter.check(self.settings.max_gap)
        return meter

    def _sequence(self, student_T_D: Tensor, teacher_T_D: Tensor, sample: Sample, meter: Meter) -> Tensor:
        """Gradient_T_D of the loss of one sequence with respect to its hidden states.

        The output layer runs here, on one sequence's response positions at a time: whole-batch logits never exist.
        """
        leaf_T_D = student_T_D.detach().requires_grad_()
        with torch.enable_grad():
            logits_T_V = self.network.logits(leaf_T_D)
            with torch.no_grad():
                teacher_logits_T_V = self.network.logits(teacher_T_D)
            tokens = token_loss(logits_T_V, teacher_logits_T_V, self.settings.loss)
            (tokens.loss_T.mean() / meter.sequences).backward()  # type: ignore[no-untyped-call]
        response_T = torch.tensor(sample.response, device=leaf_T_D.device)[:, None]
        logp_T = logits_T_V.detach().log_softmax(-1).gather(-1, response_T).squeeze(-1)
        gap_T = (logp_T - torch.tensor(sample.logprobs, device=logp_T.device)).abs()
        meter.add(tokens.loss_T, tokens.divergence_T, tokens.entropy_T, gap_T)
        assert leaf_T_D.grad is not None
        return leaf_T_D.grad


def micro_batches(pairs: Sequence[Pair], head: int, tokens: int) -> Iterator[list[int]]:
    """Indices in order of length, in groups whose padded size behind a prefix of `head` tokens is at most `tokens`."""
    size = [len(pair.prompt) - head + len(pair.response) for pair in pairs]
    group: list[int] = []
    for i in sorted(range(len(pairs)), key=lambda i: size[i]):
        if group and size[i] * (len(group) + 1) > tokens:
            yield group
            group = []
        group.append(i)
    yield group


class Meter:
    """Sums of per-sequence means over a batch of `sequences`."""

    def __init__(self, sequences: int) -> None:
        self.sequences = sequences
        self.loss = self.kl = self.entropy = self.gap_mean = self.gap_max = 0.0

    def add(self, loss_T: Tensor, divergence_T: Tensor, entropy_T: Tensor, gap_T: Tensor) -> None:
        self.loss += float(loss_T.detach().mean()) / self.sequences
        self.kl += float(divergence_T.mean()) / self.sequences
        self.entropy += float(entropy_T.mean()) / self.sequences
        self.gap_mean += float(gap_T.mean()) / self.sequences
        self.gap_max = max(self.gap_max, float(gap_T.max()))

    def check(self, max_gap: float) -> None:
        if self.gap_mean > max_gap:
            raise SdpoError(
                f"the sampler's log-probabilities are {self.gap_mean:.3f} nats from the learner's on average",
                where="learner",
                hint="the sampler served another adapter or another model than the one being trained",
            )

    def result(self, lessons: Sequence[Lesson], grad_norm: float) -> Step:
        tokens = sum(len(lesson.sample.response) for lesson in lessons)
        teacher_tokens = tokens + sum(len(lesson.teacher_prompt) for lesson in lessons)
        return Step(self.loss, self.kl, self.entropy, grad_norm, self.gap_mean, self.gap_max, len(lessons), tokens,
                    teacher_tokens)
