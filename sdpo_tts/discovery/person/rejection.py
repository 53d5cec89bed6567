"""Attempts that passed all tests here but are not right: an external judge rejected them, or they are presumably
wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

from sdpo_tts.discovery.attempt import Judged
from sdpo_tts.judge import TestOutcome, Verdict
from sdpo_tts.judge.feedback.style import literal
from sdpo_tts.judge.feedback.text import Feedback
from sdpo_tts.problem import Test
from sdpo_tts.record import Event

KIND = ELSEWHERE = "elsewhere"  # length limit in the feedback, and the name of a test that is not known here


@dataclass(frozen=True)
class Rejection:
    """What an external judge said about an attempt. `given` and `test`: the input and the whole test, as far as the
    user knows them."""

    words: str
    given: bytes = b""
    test: Test | None = None


def rejections(events: Iterable[Event]) -> dict[int, Rejection]:
    """By the number of the attempt."""
    told = [one for one in events if one["type"] == "verdict_given" and one["verdict"] != Verdict.AC]
    return {one["attempt"]: _rejection(one, f"{ELSEWHERE}-{place}") for place, one in enumerate(told, start=1)}


def _rejection(event: Event, name: str) -> Rejection:
    words = f"The program passes all examples, but the judge that decides says: {event['words']}."
    if (given := event.get("input")) is None:
        return Rejection(words)
    words += f"\nInput: {literal(given.encode())}"
    if (expected := event.get("expected")) is None:
        return Rejection(words, given.encode())
    test = Test(name, given.encode(), expected.encode(), shown=True)
    return Rejection(f"{words}\nExpected: {literal(test.expected)}", test.input, test)


def rejected(judged: Judged, words: str) -> Judged:
    """The same attempt, failing one more test, with `words` as its feedback. Its digest equals that of attempts about
    which the same was said, and differs from other attempts that pass all tests here."""
    test = Test(ELSEWHERE, b"", b"", shown=True)
    outcome = TestOutcome(test, Verdict.WA, 0.0, 0.0, 0, None, None, b"", b"", "")
    outcomes = (*judged.judgement.outcomes, outcome)
    judgement = replace(judged.judgement, verdict=Verdict.WA, outcomes=outcomes, total=judged.judgement.total + 1)
    outputs = hashlib.sha256(f"{judged.outputs} {words}".encode()).hexdigest()[:12]
    return replace(judged, judgement=judgement, feedback=Feedback(KIND, words), outputs=outputs)
