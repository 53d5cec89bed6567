"""An attempt that passed all tests here, but that is not right: a judge elsewhere says so, or there is reason to think
it."""

from __future__ import annotations

from dataclasses import replace

from sdpo_tts.discovery.attempt import Judged
from sdpo_tts.judge import TestOutcome, Verdict
from sdpo_tts.judge.feedback.text import Feedback
from sdpo_tts.problem import Test

ELSEWHERE = "elsewhere"  # the name of a test that is not known here
KIND = "elsewhere"


def rejected(judged: Judged, words: str, verdict: Verdict = Verdict.WA) -> Judged:
    """The same attempt, which fails one more test, with `words` as its feedback."""
    test = Test(ELSEWHERE, b"", b"", shown=True)
    outcome = TestOutcome(test, verdict, 0.0, 0.0, 0, None, None, b"", b"", "")
    judgement = replace(
        judged.judgement, verdict=verdict, outcomes=(*judged.judgement.outcomes, outcome),
        total=judged.judgement.total + 1,
    )  # fmt: skip
    return replace(judged, judgement=judgement, feedback=Feedback(KIND, words))
