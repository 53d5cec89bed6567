"""What the teacher reads besides the question: the feedback on an attempt, or a sibling's correct program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sdpo_tts.discovery.attempt import Judged
from sdpo_tts.policy.batch import Ids
from sdpo_tts.policy.prompts import (
    DEFAULT_TEMPLATE,
    MAX_PROMPT_TOKENS,
    TEMPLATES,
    Chat,
    Template,
    multi_turn_text,
    repair_text,
    teacher_text,
)
from sdpo_tts.problem import Problem

SHUFFLING = 1  # the stream of random numbers for the shuffled ablation


@dataclass(frozen=True)
class ContextSettings:
    """`feedback`: on the attempt itself (real), on another attempt of the batch (shuffled), or none.

    The last two are ablations: they show whether it is the feedback that teaches. `solutions` shows a sibling's correct
    program if there is one, with the feedback only if `both` (without, as in the paper). A prompt has at most
    `max_prompt_tokens`: the program is dropped first, then the end of the feedback, then the hint, never the closing
    order. `hint`: what the user knows; the student never reads it.
    """

    feedback: str = "real"
    solutions: bool = True
    both: bool = False
    template: str = DEFAULT_TEMPLATE
    max_prompt_tokens: int = MAX_PROMPT_TOKENS
    hint: str = ""


class TeacherContext:
    """Writes the teacher's prompts for a judged batch. `hint` may grow during a run."""

    def __init__(self, problem: Problem, chat: Chat, settings: ContextSettings, seed: int) -> None:
        self._problem, self._chat, self._settings, self._seed = problem, chat, settings, seed
        self.hint = settings.hint

    def advise(self, hint: str) -> None:
        """Add a hint."""
        self.hint = "\n".join(filter(None, (self.hint, hint)))

    def prompts(self, batch: Sequence[Judged]) -> list[Ids | None]:
        """One prompt per attempt; None without feedback and without another attempt's solution."""
        told = self._feedback(batch)
        return [self._prompt(judged, feedback, batch) for judged, feedback in zip(batch, told, strict=True)]

    def told(self, feedbacks: Sequence[str]) -> Ids | None:
        """The prompt with the feedback on one failed attempt, or on a lineage of them, oldest first. If it is too long,
        the oldest feedback is dropped first; None if not even the last one fits."""
        if len(feedbacks) < 2:
            return self._fitted(feedbacks[0]) if feedbacks else None
        prompt = self._chat.prompt(multi_turn_text(self._problem, list(dict.fromkeys(feedbacks)), self.hint))
        return prompt if len(prompt) <= self._settings.max_prompt_tokens else self.told(feedbacks[1:])

    def repair(self, program: str, feedback: str) -> Ids | None:
        """The prompt that shows a failed program with the feedback on it; None if it is too long."""
        prompt = self._chat.prompt(
            repair_text(self._problem, program, feedback, TEMPLATES[self._settings.template], self.hint)
        )
        return prompt if len(prompt) <= self._settings.max_prompt_tokens else None

    def _feedback(self, batch: Sequence[Judged]) -> list[str]:
        texts = [judged.feedback.text for judged in batch]
        if self._settings.feedback == "shuffled":
            return shuffled(texts, np.random.default_rng([self._seed, SHUFFLING, batch[0].attempt.step]))
        return texts

    def _prompt(self, judged: Judged, feedback: str, batch: Sequence[Judged]) -> Ids | None:
        if self._settings.feedback == "none":
            return self._chat.prompt(teacher_text(self._problem, "", hint=self.hint)) if feedback else None
        solution = self._sibling(judged, batch)
        if solution and not self._settings.both and (prompt := self._fitted("", solution)):
            return prompt
        return self._fitted(feedback, solution)

    def _fitted(self, feedback: str, solution: str = "") -> Ids | None:
        template, most = TEMPLATES[self._settings.template], self._settings.max_prompt_tokens
        hints = dict.fromkeys((self.hint, ""))
        found = (fitted(self._problem, self._chat, feedback, template, most, solution, hint) for hint in hints)
        return next((prompt for prompt in found if prompt), None)

    def _sibling(self, judged: Judged, batch: Sequence[Judged]) -> str:
        """The first correct program of the batch other than the attempt's own."""
        if not self._settings.solutions:
            return ""
        own = judged.attempt.number
        solved = (other.attempt for other in batch if other.judgement.solved and other.attempt.number != own)
        return next((attempt.program for attempt in solved if attempt.program), "")

    def lack(self, batch: Sequence[Judged]) -> str:
        """Why no attempt of a batch had a teacher's prompt."""
        if any(judged.feedback.text for judged in batch) and self._settings.feedback != "none":
            return f"no feedback of this batch fits into a prompt of {self._settings.max_prompt_tokens} tokens"
        return "no attempt of this batch has feedback"


def fitted(
    problem: Problem, chat: Chat, feedback: str, template: Template, most: int, solution: str = "", hint: str = ""
) -> Ids | None:
    """The teacher's prompt, of at most `most` tokens: the solution is dropped first, then the end of the feedback. None
    if nothing is left."""
    while feedback or solution:
        prompt = chat.prompt(teacher_text(problem, feedback, template, solution=solution, hint=hint))
        if len(prompt) <= most:
            return prompt
        feedback, solution = (feedback, "") if solution else (feedback[: len(feedback) // 2], "")
    return None


def shuffled(texts: Sequence[str], rng: np.random.Generator) -> list[str]:
    """Move every text to another place that has one; a single text is removed."""
    places = rng.permutation([i for i, text in enumerate(texts) if text])
    moved = [""] * len(texts)
    for source, target in zip(places, np.roll(places, 1), strict=True):
        if source != target:
            moved[target] = texts[source]
    return moved
