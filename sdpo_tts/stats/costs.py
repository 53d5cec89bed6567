"""What attempts cost: attempts, tokens and seconds, so that methods can be compared at equal budgets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from sdpo_tts.record import Event
from sdpo_tts.stats.discovery import Observation, solves

Axis = Literal["attempts", "tokens", "seconds"]


@dataclass(frozen=True)
class Cost:
    """Spent since the run began. Loading the model is not in it: it is paid once, whatever the method.

    `tokens` are the sampled ones; prompt, trained and teacher tokens are kept apart, since each costs
    another amount of arithmetic. Seconds are wall-clock seconds. `moment` is the Unix time of the last event
    folded in.
    """

    attempts: int = 0
    tokens: int = 0
    prompt_tokens: int = 0
    trained_tokens: int = 0
    teacher_tokens: int = 0
    sampling_seconds: float = 0.0
    judging_seconds: float = 0.0
    learning_seconds: float = 0.0
    moment: float = 0.0

    @property
    def seconds(self) -> float:
        return self.sampling_seconds + self.judging_seconds + self.learning_seconds

    def on(self, axis: Axis) -> float:
        return {"attempts": self.attempts, "tokens": self.tokens, "seconds": self.seconds}[axis]

    def plus(self, event: Event) -> Cost:
        """The cost once `event` has happened too."""
        cost = replace(self, moment=event["t"])
        match event["type"]:
            case "batch_sampled":
                return cost._sampled(event)
            case "batch_criticised":
                return cost._criticised(event)
            case "attempt_judged":
                return cost._judged(waited=event["t"] - self.moment)
            case "step_taken":
                return cost._learned(event)
        return cost

    def _sampled(self, event: Event) -> Cost:
        return replace(
            self,
            tokens=self.tokens + event["completion_tokens"],
            prompt_tokens=self.prompt_tokens + event["prompt_tokens"],
            sampling_seconds=self.sampling_seconds + event["seconds"],
        )

    def _criticised(self, event: Event) -> Cost:
        """A critic's tokens are sampled tokens, its time is part of learning."""
        return replace(
            self,
            tokens=self.tokens + event["completion_tokens"],
            prompt_tokens=self.prompt_tokens + event["prompt_tokens"],
            learning_seconds=self.learning_seconds + event["seconds"],
        )

    def _judged(self, waited: float) -> Cost:
        """The time since the event before: programs are judged side by side, so their own seconds overlap."""
        return replace(self, attempts=self.attempts + 1, judging_seconds=self.judging_seconds + max(0.0, waited))

    def _learned(self, event: Event) -> Cost:
        return replace(
            self,
            trained_tokens=self.trained_tokens + event["trained_tokens"],
            teacher_tokens=self.teacher_tokens + event["teacher_tokens"],
            learning_seconds=self.learning_seconds + event["seconds"],
        )


def attempt_costs(events: Iterable[Event]) -> tuple[Cost, ...]:
    """For attempt 1, 2, ...: what had been spent when its verdict was known.

    On the attempts axis that is its own number. Tokens and seconds are those of its whole batch: they were
    spent, whichever attempt of the batch succeeded.
    """
    cost, judged, after = Cost(), list[Event](), dict[int, Cost]()
    for event in events:
        cost = cost.plus(event)
        if event["type"] == "attempt_judged":
            judged.append(event)
            after[event["step"]] = cost
    judged.sort(key=lambda event: int(event["attempt"]))
    return tuple(replace(after[event["step"]], attempts=event["attempt"]) for event in judged)


def observe(events: Iterable[Event], axis: Axis = "attempts") -> Observation:
    """One run as an observation of discovery on `axis`, censored where its last judged attempt lies."""
    told = list(events)
    costs = attempt_costs(told)
    successes = [event["attempt"] for event in told if event["type"] == "attempt_judged" and solves(event)]
    spent = {cost.attempts: cost.on(axis) for cost in costs}
    return Observation(
        first_success=spent[min(successes)] if successes else None,
        budget=costs[-1].on(axis) if costs else 0.0,
    )
