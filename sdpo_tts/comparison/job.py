"""What one cell needs to run, on any machine, and how it runs there."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from sdpo_tts.comparison.pool import PoolSolver
from sdpo_tts.discovery.assemble import Policy, RunSettings, make_critic, make_guard
from sdpo_tts.discovery.launch import announce
from sdpo_tts.discovery.methods.strategy import Strategy
from sdpo_tts.discovery.solve import Solver
from sdpo_tts.discovery.state import Parts
from sdpo_tts.judge import Judge
from sdpo_tts.models.progress import Report
from sdpo_tts.problem import Problem
from sdpo_tts.record import Event, Journal, RunDir
from sdpo_tts.settings import matters


@dataclass(frozen=True)
class Job:
    """`arm` is its name in the journal, empty for part of a pool, which belongs to no single comparison."""

    problem: Problem
    settings: RunSettings
    arm: str
    argv: tuple[str, ...]

    @property
    def pooled(self) -> bool:
        return not self.arm


@dataclass(frozen=True)
class Watch:
    """Callbacks that follow a cell while it runs."""

    status: Report
    event: Callable[[Event], None]
    sampling: Callable[[int, int, int], None] = lambda tokens, complete, asked: None
    learning: Callable[[int, int], None] = lambda done, of: None


@dataclass(frozen=True)
class Makers:
    """How a cell gets its parts. `watch` opens a view of the run that is about to begin."""

    judge: Callable[[Problem, RunSettings], Judge]
    policy: Callable[[RunSettings, Report], AbstractContextManager[Policy]]
    strategy: Callable[[RunSettings, Problem, Policy], Strategy]
    watch: Callable[[RunDir], AbstractContextManager[Watch]]


def perform(job: Job, makers: Makers, run: RunDir) -> None:
    """Run it in an empty run directory, locked against commands on single runs. Any error raised is written there
    too."""
    with run.lock(), makers.watch(run) as watch:
        try:
            _solve(job, makers, run, watch)
        except Exception:
            (run.logs / "error.txt").write_text(traceback.format_exc(), encoding="utf-8")
            raise


def _solve(job: Job, makers: Makers, run: RunDir, watch: Watch) -> None:
    problem, settings = job.problem, job.settings
    with makers.judge(problem, settings) as judge, Journal(run.events) as journal:
        journal.subscribe(watch.event)
        with makers.policy(settings, watch.status) as policy:
            strategy = makers.strategy(settings, problem, policy)
            announce(journal, run, judge, policy, strategy, settings, job.argv, arm=job.arm, pooled=job.pooled)
            guard = make_guard(strategy, settings.guard)
            if strategy.learner:
                strategy.learner.tell = watch.learning
            critic = make_critic(problem, policy, settings) if matters(settings.method, "critic") else None
            parts = Parts(
                policy.network, policy.chat, policy.sampler, judge, journal, run, guard, critic, watch.sampling,
                policy.window.limit,
            )  # fmt: skip
            kind = PoolSolver if job.pooled else Solver
            kind(parts, strategy, settings.budget, settings.seed, settings.solver).run()
