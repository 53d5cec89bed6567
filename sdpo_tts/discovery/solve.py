"""The loop: sample, judge, stop at the first program that passes everything, else learn and go on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import numpy as np

from sdpo_tts.discovery.attempt import Attempt, Judged
from sdpo_tts.discovery.budget import Budget, Spending
from sdpo_tts.discovery.strategies import Strategy
from sdpo_tts.judge import Judge, feedback
from sdpo_tts.judge.feedback import FeedbackStyle
from sdpo_tts.policy.learner import Step
from sdpo_tts.policy.network import Network
from sdpo_tts.policy.program import extract_program
from sdpo_tts.policy.prompts import Chat
from sdpo_tts.policy.sampler import TorchSampler
from sdpo_tts.record import Journal, RunDir, write_text

SAMPLING = 0  # the stream of random numbers that the sampler draws from


@dataclass(frozen=True)
class Parts:
    """What a run works with. `network` is the policy that `sampler` serves and a strategy may train."""

    network: Network
    chat: Chat
    sampler: TorchSampler
    judge: Judge
    journal: Journal
    run: RunDir


class Solver:
    """One run of one method on one problem. `style` says how feedback is written."""

    def __init__(self, parts: Parts, strategy: Strategy, budget: Budget, seed: int, style: FeedbackStyle) -> None:
        self.parts, self.strategy, self.budget, self.seed, self.style = parts, strategy, budget, seed, style
        self.spent = Spending()
        self.step = 0

    def run(self) -> Judged | None:
        """The solving attempt, or None when the budget is spent. Always leaves `run_ended` in the journal."""
        reason = "error"
        try:
            while not (limit := self.spent.reached(self.budget)):
                batch = self.judge(self.sample())
                if winner := next((judged for judged in batch if judged.judgement.solved), None):
                    self.celebrate(winner)
                    reason = "solved"
                    return winner
                self.learn(batch)
                self.step += 1
            reason = limit
            return None
        except KeyboardInterrupt:
            reason = "interrupted"
            raise
        finally:
            self.end(reason)

    def sample(self) -> list[Attempt]:
        prompts = self.strategy.prompts(self.spent.room(self.strategy.batch_size, self.budget))
        rngs = [np.random.default_rng([self.seed, SAMPLING, self.step, i]) for i in range(len(prompts))]
        with self.timed("sampling") as clock:
            samples = self.parts.sampler.sample(prompts, rngs)
        first, version = self.spent.attempts + 1, self.parts.network.version
        texts = [self.parts.chat.text(sample.response) for sample in samples]
        attempts = [
            Attempt(first + i, self.step, i, version, sample, text, extract_program(text))
            for i, (sample, text) in enumerate(zip(samples, texts, strict=True))
        ]
        self.spent.attempts += len(attempts)
        tokens = sum(len(sample.response) for sample in samples)
        self.spent.tokens += tokens
        self.parts.journal.append(
            "batch_sampled", step=self.step, attempts=len(attempts), adapter=version, seconds=clock(),
            prompt_tokens=sum(map(len, prompts)), completion_tokens=tokens,
            truncated=sum(sample.truncated for sample in samples),
        )  # fmt: skip
        return attempts

    def judge(self, attempts: Sequence[Attempt]) -> list[Judged]:
        """Judge a whole batch, the one of the first success too: it was paid for, and its successes count."""
        found: dict[int, Judged] = {}
        with self.timed("judging"):
            for i, judgement in self.parts.judge.judge_each([attempt.program for attempt in attempts]):
                attempt = attempts[i]
                told = feedback.render(
                    judgement, self.parts.judge.problem, truncated=attempt.sample.truncated, style=self.style
                )
                found[i] = Judged(attempt, judgement, told)
                found[i].record().save(self.parts.run.attempt(attempt.number))
                self.parts.journal.append("attempt_judged", **found[i].event())
        return [found[i] for i in range(len(attempts))]

    def learn(self, batch: Sequence[Judged]) -> None:
        with self.timed("learning") as clock:
            outcome = self.strategy.learn(batch)
        if isinstance(outcome, Step):
            self.parts.network.save_adapter(self.parts.run.last_adapter)
            version = self.parts.network.version
            self.parts.journal.append("step_taken", step=self.step, adapter=version, seconds=clock(), **asdict(outcome))
        else:
            self.parts.journal.append("step_skipped", step=self.step, reason=outcome)

    def celebrate(self, winner: Judged) -> None:
        """Write the program, and the adapter under which it was found, before saying so."""
        assert winner.attempt.program is not None
        write_text(self.parts.run.solution(self.parts.judge.problem.language), winner.attempt.program)
        self.parts.network.save_adapter(self.parts.run.solved_adapter)
        self.tell(winner)

    def tell(self, winner: Judged) -> None:
        self.parts.journal.append(
            "solved", attempt=winner.attempt.number, step=self.step, adapter=winner.attempt.adapter,
            tokens=self.spent.tokens, seconds=self.spent.elapsed, program=winner.attempt.program,
        )  # fmt: skip

    def end(self, reason: str) -> None:
        seconds = {f"{activity}_seconds": value for activity, value in self.spent.seconds.items()}
        self.parts.journal.append(
            "run_ended", reason=reason, attempts=self.spent.attempts, tokens=self.spent.tokens,
            seconds=self.spent.elapsed, **seconds,
        )  # fmt: skip

    @contextmanager
    def timed(self, activity: str) -> Iterator[Callable[[], float]]:
        """Charge the block to `activity`; what it yields tells the seconds since its start."""
        start = time.monotonic()
        try:
            yield lambda: round(time.monotonic() - start, 3)
        finally:
            self.spent.seconds[activity] += time.monotonic() - start
