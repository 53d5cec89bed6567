"""Sampling with vLLM: always with the learner's current adapter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from sdpo_tts.engine.in_process import Request
from sdpo_tts.engine.versions import Adapter, Versions
from sdpo_tts.errors import UserError
from sdpo_tts.policy.batch import Ids
from sdpo_tts.policy.network import Network
from sdpo_tts.policy.sampler import NOBODY, Listener, Sample
from sdpo_tts.policy.sampling import PLAIN, Sampling
from sdpo_tts.policy.thinking import Thinking


class GenerationEngine(Protocol):
    """One engine in this process (`InProcessEngine`), or several in others (`Replicas`)."""

    longest: int

    def sample(self, requests: Sequence[Request], adapter: Adapter | None, listener: Listener) -> list[Sample]:
        """One sample a request; those that have not ended when the listener has enough are cancelled."""
        ...

    def close(self) -> None: ...


class VllmSampler:
    """A `Sampler` over engines that hold the network's base themselves."""

    name = "vllm"

    def __init__(
        self, engine: GenerationEngine, network: Network, stop_ids: Sequence[int], *, max_new_tokens: int,
        sampling: Sampling = PLAIN, thinking: Thinking | None = None,
    ) -> None:  # fmt: skip
        self.engine, self.versions = engine, Versions(network)
        self.network, self.max_new_tokens = network, max_new_tokens
        self._stop_ids, self._sampling, self._thinking = tuple(sorted(stop_ids)), sampling, thinking

    def sample(
        self,
        prompts: Sequence[Ids],
        rngs: Sequence[np.random.Generator],
        *,
        base: int = 0,
        top: int = 0,
        listener: Listener = NOBODY,
    ) -> list[Sample]:
        """As `Sampler.sample`. Raises UserError if a prompt leaves no room for an answer."""
        if (longest := max(map(len, prompts), default=0)) >= self.engine.longest:
            what = f"the prompt has {longest} tokens; prompt and answer may have {self.engine.longest} together"
            raise UserError(what, where="--engine vllm", hint="a shorter statement, or another model")
        same = self.max_new_tokens, self._stop_ids, self._sampling, self._thinking
        requests = [
            Request(tuple(prompt), int(rng.integers(2**31)), place < base, *same, top=top if place < base else 0)
            for place, (prompt, rng) in enumerate(zip(prompts, rngs, strict=True))
        ]
        return self.engine.sample(requests, self.versions.now(), listener)

    def drawn(self, prompts: Sequence[Ids], tokens: int, *, base: int) -> list[Sample]:
        """As `canary.Engine.drawn`; prompts are cut at their beginning to what the engine takes."""
        room = max(1, self.engine.longest - tokens)
        requests = [
            Request(tuple(prompt[-room:]), place, place < base, tokens, stop_ids=())
            for place, prompt in enumerate(prompts)
        ]
        return self.engine.sample(requests, self.versions.now(), NOBODY)

    def close(self) -> None:
        self.versions.close()
        self.engine.close()
