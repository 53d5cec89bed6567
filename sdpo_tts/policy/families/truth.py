"""What the untouched model computes for a fixed text: its own log-probabilities, with its own attention, without a
cache.

The text is longer than any window of the model, in rows with the same prompt and with prompts of other lengths.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

import torch
from torch import Tensor

from sdpo_tts.errors import SetupError, first_line
from sdpo_tts.policy import memory
from sdpo_tts.policy.batch import Ids, Pair
from sdpo_tts.policy.families import anatomy
from sdpo_tts.policy.families.positions import positions_of

FACTOR = 5.0  # times the noise is allowed
LEAST, MOST = {torch.bfloat16: 6e-3, torch.float16: 1e-3}, {torch.bfloat16: 0.1, torch.float16: 0.03}
LEAST_FP32, MOST_FP32 = 2e-5, 1e-3
"""Bounds for the noise in nats per token: two kernels may round alike, or one of them may be wrong."""
ANSWER = 6  # tokens whose log-probabilities are compared
SHARED = 10  # tokens beyond the reach of any layer that all prompts have
ROWS = ((0, 6), (0, 6), (3, 4), (9, 11))
"""Where in the text each row's prompt goes on behind what all share, and for how many tokens: two prompts are alike,
the others are ragged."""
SHORT = 256  # tokens up to which noise and gradients are measured
FARTHEST = 8192  # tokens beyond which no mechanism is looked for
REACHES = ("window", "chunk", "topk_tokens", "index_topk")  # in the names of numbers that say how far a layer looks


@dataclass(frozen=True)
class Truth:
    """The log-probabilities_T of the answer of each of `pairs`. `noise` is how far the model is from itself, in nats
    per token. `rounds`: it computes in 16 bits. `plain_cache`: it keeps the keys and values of all tokens, and nothing
    else; `keys_and_values`: of all tokens or the latest."""

    pairs: tuple[Pair, ...]
    logprobs: tuple[Tensor, ...]
    noise: float
    rounds: bool
    plain_cache: bool
    keys_and_values: bool

    @classmethod
    def of(cls, base: Any, text: Ids) -> Truth:
        """`text` is repeated as needed. Raises SetupError for a model that cannot be computed."""
        with readable(base, "computed"), torch.inference_mode():
            _refuse_more_than_read(base)
            pairs = _pairs(text, _reach(base))
            logprobs = tuple(_own(base, pair) for pair in pairs)
            cache, noise = _cache(base, pairs[0].prompt[-ANSWER:]), _noise(base, pairs[1:], logprobs[1:])
        kinds = anatomy.is_plain_cache(cache), anatomy.has_keys_and_values(cache)
        return cls(pairs, logprobs, noise, base.dtype in LEAST, *kinds)

    @property
    def tolerance(self) -> float:
        return FACTOR * self.noise

    @property
    def prompts(self) -> list[Ids]:
        return [pair.prompt for pair in self.pairs]

    def distance(self, logprobs: Sequence[Tensor]) -> float:
        """Nats per token, of the row that is farthest away; a row may end early."""
        rows = zip(logprobs, self.logprobs, strict=False)
        return max(apart(ours, true[: len(ours)], self.rounds) for ours, true in rows)


def apart(one_T: Tensor, other_T: Tensor, rounds: bool) -> float:
    """Nats per token. In 16 bits a different rounding may send a token of a mixture to other experts, which changes it
    by nats; so the median is used there."""
    apart_T = (one_T - other_T).abs()
    return float(apart_T.median() if rounds else apart_T.mean())


@contextmanager
def readable(base: Any, done: str) -> Iterator[None]:
    """Whatever a model raises becomes one line, except a lack of memory."""
    try:
        yield
    except SetupError:
        raise
    except Exception as error:  # the model's code is its authors'
        if memory.ran_out(error):
            raise
        what = f"{type(base).__name__} cannot be {done}: {type(error).__name__}: {first_line(error)[:200]}"
        raise SetupError(what, hint="choose another --model") from error


def answered(logits_T_V: Tensor, pair: Pair) -> Tensor:
    """Log-probabilities_T of an answer's tokens, in fp32 at least."""
    chosen = torch.tensor(pair.response, device=logits_T_V.device)[:, None]
    logits_T_V = logits_T_V.to(torch.promote_types(logits_T_V.dtype, torch.float32))
    return logits_T_V.log_softmax(-1).gather(-1, chosen).squeeze(-1)


def _refuse_more_than_read(base: Any) -> None:
    """Raises SetupError if the model may write tokens that it cannot read."""
    written = base(input_ids=torch.ones(1, 1, dtype=torch.long, device=base.device), use_cache=False).logits.shape[-1]
    if written > (rows := base.get_input_embeddings().weight.shape[0]):
        what = f"{type(base).__name__} writes {written} different tokens, but reads only {rows}"
        raise SetupError(what, hint="choose another --model")


def _reach(base: Any) -> int:
    """How many tokens the farthest limited layer looks back, according to configuration and positions."""
    found = [
        value
        for name, value in anatomy.text_config(base).to_dict().items()
        if isinstance(value, int) and not isinstance(value, bool) and any(word in name for word in REACHES)
    ]
    reach = max((value for value in found if value <= FARTHEST), default=0)
    return max(0, min(reach, (positions_of(base) or FARTHEST) - 8 * SHARED))


def _pairs(text: Ids, reach: int) -> tuple[Pair, ...]:
    ids = tuple(islice(cycle(text), reach + SHORT))
    shared, rest = ids[: reach + SHARED], ids[reach + SHARED :]
    return tuple(
        Pair(shared + rest[start : start + size], rest[start + size + row :][:ANSWER])
        for row, (start, size) in enumerate(ROWS)
    )


def _own(base: Any, pair: Pair, behind: Ids = ()) -> Tensor:
    """Log-probabilities_T from the whole model, without a cache; it cannot know anything about the tokens `behind`
    it."""
    ids = torch.tensor([pair.prompt + pair.response[:-1] + behind], device=base.device)
    last = len(pair.response) + len(behind)
    named = inspect.signature(base.forward).parameters
    kept = {"logits_to_keep": last} if "logits_to_keep" in named else {}  # all of a long text's are too many
    logits_T_V = base(input_ids=ids, use_cache=False, **kept).logits[0, -last:]
    return answered(logits_T_V[: len(pair.response)], pair)


def _noise(base: Any, pairs: Sequence[Pair], logprobs: Sequence[Tensor]) -> float:
    """How far the model is from itself, with another of its kernels and with more text after it."""
    short = [Pair(pair.prompt[-SHORT:], pair.response) for pair in pairs]
    own = list(logprobs) if short == list(pairs) else [_own(base, pair) for pair in short]
    others = [_own(base, pair, pair.prompt[:5]) for pair in short]
    with suppress(Exception), _other_kernel(base):  # a kernel that the model does not have makes no noise
        others += [_own(base, pair) for pair in short]
    measured = max(apart(one, other, base.dtype in LEAST) for one, other in zip(cycle(own), others, strict=False))
    least, most = LEAST.get(base.dtype, LEAST_FP32), MOST.get(base.dtype, MOST_FP32)
    return min(max(measured, least), most)


@contextmanager
def _other_kernel(base: Any) -> Iterator[None]:
    body = anatomy.body_of(base)
    own = body.config._attn_implementation
    if own == "eager" and not body._supports_sdpa:
        raise NotImplementedError
    body.set_attn_implementation("sdpa" if own == "eager" else "eager")
    try:
        yield
    finally:
        body.set_attn_implementation(own)


def _cache(base: Any, ids: Ids) -> Any:
    """What the model keeps for a few tokens; None if nothing."""
    body = anatomy.body_of(base)
    with suppress(Exception):  # then no path that needs one will work
        output = body(input_ids=torch.tensor([ids], device=base.device), use_cache=True)
        return output[anatomy.cache_name(body)]
    return None
