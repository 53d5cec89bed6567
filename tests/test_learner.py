"""Sampler and learner on a real, tiny transformer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from sdpo_tts.errors import SdpoError
from sdpo_tts.policy import memory
from sdpo_tts.policy.batch import Pair, SharedPrefix, common_prefix
from sdpo_tts.policy.learning import learner as learner_module
from sdpo_tts.policy.learning.learner import Learner, LearnerSettings, NonFiniteError
from sdpo_tts.policy.learning.lesson import Lesson, merged, micro_batches
from sdpo_tts.policy.learning.loss import LossSettings
from sdpo_tts.policy.learning.teacher import TeacherSettings
from sdpo_tts.policy.network import LoraSettings, Network
from sdpo_tts.policy.sampler import Sample, TorchSampler, draw
from sdpo_tts.view import heard
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
    whole = LossSettings(top_k=VOCABULARY, clip=None)
    return LearnerSettings(**{"loss": whole, "micro_tokens": 1024, **changes})  # type: ignore[arg-type]


def whole_logits(network: Network, prompt: tuple[int, ...], response: tuple[int, ...]) -> Tensor:
    """Logits that predict the response, by one plain forward pass of the whole model."""
    out = network.peft(input_ids=torch.tensor([prompt + response]), use_cache=False).logits[0]
    return out[len(prompt) - 1 : -1]


def plain_loss(network: Network, lessons: list[Lesson], student_share: float = 0.0) -> Tensor:
    """Mean over sequences of the mean over tokens of the full-vocabulary reverse KL, written out.

    The teacher's logits are those of the base, with so much of the student's in them.
    """
    losses = []
    for lesson in lessons:
        student = whole_logits(network, lesson.sample.prompt, lesson.sample.response).log_softmax(-1)
        assert lesson.teacher_prompt is not None
        with torch.no_grad():
            current = whole_logits(network, lesson.teacher_prompt, lesson.sample.response)
            with network.without_adapter():
                base = whole_logits(network, lesson.teacher_prompt, lesson.sample.response)
        teacher = torch.lerp(base, current, student_share).log_softmax(-1)
        losses.append((student.exp() * (student - teacher)).sum(-1).mean())
    return torch.stack(losses).mean()


def agrees(network: Network, learner: Learner, lessons: list[Lesson], plain: Tensor) -> None:
    """Loss and gradient of the learner are those of a plain computation, to 1e-5."""
    expected = torch.autograd.grad(plain, network.trainable)
    metrics = learner.gradient(merged(lessons))
    assert metrics.loss == pytest.approx(plain.item(), abs=1e-5)
    for parameter, gradient in zip(network.trainable, expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("micro_tokens", [16, 1024])
@pytest.mark.parametrize("checkpointing", [False, True])
def test_loss_and_gradient_equal_a_plain_computation(
    micro_tokens: int, checkpointing: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learner_module, "CHUNK", 5 * VOCABULARY)
    monkeypatch.setitem(learner_module.BLOCK, "cpu", 2 * VOCABULARY)
    network = tiny_network()
    lessons = lessons_of(network)
    learner = Learner(network, settings(micro_tokens=micro_tokens))
    network.checkpointing = checkpointing
    agrees(network, learner, lessons, plain_loss(network, lessons))


@pytest.mark.parametrize(("kind", "share"), [("trust-region", 0.3), ("live", 1.0)])
def test_other_teachers_equal_a_plain_computation(kind: str, share: float) -> None:
    network = tiny_network()
    lessons = lessons_of(network)
    learner = Learner(network, settings(teacher=TeacherSettings(kind, share)))
    agrees(network, learner, lessons, plain_loss(network, lessons, share))


def test_prompts_without_a_common_head_equal_a_plain_computation() -> None:
    network = tiny_network()
    lessons = [
        replace(one, sample=replace(one.sample, prompt=(20 + i, *one.sample.prompt)), teacher_prompt=(30 + i, 4))
        for i, one in enumerate(lessons_of(network))
    ]
    learner = Learner(network, settings(max_gap=9.0))
    network.checkpointing = True
    exact = [replace(one, sample=replace(one.sample, logprobs=learner.logprobs(one))) for one in lessons]
    agrees(network, learner, exact, plain_loss(network, exact))


def test_identical_attempts_are_computed_once_and_weighted() -> None:
    network = tiny_network()
    first, second = lessons_of(network, count=2)
    lessons = [first, second, first, first]
    assert [one.weight for one in merged(lessons)] == [3, 1]
    agrees(network, Learner(network, settings()), lessons, plain_loss(network, lessons))
    step = Learner(network, settings()).step(lessons)
    assert (step.trained, step.distinct) == (4, 2)
    assert step.trained_tokens == len(first.sample.response) + len(second.sample.response)


def test_attempts_without_a_teacher_learn_from_reward_alone() -> None:
    network = tiny_network()
    taught, untaught = lessons_of(network, count=2)
    lessons = [replace(taught, advantage=0.5), replace(untaught, teacher_prompt=None, advantage=-1.0)]
    loss = LossSettings(top_k=VOCABULARY, clip=None, grpo_weight=0.25)
    logps = [
        whole_logits(network, one.sample.prompt, one.sample.response).log_softmax(-1)
        .gather(-1, torch.tensor(one.sample.response)[:, None]).mean() for one in lessons
    ]  # fmt: skip
    reward = 0.25 * (-0.5 * logps[0] + 1.0 * logps[1]) / 2
    agrees(network, Learner(network, settings(loss=loss)), lessons, 0.75 * plain_loss(network, [taught]) / 2 + reward)


def test_several_updates_weigh_by_the_policy_before_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    network = tiny_network()
    lessons = lessons_of(network)
    learner = Learner(network, settings(updates=2, learning_rate=1e-2))
    seen: list[Lesson] = []
    gradient = learner.gradient
    monkeypatch.setattr(learner, "gradient", lambda part: seen.extend(part) or gradient(part))  # type: ignore[func-returns-value]
    before = [learner.logprobs(one) for one in lessons]
    step = learner.step(lessons)
    assert [one.old_logprobs for one in seen] == before
    assert step.trained == 4
    assert step.gap_mean < 1e-4, "the gap is the sampler's, not what the first update moved"
    assert learner.logprobs(lessons[0]) != before[0]


def test_samples_drawn_with_help_do_not_dilute_the_gap() -> None:
    network = tiny_network()
    lessons = [replace(one, sample=replace(one.sample, logprobs=tuple(logp - 0.05 for logp in one.sample.logprobs)))
               for one in lessons_of(network)]  # fmt: skip
    helped = [Lesson(one.sample, one.sample.prompt, question=QUESTION) for one in lessons_of(network)]
    assert Learner(network, settings()).step(lessons, helped).gap_mean == pytest.approx(0.05, abs=1e-3)


def test_out_of_memory_halves_what_is_computed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    network = tiny_network()
    lessons = lessons_of(network)
    learner = Learner(network, settings(micro_tokens=64))
    sequence, calls = learner._sequence, iter([torch.OutOfMemoryError("full"), None, RuntimeError("can't allocate memory")])

    def scarce(*args: Any) -> Tensor:
        if error := next(calls, None):
            raise error
        return sequence(*args)

    monkeypatch.setattr(learner, "_sequence", scarce)
    said: list[str] = []
    with heard(said.append, "policy"):
        agrees(network, learner, lessons, plain_loss(network, lessons))
    assert (learner.micro_tokens, network.checkpointing) == (16, True)
    assert said[1:] == ["memory ran out while learning; now 16 tokens at a time, recomputing activations"]


def test_a_step_tells_how_many_answers_it_has_learned_from() -> None:
    network, told = tiny_network(), list[tuple[int, int]]()
    learner = Learner(network, settings(micro_tokens=64))
    learner.tell = lambda done, of: told.append((done, of))
    learner.step(lessons_of(network))
    assert told[0] == (0, 4) and told == sorted(set(told)) and len(told) > 1 and told[-1][0] < 4


def test_activations_are_measured() -> None:
    network = tiny_network()
    assert memory.activation_bytes(network) > 2 * 32 * 8  # two layers keep more than one hidden state each
    assert 1 <= memory.micro_tokens(network) <= 1024


def test_a_loss_that_is_no_number_changes_nothing_and_hands_over_its_batch() -> None:
    network = tiny_network()
    lessons = lessons_of(network)
    before = network.state()
    broken = [replace(one, advantage=float("nan")) for one in lessons]
    with pytest.raises(NonFiniteError) as caught:
        Learner(network, settings(loss=LossSettings(grpo_weight=0.5))).step(broken)
    assert list(caught.value.lessons) == broken
    assert all(torch.equal(now, old) for now, old in zip(network.trainable, before, strict=True))


def test_base_samples_are_corrected_for_and_not_held_against_the_sampler() -> None:
    network = tiny_network()
    samples = TorchSampler(network, [STOP], max_new_tokens=12).sample([QUESTION] * 4, rngs(4), base=2)
    assert [sample.base for sample in samples] == [True, True, False, False]
    lessons = [Lesson(sample, QUESTION[:3] + FEEDBACK[0] + QUESTION[3:]) for sample in samples]
    metrics = Learner(network, settings()).gradient(lessons)
    assert metrics.gap_mean < 1e-4
    alone = TorchSampler(network, [STOP], max_new_tokens=12)
    with network.without_adapter():
        plain = alone.sample([QUESTION] * 2, rngs(2))
    assert [one.response for one in plain] == [one.response for one in samples[:2]]


def test_a_restored_learner_is_what_it_was() -> None:
    network = tiny_network()
    lessons = lessons_of(network)
    learner = Learner(network, settings(learning_rate=1e-2, max_gap=9.0))
    learner.step(lessons)
    state, before, version = learner.state(), network.state(), network.version
    learner.learning_rate = 0.5
    learner.step(lessons)
    assert not torch.equal(network.state()[0], before[0])
    learner.restore(state)
    assert all(torch.equal(now, old) for now, old in zip(network.trainable, before, strict=True))
    assert (learner.learning_rate, network.version) == (1e-2, version + 2)


def test_the_average_that_teaches_is_restored_too() -> None:
    """Otherwise a policy that collapsed would go on teaching."""
    network = tiny_network()
    learner = Learner(network, settings(learning_rate=1e-2, max_gap=9.0, teacher=TeacherSettings("ema", 0.5)))
    learner.step(lessons := lessons_of(network))
    state = learner.state()
    learner.step(lessons)
    assert learner.teacher.ema and state.ema and not torch.equal(learner.teacher.ema.state()[0][0], state.ema[0][0])
    learner.restore(state)
    for now, old in zip(learner.teacher.ema.state(), state.ema, strict=True):
        assert all(map(torch.equal, now, old))


def test_a_renewed_network_is_one_just_made() -> None:
    """Whatever was learned on it, and with whatever teacher."""
    fresh = Network(tiny_network(dtype=torch.float32).peft.unload(), LoraSettings(rank=4, alpha=8), seed=7)
    network = tiny_network(dtype=torch.float32)
    Learner(network, settings(learning_rate=1e-2, max_gap=9.0, teacher=TeacherSettings("ema"))).step(lessons_of(network))
    network.checkpointing = True
    network.renew(7)
    assert (network.version, network.renewals, network.checkpointing) == (0, 1, False)
    names = [name for name, _ in fresh.peft.named_parameters()]
    assert names == [name for name, _ in network.peft.named_parameters()]
    assert all(torch.equal(one, other) for one, other in zip(fresh.trainable, network.trainable, strict=True))
    assert all(parameter.grad is None for parameter in network.trainable)
    steps = []
    for each in (fresh, network):
        samples = TorchSampler(each, [STOP], max_new_tokens=12).sample([QUESTION] * 4, rngs(4))
        lessons = [Lesson(sample, QUESTION[:3] + FEEDBACK[0] + QUESTION[3:]) for sample in samples]
        steps.append(Learner(each, settings(learning_rate=1e-2)).step(lessons))
    assert steps[0] == steps[1]
    assert all(torch.equal(one, other) for one, other in zip(fresh.trainable, network.trainable, strict=True))


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


def test_what_rounding_leaves_is_no_gradient() -> None:
    """A teacher that says what the student says teaches nothing; Adam would make a step of full length of the rest."""
    network = tiny_network(dtype=torch.float32)
    lessons = [replace(lesson, teacher_prompt=QUESTION) for lesson in lessons_of(network)]
    before = [parameter.clone() for parameter in network.trainable]
    step = Learner(network, settings(teacher=TeacherSettings("live"))).step(lessons)
    assert 0 < step.grad_norm < 1e-6 and step.kl == pytest.approx(0, abs=1e-6)
    assert all(torch.equal(*pair) for pair in zip(before, network.trainable, strict=True))


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
    alone = [
        sampler.sample([prompt], [rng])[0]
        for prompt, rng in zip([QUESTION, QUESTION[:3], QUESTION], rngs(3), strict=True)
    ]
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


def test_micro_batches_cover_every_lesson_once_within_the_bound() -> None:
    lessons = [Lesson(Sample((1,) * n, (2,) * n, (0.0,) * n, False), (1,) * n) for n in (9, 1, 5, 30, 2)]
    groups = list(micro_batches(lessons, head=0, tokens=24))
    assert sorted(len(one.sample.prompt) for group in groups for one in group) == [1, 2, 5, 9, 30]
    assert all(len(g) == 1 or max(2 * len(one.sample.prompt) for one in g) * len(g) <= 24 for g in groups)
