"""Which tokens of an answer its self-teacher would have chosen differently (the paper's figures 4 and 22)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from sdpo_tts.policy.batch import Ids, Pair
from sdpo_tts.policy.learning.teacher import Teacher, TeacherSettings
from sdpo_tts.policy.network import Network
from sdpo_tts.policy.prompts import Chat

_NONE: tuple[tuple[str, float], ...] = ()
ROWS = 64  # response positions whose logits exist at once


@dataclass(frozen=True)
class Piece:
    """Some characters of an answer: one token, or several that together form a character.

    The log-probabilities are sums over its tokens, in nats. `alternatives` are the teacher's likeliest first tokens
    here, with their probabilities.
    """

    text: str
    student_logp: float
    teacher_logp: float
    alternatives: tuple[tuple[str, float], ...]

    @property
    def log_ratio(self) -> float:
        """log(teacher / student): below 0 the teacher disagrees, above 0 it reinforces."""
        return self.teacher_logp - self.student_logp


def credit(
    network: Network, chat: Chat, teacher_prompt: Ids, response: Ids, logprobs: Sequence[float], thought: int = 0,
    top: int = 3,
) -> list[Piece]:  # fmt: skip
    """The pieces of an answer that follows this many tokens of `thought`. `logprobs` are the student's when it was
    sampled; the teacher is the frozen one."""
    teacher = Teacher(network, TeacherSettings())
    with torch.no_grad():
        (views,) = teacher.read([teacher_prompt]).hidden([Pair(teacher_prompt, response)])
    pieces: list[Piece] = []
    pending: list[int] = []
    student, theirs, alternatives = 0.0, 0.0, _NONE
    views, response, logprobs = [view_T_D[thought:] for view_T_D in views], response[thought:], logprobs[thought:]
    for t, (token, logprob) in enumerate(zip(response, logprobs, strict=True)):
        if t % ROWS == 0:
            logp_T_V = teacher.logits([hidden_T_D[t : t + ROWS] for hidden_T_D in views]).log_softmax(-1)
        row_V = logp_T_V[t % ROWS]
        if not pending:
            student, theirs, alternatives = 0.0, 0.0, _alternatives(row_V, chat, top)
        pending.append(token)
        student, theirs = student + logprob, theirs + float(row_V[token])
        if not (text := chat.text(pending)).endswith("\ufffd") or t + 1 == len(response):
            pieces.append(Piece(text, student, theirs, alternatives))
            pending = []
    return pieces


def _alternatives(logp_V: torch.Tensor, chat: Chat, top: int) -> tuple[tuple[str, float], ...]:
    best = logp_V.topk(top)
    return tuple(
        (chat.text([token]), float(logp)) for token, logp in zip(best.indices.tolist(), best.values.exp(), strict=True)
    )
