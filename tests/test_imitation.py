"""Learning from samples that were drawn with help, held against plain computations on a real, tiny transformer."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from sdpo_tts.policy.batch import Pair
from sdpo_tts.policy.learning import learner as learner_module
from sdpo_tts.policy.learning.imitation import UNLIKELY, ImitationLoss, ImitationSettings
from sdpo_tts.policy.learning.learner import Learner, LearnerSettings
from sdpo_tts.policy.learning.lesson import Lesson
from sdpo_tts.policy.learning.loss import LossSettings, Support
from sdpo_tts.policy.learning.teacher import TeacherSettings
from sdpo_tts.policy.network import Network
from sdpo_tts.policy.sampler import Sample, TorchSampler
from tests.test_learner import FEEDBACK, QUESTION, STOP, agrees, lessons_of, rngs, settings, whole_logits
from tests.tiny import VOCABULARY, tiny_network


def helped(network: Network, count: int = 4, length: int = 12) -> list[Lesson]:
    """Drawn from prompts with feedback, to be learned behind the question toward the base that has read the same."""
    asked = [QUESTION[:3] + FEEDBACK[i % 4] + QUESTION[3:] for i in range(count)]
    samples = TorchSampler(network, [STOP], max_new_tokens=length).sample(asked, rngs(count, 7))
    return [Lesson(one, one.prompt, 0.25 * (i + 1), question=QUESTION) for i, one in enumerate(samples)]


def parts_of(network: Network, lesson: Lesson) -> tuple[Tensor, Tensor, Tensor]:
    """(student_logp_T_V behind the question, teacher_logp_T_V behind the sample's prompt, response_T)."""
    response = lesson.sample.response
    student = whole_logits(network, QUESTION, response).log_softmax(-1)
    with torch.no_grad(), network.without_adapter():
        teacher = whole_logits(network, lesson.sample.prompt, response).log_softmax(-1)
    return student, teacher, torch.tensor(response)


def plain(network: Network, lessons: list[Lesson], kind: ImitationLoss, *, ratio: bool = False) -> Tensor:
    """The formulas of the docstring, written out over the whole vocabulary."""
    losses = []
    for lesson in lessons:
        student, teacher, response_T = parts_of(network, lesson)
        logp_T = student.gather(-1, response_T[:, None]).squeeze(-1)
        match kind:
            case ImitationLoss.FKL:
                loss_T = (teacher.exp() * (teacher - student)).sum(-1)
            case ImitationLoss.JSD:
                middle = (0.5 * (student.exp() + teacher.exp())).log()
                halves = (student.exp() * (student - middle)).sum(-1), (teacher.exp() * (teacher - middle)).sum(-1)
                loss_T = 0.5 * (halves[0] + halves[1])
            case ImitationLoss.NLL:
                loss_T = -lesson.advantage * logp_T * (logp_T.detach() >= UNLIKELY)
        if ratio:
            weight_T = (logp_T.detach() - torch.tensor(lesson.sample.logprobs)).exp().clamp(max=2.0)
            loss_T = weight_T * loss_T
        losses.append(loss_T.mean())
    return torch.stack(losses).mean()


def imitating(kind: ImitationLoss, **changes: object) -> LearnerSettings:
    return settings(imitation=ImitationSettings(loss=kind, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("micro_tokens", [16, 1024])
@pytest.mark.parametrize("kind", list(ImitationLoss))
def test_loss_and_gradient_equal_a_plain_computation(
    kind: ImitationLoss, micro_tokens: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learner_module, "CHUNK", 5 * VOCABULARY)
    network = tiny_network()
    lessons = helped(network)
    chosen = replace(imitating(kind), micro_tokens=micro_tokens)
    agrees(network, Learner(network, chosen), lessons, plain(network, lessons, kind))


def test_importance_weights_and_the_weight_of_the_term() -> None:
    network = tiny_network()
    lessons = helped(network)
    learner = Learner(network, imitating(ImitationLoss.FKL, ratio="truncated", weight=0.3))
    agrees(network, learner, lessons, 0.3 * plain(network, lessons, ImitationLoss.FKL, ratio=True))


def test_the_teacher_s_top_ids_and_the_tail_are_compared() -> None:
    """Forward KL over the teacher's three likeliest ids and one bucket for the rest."""
    network = tiny_network()
    lessons = helped(network)
    chosen = replace(imitating(ImitationLoss.FKL), loss=LossSettings(top_k=3, clip=None))
    losses = []
    for lesson in lessons:
        student, teacher, _ = parts_of(network, lesson)
        ids = teacher.topk(3, dim=-1).indices
        p, q = (logp.gather(-1, ids).exp() for logp in (teacher, student))
        p, q = (torch.cat([one, 1 - one.sum(-1, keepdim=True)], -1) for one in (p, q))
        losses.append((p * (p.log() - q.log())).sum(-1).mean())
    agrees(network, Learner(network, chosen), lessons, torch.stack(losses).mean())


def kept(network: Network, top: int) -> list[Lesson]:
    """Drawn from the base, with what it said of each place: no teacher has to read them. Through JSON, as after a
    resume."""
    asked = [QUESTION[:3] + FEEDBACK[i % 4] + QUESTION[3:] for i in range(4)]
    samples = TorchSampler(network, [STOP], max_new_tokens=12).sample(asked, rngs(4, 7), base=4, top=top)
    there = [Sample.of(json.loads(json.dumps(asdict(one)))) for one in samples]
    assert there == samples
    return [Lesson(one, question=QUESTION) for one in there]


@pytest.mark.parametrize("kind", [ImitationLoss.FKL, ImitationLoss.JSD])
def test_what_the_base_drew_needs_no_pass_of_the_teacher(kind: ImitationLoss) -> None:
    """The same gradient as with one, and no token is read for it."""
    network = tiny_network()
    chosen = replace(imitating(kind), loss=LossSettings(top_k=3))
    learner = Learner(network, chosen)
    lessons = kept(network, learner.kept)
    read = [replace(one, sample=replace(one.sample, likeliest=None), teacher_prompt=one.sample.prompt) for one in lessons]
    found = []
    for some in (lessons, read):
        metrics = learner.gradient(some)
        found.append((metrics.loss, metrics.kl, [one.grad.clone() for one in network.trainable if one.grad is not None]))
        learner.optimiser.zero_grad()
    assert found[0][:2] == pytest.approx(found[1][:2], rel=1e-6) and found[0][0] > 0.01
    torch.testing.assert_close(found[0][2], found[1][2], atol=1e-7, rtol=1e-5)
    assert learner.step(lessons).teacher_tokens == 0 < learner.step(read).teacher_tokens


def test_the_likeliest_ids_are_those_of_the_base() -> None:
    network = tiny_network()
    for lesson in kept(network, 3):
        likeliest, (_, teacher, response_T) = lesson.sample.likeliest, parts_of(network, lesson)
        assert likeliest and len(likeliest.ids) == len(response_T)
        values, ids = teacher.topk(3, dim=-1)
        assert torch.equal(torch.tensor(likeliest.ids), ids)
        torch.testing.assert_close(torch.tensor(likeliest.logprobs, dtype=values.dtype), values, atol=1e-5, rtol=1e-5)
    asked = [QUESTION, QUESTION]
    base, student = TorchSampler(network, [STOP], max_new_tokens=4).sample(asked, rngs(2, 7), base=1, top=3)
    assert base.likeliest and student.likeliest is None


@pytest.mark.parametrize(
    "changes",
    [{"teacher": TeacherSettings("ema")}, {"imitation": ImitationSettings(loss=ImitationLoss.NLL)},
     {"loss": LossSettings(support=Support.FULL)}, {"loss": LossSettings(top_k=VOCABULARY)}],
)  # fmt: skip
def test_nothing_is_kept_for_a_teacher_that_is_not_the_base_or_compares_everything(changes: dict[str, Any]) -> None:
    frozen = LearnerSettings(loss=LossSettings(top_k=3))
    assert Learner(tiny_network(), frozen).kept == 3
    assert Learner(tiny_network(), replace(frozen, **changes)).kept == 0


def test_what_is_unlikely_behind_the_question_is_not_followed() -> None:
    network = tiny_network()
    with torch.no_grad():
        logp = [parts_of(network, one)[0].gather(-1, parts_of(network, one)[2][:, None]) for one in helped(network)]
    assert any((one < UNLIKELY).any() for one in logp), "else the oracle above says nothing of the mask"


def test_the_gradient_is_the_slope_of_the_loss() -> None:
    network = tiny_network()
    lessons = helped(network, count=2)
    learner = Learner(network, imitating(ImitationLoss.FKL))
    learner.gradient(lessons)
    weight = network.trainable[-1]
    assert weight.grad is not None
    place = int(weight.grad.abs().argmax())
    slope, step = float(weight.grad.flatten()[place]), 1e-3  # norms are computed in float32
    with torch.no_grad():
        at = []
        for sign in (1, -1):
            weight.flatten()[place] += sign * step
            at.append(float(plain(network, lessons, ImitationLoss.FKL)))
            weight.flatten()[place] -= sign * step
    assert (at[0] - at[1]) / (2 * step) == pytest.approx(slope, rel=1e-3)


def test_nothing_of_a_sample_with_help_counts_as_a_gap() -> None:
    """Its sampler read another prompt; only what is on-policy is held against the learner's own numbers."""
    network = tiny_network()
    own, strange = lessons_of(network), helped(network)
    learner = Learner(network, replace(imitating(ImitationLoss.FKL), max_gap=1e-3))
    step = learner.step(own, strange)
    assert step.gap_max < 1e-4
    assert (step.trained, step.imitated) == (8, 4)


def test_each_group_makes_its_own_updates() -> None:
    """Two groups of one update each are two steps one after the other, in one version of the network."""
    together, apart = tiny_network(), tiny_network()
    own, strange = lessons_of(together), helped(together)
    settings_ = replace(imitating(ImitationLoss.FKL), max_gap=9.0)
    Learner(together, settings_).step(own, strange)
    learner = Learner(apart, settings_)
    learner.step(own)
    learner.step(strange)
    assert (together.version, apart.version) == (2, 3)
    for one, other in zip(together.trainable, apart.trainable, strict=True):
        torch.testing.assert_close(one, other, atol=1e-9, rtol=0)


@pytest.mark.parametrize(("reuse", "sizes"), [(False, [2, 2]), (True, [4, 4])])
def test_updates_learn_from_parts_or_from_all(reuse: bool, sizes: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    network = tiny_network()
    learner = Learner(network, replace(imitating(ImitationLoss.FKL), updates=2, reuse=reuse))
    seen: list[int] = []
    update = learner._update
    monkeypatch.setattr(learner, "_update", lambda part: (seen.append(len(part)), update(part))[1])
    learner.step(helped(network))
    assert seen == sizes


def test_a_lesson_stands_behind_the_bare_question() -> None:
    network = tiny_network()
    lesson = helped(network, count=1)[0]
    assert lesson.student == Pair(QUESTION, lesson.sample.response)
    assert lesson.teacher == Pair(lesson.sample.prompt, lesson.sample.response)


def test_a_student_that_imitates_comes_to_do_what_help_made_it_do() -> None:
    """Its likelihood of the samples with help, behind the bare question, grows."""
    network = tiny_network()
    lessons = helped(network, count=8)
    before = sum(float(plain(network, [one], ImitationLoss.FKL).detach()) for one in lessons)
    learner = Learner(network, replace(imitating(ImitationLoss.FKL), learning_rate=3e-3, updates=8, reuse=True))
    learner.step(lessons)
    after = sum(float(plain(network, [one], ImitationLoss.FKL).detach()) for one in lessons)
    assert after < 0.8 * before
