"""One step per batch: the student moves toward itself with feedback in its context (SDPO), or by reward (GRPO)."""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from sdpo_tts.errors import SdpoError
from sdpo_tts.policy import memory
from sdpo_tts.policy.batch import reading
from sdpo_tts.policy.learning.imitation import ImitationSettings, imitation_loss
from sdpo_tts.policy.learning.lesson import Lesson, merged, micro_batches
from sdpo_tts.policy.learning.loss import LossSettings, Support, Target, TokenLoss, token_loss
from sdpo_tts.policy.learning.metrics import RunningMetrics, Step
from sdpo_tts.policy.learning.progress import NOBODY, counted
from sdpo_tts.policy.learning.teacher import Reading, Teacher, TeacherSettings
from sdpo_tts.policy.learning.token_weights import Run, runs, weighs
from sdpo_tts.policy.network import Network, precise

LOG = logging.getLogger(__name__)
CHUNK = 2**24  # logits that the output layer computes at once: 32 MiB in bfloat16
BLOCK = {"cpu": 2**20}  # logits of which the loss is computed at once; elsewhere the whole chunk
ONLY_THOUGHTS = "no attempt of this batch has an answer behind its thought"
NOISE = 1e-6  # a gradient's norm up to which it is rounding, of which Adam would make a step of full length


@dataclass(frozen=True)
class LearnerSettings:
    """AdamW as in the paper's table 12, with a learning rate for LoRA instead of full fine-tuning.

    A batch makes `updates` optimiser steps on as many parts of it, or with `reuse` each on all of it. `micro_tokens`
    bounds the padded tokens behind the shared prompt that one pass takes (None: from the free memory). A mean gap above
    `max_gap` nats between the sampler's and the learner's log-probabilities is an error. The thoughts before an answer
    weigh `thoughts` times what it weighs.
    """

    learning_rate: float = 1e-4
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0
    updates: int = 1
    reuse: bool = False
    micro_tokens: int | None = None
    max_gap: float = 0.1
    thoughts: float = 0.0
    teacher: TeacherSettings = field(default_factory=TeacherSettings)
    loss: LossSettings = field(default_factory=LossSettings)
    imitation: ImitationSettings = field(default_factory=ImitationSettings)


class NonFiniteError(SdpoError):
    """The loss or its gradient is not finite; `lessons` are the batch that caused it."""

    def __init__(self, message: str, lessons: Sequence[Lesson]) -> None:
        super().__init__(message, where="learner", hint="a smaller --learning-rate, or --dtype float32")
        self.lessons = lessons


@dataclass(frozen=True)
class LearnerState:
    """A copy of the adapter, of its optimiser, and of the average that teaches (None: none does)."""

    adapter: list[Tensor]
    optimiser: dict[str, Any]
    ema: list[tuple[Tensor, Tensor]] | None = None


class Learner:
    """The trainable adapter with its optimiser and its teacher. `tell` is called with the progress of a step."""

    def __init__(self, network: Network, settings: LearnerSettings) -> None:
        self.network, self.settings = network, settings
        self.teacher, self.tell = Teacher(network, settings.teacher), NOBODY
        self.micro_tokens = settings.micro_tokens or memory.micro_tokens(network)
        self.optimiser = torch.optim.AdamW(
            network.trainable, lr=settings.learning_rate, weight_decay=settings.weight_decay
        )

    def step(self, *groups: Sequence[Lesson]) -> Step | str:
        """Learn from a batch, one group of lessons after the other, and move the network to its next version. Returns
        why, if there is nothing to learn from.

        Raises NonFiniteError, with the adapter as it was before the update, or SdpoError when the sampler's
        log-probabilities are not this network's.
        """
        groups = tuple([one for one in group if weighs(one.sample, self.settings.thoughts)] for group in groups)
        if not any(groups):
            return ONLY_THOUGHTS
        if self.settings.updates > 1:
            groups = tuple([self._with_old(lesson) for lesson in group] for group in groups)
        steps = [self._update(part) for group in groups if group for part in self._parts(group)]
        self.network.version += 1
        self.teacher.follow()
        lost = self.teacher.ema.lost if self.teacher.ema else 0.0
        return replace(_mean(steps), ema_lost=lost)

    def _with_old(self, lesson: Lesson) -> Lesson:
        """Importance weights compare on-policy lessons with the state that sampled them."""
        return lesson if lesson.question else replace(lesson, old_logprobs=self.logprobs(lesson))

    def _parts(self, lessons: Sequence[Lesson]) -> list[Sequence[Lesson]]:
        """What each update learns from."""
        if self.settings.reuse:
            return [lessons] * self.settings.updates
        size = math.ceil(len(lessons) / self.settings.updates)
        return [lessons[start : start + size] for start in range(0, len(lessons), size)]

    def state(self) -> LearnerState:
        ema = self.teacher.ema.state() if self.teacher.ema else None
        return LearnerState(self.network.state(), copy.deepcopy(self.optimiser.state_dict()), ema)

    def restore(self, state: LearnerState) -> None:
        """Go back to a copy, including its learning rate."""
        self.network.restore(state.adapter)
        self.optimiser.load_state_dict(copy.deepcopy(state.optimiser))
        if self.teacher.ema and state.ema:
            self.teacher.ema.restore(state.ema)

    @property
    def kept(self) -> int:
        """How many of the likeliest ids to keep while the base draws a sample with help. Then the step needs no pass of
        the teacher, since the frozen teacher, reading the same prompt, is what drew it. 0: the pass is needed."""
        settings = self.settings
        frozen = settings.teacher.kind == "frozen" and settings.imitation.reads_teacher
        some = settings.loss.support is not Support.FULL and settings.loss.top_k < self.network.vocabulary
        return settings.loss.top_k if frozen and some else 0

    @property
    def learning_rate(self) -> float:
        return float(self.optimiser.param_groups[0]["lr"])

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = rate

    def _update(self, lessons: Sequence[Lesson]) -> Step:
        distinct = merged(lessons)
        metrics = self.gradient(distinct)
        norm = float(torch.nn.utils.clip_grad_norm_(self.network.trainable, self.settings.max_grad_norm))
        if not (math.isfinite(norm) and math.isfinite(metrics.loss)):
            self.optimiser.zero_grad()
            raise NonFiniteError(f"the loss ({metrics.loss}) or its gradient ({norm}) is not finite", lessons)
        if norm > NOISE:
            self.optimiser.step()
        self.optimiser.zero_grad()
        taught = [lesson.teacher for lesson in distinct if lesson.teacher_prompt is not None]
        return Step(
            loss=metrics.loss, kl=metrics.kl, entropy=metrics.entropy, grad_norm=norm,
            gap_mean=metrics.gap_mean, gap_max=metrics.gap_max, trained=len(lessons), distinct=len(distinct),
            imitated=sum(lesson.question is not None for lesson in lessons),
            trained_tokens=sum(len(lesson.sample.response) for lesson in distinct),
            teacher_tokens=len(self.teacher.views) * sum(len(pair.prompt) + len(pair.response) for pair in taught),
            micro_tokens=self.micro_tokens,
        )  # fmt: skip

    def gradient(self, lessons: Sequence[Lesson]) -> RunningMetrics:
        """Leave the gradient of the batch's loss in the adapter's parameters; return what was measured on the way.

        Out of memory: once more with half as much at once, and with activations computed twice instead of kept.
        """
        while True:
            try:
                return self._gradient(lessons)
            except (RuntimeError, MemoryError) as error:
                if not memory.ran_out(error) or (self.network.checkpointing and self.micro_tokens < 2):
                    raise
            self.optimiser.zero_grad()
            self.network.checkpointing, self.micro_tokens = True, max(1, self.micro_tokens // 2)
            said = "memory ran out while learning; now %d tokens at a time, recomputing activations"
            LOG.warning(said, self.micro_tokens)
            memory.let_go()

    def _gradient(self, lessons: Sequence[Lesson]) -> RunningMetrics:
        on_policy = sum(one.weight for one in lessons if one.on_policy)
        metrics = RunningMetrics(sum(one.weight for one in lessons), on_policy)
        taught = [lesson for lesson in lessons if lesson.teacher_prompt is not None]
        teaching = self.teacher.read([lesson.teacher.prompt for lesson in taught]) if taught else None
        prefix = reading(self.network, [lesson.student.prompt for lesson in lessons], grad=True)
        parts = micro_batches(lessons, teaching.head if teaching else len(prefix.ids), self.micro_tokens)
        for chosen in counted(parts, len(lessons), self.tell):
            views = _views(teaching, chosen)
            hidden = prefix.response_hidden([lesson.student for lesson in chosen])
            gradients = [
                self._sequence(student_T_D, teacher, lesson, metrics)
                for student_T_D, teacher, lesson in zip(hidden, views, chosen, strict=True)
            ]
            torch.autograd.backward(hidden, gradients)
        prefix.backward()
        metrics.check(self.settings.max_gap)
        return metrics

    def _sequence(
        self, student_T_D: Tensor, views: list[Tensor] | None, lesson: Lesson, metrics: RunningMetrics
    ) -> Tensor:
        """Gradient_T_D of the loss of one sequence with respect to its hidden states.

        The output layer runs here, on some of one sequence's response positions at a time: whole-batch logits never
        exist, and none for what is not learned. The loss runs on still fewer, whose numbers in fp32 stay in a
        processor's cache.
        """
        gradient_T_D = torch.zeros_like(student_T_D)
        for run in runs(lesson.sample, self.settings.thoughts):
            for place in _slices(run.start, run.stop, self._rows(CHUNK)):
                leaf_T_D = student_T_D[place].detach().requires_grad_()
                with torch.enable_grad():
                    scores_T_V = self.network.scores(leaf_T_D)
                taught_T_V = self.teacher.scores([view_T_D[place] for view_T_D in views]) if views else None
                scores_T_V.backward(self._chunk(scores_T_V.detach(), taught_T_V, place, run, lesson, metrics))  # type: ignore[no-untyped-call]
                assert leaf_T_D.grad is not None
                gradient_T_D[place] = leaf_T_D.grad
        return gradient_T_D

    def _chunk(
        self, scores_T_V: Tensor, taught_T_V: list[Tensor] | None, place: slice, run: Run, lesson: Lesson,
        metrics: RunningMetrics,
    ) -> Tensor:  # fmt: skip
        """Gradient_T_V with respect to what the output layer made of a few positions."""
        gradient_T_V = torch.empty_like(scores_T_V)
        for part in _slices(place.start, place.stop, self._rows(BLOCK.get(self.network.device.type, CHUNK))):
            rows = slice(part.start - place.start, part.stop - place.start)
            teacher_T_V = self.teacher.mixed([one[rows] for one in taught_T_V]) if taught_T_V else None
            target = self._target(lesson, part, teacher_T_V)
            gradient_T_V[rows] = self._token_gradient(scores_T_V[rows], target, run, lesson, metrics)
        return gradient_T_V

    def _token_gradient(
        self, scores_T_V: Tensor, target: Target, run: Run, lesson: Lesson, metrics: RunningMetrics
    ) -> Tensor:
        """Gradient_T_V of the loss with respect to the student's logits; the loss itself goes to the metrics."""
        share, part = (lesson.weight * one / run.size / metrics.sequences for one in (run.weight, run.part))
        logits_T_V = precise(scores_T_V).requires_grad_()
        with torch.enable_grad():
            tokens = self._token_loss(logits_T_V, target, lesson)
            (tokens.loss_T.sum() * share).backward()  # type: ignore[no-untyped-call]
        metrics.add(tokens, share, part)
        if lesson.on_policy:
            before_T = tokens.logp_T if target.old_logp_T is None else target.old_logp_T
            metrics.add_gap((before_T - target.sampler_logp_T).abs(), part)
        assert logits_T_V.grad is not None
        return logits_T_V.grad

    def _token_loss(self, logits_T_V: Tensor, target: Target, lesson: Lesson) -> TokenLoss:
        if lesson.question is None:
            return token_loss(logits_T_V, target, self.settings.loss)
        return imitation_loss(logits_T_V, target, self.settings.imitation, self.settings.loss)

    def _target(self, lesson: Lesson, place: slice, teacher_logits_T_V: Tensor | None) -> Target:
        def on_device(values: Sequence[Any]) -> Tensor:
            return torch.tensor(values[place], device=self.network.device)

        kept = lesson.sample.likeliest if lesson.question is not None else None
        return Target(
            response_T=on_device(lesson.sample.response),
            teacher_logits_T_V=teacher_logits_T_V,
            sampler_logp_T=on_device(lesson.sample.logprobs),
            old_logp_T=on_device(lesson.old_logprobs) if lesson.old_logprobs else None,
            advantage=lesson.advantage,
            likeliest=(on_device(kept.ids), on_device(kept.logprobs)) if kept else None,
        )

    def _rows(self, numbers: int) -> int:
        """The number of positions with this many logits in total."""
        return max(1, numbers // self.network.vocabulary)

    @torch.no_grad()
    def logprobs(self, lesson: Lesson) -> tuple[float, ...]:
        """log pi(response[t]) under the adapter as it is now."""
        prefix = reading(self.network, [lesson.student.prompt], grad=False)
        (hidden_T_D,) = prefix.response_hidden([lesson.student])
        response_T = torch.tensor(lesson.sample.response, device=self.network.device)
        parts = [
            self.network.logits(hidden_T_D[place]).log_softmax(-1).gather(-1, response_T[place, None])
            for place in _slices(0, len(response_T), self._rows(CHUNK))
        ]
        return tuple(torch.cat(parts).squeeze(-1).tolist())


def _slices(start: int, stop: int, size: int) -> Iterator[slice]:
    for first in range(start, stop, size):
        yield slice(first, min(first + size, stop))


def _views(teaching: Reading | None, lessons: Sequence[Lesson]) -> list[list[Tensor] | None]:
    """Hidden states of the teacher for each lesson that has one."""
    taught = [lesson for lesson in lessons if lesson.teacher_prompt is not None]
    found = iter(teaching.hidden([lesson.teacher for lesson in taught]) if teaching and taught else [])
    return [None if lesson.teacher_prompt is None else next(found) for lesson in lessons]


def _mean(steps: Sequence[Step]) -> Step:
    """Several updates as one step: means weighted by attempts, sums of counts, the largest gap. Samples drawn with help
    have no gap, so the mean gap is that of the others."""
    trained = sum(step.trained for step in steps)
    alone = sum(step.trained - step.imitated for step in steps)

    means = ("loss", "kl", "entropy", "grad_norm")
    totals = ("trained", "distinct", "imitated", "trained_tokens", "teacher_tokens")
    return replace(
        steps[-1],
        gap_mean=sum(step.gap_mean * (step.trained - step.imitated) for step in steps) / max(1, alone),
        gap_max=max(step.gap_max for step in steps),
        **{name: sum(getattr(step, name) * step.trained for step in steps) / trained for name in means},
        **{name: sum(getattr(step, name) for step in steps) for name in totals},
    )
