"""Temperature, top-p and min-p, for methods that train nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sdpo_tts.policy.sampler import TorchSampler
from sdpo_tts.policy.sampling import PLAIN, Sampling, shaped
from tests.tiny import VOCABULARY, tiny_network

LOGITS = torch.from_numpy(np.random.default_rng(3).normal(0, 2, (5, 40)))


def expected(logits: np.ndarray, how: Sampling) -> np.ndarray:
    """One row's distribution, token by token."""
    probs = np.exp(logits / how.temperature)
    probs /= probs.sum()
    probs[probs < how.min_p * probs.max()] = 0
    probs /= probs.sum()
    kept, sum_before = np.zeros_like(probs), 0.0
    for token in sorted(range(len(probs)), key=lambda token: -probs[token]):
        if sum_before < how.top_p or not kept.any():
            kept[token] = probs[token]
        sum_before += probs[token]
    return kept / kept.sum()


@pytest.mark.parametrize(
    "how",
    [Sampling(0.6), Sampling(1.7), Sampling(top_p=0.8), Sampling(top_p=0.0), Sampling(min_p=0.1), Sampling(min_p=1.0), Sampling(0.7, 0.9, 0.02)],
)
def test_what_is_drawn_from(how: Sampling) -> None:
    got = shaped(LOGITS, how).softmax(-1).numpy()
    np.testing.assert_allclose(got, [expected(row, how) for row in LOGITS.numpy()], atol=1e-12)


def test_the_defaults_change_nothing() -> None:
    assert shaped(LOGITS, PLAIN) is LOGITS


def test_temperature_0_takes_the_likeliest() -> None:
    """Whatever the random numbers; and one of probability 1 loses nothing."""
    network = tiny_network(dtype=torch.float32)
    prompts, stops = [(1, 2, 3)] * 4, (VOCABULARY,)
    found = TorchSampler(network, stops, max_new_tokens=8, sampling=Sampling(0.0)).sample(
        prompts, [np.random.default_rng(seed) for seed in range(4)]
    )
    assert len({one.response for one in found}) == 1 and set(found[0].logprobs) == {0.0}
    others = TorchSampler(network, stops, max_new_tokens=8).sample(prompts, [np.random.default_rng(seed) for seed in range(4)])
    assert len({one.response for one in others}) > 1
