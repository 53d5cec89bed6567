"""How good a teacher the model is to itself, measured before any training.

The base pass rate says whether learning is needed; the pass rate of samples from the teacher's prompt, one for each
failed attempt, says whether there is anything to learn: a teacher no better than its student teaches little.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sdpo_tts.discovery.assemble import Policy
from sdpo_tts.judge import Judge, Judgement
from sdpo_tts.judge.feedback import FeedbackStyle, render
from sdpo_tts.policy import prompts
from sdpo_tts.policy.batch import Ids
from sdpo_tts.policy.program import extract_program
from sdpo_tts.policy.prompts import TEMPLATES, Template
from sdpo_tts.policy.sampler import Sample

BASE, TEACHER = 10, 11  # streams of random numbers, apart from the solver's
BATCH = 16

STYLES = {
    "plain": FeedbackStyle(literals=False, examples=0),
    "literals": FeedbackStyle(literals=True, examples=0),
    "literals+examples": FeedbackStyle(literals=True, examples=2),
}


@dataclass(frozen=True)
class Rate:
    """`passed` of `samples` programs passed all tests; `mean_tokens` is the mean length of an answer."""

    template: str
    style: str
    passed: int
    samples: int
    mean_tokens: float
    verdicts: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class _Tried:
    sample: Sample
    judgement: Judgement


class Probe:
    """Samples and judges; nothing is trained."""

    def __init__(self, policy: Policy, judge: Judge, seed: int) -> None:
        self.policy, self.judge, self.seed = policy, judge, seed

    def rates(self, samples: int) -> Iterator[Rate]:
        """The base rate first, then the teacher's for each template and style, as they are measured."""
        problem = self.judge.problem
        prompt = self.policy.chat.prompt(prompts.student_text(problem))
        base = self._try([prompt] * samples, BASE)
        yield _rate("student", "", base)
        failed = [tried for tried in base if not tried.judgement.solved]
        for template in TEMPLATES.values():
            for name, style in STYLES.items():
                asked = [self._teacher_prompt(tried, template, style) for tried in failed]
                yield _rate(template.name, name, self._try(asked, TEACHER))

    def _teacher_prompt(self, tried: _Tried, template: Template, style: FeedbackStyle) -> Ids:
        problem = self.judge.problem
        told = render(tried.judgement, problem, truncated=tried.sample.truncated, style=style)
        return self.policy.chat.prompt(prompts.teacher_text(problem, told.text, template))

    def _try(self, asked: Sequence[Ids], stream: int) -> list[_Tried]:
        samples: list[Sample] = []
        for start in range(0, len(asked), BATCH):
            batch = asked[start : start + BATCH]
            rngs = [np.random.default_rng([self.seed, stream, start, i]) for i in range(len(batch))]
            samples += self.policy.sampler.sample(batch, rngs)
        programs = [extract_program(self.policy.chat.text(sample.response)) for sample in samples]
        judgements = self.judge.judge_many(programs)
        return [_Tried(sample, judgement) for sample, judgement in zip(samples, judgements, strict=True)]


def _rate(template: str, style: str, tried: Sequence[_Tried]) -> Rate:
    verdicts = Counter(str(one.judgement.verdict) for one in tried)
    tokens = [len(one.sample.response) for one in tried]
    return Rate(
        template=template,
        style=style,
        passed=sum(one.judgement.solved for one in tried),
        samples=len(tried),
        mean_tokens=float(np.mean(tokens)) if tokens else 0.0,
        verdicts=tuple(verdicts.most_common()),
    )
