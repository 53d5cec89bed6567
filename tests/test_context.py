"""What the teacher reads: feedback or a sibling's program, the ablations, and never a cut-off order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sdpo_tts.discovery.methods.context import ContextSettings, TeacherContext, shuffled
from sdpo_tts.policy.prompts import SOLUTION_LEAD, order, student_text
from tests.fakes import CharacterChat, judged
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
