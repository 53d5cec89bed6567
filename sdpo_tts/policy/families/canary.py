"""Whether an engine follows the network's adapter: tried with a random one as soon as the engine has started.

Engines silently ignore what they have no place for in an adapter. During a run nobody would notice: a step moves the
policy only a little, and the engine would sample from something between the base and the policy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import torch
from torch import Tensor

from sdpo_tts.errors import SdpoError, SetupError, first_line
from sdpo_tts.policy import memory
from sdpo_tts.policy.batch import Ids, Pair, reading
from sdpo_tts.policy.families.paths import Followed
from sdpo_tts.policy.families.truth import FACTOR, answered
from sdpo_tts.policy.network import Network
from sdpo_tts.policy.sampler import Sample

NATS = 0.5  # per token: about as far as the random adapter moves the policy
LEAST, MOST = 0.02, 0.2
"""Shares of that distance: an engine may always be off by the first, since it may compute an adapter in fewer bits than
the network does, and never by more than the second, which a few missing layers come to."""
BASE_FACTOR = 2.5  # times as far as without an adapter is allowed too: engine and network round differently
ROWS, PROMPT, ANSWER = 8, 24, 12  # answers, and the tokens of the prompt and of each
SIZE, TRIES = 0.02, 8  # of the adapter's first values, and how often another size is tried
VERSION = -1  # of the random adapter, so that it is never taken for one of the run's


class NotFollowedError(SetupError):
    """An engine that does not sample from the policy."""

    def __init__(self, what: str) -> None:
        super().__init__(what, where="--engine vllm", hint="--engine torch, or another --model")


class Engine(Protocol):
    """An engine beside the network. It gets the network's adapter as it is at the moment."""

    def drawn(self, prompts: Sequence[Ids], tokens: int, *, base: int) -> list[Sample]:
        """For each prompt an answer of this many tokens, from the model's own distribution; for the first `base` of
        them without the adapter."""
        ...


def follow(network: Network, engine: Engine, text: Ids, noise: float) -> Followed:
    """The engine's log-probabilities with a random adapter, compared with the network's, behind the beginning of
    `text`. `noise` is the model's own, in nats per token.

    Adapter and version of the network are the same afterwards. Raises NotFollowedError, with the numbers.
    """
    prompt = text[:PROMPT]
    with _random_adapter(network, prompt):
        samples = _drawn(engine, prompt)
        told_2_N = torch.tensor([one.logprobs for one in samples]).view(2, -1)
        policy_N = _logprobs(network, samples[ROWS:])
        with network.without_adapter():
            base_2_N = _logprobs(network, samples).view(2, -1)
    moved, off = _apart(base_2_N[1], policy_N), _apart(told_2_N[1], policy_N)
    rounding = max(FACTOR * noise, BASE_FACTOR * _apart(told_2_N[0], base_2_N[0]))
    found = Followed(moved, off, min(max(rounding, LEAST * moved), MOST * moved))
    if off <= found.allowed:
        return found
    raise NotFollowedError(
        f"vLLM does not follow a LoRA adapter: {off:.2g} nats per token off, with one that moves the policy by "
        f"{moved:.2g}; {found.allowed:.2g} are allowed"
    )


def _drawn(engine: Engine, prompt: Ids) -> list[Sample]:
    """ROWS of the base, then as many of the policy."""
    try:
        return engine.drawn([prompt] * 2 * ROWS, ANSWER, base=ROWS)
    except SdpoError:
        raise
    except Exception as error:  # whatever an engine raises for a family that it does not adapt
        if memory.ran_out(error):
            raise
        reason = f"{type(error).__name__}: {first_line(error)}"
        raise NotFollowedError(f"vLLM cannot use a LoRA adapter: {reason}") from error


@contextmanager
def _random_adapter(network: Network, text: Ids) -> Iterator[None]:
    """While inside, the adapter is one that moves the policy by about NATS."""
    state, version = network.state(), network.version
    try:
        _shake(network, text)
        network.version = VERSION
        yield
    finally:
        network.restore(state)
        network.version = version


def _shake(network: Network, text: Ids) -> None:
    """Random values, scaled until they move the policy far enough; the distance grows with the square of their size,
    since both factors of the adapter have it."""
    generator = torch.Generator().manual_seed(0)
    values = [torch.randn(one.shape, generator=generator) for one in network.trainable]
    with network.without_adapter():
        base_T_V = _distributions(network, text)
    size = SIZE
    for _ in range(TRIES):
        network.restore([size * one for one in values])
        logp_T_V = _distributions(network, text)
        moved = float((logp_T_V.exp() * (logp_T_V - base_T_V).abs()).sum(-1).mean())
        if NATS / 1.5 < moved < NATS * 1.5:
            return
        size *= min(4.0, max(0.25, (NATS / max(moved, 1e-9)) ** 0.5))


@torch.inference_mode()
def _distributions(network: Network, text: Ids) -> Tensor:
    """Log-probabilities_T_V of what follows each token."""
    return network.logits(network.whole(torch.tensor([text], device=network.device))[0]).log_softmax(-1)


@torch.inference_mode()
def _logprobs(network: Network, samples: Sequence[Sample]) -> Tensor:
    """Log-probabilities_N of all sampled tokens, computed as the learner does."""
    pairs = [Pair(one.prompt, one.response) for one in samples]
    hidden = reading(network, [pair.prompt for pair in pairs], grad=False).response_hidden(pairs)
    return torch.cat([answered(network.scores(h), pair) for h, pair in zip(hidden, pairs, strict=True)]).cpu()


def _apart(one_N: Tensor, other_N: Tensor) -> float:
    return float((one_N - other_N).abs().mean())
