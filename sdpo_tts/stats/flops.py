"""Floating-point operations, from the shape of the model and the tokens counted in the journal.

A multiply and an add count as two. A token's forward pass takes 2 N for N parameters outside the embeddings, and 4 L d
for each token that it attends to (L layers, d the width of all query heads together). A LoRA student's forward and
backward pass takes 4 N, because the gradient of the frozen weights is never computed; attention is differentiated on
both sides, which takes three times its forward pass. Embedding look-ups, norms and the adapter's own operations (under
a hundredth at rank 16) are ignored; the output layer is part of N.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

from sdpo_tts.record import Event


@dataclass(frozen=True)
class Shape:
    """`parameters` (active, without input embeddings), `layers`, and `width`: query heads times their size."""

    parameters: float
    layers: float
    width: float

    @classmethod
    def of(cls, started: Event) -> Self:
        """From `run_started`; all NaN if it lacks the shape."""
        return cls(*(started.get(name) or math.nan for name in ("parameters", "layers", "width")))

    def forward(self, tokens: float, before: float = 0.0, length: float | None = None) -> float:
        """`tokens` in rows of `length` (one row if None), each row after `before` tokens computed already."""
        return 2.0 * self.parameters * tokens + self._attention(tokens, before, tokens if length is None else length)

    def step(self, event: Event, prompt: float) -> float:
        """One learning step: the student forward and backward, the teacher forward.

        `prompt` is the student's, shared by the batch and computed once. The teachers' prompts are counted in full,
        although they share their beginning: an upper bound.
        """
        rows = event.get("distinct", event.get("trained", 0))
        if not rows:
            return 0.0
        length = event["trained_tokens"] / rows
        attention = self._attention(prompt, 0.0, prompt) + self._attention(event["trained_tokens"], prompt, length)
        student = 4.0 * self.parameters * (prompt + event["trained_tokens"]) + 3.0 * attention
        teacher = self.forward(event["teacher_tokens"], 0.0, event["teacher_tokens"] / rows)
        return float(student + teacher)

    def _attention(self, tokens: float, before: float, length: float) -> float:
        return 4.0 * self.layers * self.width * tokens * (before + length / 2)


UNKNOWN = Shape(math.nan, math.nan, math.nan)
