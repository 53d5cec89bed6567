"""Measures how good a teacher the model is to itself, before any training.

The base pass rate shows whether learning is needed. The pass rate from the teacher's prompts, one for each failed
attempt, shows whether there is anything to learn: a teacher that is no better than its student teaches little.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sdpo_tts.discovery.assemble import Policy
from sdpo_tts.discovery.measure.telling import Tell, nobody, teller
from sdpo_tts.discovery.methods.context import fitted
from sdpo_tts.engine.plan import SEQUENCES
from sdpo_tts.judge import Judge, Judgement
from sdpo_tts.judge.feedback.style import PARTS
from sdpo_tts.judge.feedback.text import FeedbackStyle, render
from sdpo_tts.policy import prompts
from sdpo_tts.policy.batch import Ids
from sdpo_tts.policy.program import extract_program
from sdpo_tts.policy.prompts import DEFAULT_TEMPLATE, TEMPLATES, Template
from sdpo_tts.policy.sampler import Sample

REPAIR = "repair"
BASE, TEACHER = 10, 11  # streams of random numbers, separate from the solver's

FORMS = {
    "plain": FeedbackStyle.with_parts((), literals=False, examples=0),
    "literals": FeedbackStyle.with_parts((), examples=0),
    "literals+examples": FeedbackStyle.with_parts(()),
}
WITH = {f"+{part}": FeedbackStyle.with_parts((part,)) for part in PARTS}
WITHOUT = {f"-{part}": FeedbackStyle.with_parts(set(PARTS) - {part}) for part in PARTS}
STYLES = {**FORMS, **WITH, "all": FeedbackStyle(), **WITHOUT}
"""By name: three without the second look; then the last of them with one part, with all parts, and with all but one."""
SETS = {"forms": tuple(FORMS), "parts": ("literals+examples", *WITH, "all"), "without": ("all", *WITHOUT)}


@dataclass(frozen=True)
class Rate:
    """`passed` of `samples` programs passed all tests; `mean_tokens` is the mean length of an answer.

    `changed`: prompts that differ from those of the first style with this template. The others are not sampled again,
    because the same prompt with the same random numbers gives the same answer.
    """

    template: str
    style: str
    passed: int
    samples: int
    mean_tokens: float
    verdicts: tuple[tuple[str, int], ...]
    changed: int = 0


@dataclass(frozen=True)
class _Tried:
    sample: Sample
    judgement: Judgement


class Probe:
    """Samples and judges; nothing is trained."""

    def __init__(self, policy: Policy, judge: Judge, seed: int, tell: Tell = nobody) -> None:
        self.policy, self.judge, self.seed, self.tell = policy, judge, seed, tell
        self._who = ""
        self._known: dict[tuple[int, Ids], _Tried] = {}  # of the teacher, by row and prompt

    def rates(
        self,
        samples: int,
        templates: Collection[str] = tuple(TEMPLATES),
        styles: Collection[str] = tuple(STYLES),
        *,
        repair: bool = False,
    ) -> Iterator[Rate]:
        """The base rate first, then the teacher's for each template and style, as they are measured. With `repair`,
        also that of the model that sees the failed program too, with the last style."""
        problem = self.judge.problem
        prompt = self.policy.chat.prompt(prompts.student_text(problem))
        self.policy.window.demand(len(prompt))
        self._who = "student"
        base = self._try(dict.fromkeys(range(samples), prompt), BASE)
        yield _rate("student", "", base)
        failed = [tried for tried in base if not tried.judgement.solved]
        for template in templates:
            first: list[Ids] = []
            for style in styles:
                asked = [self._teacher_prompt(tried, TEMPLATES[template], STYLES[style]) for tried in failed]
                first = first or asked
                self._who = f"{template}, {style}"
                changed = sum(one != other for one, other in zip(asked, first, strict=True))
                yield _rate(template, style, self._teach(asked), changed)
        if repair:
            self._who, style = REPAIR, list(styles)[-1]
            yield _rate(REPAIR, style, self._teach([self._repair_prompt(one, STYLES[style]) for one in failed]))

    def _repair_prompt(self, tried: _Tried, style: FeedbackStyle) -> Ids:
        """The repair prompt; for an answer without a program, the teacher's."""
        problem, chat = self.judge.problem, self.policy.chat
        program = extract_program(chat.text(tried.sample.answer))
        if program is None:
            return self._teacher_prompt(tried, TEMPLATES[DEFAULT_TEMPLATE], style)
        told = render(tried.judgement, problem, style=style, **tried.sample.cut)
        prompt = chat.prompt(prompts.repair_text(problem, program, told.text))
        return prompt if len(prompt) <= self.policy.window.limit else chat.prompt(prompts.student_text(problem))

    def _teacher_prompt(self, tried: _Tried, template: Template, style: FeedbackStyle) -> Ids:
        problem = self.judge.problem
        told = render(tried.judgement, problem, style=style, **tried.sample.cut)
        chat = self.policy.chat
        prompt = fitted(problem, chat, told.text, template, self.policy.window.limit)
        return prompt or chat.prompt(prompts.student_text(problem))

    def _teach(self, asked: Sequence[Ids]) -> list[_Tried]:
        rows = dict(enumerate(asked))
        new = {row: prompt for row, prompt in rows.items() if (row, prompt) not in self._known}
        for row, tried in zip(new, self._try(new, TEACHER), strict=True):
            self._known[row, new[row]] = tried
        return [self._known[row, prompt] for row, prompt in rows.items()]

    def _try(self, asked: Mapping[int, Ids], stream: int) -> list[_Tried]:
        """A row draws the same random numbers whatever its prompt, and whatever else is in the batch."""
        samples: list[Sample] = []
        rows, listener = list(asked), teller(self.tell, self._who, len(asked))
        for start in range(0, len(rows), SEQUENCES):
            batch = rows[start : start + SEQUENCES]
            rngs = [np.random.default_rng([self.seed, stream, row]) for row in batch]
            samples += self.policy.sampler.sample([asked[row] for row in batch], rngs, listener=listener)
        programs = [extract_program(self.policy.chat.text(sample.answer)) for sample in samples]
        judgements = self.judge.judge_many(programs)
        return [_Tried(sample, judgement) for sample, judgement in zip(samples, judgements, strict=True)]


def _rate(template: str, style: str, tried: Sequence[_Tried], changed: int = 0) -> Rate:
    verdicts = Counter(str(one.judgement.verdict) for one in tried)
    tokens = [one.sample.completion_tokens for one in tried]
    return Rate(
        template=template,
        style=style,
        passed=sum(one.judgement.solved for one in tried),
        samples=len(tried),
        mean_tokens=float(np.mean(tokens)) if tokens else 0.0,
        verdicts=tuple(verdicts.most_common()),
        changed=changed,
    )
