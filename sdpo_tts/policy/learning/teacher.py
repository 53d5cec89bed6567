"""The teacher: the model itself, with the feedback in its context, under some state of its adapter.

No teacher holds a second copy of the base. Each is a weighted sum of the logits of one or two views of the network:

- frozen: the base, adapter off;
- ema: an average of the adapter's past (see EmaAdapter);
- trust-region: (1 - rate) base + rate current, that is q proportional to q_base^(1-rate) q_current^rate (paper, A.2);
- live: the current adapter; it chases itself and is here as an ablation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

from sdpo_tts.policy.batch import Ids, Pair, SharedPrefix, WholePrompts, reading
from sdpo_tts.policy.learning.ema import EmaAdapter
from sdpo_tts.policy.network import Network, precise


@dataclass(frozen=True)
class TeacherSettings:
    """`rate` is the share of the current adapter per step (ema), or in the logits (trust-region)."""

    kind: str = "frozen"
    rate: float = 0.01


@dataclass(frozen=True)
class View:
    """A state of the network and the weight of its logits."""

    weight: float
    state: Callable[[], AbstractContextManager[None]]


class Teacher:
    """Scores responses; `follow` is called after every step of the student."""

    def __init__(self, network: Network, settings: TeacherSettings) -> None:
        self.network = network
        self.ema = EmaAdapter(network, settings.rate) if settings.kind == "ema" else None
        self.views = self._views(settings)

    def _views(self, settings: TeacherSettings) -> list[View]:
        base = View(1.0, self.network.without_adapter)
        current = View(1.0, nullcontext)
        if self.ema:
            return [View(1.0, self.ema.active)]
        if settings.kind == "trust-region":
            pair = [View(1 - settings.rate, base.state), View(settings.rate, current.state)]
            return [view for view in pair if view.weight]
        return [{"frozen": base, "live": current}[settings.kind]]

    def follow(self) -> None:
        if self.ema:
            self.ema.follow()

    @torch.no_grad()
    def scores(self, views_T_D: Sequence[Tensor]) -> list[Tensor]:
        """The output layer's scores for the hidden states of some positions, under each view."""
        return [self.network.scores(hidden_T_D) for hidden_T_D in views_T_D]

    @torch.no_grad()
    def mixed(self, scores_T_V: Sequence[Tensor]) -> Tensor:
        """The teacher's logits_T_V from the scores under each view."""
        if len(scores_T_V) == 1:
            return precise(scores_T_V[0])
        return sum(view.weight * precise(one) for view, one in zip(self.views, scores_T_V, strict=True))  # type: ignore[return-value]

    def logits(self, views_T_D: Sequence[Tensor]) -> Tensor:
        """logits_T_V of some positions, from their hidden states under each view."""
        return self.mixed(self.scores(views_T_D))

    def read(self, prompts: Sequence[Ids]) -> Reading:
        return Reading(self, prompts)


class Reading:
    """The teacher over one batch: the prompts' common beginning is computed once per view."""

    def __init__(self, teacher: Teacher, prompts: Sequence[Ids]) -> None:
        self.teacher = teacher
        self.prefixes = [self._prefix(view, prompts) for view in teacher.views]

    def _prefix(self, view: View, prompts: Sequence[Ids]) -> SharedPrefix | WholePrompts:
        with view.state():
            return reading(self.teacher.network, prompts, grad=False)

    @property
    def head(self) -> int:
        """Tokens that all prompts share."""
        return len(self.prefixes[0].ids)

    def hidden(self, pairs: Sequence[Pair]) -> list[list[Tensor]]:
        """For each pair and each view hidden_T_D at the positions that predict the response."""
        by_view = []
        for view, prefix in zip(self.teacher.views, self.prefixes, strict=True):
            with view.state():
                by_view.append(prefix.response_hidden(pairs))
        return [list(views) for views in zip(*by_view, strict=True)]
