"""Stand-ins for the slow parts, for tests of what joins them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

import numpy as np

from sdpo_tts.discovery.attempt import Attempt, Judged
from sdpo_tts.discovery.methods.best_of_k import BestOfK
from sdpo_tts.judge import Judgement, Verdict
from sdpo_tts.judge.feedback.text import Feedback
from sdpo_tts.judge.verdict import TestOutcome
from sdpo_tts.policy.batch import Ids
from sdpo_tts.policy.learning.metrics import Step
from sdpo_tts.policy.sampler import NOBODY, Listener, Sample
from sdpo_tts.problem import Problem, Test

STOP = 0


class CharacterChat:
    """A prompt is its characters' code points; an answer ends with STOP."""

    stop_ids = (STOP,)

    def prompt(self, text: str) -> Ids:
        return tuple(map(ord, text))

    def text(self, ids: Sequence[int]) -> str:
        return "".join(chr(i) for i in ids if i != STOP)


class ScriptedSampler:
    """Answers from a list, in order, and keeps the prompts that it was asked."""

    name = "scripted"

    def __init__(self, answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.prompts: list[Ids] = []

    def close(self) -> None:
        """Nothing to give back."""

    def sample(
        self,
        prompts: Sequence[Ids],
        rngs: Sequence[np.random.Generator],
        *,
        base: int = 0,
        top: int = 0,
        listener: Listener = NOBODY,
    ) -> list[Sample]:
        self.prompts += prompts
        return heard(listener, [self._sample(prompt) for prompt in prompts])

    def _sample(self, prompt: Ids) -> Sample:
        response = (*map(ord, self._answers.pop(0)), STOP)
        return Sample(prompt, response, (0.0,) * len(response), truncated=False)


class Version:
    """A network of which only the version and the saved adapter matter, and the seeds it was renewed with."""

    version = 0
    device = "cpu"

    def __init__(self) -> None:
        self.renewed: list[int] = []

    def renew(self, seed: int) -> None:
        self.version = 0
        self.renewed.append(seed)

    def save_adapter(self, folder: object) -> None:
        """Nothing to save."""


def judged(number: int, answer: str, *, passed: int = 0, feedback: str = "wrong", base: bool = False) -> Judged:
    """Attempt `number`, as judged on two tests; `answer` is its program too."""
    sample = Sample((1,), (*map(ord, answer), STOP), (-0.5,) * (len(answer) + 1), truncated=False, base=base)
    outcomes = tuple(
        TestOutcome(
            Test(str(i), b"", b"", shown=True), Verdict.AC if i < passed else Verdict.WA, 0.0, 0.0, 0, 0, None, b"", b""
        )
        for i in range(2)
    )
    judgement = Judgement(Verdict.AC if passed == 2 else Verdict.WA, outcomes, 2)
    told = Feedback("none", "") if passed == 2 else Feedback("wrong_answer", feedback)
    return Judged(Attempt(number, 0, number - 1, 0, sample, answer, answer), judgement, told)


class CoinSampler:
    """Answers rightly with probability `chance`, drawn from the row's own generator: what a seed fixes stays fixed."""

    name = "coin"

    def __init__(self, chance: float, delay_s: float = 0.0) -> None:
        self._chance, self._delay_s = chance, delay_s

    def close(self) -> None:
        """Nothing to give back."""

    def sample(
        self,
        prompts: Sequence[Ids],
        rngs: Sequence[np.random.Generator],
        *,
        base: int = 0,
        top: int = 0,
        listener: Listener = NOBODY,
    ) -> list[Sample]:
        time.sleep(self._delay_s)
        words = ["right" if rng.random() < self._chance else "wrong" for rng in rngs]
        answers = [(*map(ord, f"```python\n{word}\n```"), STOP) for word in words]
        samples = [Sample(p, a, (0.0,) * len(a), truncated=False) for p, a in zip(prompts, answers, strict=True)]
        return heard(listener, samples)


def heard(listener: Listener, samples: list[Sample]) -> list[Sample]:
    """The samples, of which a listener has been told."""
    for place, sample in enumerate(samples):
        listener.ended(place, sample)
    return samples


class LateQueue:
    """Judges only once all programs are there."""

    def __init__(self, judge_each: Callable[[Sequence[str | None]], Iterator[tuple[int, Judgement]]]) -> None:
        self._judge_each = judge_each
        self._submitted: list[tuple[int, str | None]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def submit(self, index: int, program: str | None) -> None:
        self._submitted.append((index, program))

    def solved(self) -> bool:
        return False

    def verdicts(self) -> Iterator[tuple[int, Judgement]]:
        indices = [index for index, _ in self._submitted]
        for place, judgement in self._judge_each([program for _, program in self._submitted]):
            yield indices[place], judgement


class WordJudge:
    """Passes the program `word`, at once and without a sandbox."""

    word = "right"

    def __init__(self, problem: Problem, settings: object) -> None:
        self.problem = problem

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def versions(self) -> dict[str, str]:
        return {"image": "none"}

    def queue(self) -> LateQueue:
        return LateQueue(self.judge_each)

    def judge_each(self, programs: Sequence[str | None]) -> Iterator[tuple[int, Judgement]]:
        for i, program in enumerate(programs):
            verdict = Verdict.AC if program == f"{self.word}\n" else Verdict.WA
            outcomes = tuple(_outcome(test, verdict) for test in self.problem.tests)
            yield i, Judgement(verdict, outcomes, len(self.problem.tests))


def _outcome(test: Test, verdict: Verdict) -> TestOutcome:
    return TestOutcome(test, verdict, 0.0, 0.0, 0, 0, None, b"", b"", "")


class CountingStrategy(BestOfK):
    """Called sdpo: takes a step a batch, in which nothing but the network's version changes."""

    name = "sdpo"

    def __init__(self, problem: Problem, chat: Any, network: Version, batch_size: int) -> None:
        super().__init__(problem, chat, batch_size)
        self._network = network

    def learn(self, batch: Sequence[Judged]) -> Step:
        self._network.version += 1
        count = len(batch)
        return Step(0.5, 0.1, 1.0, 1.0, 0.001, 0.01, count, count, 10 * count, 30 * count, 1024)
