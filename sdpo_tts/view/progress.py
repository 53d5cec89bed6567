"""The progress of a run: a pure fold over its events, which every view shows without keeping state of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any

from sdpo_tts.record import Event
from sdpo_tts.stats import Cost, passed_share, solves

LEARNERS = frozenset({"auto", "sdpo", "grpo"})
PACES = 5
BASIS = ("rests_on", "candidates", "agreeing", "inputs", "brute")


class Phase(StrEnum):
    STARTING = "starting"
    SAMPLING = "sampling"
    JUDGING = "judging"
    LEARNING = "learning"
    ENDED = "ended"


@dataclass(frozen=True)
class Best:
    """The first attempt that passed as many tests as any so far, and the first test that it failed. With scores, the
    first with as many `points`."""

    attempt: int
    passed: int
    verdict: str = ""
    failing: str = ""
    detail: str = ""
    points: float = 0.0


@dataclass(frozen=True)
class Tally:
    """What came from one source: `best` is the most tests that one of its attempts passed."""

    attempts: int = 0
    best: int = 0
    solved: int = 0


@dataclass(frozen=True)
class Batch:
    """The batch sampled last, from attempt `first` on. `verdicts` are in the order in which judging ended."""

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
    """One learning step; a figure that was not finite is None. `kl` and `entropy` in nats per token."""

    step: int
    adapter: int
    loss: float | None
    kl: float | None


@dataclass(frozen=True)
class Health:
    """One batch: the mean share of tests passed, tokens per answer, nats of entropy per token, share of distinct
    programs.

    A figure that was not finite is None.
    """

    score: float | None
    length: float | None
    entropy: float | None
    distinct: float | None


@dataclass(frozen=True)
class RunState:
    """The fold. `best_shares[k - 1]` is the best share of tests passed by the first k attempts judged.

    `points` is the full score, None if there are no scores. `started` is Unix time, shifted as if a resumed run had not
    paused; limits of None mean no limit; `wall_seconds` is None until the run has ended. `own` names the user's own
    program that solved it; `yours` are all of them: name, verdict, tests passed, tests. `candidates`: how many a run
    without held-out tests collects; `passing`: the different programs so far that may be candidates, by their digest.
    `basis`: what the success rests on, as in `solved` and `verdict_given`. `paces` are the seconds of the last batches,
    learning included; `healths` are those of the last two.
    """

    method: str = ""
    problem: str = ""
    title: str = ""
    seed: int = 0
    model: str = ""
    engine: str = ""
    device: str = ""
    tests: int = 0
    points: float | None = None
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
    only_thoughts: int = 0
    best: Best | None = None
    best_shares: tuple[float, ...] = ()
    sources: tuple[tuple[str, Tally], ...] = ()
    steps: tuple[Learning, ...] = ()
    skipped: str = ""
    rolled_back: str = ""
    healths: tuple[Health, ...] = ()
    paces: tuple[float, ...] = ()
    paced: float = 0.0
    solved_at: int | None = None
    own: str = ""
    yours: tuple[tuple[str, str, int, int], ...] = ()
    candidates: int = 0
    passing: frozenset[str] = frozenset()
    basis: dict[str, Any] = field(default_factory=dict)
    rejected: str = ""
    reason: str | None = None
    wall_seconds: float | None = None

    @classmethod
    def of(cls, events: Iterable[Event]) -> RunState:
        state = cls()
        for event in events:
            state = state.after(event)
        return state

    def after(self, event: Event) -> RunState:
        """The state after `event`. An event of unknown type changes only the clock."""
        state = replace(self, cost=self.cost.plus(event))
        match event["type"]:
            case "run_started":
                return state._started(event)
            case "resumed":
                return state._resumed(event, pause=event["t"] - self.cost.moment)
            case "start_judged":
                told = event["name"], event["verdict"], event["passed"], event["total"]
                return replace(state, yours=(*self.yours, told))
            case "batch_sampled":
                return state._sampled(event)
            case "attempt_judged":
                return state._judged(event)
            case "step_taken":
                return state._learned(event)
            case "step_skipped":
                return replace(state, phase=Phase.SAMPLING, skipped=event["reason"])._paced()
            case "rolled_back":
                return replace(state, phase=Phase.SAMPLING, rolled_back=event["reason"])._paced()
            case "batch_watched":
                health = Health(*(event[name] for name in ("score", "length", "entropy", "distinct")))
                return replace(state, healths=(*state.healths, health)[-2:])
            case "solved":
                return state._solved(event)
            case "verdict_given":
                return state._decided_elsewhere(event)
            case "run_ended":
                return state._ended(event)
        return state

    def elapsed(self, now: float) -> float:
        """Seconds since the run started, or the seconds it took."""
        if self.wall_seconds is not None:
            return self.wall_seconds
        return 0.0 if self.started is None else max(0.0, now - self.started)

    @property
    def batch_seconds(self) -> float | None:
        """How long a batch takes, from the last ones; None before the first has ended."""
        return sum(self.paces) / len(self.paces) if self.paces else None

    def seconds_left(self, now: float) -> float | None:
        """At most, by the limits on attempts and time; None if neither says."""
        left = [] if self.max_seconds is None else [self.max_seconds - self.elapsed(now)]
        if self.max_attempts is not None and self.batch_seconds and self.batch_size:
            left.append((self.max_attempts - self.cost.attempts) / self.batch_size * self.batch_seconds)
        return max(0.0, min(left)) if left else None

    def _paced(self) -> RunState:
        paces = (*self.paces, self.cost.seconds - self.paced)[-PACES:]
        return replace(self, paces=paces, paced=self.cost.seconds)

    def _started(self, event: Event) -> RunState:
        told = {field.name: event[field.name] for field in fields(self) if field.name in event}
        return replace(self, started=event["t"], phase=Phase.SAMPLING, **told)

    def _resumed(self, event: Event, pause: float) -> RunState:
        """The time while the run was stopped does not count. Journals of older programs do not say what was spent."""
        if self.started is None:
            return self
        started = event["t"] - event["seconds"] if "seconds" in event else self.started + max(0.0, pause)
        limits = {name: event[name] for name in ("max_attempts", "max_tokens", "max_seconds") if name in event}
        return replace(self, started=started, phase=Phase.SAMPLING, reason=None, wall_seconds=None, **limits)

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
        challenger = Best(event["attempt"], event["passed"], *_failing(event), event.get("points") or 0.0)
        solved = [self.solved_at] if self.solved_at else []
        solved += [event["attempt"]] if solves(event) and not self.candidates else []
        passing = {event["program_sha"]} if self.candidates and solves(event) else set()
        return replace(
            self,
            passing=self.passing | passing,
            phase=self._next() if batch.judged else Phase.JUDGING,
            batch=batch,
            verdicts=tuple(sorted(counts.items(), key=lambda item: -item[1])),
            best=max(self.best or challenger, challenger, key=lambda best: (best.points, best.passed, -best.attempt)),
            only_thoughts=self.only_thoughts + (event.get("feedback_kind") == "only_thought"),
            best_shares=(*self.best_shares, max(before, share)),
            sources=self._tallied(event),
            solved_at=min(solved, default=None),
        )

    def _solved(self, event: Event) -> RunState:
        """The proposed candidate need not be the first one that passed."""
        first = event["attempt"] if self.candidates else min(self.solved_at or event["attempt"], event["attempt"])
        basis = {name: event[name] for name in BASIS if name in event}
        return replace(self, solved_at=first, own=event.get("own", ""), basis=basis)

    def _decided_elsewhere(self, event: Event) -> RunState:
        if event["verdict"] == "AC":
            return replace(self, basis={**self.basis, "accepted": event["words"]})
        return replace(self, solved_at=None, own="", basis={}, best=None, reason="rejected", rejected=event["words"])

    @property
    def awaits_verdict(self) -> bool:
        """Whether it has proposed a program that only an external judge can decide on."""
        return self.basis.get("rests_on") in ("consensus", "samples") and "accepted" not in self.basis

    def _tallied(self, event: Event) -> tuple[tuple[str, Tally], ...]:
        """Journals of older programs name no source."""
        if "source" not in event:
            return self.sources
        tallies, name = dict(self.sources), event["source"]
        old = tallies.get(name, Tally())
        tallies[name] = Tally(old.attempts + 1, max(old.best, event["passed"]), old.solved + solves(event))
        return tuple(sorted(tallies.items()))

    def _next(self) -> Phase:
        return Phase.LEARNING if self.method in LEARNERS else Phase.SAMPLING

    def _learned(self, event: Event) -> RunState:
        step = Learning(event["step"], event["adapter"], event["loss"], event["kl"])
        return replace(self, phase=Phase.SAMPLING, steps=(*self.steps, step), skipped="", rolled_back="")._paced()

    def _ended(self, event: Event) -> RunState:
        """The run's own record of its time replaces the one derived from the events."""
        told = {name: event[name] for name in ("sampling_seconds", "judging_seconds", "learning_seconds")}
        cost = replace(self.cost, **told)
        return replace(self, phase=Phase.ENDED, cost=cost, reason=event["reason"], wall_seconds=event["seconds"])


def _failing(event: Event) -> tuple[str, str, str]:
    """Verdict, test and detail; journals of an older program lack the latter two."""
    return event["verdict"], event.get("failing", ""), event.get("detail", "")
