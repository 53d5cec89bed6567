"""How a run stands: a pure fold over its events, which every view shows and none keeps besides."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum

from sdpo_tts.record import Event
from sdpo_tts.stats import Cost, passed_share, solves

LEARNERS = frozenset({"sdpo", "grpo"})


class Phase(StrEnum):
    STARTING = "starting"
    SAMPLING = "sampling"
    JUDGING = "judging"
    LEARNING = "learning"
    ENDED = "ended"


@dataclass(frozen=True)
class Best:
    """The first attempt that passed as many tests as any so far."""

    attempt: int
    passed: int


@dataclass(frozen=True)
class Batch:
    """The batch sampled last: attempts `first` and following. `verdicts` come as judging ends, in any order."""

    step: int
    first: int
    attempts: int
    tokens_per_second: float
    verdicts: tuple[tuple[int, str], ...] = ()

    @property
    def judged(self) -> bool:
        return len(self.verdicts) >= self.attempts


@dataclass(frozen=True)
class Learning:
    """One step of learning; a figure that was not finite is None. `kl` and `entropy` in nats a token."""

    step: int
    adapter: int
    loss: float | None
    kl: float | None


@dataclass(frozen=True)
class RunState:
    """The fold. `best_shares[k - 1]` is the best share of tests passed by the first k attempts judged.

    `started` is Unix time; limits of None are none; `wall_seconds` is None until the run has ended.
    """

    method: str = ""
    problem: str = ""
    title: str = ""
    seed: int = 0
    model: str = ""
    engine: str = ""
    device: str = ""
    tests: int = 0
    batch_size: int = 0
    max_attempts: int | None = None
    max_tokens: int | None = None
    max_seconds: float | None = None
    started: float | None = None
    phase: Phase = Phase.STARTING
    cost: Cost = field(default_factory=Cost)
    batch: Batch | None = None
    verdicts: tuple[tuple[str, int], ...] = ()
    truncated: int = 0
    best: Best | None = None
    best_shares: tuple[float, ...] = ()
    steps: tuple[Learning, ...] = ()
    skipped: str = ""
    solved_at: int | None = None
    reason: str | None = None
    wall_seconds: float | None = None

    @classmethod
    def of(cls, events: Iterable[Event]) -> RunState:
        state = cls()
        for event in events:
            state = state.after(event)
        return state

    def after(self, event: Event) -> RunState:
        """The state once `event` has happened too. An event of unknown type changes only the clock."""
        state = replace(self, cost=self.cost.plus(event))
        match event["type"]:
            case "run_started":
                return state._started(event)
            case "batch_sampled":
                return state._sampled(event)
            case "attempt_judged":
                return state._judged(event)
            case "step_taken":
                return state._learned(event)
            case "step_skipped":
                return replace(state, phase=Phase.SAMPLING, skipped=event["reason"])
            case "solved":
                return replace(state, solved_at=min(state.solved_at or event["attempt"], event["attempt"]))
            case "run_ended":
                return state._ended(event)
        return state

    def elapsed(self, now: float) -> float:
        """Seconds since the run started, or those it took."""
        if self.wall_seconds is not None:
            return self.wall_seconds
        return 0.0 if self.started is None else max(0.0, now - self.started)

    def _started(self, event: Event) -> RunState:
        told = {field.name: event[field.name] for field in fields(self) if field.name in event}
        return replace(self, started=event["t"], phase=Phase.SAMPLING, **told)

    def _sampled(self, event: Event) -> RunState:
        speed = event["completion_tokens"] / event["seconds"] if event["seconds"] else 0.0
        return replace(
            self,
            phase=Phase.JUDGING,
            batch=Batch(event["step"], self.cost.attempts + 1, event["attempts"], speed),
            truncated=self.truncated + event["truncated"],
        )

    def _judged(self, event: Event) -> RunState:
        share = passed_share(event)
        batch = self.batch or Batch(event["step"], event["attempt"], 1, 0.0)
        batch = replace(batch, verdicts=(*batch.verdicts, (event["attempt"], event["verdict"])))
        counts = dict(self.verdicts)
        counts[event["verdict"]] = counts.get(event["verdict"], 0) + 1
        before = self.best_shares[-1] if self.best_shares else 0.0
        challenger = Best(event["attempt"], event["passed"])
        solved = [self.solved_at] if self.solved_at else []
        solved += [event["attempt"]] if solves(event) else []
        return replace(
            self,
            phase=self._next() if batch.judged else Phase.JUDGING,
            batch=batch,
            verdicts=tuple(sorted(counts.items(), key=lambda item: -item[1])),
            best=max(self.best or challenger, challenger, key=lambda best: (best.passed, -best.attempt)),
            best_shares=(*self.best_shares, max(before, share)),
            solved_at=min(solved, default=None),
        )

    def _next(self) -> Phase:
        return Phase.LEARNING if self.method in LEARNERS else Phase.SAMPLING

    def _learned(self, event: Event) -> RunState:
        step = Learning(event["step"], event["adapter"], event["loss"], event["kl"])
        return replace(self, phase=Phase.SAMPLING, steps=(*self.steps, step), skipped="")

    def _ended(self, event: Event) -> RunState:
        """The run's own account of its time replaces the one put together from the events."""
        told = {name: event[name] for name in ("sampling_seconds", "judging_seconds", "learning_seconds")}
        cost = replace(self.cost, **told)
        return replace(self, phase=Phase.ENDED, cost=cost, reason=event["reason"], wall_seconds=event["seconds"])
