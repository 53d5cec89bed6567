"""What the teacher reads: feedback or a sibling's program, the ablations, and never a cut-off order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sdpo_tts.discovery.assemble import Policy, RunSettings, make_strategy
from sdpo_tts.discovery.critic import SelfCritic
from sdpo_tts.discovery.launch import announce
from sdpo_tts.discovery.methods.context import ContextSettings, TeacherContext, shuffled
from sdpo_tts.discovery.methods.sdpo import SelfDistillation
from sdpo_tts.errors import UserError
from sdpo_tts.policy.context_window import ContextWindow
from sdpo_tts.policy.prompts import SOLUTION_LEAD, order, student_text, teacher_text
from sdpo_tts.record import Event, Journal, RunDir, read_events
from tests.coins import FACTS
from tests.fakes import CharacterChat, ScriptedSampler, Version, WordJudge, judged
from tests.test_judge import SUM

FAILED = [judged(i + 1, f"program {i}", feedback=f"failure {i}") for i in range(4)]
SOLVED = judged(5, "print(8)", passed=2)
SETTINGS = ContextSettings(max_prompt_tokens=10**6)


def texts(batch: list[object], settings: ContextSettings = SETTINGS, seed: int = 0) -> list[str | None]:
    prompts = TeacherContext(SUM, CharacterChat(), settings, seed).prompts(batch)  # type: ignore[arg-type]
    return [None if prompt is None else CharacterChat().text(prompt) for prompt in prompts]


def failures(text: str | None) -> list[int]:
    return [i for i in range(4) if f"failure {i}" in (text or "")]


def test_each_attempt_s_teacher_reads_the_feedback_on_it_alone() -> None:
    told = texts([*FAILED])
    assert [failures(text) for text in told] == [[0], [1], [2], [3]]
    assert all(text and "program" not in text.replace("program that", "").replace("whole program", "") for text in told)


def test_a_sibling_s_program_takes_the_place_of_feedback() -> None:
    told = texts([*FAILED, SOLVED])
    assert all(text and SOLUTION_LEAD in text and "print(8)" in text and not failures(text) for text in told[:4])
    assert told[4] is None, "its own program is no other's, and it has no feedback"
    assert failures(texts([*FAILED, SOLVED], replace(SETTINGS, solutions=False))[0]) == [0]
    both = texts([*FAILED, SOLVED], replace(SETTINGS, both=True))[0]
    assert both and "print(8)" in both and failures(both) == [0]
    assert both.index("print(8)") < both.index("failure 0") < both.index(order(SUM))


def test_two_solutions_teach_each_other() -> None:
    other = judged(6, "print(4 + 4)", passed=2)
    told = texts([SOLVED, other])
    assert "print(4 + 4)" in (told[0] or "") and "print(8)" in (told[1] or "")


def test_shuffled_feedback_is_always_another_s() -> None:
    for seed in range(5):
        told = texts([*FAILED, SOLVED], replace(SETTINGS, feedback="shuffled", solutions=False), seed)
        found = [failures(text) for text in told[:4]]
        assert sorted(found) == [[0], [1], [2], [3]]
        assert all(place != [i] for i, place in enumerate(found))
        assert told[4] is None
    assert shuffled(["alone", ""], np.random.default_rng(0)) == ["", ""]


def test_no_feedback_leaves_the_student_s_prompt() -> None:
    assert texts([*FAILED], replace(SETTINGS, feedback="none")) == [student_text(SUM)] * 4


def test_what_does_not_fit_is_left_out_before_the_order_is() -> None:
    whole = texts([FAILED[0]])[0]
    assert whole
    long = replace(FAILED[0], feedback=replace(FAILED[0].feedback, text="failure 0 " + "x" * 1000))
    limit = len(whole) + 300
    for batch in ([long], [long, SOLVED], [long, judged(5, "print(8)" + "#" * 2000, passed=2)]):
        for both in (False, True):
            told = texts([*batch], replace(SETTINGS, both=both, max_prompt_tokens=limit))[0]
            if told:
                assert len(told) <= limit and told.endswith(order(SUM))
    assert failures(texts([long], replace(SETTINGS, max_prompt_tokens=limit))[0]) == [0]
    assert texts([long], replace(SETTINGS, max_prompt_tokens=10)) == [None]


def test_a_solution_that_does_not_fit_leaves_the_feedback() -> None:
    long = judged(5, "print(8)" + "#" * 2000, passed=2)
    assert failures(texts([FAILED[0], long], replace(SETTINGS, max_prompt_tokens=1500))[0]) == [0]


LONG = replace(SUM, statement="x" * 9000)


def policy(window: ContextWindow) -> Policy:
    return Policy(Version(), CharacterChat(), ScriptedSampler([]), FACTS, window)  # type: ignore[arg-type]


def announced(folder: Path, window: ContextWindow, settings: RunSettings) -> list[Event]:
    """What a run on the long question tells before its first batch."""
    run, chat = RunDir.at(folder), CharacterChat()
    strategy = SelfDistillation(LONG, chat, None, TeacherContext(LONG, chat, SETTINGS, 0))  # type: ignore[arg-type]
    with Journal(run.events) as journal:
        announce(journal, run, WordJudge(LONG, None), policy(window), strategy, settings, ["x"])  # type: ignore[arg-type]
    return read_events(run.events)


@pytest.mark.parametrize(
    ("window", "helps"),
    [
        (ContextWindow(), "--max-prompt-tokens 11264"),
        (ContextWindow(40960, answer=512), "--max-prompt-tokens 11264"),
        (ContextWindow(10300, answer=512), "--max-prompt-tokens 9611"),
        (ContextWindow(10300, 20000, answer=1024), "--max-new-tokens 689"),
        (ContextWindow(10300, answer=1024), "--max-new-tokens 689 --max-prompt-tokens 9611"),
        (ContextWindow(9600, 20000, answer=300), "a shorter statement, or a model with more positions"),
    ],
)
def test_that_nothing_can_be_learnt_is_said_before_the_first_batch(
    tmp_path: Path, window: ContextWindow, helps: str
) -> None:
    events = announced(tmp_path / "run", window, RunSettings(method="sdpo"))
    assert [event["type"] for event in events] == ["manifest", "run_started", "warned"]
    assert events[-1]["message"].startswith(
        f"no feedback fits into a prompt, so nothing can be learned: the question has {len(student_text(LONG))} tokens"
    )
    assert events[-1]["message"].endswith(f"{window.limit} fit (hint: {helps})")


def test_what_helps_does_help(tmp_path: Path) -> None:
    for window in (ContextWindow(prompt=11264), ContextWindow(10300, 9611, answer=689)):
        window.demand(len(student_text(LONG)))
        events = announced(tmp_path / str(window.prompt), window, RunSettings(method="sdpo"))
        assert events[-1]["type"] == "run_started"
    blind = RunSettings(method="sdpo", context=ContextSettings(feedback="none"))
    for settings in (RunSettings(method="best-of-k"), RunSettings(method="grpo"), blind):
        assert announced(tmp_path / f"{settings.method}-{id(settings)}", ContextWindow(), settings)[-1]["type"] == "run_started"
    told = announced(tmp_path / "turns", ContextWindow(), RunSettings(method="multi-turn"))[-1]["message"]
    assert "so every turn asks the same question" in told


@pytest.mark.parametrize(
    ("window", "told"),
    [
        (ContextWindow(9000, answer=512), "the longest answer .512. exceed the model's 9000 positions (hint: a shorter statement"),
        (ContextWindow(10000, answer=5000), f"--max-new-tokens: .* 10000 positions .hint: --max-new-tokens {10000 - len(student_text(LONG))}."),
        (ContextWindow(40960, answer=512, fixed=True), "--max-prompt-tokens: .* engine takes prompts of at most 8192 .hint: --max-prompt-tokens 11264."),
    ],
)  # fmt: skip
def test_a_question_beyond_the_model_s_positions_is_refused(window: ContextWindow, told: str) -> None:
    for method in ("best-of-k", "multi-turn", "grpo", "sdpo"):
        with pytest.raises(UserError, match=told.replace("(", "[(]")):
            make_strategy(LONG, policy(window), RunSettings(method=method))


def test_no_prompt_leaves_the_model_s_positions() -> None:
    """Neither one that grows by feedback, nor the critic's; whatever the setting allows."""
    room = len(teacher_text(SUM, "")) + 700
    turns = make_strategy(SUM, policy(ContextWindow(room + 64, answer=64)), RunSettings(method="multi-turn", batch_size=1))
    for i in range(9):
        turns.learn([judged(1, "x", feedback=f"{i}" * 200)])
        assert len(turns.draws(1)[0].prompt) <= room
    critic = SelfCritic(SUM, CharacterChat(), ScriptedSampler(["short"]), 0, room)  # type: ignore[arg-type]
    told = critic.criticise([judged(1, "y" * 1000), judged(2, "z")])
    assert [bool(one.text) for one in told] == [False, True]


def test_a_batch_whose_feedback_does_not_fit_says_so() -> None:
    chat = CharacterChat()
    for problem, batch, reason in (
        (LONG, FAILED, "no feedback of this batch fits into a prompt of 8192 tokens"),
        (SUM, [judged(1, "x", feedback="")], "no attempt of this batch has feedback"),
    ):
        context = TeacherContext(problem, chat, ContextSettings(), 0)  # type: ignore[arg-type]
        assert SelfDistillation(problem, chat, None, context).learn(batch) == reason  # type: ignore[arg-type]
