"""Sampler and learner on a real, tiny transformer."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from sdpo_tts.errors import SdpoError
from sdpo_tts.policy.batch import Pair, SharedPrefix, common_prefix
from sdpo_tts.policy.learner import Learner, LearnerSettings, Lesson, micro_batches
from sdpo_tts.policy.loss import LossSettings
from sdpo_tts.policy.network import Network
from sdpo_tts.policy.sampler import Sample, TorchSampler, draw
from tests.tiny import VOCABULARY, tiny_network

QUESTION = (5, 6, 7, 8, 9)
FEEDBACK = ((11, 12), (11, 13, 14), (15,), (11, 12, 16, 17))
STOP = 3


def rngs(count: int, stream: int = 0) -> list[np.random.Generator]:
    return [np.random.default_rng([stream, i]) for i in range(count)]


def lessons_of(network: Network, count: int = 4, length: int = 12) -> list[Lesson]:
    samples = TorchSampler(network, [STOP], max_new_tokens=length).sample([QUESTION] * count, rngs(count))
    return [Lesson(sample, QUESTION[:3] + FEEDBACK[i % 4] + QUESTION[3:]) for i, sample in enumerate(samples)]


def settings(**changes: object) -> LearnerSettings:
    return LearnerSettings(loss=LossSettings(top_k=VOCABULARY, clip=None), **changes)  # type: ignore[arg-type]


def whole_logits(network: Network, prompt: tuple[int, ...], response: tuple[int, ...]) -> Tensor:
    """Logits that predict the response, by one plain forward pass of the whole model."""
    out = network.peft(input_ids=torch.tensor([prompt + response]), use_cache=False).logits[0]
    return out[len(prompt) - 1 : -1]


def plain_loss(network: Network, lessons: list[Lesson]) -> Tensor:
    """Mean over sequences of the mean over tokens of the full-vocabulary reverse KL, written out."""
    losses = []
    for lesson in lessons:
        student = whole_logits(network, lesson.sample.prompt, lesson.sample.response).log_softmax(-1)
        with torch.no_grad(), network.without_adapter():
            teacher = whole_logits(network, lesson.teacher_prompt, lesson.sample.response).log_softmax(-1)
        losses.append((student.exp() * (student - teacher)).sum(-1).mean())
    return torch.stack(losses).mean()


@pytest.mark.parametrize("micro_tokens", [16, 1024])
def test_loss_and_gradient_equal_a_plain_computation(micro_tokens: int) -> None:
    network = tiny_network()
    lessons = lessons_of(network)
    plain = plain_loss(network, lessons)
    expected = torch.autograd.grad(plain, network.trainable)
    meter = Learner(network, settings(micro_tokens=micro_tokens)).gradient(lessons)
    assert meter.loss == pytest.approx(plain.item(), abs=1e-5)
    for parameter, gradient in zip(network.trainable, expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, atol=1e-5, rtol=1e-4)


def test_gradient_equals_the_numerical_one() -> None:
    network = tiny_network()
    lessons = lessons_of(network, count=2)
    learner = Learner(network, settings())
    learner.gradient(lessons)
    for parameter in network.trainable[:6]:
        assert parameter.grad is not None
        at = int(parameter.grad.abs().argmax())
        analytic = float(parameter.grad.flatten()[at])
        values = []
        for shift in (1e-3, -1e-3):
            parameter.data.view(-1)[at] += shift
            values.append(plain_loss(network, lessons).item())
            parameter.data.view(-1)[at] -= shift
        assert analytic == pytest.approx((values[0] - values[1]) / 2e-3, abs=1e-4)  # RMSNorm computes in fp32


def test_a_step_brings_the_student_nearer_to_its_teacher() -> None:
    network = tiny_network()
    lessons = lessons_of(network)
    before = float(plain_loss(network, lessons))
    step = Learner(network, settings(learning_rate=1e-3)).step(lessons)
    assert step.loss == pytest.approx(before, abs=1e-5)
    assert float(plain_loss(network, lessons)) < before
    assert (network.version, step.trained) == (2, 4)


def test_sampler_and_learner_agree_on_log_probabilities() -> None:
    network = tiny_network(dtype=torch.float32)
    step = Learner(network, settings(learning_rate=0.0)).step(lessons_of(network, count=8, length=40))
    assert step.gap_mean < 1e-4


def test_a_stale_sampler_is_an_error() -> None:
    network = tiny_network()
    lessons = lessons_of(network)
    stale = [
        Lesson(Sample(one.sample.prompt, one.sample.response, tuple(p - 0.5 for p in one.sample.logprobs), False),
               one.teacher_prompt)
        for one in lessons
    ]  # fmt: skip
    with pytest.raises(SdpoError, match=r"0\.500 nats"):
        Learner(network, settings()).step(stale)


def test_samples_do_not_depend_on_their_neighbours() -> None:
    network = tiny_network()
    sampler = TorchSampler(network, [STOP], max_new_tokens=20)
    together = sampler.sample([QUESTION, QUESTION[:3], QUESTION], rngs(3))
    alone = [sampler.sample([prompt], [rng])[0] for prompt, rng in zip([QUESTION, QUESTION[:3], QUESTION], rngs(3), strict=True)]
    assert [one.response for one in together] == [one.response for one in alone]
    np.testing.assert_allclose(together[1].logprobs, alone[1].logprobs, atol=1e-5)


def test_truncated_means_no_stop_token() -> None:
    samples = TorchSampler(tiny_network(), [STOP], max_new_tokens=30).sample([QUESTION] * 32, rngs(32))
    assert {sample.truncated for sample in samples} == {True, False}
    for sample in samples:
        assert sample.truncated == (sample.response[-1] != STOP)
        assert STOP not in sample.response[:-1]


def test_draws_follow_the_distribution() -> None:
    weights = torch.tensor([0.1, 0.0, 0.6, 0.3])
    uniforms = (torch.arange(1000) + 0.5) / 1000
    chosen, logp = draw(weights.log().expand(1000, 4), uniforms)
    assert torch.bincount(chosen, minlength=4).tolist() == [100, 0, 600, 300]
    torch.testing.assert_close(logp.exp(), weights[chosen])


def test_shared_prefix_gives_the_hidden_states_of_a_plain_pass() -> None:
    network = tiny_network()
    pairs = [Pair((1, 2, 3, 4), (7, 8)), Pair((1, 2, 9), (5, 6, 7)), Pair((1, 2, 9, 9, 9), (4,))]
    prefix = SharedPrefix(network, [pair.prompt for pair in pairs], grad=False)
    assert prefix.ids == (1, 2)
    for pair, hidden in zip(pairs, prefix.response_hidden(pairs), strict=True):
        with torch.no_grad():
            torch.testing.assert_close(network.logits(hidden), whole_logits(network, pair.prompt, pair.response))


@pytest.mark.parametrize(
    ("prompts", "expected"),
    [
        ([(1, 2, 3), (1, 2, 3)], (1, 2)),
        ([(1, 2), (1, 2, 3)], (1,)),
        ([(4, 2), (1, 2)], ()),
        ([(1,)], ()),
    ],
)  # fmt: skip
def test_common_prefix_leaves_a_token(prompts: list[tuple[int, ...]], expected: tuple[int, ...]) -> None:
    assert common_prefix(prompts) == expected


def test_micro_batches_cover_every_pair_once_within_the_bound() -> None:
    pairs = [Pair((1,) * n, (2,) * n) for n in (9, 1, 5, 30, 2)]
    groups = list(micro_batches(pairs, head=0, tokens=24))
    assert sorted(i for group in groups for i in group) == [0, 1, 2, 3, 4]
    assert all(len(g) == 1 or max(2 * len(pairs[i].prompt) for i in g) * len(g) <= 24 for g in groups)
