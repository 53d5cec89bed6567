"""The loop: sample, judge, stop at the first program that passes everything, otherwise learn and continue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import cached_property
from typing import Any

import numpy as np

from sdpo_tts.discovery import checkpoint
from sdpo_tts.discovery.attempt import Attempt, Judged, digest_of_outputs
from sdpo_tts.discovery.consensus.contest import Contest
from sdpo_tts.discovery.hard_coding import hard_coded
from sdpo_tts.discovery.interrupts import deferred
from sdpo_tts.discovery.person.own_programs import event_of, judge_own
from sdpo_tts.discovery.person.rejection import rejections
from sdpo_tts.discovery.source import HELPED, Draw
from sdpo_tts.discovery.state import SolverState
from sdpo_tts.judge import Judgement, JudgingQueue, Verdict
from sdpo_tts.judge.feedback.text import render
from sdpo_tts.policy.learning.learner import NonFiniteError
from sdpo_tts.policy.learning.metrics import Step
from sdpo_tts.policy.program import extract_program
from sdpo_tts.policy.sampler import Listener, Sample
from sdpo_tts.record import Event, hints, write_folder, write_json, write_text

SAMPLING = 0  # the stream of random numbers for sampling


class Solver(SolverState):
    """Takes a run from its current state to its end."""

    @cached_property
    def contest(self) -> Contest | None:
        """For problems without held-out tests, if more candidates than the first passing program are wanted."""
        more = self.settings.candidates > 1
        return Contest(self, self.crown) if more and not any(self.parts.judge.problem.held_out) else None

    def remember(self, events: Sequence[Event]) -> None:
        told = rejections(events)
        if self.contest or told:
            self.contest = Contest(self, self.crown, events)
        if self.winner and self.winner.attempt.number in told:  # with --keep-going, a checkpoint holds it
            self.winner = None

    def run(self) -> Judged | None:
        """The solving attempt, or None when the budget is spent. Always leaves `run_ended` in the journal.

        Nothing is learned from the last batch of a budget, unless the run is resumed with a larger one.
        """
        reason = "error"
        try:
            self.begin()
            if self.done:
                return self.winner
            checkpoint.save(self)
            while not (limit := self.spent.reached(self.budget)):
                batch = self.batch()
                if self.done:
                    return self.winner
                if good := self.good_enough(batch):
                    reason = "enough"
                    return good
                if limit := self.spent.reached(self.budget):  # nothing would be sampled after this step
                    break
                self.learn(batch)
                self.step += 1
                checkpoint.save(self)
            if self.contest and not self.winner:
                self.contest.propose(final=True)
            reason = limit
            return self.winner
        except KeyboardInterrupt:
            reason = "interrupted"
            raise
        finally:
            self.end("solved" if self.done else reason)

    def begin(self) -> None:
        """Judge the user's own programs that are new. One that passes everything ends the run."""
        new = {name: program for name, program in self.settings.start.items() if name not in self.started}
        if not new:
            return
        with self.timed("judging"):
            own = list(judge_own(self, new))
        for name, judged in own:
            self.parts.journal.append("start_judged", **event_of(name, judged))
        self.started |= new.keys()
        self.strategy.begin([judged for _, judged in own])
        right = next(((name, judged) for name, judged in own if judged.judgement.solved), None)
        if right and not self.settings.keep_going:
            self.crown(right[1], own=right[0])

    def batch(self) -> list[Judged]:
        """A new batch, or the one in progress when the run was interrupted. Attempts are judged while others are still
        being sampled. A first Ctrl-C waits until that is done and a success is written down."""
        with self.parts.judge.queue() as queue:
            attempts = self.again(queue) if self.in_hand else self.sample(queue)
            with deferred():
                batch = self.judge(attempts, queue)
                if not self.contest:
                    self.celebrate(batch)
        return self.contest.settle(batch) if self.contest else batch

    def again(self, queue: JudgingQueue) -> list[Attempt]:
        """The batch in progress, some of whose attempts may be judged. The tests these failed are kept for later
        batches."""
        attempts, self.in_hand = self.in_hand, []
        self.parts.judge.recall(checkpoint.failed(judged.event() for judged in self.known.values()))
        self.spent.seconds["sampling"] += self.in_hand_seconds
        self.charge(attempts)
        for attempt in attempts:
            if attempt.number not in self.known and not attempt.sample.cancelled:
                queue.submit(attempt.number, attempt.program)
        return attempts

    def listen(self) -> None:
        """Read the hints that the user has given since the last batch."""
        for id, text in hints.left(self.parts.run).items():
            if id not in self.heard:
                self.heard.add(id)
                self.parts.journal.append("hint_given", id=id, text=text)
                self.strategy.advise(text)

    def sample(self, queue: JudgingQueue) -> list[Attempt]:
        self.listen()
        draws = self.draws()
        prompts, base = [draw.prompt for draw in draws], sum(not draw.adapter for draw in draws)
        rngs = [np.random.default_rng([self.seed, SAMPLING, self.step, i]) for i in range(len(draws))]
        with self.timed("sampling") as clock:
            samples = self.parts.sampler.sample(
                prompts, rngs, base=base, top=self.kept(draws), listener=self.listener(draws, queue)
            )
        attempts = [self.attempt(i, draw, sample) for i, (draw, sample) in enumerate(zip(draws, samples, strict=True))]
        checkpoint.save_batch(self.parts.run, attempts)
        self.parts.journal.append(
            "batch_sampled", step=self.step, attempts=len(attempts), adapter=self.parts.network.version,
            seconds=clock(), completion_tokens=self.charge(attempts),
            prompt_tokens=sum(sample.prompt_tokens for sample in samples),
            truncated=sum(sample.truncated for sample in samples),
            cancelled=sum(sample.cancelled for sample in samples),
        )  # fmt: skip
        return attempts

    def kept(self, draws: Sequence[Draw]) -> int:
        """How many of the likeliest ids the learner wants of samples that the base draws with help."""
        learner = self.strategy.learner
        return learner.kept if learner and any(draw.source in HELPED and not draw.adapter for draw in draws) else 0

    def draws(self) -> list[Draw]:
        """The draws of the next batch, those from the base first."""
        draws = self.strategy.draws(self.spent.room(self.strategy.batch_size, self.budget))
        base = min(self.settings.base_samples, len(draws) - 1)
        draws = [draw.of_base() if place < base else draw for place, draw in enumerate(draws)]
        return sorted(draws, key=lambda draw: draw.adapter)

    def listener(self, draws: Sequence[Draw], queue: JudgingQueue) -> Listener:
        """Attempts go to the judge as they end. The others are cancelled once the run has what it wants, or is out of
        time."""

        tokens, complete = [0], set[int]()

        def grown(more: int) -> None:
            tokens[0] += more
            self.parts.sampling(tokens[0], len(complete), len(draws))

        def ended(place: int, sample: Sample) -> None:
            complete.add(place)
            attempt = self.attempt(place, draws[place], sample)
            queue.submit(attempt.number, attempt.program)

        def enough() -> bool:
            wanted = self.settings.cancel and not self.settings.keep_going and not self.contest and queue.solved()
            return wanted or self.spent.out_of_time(self.budget)

        return Listener(ended, enough, grown)

    def attempt(self, place: int, draw: Draw, sample: Sample) -> Attempt:
        """One of the batch that is being sampled."""
        text, thought = (self.parts.chat.text(ids) for ids in (sample.answer, sample.response[: sample.thought]))
        version = 0 if sample.base else self.parts.network.version
        sample = sample if draw.source in HELPED else replace(sample, likeliest=None)
        program = None if sample.cancelled else extract_program(text)
        number = self.spent.attempts + 1 + place
        return Attempt(number, self.step, place, version, sample, text, program, draw.source, draw.parent, thought)

    def charge(self, attempts: Sequence[Attempt]) -> int:
        """Count a batch as spent; returns its tokens."""
        tokens = sum(attempt.sample.completion_tokens for attempt in attempts)
        self.spent.attempts += len(attempts)
        self.spent.tokens += tokens
        return tokens

    def judge(self, attempts: Sequence[Attempt], queue: JudgingQueue) -> list[Judged]:
        """Every finished attempt of a batch, also those after the first success: they were paid for, so they count."""
        by_number = {attempt.number: attempt for attempt in attempts}
        with self.timed("judging"):
            for attempt in attempts:
                if attempt.sample.cancelled and attempt.number not in self.known:
                    self.note(attempt, Judgement(Verdict.CA, (), len(self.parts.judge.problem.tests)))
            for number, judgement in queue.verdicts():
                self.note(by_number[number], judgement)
        return [self.known.pop(attempt.number) for attempt in attempts]

    def note(self, attempt: Attempt, judgement: Judgement) -> None:
        """Write down a verdict, first the attempt and then the event."""
        problem = self.parts.judge.problem
        told = render(judgement, problem, style=self.settings.style, **attempt.sample.cut)
        cheats = attempt.program is not None and hard_coded(attempt.program, problem)
        judged = Judged(attempt, judgement, told, digest_of_outputs(judgement), cheats)
        self.known[attempt.number] = judged
        judged.record().save(self.parts.run.attempt(attempt.number))
        self.parts.journal.append("attempt_judged", **judged.event())

    def good_enough(self, batch: Sequence[Judged]) -> Judged | None:
        """The first of the batch that has the required points."""
        wanted = self.settings.enough
        reached = (judged for judged in batch if wanted is not None and (judged.judgement.points or 0.0) >= wanted)
        return next(reached, None)

    def learn(self, batch: Sequence[Judged]) -> None:
        """Also from a batch cut short by lack of time, but such a batch says nothing about the policy's health."""
        ended = [judged for judged in batch if not judged.attempt.sample.cancelled]
        if not ended or (len(ended) == len(batch) and self.collapsed(batch)):
            return
        batch = self.criticise(ended)
        with self.timed("learning") as clock:
            outcome = self.outcome(batch)
        if isinstance(outcome, Step):
            write_folder(self.parts.run.last_adapter, self.parts.network.save_adapter)
            version = self.parts.network.version
            self.parts.journal.append("step_taken", step=self.step, adapter=version, seconds=clock(), **asdict(outcome))
        else:
            self.parts.journal.append("step_skipped", step=self.step, reason=outcome)

    def outcome(self, batch: Sequence[Judged]) -> Step | str:
        try:
            return self.strategy.learn(batch)
        except NonFiniteError as error:
            write_json(self.parts.run.logs / "non_finite_batch.json", [asdict(lesson) for lesson in error.lessons])
            raise

    def collapsed(self, batch: Sequence[Judged]) -> bool:
        """Whether the guard returned the policy to its best state instead of letting it learn."""
        if not (guard := self.parts.guard):
            return False
        if not (watched := guard.watch(batch)):
            return False
        health, reason = watched
        self.parts.journal.append("batch_watched", step=self.step, **asdict(health))
        if reason:
            assert guard.best is not None
            self.parts.journal.append(
                "rolled_back", step=self.step, best_step=guard.best.step, adapter=self.parts.network.version,
                learning_rate=guard.learner.learning_rate, reason=reason,
            )  # fmt: skip
        return bool(reason)

    def criticise(self, batch: Sequence[Judged]) -> list[Judged]:
        """The batch with a critic's remarks after the sandbox's feedback; the critic's tokens are charged."""
        if not self.parts.critic:
            return list(batch)
        with self.timed("learning") as clock:
            critiques = self.parts.critic.criticise(batch)
        tokens = sum(critique.completion_tokens for critique in critiques)
        self.spent.tokens += tokens
        self.parts.journal.append(
            "batch_criticised", step=self.step, seconds=clock(), completion_tokens=tokens,
            prompt_tokens=sum(critique.prompt_tokens for critique in critiques),
        )  # fmt: skip
        return [judged.with_remarks(critique.text) for judged, critique in zip(batch, critiques, strict=True)]

    def celebrate(self, batch: Sequence[Judged]) -> None:
        """Make the first program that passes everything the run's winner."""
        winner = next((judged for judged in batch if judged.judgement.solved), None)
        if winner and not self.winner:
            self.crown(winner)

    def crown(self, winner: Judged, **told: Any) -> None:
        """Write its program, and the adapter that sampled it, before announcing it. A sample of the base has no
        adapter. `told`: more fields for the journal."""
        assert winner.attempt.program is not None
        write_text(self.parts.run.solution(self.parts.judge.problem.language), winner.attempt.program)
        if winner.attempt.adapter:  # before the first step it would hold only zeros
            write_folder(self.parts.run.solved_adapter, self.parts.network.save_adapter)
        self.tell(winner, **told)
        self.winner = winner

    def tell(self, winner: Judged, **told: Any) -> None:
        held_out = any(self.parts.judge.problem.held_out)
        told.setdefault("rests_on", "held-out" if held_out else "samples")
        self.parts.journal.append(
            "solved", attempt=winner.attempt.number, step=self.step, adapter=winner.attempt.adapter,
            tokens=self.spent.tokens, seconds=self.spent.elapsed, program=winner.attempt.program, **told,
        )  # fmt: skip

    def end(self, reason: str) -> None:
        if self.done and any(self.parts.judge.problem.held_out):  # an external judge knows no better
            checkpoint.discard(self.parts.run)
        journal = self.parts.journal
        append = journal.append_if_room if reason == "interrupted" else journal.append
        seconds = {f"{activity}_seconds": value for activity, value in self.spent.seconds.items()}
        append(
            "run_ended", reason=reason, attempts=self.spent.attempts, tokens=self.spent.tokens,
            seconds=self.spent.elapsed, **seconds,
        )  # fmt: skip
