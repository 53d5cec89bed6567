"""A critic's remarks on failed attempts, the paper's other kind of rich feedback, from the model itself or another one.

The remarks are appended to the sandbox's feedback. Unlike the sandbox, a critic can be wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from sdpo_tts.discovery.attempt import Judged
from sdpo_tts.engine.endpoint.sampler import EndpointSampler, Patience
from sdpo_tts.engine.endpoint.server import Server
from sdpo_tts.engine.endpoint.text_chat import TextChat
from sdpo_tts.policy.prompts import MAX_PROMPT_TOKENS, Chat, critique_text
from sdpo_tts.policy.sampler import Sampler
from sdpo_tts.problem import Problem

CRITICISING = 2  # the stream of random numbers for the critic's samples
MOST_CHARS, MOST_TOKENS = 1000, 256
NOTHING = ""


@dataclass(frozen=True)
class Critique:
    """`text` is empty if there was nothing to criticise."""

    text: str = NOTHING
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Critic(Protocol):
    def criticise(self, batch: Sequence[Judged]) -> list[Critique]:
        """One critique per attempt, in order."""
        ...


class SelfCritic:
    """The base model as its own critic."""

    def __init__(
        self, problem: Problem, chat: Chat, sampler: Sampler, seed: int, max_prompt_tokens: int = MAX_PROMPT_TOKENS
    ) -> None:
        self._problem, self._chat, self._sampler, self._seed = problem, chat, sampler, seed
        self._max_prompt_tokens = max_prompt_tokens

    def criticise(self, batch: Sequence[Judged]) -> list[Critique]:
        """No remarks on an attempt whose prompt would be too long. Raises what the sampler raises."""
        asked = {i: self._chat.prompt(text) for i, text in enumerate(_asked(self._problem, batch)) if text}
        asked = {i: prompt for i, prompt in asked.items() if len(prompt) <= self._max_prompt_tokens}
        rngs = [np.random.default_rng([self._seed, CRITICISING, batch[0].attempt.step, i]) for i in asked]
        samples = self._sampler.sample(list(asked.values()), rngs, base=len(asked)) if asked else []
        told = {
            i: Critique(_capped(self._chat.text(one.answer)), one.prompt_tokens, one.completion_tokens)
            for i, one in zip(asked, samples, strict=True)
        }
        return [told.get(i, Critique()) for i in range(len(batch))]


class EndpointCritic(SelfCritic):
    """A model on a server of the OpenAI protocol, which is asked as patiently as a policy on one."""

    def __init__(self, problem: Problem, server: Server, patience: Patience | None = None) -> None:
        sampler = EndpointSampler(server, max_new_tokens=MOST_TOKENS, patience=patience)
        super().__init__(problem, TextChat(), sampler, seed=0)  # the server has random numbers of its own


def server_of(kind: str, model: str) -> Server | None:
    """Where a critic of that kind is asked; None if that is no server. Raises UserError for an invalid address."""
    return None if kind in ("none", "self") else Server.at(kind, model, "--critic")


def demand(kind: str, model: str) -> None:
    """Before anything slow begins. Raises what `Server.demand_model` raises."""
    if server := server_of(kind, model):
        server.demand_model()


def _asked(problem: Problem, batch: Sequence[Judged]) -> list[str]:
    """The question to the critic on each attempt; empty for one that passed, or has no answer."""
    written = [judged.attempt.program or judged.attempt.text for judged in batch]
    return [
        critique_text(problem, text, judged.feedback.text) if text and judged.feedback.text else NOTHING
        for judged, text in zip(batch, written, strict=True)
    ]


def _capped(text: str) -> str:
    text = text.strip()[:MOST_CHARS]
    return f"A reviewer's remarks on that attempt:\n\n{text}" if text else NOTHING
