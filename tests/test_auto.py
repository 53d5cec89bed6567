"""The method auto: its archive, its bandit, what it samples and what it learns from."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sdpo_tts.discovery.attempt import Judged, digest_of_outputs
from sdpo_tts.discovery.hard_coding import hard_coded
from sdpo_tts.discovery.methods.archive import Archive
from sdpo_tts.discovery.methods.auto import Auto, AutoSettings
from sdpo_tts.discovery.methods.bandit import Bandit
from sdpo_tts.discovery.methods.context import ContextSettings, TeacherContext
from sdpo_tts.discovery.methods.grpo import Grpo
from sdpo_tts.discovery.methods.sharing import Sharing
from sdpo_tts.discovery.source import HELPED, Draw, Source
from sdpo_tts.errors import UserError
from sdpo_tts.judge import Judgement, Verdict
from sdpo_tts.policy.learning.imitation import ImitationLoss, ImitationSettings
from sdpo_tts.policy.learning.learner import LearnerSettings
from sdpo_tts.policy.learning.lesson import Lesson
from sdpo_tts.policy.prompts import MAX_PROMPT_TOKENS, student_text
from sdpo_tts.policy.sampler import Likeliest
from sdpo_tts.problem import Problem, Test, load_problem
from tests.conftest import ROOT
from tests.fakes import CharacterChat, judged
from tests.test_judge import SUM

TWO = replace(SUM, tests=(Test("0", b"1 2\n", b"3\n", shown=True), Test("1", b"30 4\n", b"34\n", shown=True)))


def failed(
    number: int, program: str = "", *, passed: int = 0, outputs: str = "", source: Source = Source.STUDENT,
    parent: int | None = None, feedback: str = "",
) -> Judged:  # fmt: skip
    one = judged(number, program or f"program {number}", passed=passed, feedback=feedback or f"feedback {number}")
    attempt = replace(one.attempt, source=source, parent=parent)
    return replace(one, attempt=attempt, outputs=outputs or str(number))


class RecordingLearner:
    """Keeps the groups of lessons that it was given."""

    def __init__(self, **imitation: Any) -> None:
        self.settings = LearnerSettings(imitation=ImitationSettings(**imitation))
        self.groups: list[tuple[list[Lesson], ...]] = []

    def step(self, *groups: list[Lesson]) -> str:
        self.groups.append(groups)
        return "step"


def auto(
    learner: Any = None, problem: Problem = TWO, max_prompt_tokens: int = MAX_PROMPT_TOKENS, **settings: Any
) -> Auto:
    chat: Any = CharacterChat()
    context = TeacherContext(problem, chat, ContextSettings(max_prompt_tokens=max_prompt_tokens), 0)
    return Auto(problem, chat, learner, context, AutoSettings(**settings), seed=1, batch_size=8)


def text(draw: Draw) -> str:
    return "".join(map(chr, draw.prompt))


# Archive


def test_reward_is_dense_and_pays_for_what_is_new() -> None:
    archive = Archive(TWO)
    assert archive.reward(failed(1)) == 0, "none of the tests"
    archive.add(failed(1))
    assert archive.reward(failed(2, passed=1)) == 0.5 * 0.5 + 0.5, "the first to pass one"
    archive.add(failed(2, passed=1))
    assert archive.reward(failed(3, passed=1)) == 0.25, "nothing new"
    assert archive.reward(failed(4, passed=1, parent=1)) == 0.75, "more than its parent"
    assert archive.reward(failed(5, passed=1, parent=2)) == 0.25, "as many as its parent"
    assert archive.reward(failed(6, passed=1, outputs="2")) == 0, "behaves as one before"
    assert archive.reward(failed(7, passed=2)) == 1


def test_what_cannot_run_and_what_carries_answers_is_worth_nothing() -> None:
    archive, one = Archive(TWO), failed(1, passed=1)
    assert archive.reward(replace(one, judgement=Judgement(Verdict.CE, (), 2))) == 0
    cheat = replace(one, hard_coded=True)
    assert archive.reward(cheat) == 0
    archive.add(cheat)
    assert archive.parent(Source.FEEDBACK, np.random.default_rng(0)) is None


def test_of_attempts_that_say_the_same_the_first_is_kept() -> None:
    archive = Archive(TWO)
    wrong = [failed(number, outputs="same", feedback="Wrong answer.") for number in (1, 2)]
    crashed = [failed(number, outputs="none", feedback=f"line {number}: ValueError") for number in (3, 4)]
    for one in (*wrong, *crashed, failed(5, passed=2)):
        archive.add(one)
    assert list(archive.entries) == [1, 3, 4], "crashes differ by their messages, and what passes is nobody's parent"


def test_nothing_of_held_out_tests_enters() -> None:
    """Two attempts that differ on a held-out test alone have the same share, reward and digest."""
    problem = replace(TWO, tests=(TWO.tests[0], replace(TWO.tests[1], shown=False)))
    archive, one = Archive(problem), failed(1, passed=1)
    hidden = replace(one.judgement.outcomes[1], test=replace(one.judgement.outcomes[1].test, shown=False))
    outcomes = (one.judgement.outcomes[0], hidden)
    shown = replace(one, judgement=replace(one.judgement, outcomes=outcomes))
    better = replace(
        one, judgement=replace(one.judgement, outcomes=(outcomes[0], replace(hidden, verdict=Verdict.RE, stdout=b"9")))
    )
    assert archive.share(shown) == archive.share(better) == 1
    assert archive.reward(shown) == archive.reward(better) == 1.0
    assert digest_of_outputs(shown.judgement) == digest_of_outputs(better.judgement)


def test_parents_are_those_that_pass_more_until_their_children_fail() -> None:
    archive = Archive(TWO)
    archive.add(failed(1))
    archive.add(failed(2, passed=1))
    rng = np.random.default_rng(0)
    chosen = [archive.parent(Source.REPAIR, rng) for _ in range(200)]
    numbers = [one.number for one in chosen if one]
    assert numbers[:10].count(2) == 10, "REx's prior"
    assert numbers[-50:].count(1) >= 5, "after so many failures the other is tried as well"
    assert not archive.children, "nothing of it has been judged"
    archive.add(failed(3, parent=2))
    archive.add(failed(4, passed=2, parent=2))
    assert archive.children == {2: 1}, "a child that passes is no failure"


def test_feedback_on_what_never_ran_is_the_last_resort() -> None:
    """Not its repair: a program that does not compile can be mended."""
    archive, rng = Archive(TWO), np.random.default_rng(0)
    archive.add(replace(failed(1), judgement=Judgement(Verdict.CE, (), 2)))
    chosen = [archive.parent(Source.FEEDBACK, rng) for _ in range(9)]
    assert {one.number for one in chosen if one} == {1}
    archive.add(failed(2))
    for source, numbers in ((Source.FEEDBACK, {2}), (Source.REPAIR, {1, 2})):
        archive.begin_batch()
        assert {one.number for one in (archive.parent(source, rng) for _ in range(50)) if one} == numbers


def test_repairs_go_three_deep_and_feedback_any_depth() -> None:
    archive = Archive(TWO)
    archive.add(failed(1))
    for number in (2, 3, 4):
        archive.add(failed(number, source=Source.REPAIR, parent=number - 1, passed=1))
    assert [entry.depth for entry in archive.entries.values()] == [0, 1, 2, 3]
    rng = np.random.default_rng(0)
    assert 4 not in {archive.parent(Source.REPAIR, rng).number for _ in range(100)}  # type: ignore[union-attr]
    assert 4 in {archive.parent(Source.FEEDBACK, rng).number for _ in range(100)}  # type: ignore[union-attr]
    assert [one.number for one in archive.lineage(archive.entries[4], 3)] == [2, 3, 4]


def test_an_archive_comes_back_whole() -> None:
    archive, again = Archive(TWO), Archive(TWO)
    for one in (failed(1), failed(2, passed=1, parent=1, source=Source.REPAIR)):
        archive.add(one)
    again.restore(json.loads(json.dumps(archive.state())))
    assert again.state() == archive.state()
    assert again.entries == archive.entries and again.children == archive.children


# Bandit


def test_the_bandit_goes_to_the_best_source_and_follows_when_another_becomes_better() -> None:
    bandit, rng = Bandit(), np.random.default_rng(0)
    names = ["student", "feedback", "repair"]

    def play(rates: dict[str, float], batches: int) -> Counter[str]:
        chosen: Counter[str] = Counter()
        for _ in range(batches):
            picked = [bandit.choose(names, rng) for _ in range(16)]
            for name in picked:
                bandit.tell(name, float(rng.random() < rates[name]), 100)
            bandit.fade()
            chosen = Counter(picked)
        return chosen

    assert play({"student": 0.05, "feedback": 0.6, "repair": 0.1}, 10)["feedback"] >= 12
    assert play({"student": 0.9, "feedback": 0.1, "repair": 0.1}, 15)["student"] >= 12


def test_a_source_with_long_samples_has_to_be_better_by_as_much() -> None:
    bandit, rng = Bandit(), np.random.default_rng(0)
    for _ in range(50):
        bandit.tell("short", 0.3, 100)
        bandit.tell("long", 0.4, 400)
    picked = Counter(bandit.choose(["short", "long"], rng) for _ in range(200))
    assert picked["short"] > 190


def test_a_bandit_comes_back_whole() -> None:
    bandit, again = Bandit(), Bandit()
    bandit.tell("student", 0.25, 90)
    bandit.fade()
    again.restore(json.loads(json.dumps(bandit.state())))
    assert again == bandit


def test_base_and_student_never_starve() -> None:
    bandit, rng = Bandit(), np.random.default_rng(0)
    for _ in range(200):
        bandit.tell("repair", 1.0, 10)
        bandit.tell("student", 0.0, 10)
        bandit.tell("base", 0.0, 10)
    for count in (8, 16):
        sources = Sharing.read("bandit", learns=True).of_batch(count, bandit, rng)
        assert len(sources) == count
        assert sources.count(Source.BASE) == sources.count(Source.STUDENT) == 1


def test_fixed_shares() -> None:
    rng, bandit = np.random.default_rng(0), Bandit()
    half = Sharing.read("student=1,feedback=1", learns=True)
    assert Counter(half.of_batch(16, bandit, rng)) == {Source.STUDENT: 8, Source.FEEDBACK: 8}
    assert len(half.of_batch(5, bandit, rng)) == 5
    assert Source.STUDENT not in Sharing.read("bandit", learns=False).sources


@pytest.mark.parametrize(
    ("told", "said"),
    [("teacher=1", "'teacher' is not a source"), ("student=x", "'x' is not a weight"), ("student=0", "all weights are 0"),
     ("student=-1", "'-1' is not a weight"), ("student=nan", "'nan' is not a weight")],
)  # fmt: skip
def test_shares_that_make_no_sense(told: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        Sharing.read(told, learns=True)


# Hard-coded answers

PROBLEMS = sorted(
    file.parent for room in ("problems", "benchmarks/learning/problems") for file in (ROOT / room).glob("*/problem.yaml")
)


@pytest.mark.parametrize(
    ("program", "found"),
    [
        ("a, b = map(int, input().split())\nprint(a + b)", False),
        ("if input() == '1 2': print(3)", True),
        ('s = open(0).read()\nprint({"1 2": 3, "30 4": 34}[s.strip()])', True),
        ("if open(0).read() == '30 4\\n': print(34)", True),
        ('#include <string>\nint main() { if (s == "30 4") puts("34"); }', True),
        ("print(3)", False),
        ("x = 34\nprint(x)", False),
        ("print(1 if 2 else", False),
        (f"print(0x{'f' * 5000}, '\\d')", False),
    ],
)
def test_programs_that_carry_a_shown_input(program: str, found: bool) -> None:
    assert hard_coded(program, TWO) is found


def test_answers_as_literals() -> None:
    tests = (Test("0", b"a b c\n", b"a2b2\n", shown=True), Test("1", b"x\n", b"1 024\n", shown=True))
    problem = replace(SUM, tests=tests)
    assert hard_coded("print('a2b2' if n else '1 024')", problem)
    assert not hard_coded("print('a2b2')", problem), "one may be chance"
    hidden = replace(problem, tests=tuple(replace(test, shown=False) for test in tests))
    assert not hard_coded("print('a2b2' if n else '1 024')", hidden), "nothing is known of held-out tests"


@pytest.mark.parametrize("folder", PROBLEMS, ids=lambda folder: folder.name)
def test_no_accepted_program_of_ours_is_called_hard_coded(folder: Path) -> None:
    """On triangle, what feedback tells is just that: the words to print."""
    problem = load_problem(folder)
    accepted = list((folder / "submissions" / "accepted").iterdir())
    assert accepted and not any(hard_coded(one.read_text(), problem) for one in accepted)


def test_labels_may_be_in_any_program_whether_the_statement_names_them_or_not() -> None:
    words = (Test("0", b"hello\n", b"olleh\n", shown=True), Test("1", b"stream\n", b"maerts\n", shown=True))
    problem = replace(SUM, tests=words)
    assert hard_coded("print({'hello': 'olleh', 'stream': 'maerts'}[input()])", problem), "beside the input"
    assert not hard_coded("print('hello'[::-1])", problem)


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        (("not possible", "possible at last"), False), (("left-right", "right-left"), False), (("1/0", "2/0", "1/0", "2/0"), False),
        (("1/0", "2/0"), True), (("yes\nno", "no\nyes"), True), (("a b c", "c b a"), True),
    ],
)  # fmt: skip
def test_labels_may_have_several_words_and_what_tests_share_is_one(answers: Sequence[str], found: bool) -> None:
    tests = tuple(Test(str(i), f"{i} {i}{i}\n".encode(), f"{text}\n".encode(), shown=True) for i, text in enumerate(answers))
    problem, texts = replace(SUM, tests=tests), sorted({" ".join(text.split()) for text in answers})
    assert hard_coded(f"print({texts[0]!r} if input() else {texts[1]!r})", problem) is found
    assert hard_coded(f"print({texts!r}[input() == '0 00'])", problem), "beside the input"


# What is sampled


def test_the_first_batch_is_the_base_s_and_later_ones_tell_of_failures() -> None:
    method = auto(RecordingLearner(), sources="student=1,base=1,feedback=1,repair=1")
    first = method.draws(8)
    assert {draw.source for draw in first} == {Source.BASE}
    assert {text(draw) for draw in first} == {student_text(TWO)}
    method.learn([failed(1, passed=1, feedback="you forgot the carry")])
    drawn = {draw.source: draw for draw in method.draws(8)}
    assert set(drawn) == set(Source)
    assert text(drawn[Source.STUDENT]) == text(drawn[Source.BASE]) == student_text(TWO)
    assert [drawn[source].adapter for source in Source] == [True, False, True, True]
    assert "you forgot the carry" in text(drawn[Source.FEEDBACK]) and "program 1" not in text(drawn[Source.FEEDBACK])
    assert "you forgot the carry" in text(drawn[Source.REPAIR]) and "program 1" in text(drawn[Source.REPAIR])
    assert [drawn[source].parent for source in Source] == [None, None, 1, 1]


def test_without_a_parent_the_student_is_asked() -> None:
    method = auto(RecordingLearner(), sources="repair=1")
    method.learn([replace(failed(1), hard_coded=True)])
    assert {draw.source for draw in method.draws(4)} == {Source.STUDENT}
    untrained = auto(None, sources="repair=1")
    untrained.learn([replace(failed(1), hard_coded=True)])
    assert {draw.source for draw in untrained.draws(4)} == {Source.BASE}, "which is all that there is"


@pytest.mark.parametrize("limit", [MAX_PROMPT_TOKENS, 600])
def test_a_source_without_a_prompt_leaves_its_samples_to_the_bandit(limit: int) -> None:
    """There is no program to repair, or none that fits; feedback is what pays off."""
    method = auto(RecordingLearner(), max_prompt_tokens=limit)
    for step in range(6):
        batch = [failed(12 * step + i + 1, "#" * 500, source=list(Source)[i % 3]) for i in range(12)]
        program = None if limit > 600 else batch[0].attempt.program
        method.learn([replace(one, attempt=replace(one.attempt, program=program)) for one in batch])
    method._bandit.arms["feedback"].good += 50
    drawn = Counter(draw.source for draw in method.draws(32))
    assert drawn[Source.REPAIR] == 0 and drawn[Source.FEEDBACK] > 20, "not for the student to get"


def test_a_lineage_tells_of_those_before() -> None:
    method = auto(RecordingLearner(), sources="feedback=1", lineage=2)
    method.learn([failed(1, feedback="first words")])
    method.learn([failed(2, passed=1, parent=1, source=Source.FEEDBACK, feedback="second words")])
    chains = [text(draw) for draw in method.draws(8) if draw.parent == 2]
    assert chains and all(one.index("first words") < one.index("second words") for one in chains)


def test_help_may_be_asked_of_the_base() -> None:
    method = auto(RecordingLearner(), sources="feedback=1", help_adapter=False)
    method.learn([failed(1)])
    assert not any(draw.adapter for draw in method.draws(4))


# What is learned


def helped_batch() -> list[Judged]:
    return [
        failed(1, passed=1), failed(2), failed(3, passed=1, source=Source.FEEDBACK, parent=1),
        failed(4, source=Source.REPAIR, parent=1), replace(failed(5, source=Source.FEEDBACK, parent=1), hard_coded=True),
        failed(6, "# as the feedback says", source=Source.FEEDBACK, parent=1),
    ]  # fmt: skip


def test_samples_with_help_are_learnt_behind_the_question_in_a_group_of_their_own() -> None:
    learner = RecordingLearner()
    method = auto(learner)
    batch = helped_batch()
    assert method.learn(batch) == "step"
    own, helped = learner.groups[0]
    assert [one.sample for one in own] == [batch[0].attempt.sample, batch[1].attempt.sample]
    assert all(one.question is None and one.teacher_prompt is not None for one in own)
    assert [one.sample for one in helped] == [batch[2].attempt.sample, batch[3].attempt.sample], "no cheat, no leak"
    question = tuple(map(ord, student_text(TWO)))
    assert all(one.question == question and one.teacher_prompt == one.sample.prompt for one in helped)
    assert [one.advantage for one in helped] == [0.25, -0.25], "against the mean of those without help"


def test_from_an_attempt_that_the_judge_could_not_judge_nothing_is_learnt() -> None:
    lost = [unjudged(failed(1)), unjudged(failed(2, source=Source.FEEDBACK, parent=1))]
    learner = RecordingLearner()
    method = auto(learner)
    before = method.state()
    assert method.learn(lost) == "there is nothing to learn from in this batch"
    assert method.state() == {**before, "step": 1}
    reward_alone = Grpo(TWO, CharacterChat(), learner)  # type: ignore[arg-type]
    assert reward_alone.learn([judged(1, "a", passed=2), judged(2, "b"), unjudged(judged(3, "c"))]) == "step"
    assert [one.advantage for one in learner.groups[-1][0]] == [1, -1, 0]


def unjudged(one: Judged) -> Judged:
    return replace(one, judgement=replace(one.judgement, verdict=Verdict.JE))


def test_a_sample_that_the_base_drew_with_help_brings_its_teacher_with_it() -> None:
    learner = RecordingLearner()
    batch = helped_batch()
    sample = replace(batch[2].attempt.sample, base=True, likeliest=Likeliest(((1,),), ((-0.5,),)))
    batch[2] = replace(batch[2], attempt=replace(batch[2].attempt, sample=sample))
    auto(learner).learn(batch)
    assert [one.teacher_prompt is None for one in learner.groups[0][1]] == [True, False]


@pytest.mark.parametrize(
    ("imitation", "settings", "own", "helped"),
    [
        ({"samples": "improved"}, {}, 2, 1),
        ({"samples": "none"}, {}, 2, 0),
        ({}, {"distil": False}, 0, 2),
    ],
)
def test_which_samples_are_learnt(imitation: Any, settings: Any, own: int, helped: int) -> None:
    learner = RecordingLearner(**imitation)
    auto(learner, **settings).learn(helped_batch())
    assert [len(group) for group in learner.groups[0]] == [own, helped]


@pytest.mark.parametrize("thoughts", [0.0, 0.5])
def test_a_thought_that_talks_about_feedback_is_not_learnt(thoughts: float) -> None:
    """Behind the bare question it would be nonsense. The answer behind it is not."""
    learner = RecordingLearner()
    learner.settings = replace(learner.settings, thoughts=thoughts)
    batch = [replace(one, attempt=replace(one.attempt, thought="The feedback says")) for one in helped_batch()]
    auto(learner).learn(batch)
    assert len(learner.groups[0][1]) == (0 if thoughts else 2)


def test_likelihood_needs_no_teacher() -> None:
    learner = RecordingLearner(loss=ImitationLoss.NLL)
    auto(learner).learn(helped_batch())
    assert {one.teacher_prompt for one in learner.groups[0][1]} == {None}


def test_without_a_learner_the_archive_and_the_bandit_go_on() -> None:
    method = auto(None)
    assert method.learn(helped_batch()) == "learning is turned off"
    assert {draw.source for draw in method.draws(8)} & HELPED


def test_its_state_comes_back_whole(tmp_path: Path) -> None:
    one, other = auto(RecordingLearner()), auto(RecordingLearner())
    one.learn(helped_batch())
    other.restore(json.loads(json.dumps(one.state())))
    assert other.state() == one.state()
    assert other.draws(8) == one.draws(8)
