"""A critic's remarks on failed attempts, the paper's other kind of rich feedback, from the model itself or another one.

The remarks are appended to the sandbox's feedback. Unlike the sandbox, a critic can be wrong.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from sdpo_tts.discovery.attempt import Judged
from sdpo_tts.errors import SetupError
from sdpo_tts.policy.prompts import MAX_PROMPT_TOKENS, Chat, critique_text
from sdpo_tts.policy.sampler import Sampler
from sdpo_tts.policy.thinking import split
from sdpo_tts.problem import Problem

CRITICISING = 2  # the stream of random numbers for the critic's samples
MOST_CHARS, MOST_TOKENS, PATIENCE = 1000, 256, 120.0
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
        """No remarks on an attempt whose prompt would be too long."""
        asked = {i: self._chat.prompt(text) for i, text in enumerate(_asked(self._problem, batch)) if text}
        asked = {i: prompt for i, prompt in asked.items() if len(prompt) <= self._max_prompt_tokens}
        rngs = [np.random.default_rng([self._seed, CRITICISING, batch[0].attempt.step, i]) for i in asked]
        samples = self._sampler.sample(list(asked.values()), rngs, base=len(asked)) if asked else []
        told = {
            i: Critique(_capped(self._chat.text(one.answer)), one.prompt_tokens, one.completion_tokens)
            for i, one in zip(asked, samples, strict=True)
        }
        return [told.get(i, Critique()) for i in range(len(batch))]


class EndpointCritic:
    """A model behind an OpenAI-compatible endpoint (`url` ends before /chat/completions).

    The key is read from OPENAI_API_KEY, if the endpoint needs one.
    """

    def __init__(self, problem: Problem, url: str, model: str) -> None:
        self._problem, self._url, self._model = problem, url.rstrip("/"), model

    def criticise(self, batch: Sequence[Judged]) -> list[Critique]:
        """Raises SetupError if the endpoint does not answer properly."""
        return [self._ask(text) if text else Critique() for text in _asked(self._problem, batch)]

    def _ask(self, text: str) -> Critique:
        import requests

        key = os.environ.get("OPENAI_API_KEY")
        body = {"model": self._model, "max_tokens": MOST_TOKENS, "messages": [{"role": "user", "content": text}]}
        try:
            answer = requests.post(
                f"{self._url}/chat/completions", json=body, timeout=PATIENCE,
                headers={"Authorization": f"Bearer {key}"} if key else {},
            )  # fmt: skip
            answer.raise_for_status()
            return _critique(answer.json())
        except (requests.RequestException, ValueError, LookupError, TypeError) as error:
            hint = "it must speak the OpenAI protocol; a key is read from OPENAI_API_KEY"
            raise SetupError(f"no critique: {error or type(error).__name__}", where=self._url, hint=hint) from None


def _critique(answer: Any) -> Critique:
    (_, text), usage = split(str(answer["choices"][0]["message"]["content"] or "")), answer.get("usage") or {}
    return Critique(_capped(text), int(usage.get("prompt_tokens", 0)), int(usage.get("completion_tokens", 0)))


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
