"""Sampling from the policy, with the log-probability of every sampled token."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
import torch
from torch import Tensor

from sdpo_tts.errors import UserError
from sdpo_tts.policy.batch import Ids
from sdpo_tts.policy.families.decoding import begun, together
from sdpo_tts.policy.families.packing import WORTH, packed
from sdpo_tts.policy.network import Network
from sdpo_tts.policy.sampling import PLAIN, Sampling, shaped
from sdpo_tts.policy.thinking import Thinking, Thought

DRAWN = 8
"""Rows from which tokens are drawn at once. With more, a CPU spends three quarters of the time on clean pages: the C
library returns pieces of over 32 MiB to the kernel as soon as they are free."""


@dataclass(frozen=True)
class Likeliest:
    """The likeliest ids at every place of a response and their log-probabilities, given the prompt that it was drawn
    from: `ids[t][k]`, `logprobs[t][k]`."""

    ids: tuple[Ids, ...]
    logprobs: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Sample:
    """One response: `logprobs[t]` is log pi(response[t] | prompt, response[:t]) over all that may be drawn.

    `response` ends with the end-of-turn token unless it was cut off, at the token budget (`truncated`) or because the
    run needed no more (`cancelled`, and then it may be empty). `base`: drawn from the base, without the adapter of its
    time. `served`: the tokens of prompt and response as a server counted them. A server gives text only: then the ids
    of `prompt` and `response` are not a model's (`TextChat`), and there are no `logprobs`. The first `thought` ids are
    thoughts, with what closed the last one; all of them, if one is not closed. `forced` says of each id whether it was
    inserted instead of drawn; the log-probability of an inserted id is 0 and means nothing (empty: all were drawn).
    `likeliest` is kept on demand (`Sampler.sample`).
    """

    prompt: Ids
    response: Ids
    logprobs: tuple[float, ...]
    truncated: bool
    base: bool = False
    cancelled: bool = False
    served: tuple[int, int] | None = None
    thought: int = 0
    forced: tuple[bool, ...] = ()
    likeliest: Likeliest | None = None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """From what `asdict` and JSON made of it."""
        lists = ("prompt", "response", "logprobs", "served", "forced")
        told: dict[str, Any] = {name: tuple(row[name]) for name in lists if row.get(name) is not None}
        if kept := row.get("likeliest"):
            told["likeliest"] = Likeliest(*(tuple(map(tuple, kept[name])) for name in ("ids", "logprobs")))
        return cls(**{**row, **told})

    @property
    def prompt_tokens(self) -> int:
        """Tokens that were read and not drawn: what was forced is context, like the prompt."""
        return self.served[0] if self.served else len(self.prompt) + sum(self.forced)

    @property
    def completion_tokens(self) -> int:
        """Tokens that were drawn."""
        return self.served[1] if self.served else len(self.response) - sum(self.forced)

    @property
    def answer(self) -> Ids:
        """What stands behind the thoughts."""
        return self.response[self.thought :]

    @property
    def cut(self) -> dict[str, bool]:
        """How it ended too early: cut off, or before its thought did."""
        return {"truncated": self.truncated, "only_thought": 0 < self.thought == len(self.response)}


@dataclass(frozen=True)
class Listener:
    """Callbacks while a batch is sampled.

    `ended` is called with every sample as it ends, and its index in the batch, while others are still being sampled.
    `enough` is called repeatedly: whether to cancel those. `grown` is called with the number of new tokens.
    """

    ended: Callable[[int, Sample], None] = lambda place, sample: None
    enough: Callable[[], bool] = lambda: False
    grown: Callable[[int], None] = lambda tokens: None


NOBODY = Listener()


class Sampler(Protocol):
    """`name` is the engine's."""

    name: str

    def sample(
        self,
        prompts: Sequence[Ids],
        rngs: Sequence[np.random.Generator],
        *,
        base: int = 0,
        top: int = 0,
        listener: Listener = NOBODY,
    ) -> list[Sample]:
        """One sample per prompt, the first `base` of them from the base. Of these the `top` likeliest ids of every
        place are kept.

        Row i draws from `rngs[i]` alone, so it does not depend on its neighbours' draws.
        """
        ...

    def close(self) -> None:
        """Give back what the engine holds besides the network."""
        ...


class TorchSampler:
    """Batched sampling with transformers: one row per prompt, finished rows leave the batch."""

    name = "torch"

    def __init__(
        self,
        network: Network,
        stop_ids: Sequence[int],
        *,
        max_new_tokens: int,
        positions: int | None = None,
        sampling: Sampling = PLAIN,
        thinking: Thinking | None = None,
    ) -> None:
        """`positions`: what the model was made for, prompt and answer together (None: it names no limit)."""
        self.network, self.max_new_tokens = network, max_new_tokens
        self.positions, self.sampling, self.thinking = positions, sampling, thinking
        self.stop_ids = torch.tensor(sorted(stop_ids), device=network.device)

    def sample(
        self,
        prompts: Sequence[Ids],
        rngs: Sequence[np.random.Generator],
        *,
        base: int = 0,
        top: int = 0,
        listener: Listener = NOBODY,
    ) -> list[Sample]:
        """As `Sampler.sample`; the base's rows come first. Raises UserError if a prompt leaves no room for an
        answer."""
        if not prompts:
            return []
        self._refuse_too_long(max(map(len, prompts)))
        rows = Rows(prompts, rngs, base, self.max_new_tokens, self.stop_ids.tolist(), listener, self.thinking)
        with torch.inference_mode():
            with self.network.without_adapter():
                self._decode(rows, range(base), top)
            with self.network.bare_at_version_zero():
                self._decode(rows, range(base, len(prompts)))
        return rows.samples()

    def close(self) -> None:
        """Nothing to give back."""

    def _refuse_too_long(self, longest: int) -> None:
        if self.positions is not None and longest + self.max_new_tokens > self.positions:
            both = f"a prompt of {longest} tokens and an answer of {self.max_new_tokens}"
            what = f"{both} exceed the model's {self.positions} positions"
            raise UserError(what, where="--max-new-tokens", hint="shorter answers, or another model")

    def _decode(self, rows: Rows, places: Sequence[int], top: int = 0) -> None:
        if not places:
            return
        with packed(self.network) if self.max_new_tokens >= WORTH else nullcontext():
            for group in together(self.network, [rows.prompts[place] for place in places]):
                if rows.listener.enough():
                    return
                self._decode_together(rows, [places[i] for i in group], top)

    def _decode_together(self, rows: Rows, alive: list[int], top: int) -> None:
        decoding = begun(self.network, [rows.prompts[place] for place in alive])
        while not rows.listener.enough():
            uniforms_B = torch.from_numpy(rows.uniforms(alive)).to(self.network.device)
            logits = shaped(decoding.logits(), self.sampling)
            chosen, logp = draw(logits, uniforms_B)
            if top:
                rows.keep(alive, *logits.log_softmax(-1).topk(top))
            going = rows.append(alive, chosen.tolist(), logp.tolist())
            rows.listener.grown(len(alive))
            if not going:
                return
            if len(going) < len(alive):
                keep = torch.tensor(going, device=chosen.device)
                alive, chosen = [alive[i] for i in going], chosen[keep]
                decoding.select(keep)
            decoding.append(chosen if self.thinking is None else chosen.new_tensor(rows.last(alive)))


class Rows:
    """The answers of a batch as they grow."""

    def __init__(
        self,
        prompts: Sequence[Ids],
        rngs: Sequence[np.random.Generator],
        base: int,
        limit: int,
        stops: Sequence[int],
        listener: Listener,
        thinking: Thinking | None = None,
    ) -> None:
        self.prompts, self.listener = prompts, listener
        self._thoughts = [Thought(thinking) for _ in prompts]
        self._base, self._limit, self._stops = base, limit, frozenset(stops)
        self._uniforms_B_T = np.stack([rng.random(limit) for rng in rngs])
        self._tokens: list[list[int]] = [[] for _ in prompts]
        self._logprobs: list[list[float]] = [[] for _ in prompts]
        self._kept: list[tuple[list[Ids], list[tuple[float, ...]]]] = [([], []) for _ in prompts]
        self._ended: dict[int, Sample] = {}

    def keep(self, places: Sequence[int], logprobs_B_K: Tensor, ids_B_K: Tensor) -> None:
        """The likeliest next tokens of each place."""
        for place, ids, logprobs in zip(places, ids_B_K.tolist(), logprobs_B_K.tolist(), strict=True):
            self._kept[place][0].append(tuple(ids))
            self._kept[place][1].append(tuple(logprobs))

    def uniforms(self, places: Sequence[int]) -> np.ndarray[Any, np.dtype[np.float64]]:
        """The next random number of each place."""
        return self._uniforms_B_T[places, [len(self._tokens[place]) for place in places]]

    def append(self, places: Sequence[int], tokens: Sequence[int], logprobs: Sequence[float]) -> list[int]:
        """Add the token that was drawn to each place, or the one that closes a thought; the indices in `places` of
        those that go on."""
        going = []
        for i, (place, drawn, logprob) in enumerate(zip(places, tokens, logprobs, strict=True)):
            token, forced = self._thoughts[place].next(drawn)
            self._tokens[place].append(token)
            self._logprobs[place].append(0.0 if forced else logprob)
            if (token in self._stops and not forced) or len(self._tokens[place]) == self._limit:
                self._ended[place] = self._sample(place)
                self.listener.ended(place, self._ended[place])
            else:
                going.append(i)
        return going

    def last(self, places: Sequence[int]) -> list[int]:
        """The newest token of each place."""
        return [self._tokens[place][-1] for place in places]

    def samples(self) -> list[Sample]:
        """All of them; those that have not ended are cancelled."""
        return [self._ended.get(place) or self._sample(place, cancelled=True) for place in range(len(self.prompts))]

    def _sample(self, place: int, *, cancelled: bool = False) -> Sample:
        tokens, logprobs, thought = self._tokens[place], self._logprobs[place], self._thoughts[place]
        truncated = not cancelled and tokens[-1] not in self._stops
        prompt, (ids, kept) = tuple(self.prompts[place]), self._kept[place]
        return Sample(
            prompt, tuple(tokens), tuple(logprobs), truncated, place < self._base, cancelled,
            thought=thought.length, forced=thought.mask(),
            likeliest=Likeliest(tuple(ids), tuple(kept)) if ids else None,
        )  # fmt: skip


def draw(logits_B_V: Tensor, uniforms_B: Tensor) -> tuple[Tensor, Tensor]:
    """(token ids_B, log-probabilities_B) by inverting the cumulative distribution at each row's uniform number."""
    drawn = [_drawn(*some) for some in zip(torch.split(logits_B_V, DRAWN), torch.split(uniforms_B, DRAWN), strict=True)]
    chosen, logp = zip(*drawn, strict=True)
    return torch.cat(chosen), torch.cat(logp)


def _drawn(logits_B_V: Tensor, uniforms_B: Tensor) -> tuple[Tensor, Tensor]:
    logp_B_V = logits_B_V.log_softmax(-1)
    cdf_B_V = logp_B_V.double().exp_().cumsum_(-1)
    target_B_1 = uniforms_B.to(cdf_B_V)[:, None] * cdf_B_V[:, -1:]
    chosen_B = torch.searchsorted(cdf_B_V, target_B_1, right=True).squeeze(-1).clamp(max=logits_B_V.shape[-1] - 1)
    return chosen_B, logp_B_V.gather(-1, chosen_B[:, None]).squeeze(-1)
