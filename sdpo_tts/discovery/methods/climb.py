"""climb: every sample reads the feedback on the best attempt so far, and is learned behind the bare question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sdpo_tts.discovery.attempt import Judged
from sdpo_tts.discovery.methods.context import TeacherContext
from sdpo_tts.discovery.source import Draw, Source
from sdpo_tts.judge import Verdict
from sdpo_tts.policy.batch import Ids
from sdpo_tts.policy.learning.learner import Learner, Lesson
from sdpo_tts.policy.learning.metrics import Step


class Climb:
    name = "climb"

    def __init__(self, question: Ids, learner: Learner, context: TeacherContext, batch_size: int = 16) -> None:
        self.batch_size, self.learner = batch_size, learner
        self._question, self._context = question, context
        self._best: tuple[int, int, str] | None = None  # shown tests passed, number of the attempt, its feedback

    def draws(self, count: int) -> list[Draw]:
        if self._best and (prompt := self._context.told([self._best[2]])):
            return [Draw(prompt, Source.FEEDBACK, parent=self._best[1])] * count
        return [Draw(self._question, Source.STUDENT)] * count

    def learn(self, batch: Sequence[Judged]) -> Step | str:
        for one in batch:
            passed = sum(test.test.shown and test.verdict is Verdict.AC for test in one.judgement.outcomes)
            if one.feedback.text and not one.hard_coded and (self._best is None or passed > self._best[0]):
                self._best = (passed, one.attempt.number, one.feedback.text)
        helped = [one.attempt.sample for one in batch if one.attempt.parent and not one.hard_coded]
        lessons = [Lesson(sample, teacher_prompt=sample.prompt, question=self._question) for sample in helped]
        return self.learner.step(lessons) if lessons else "no sample of this batch was drawn with help"

    def state(self) -> Any:
        return self._best

    def restore(self, state: Any) -> None:
        self._best = tuple(state) if state else None
