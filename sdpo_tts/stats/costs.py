"""What attempts cost: attempts, tokens, seconds and FLOPs, so that methods can be compared at equal budgets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from sdpo_tts.record import Event
from sdpo_tts.stats.discovery import Observation, solves
from sdpo_tts.stats.flops import UNKNOWN, Shape

Axis = Literal["attempts", "tokens", "seconds", "flops"]
AXES: tuple[Axis, ...] = get_args(Axis)


@dataclass(frozen=True)
class Cost:
    """What has been spent since the run began. Loading the model is not included: it is paid once, whatever the method.

    `tokens` are the sampled ones; prompt, trained and teacher tokens are counted separately, because each costs a
    different number of FLOPs. `flops` is NaN if the journal lacks the model's shape. Seconds are wall-clock seconds.
    `moment` is the Unix time of the last event; `prompt` the number of prompt tokens computed for the latest batch;
    `shape` and `method` come from the start of the run.
    """

    attempts: int = 0
    tokens: int = 0
    prompt_tokens: int = 0
    trained_tokens: int = 0
    teacher_tokens: int = 0
    sampling_seconds: float = 0.0
    judging_seconds: float = 0.0
    learning_seconds: float = 0.0
    flops: float = 0.0
    moment: float = 0.0
    prompt: float = 0.0
    shape: Shape = UNKNOWN
    method: str = ""

    @property
    def seconds(self) -> float:
        return self.sampling_seconds + self.judging_seconds + self.learning_seconds

    def on(self, axis: Axis) -> float:
        spent = {"attempts": self.attempts, "tokens": self.tokens, "seconds": self.seconds, "flops": self.flops}
        return spent[axis]

    def plus(self, event: Event) -> Cost:
        """The cost after `event`."""
        return replace(self, moment=event["t"], **self._changes(event))

    def _changes(self, event: Event) -> dict[str, Any]:
        match event["type"]:
            case "run_started":
                return {"shape": Shape.of(event), "method": event.get("method", "")}
            case "batch_sampled":
                return self._sampled(event)
            case "batch_criticised":
                return self._criticised(event)
            case "consensus_sought":
                return self._sought(event)
            case "attempt_judged":
                # The time since the previous event: programs are judged side by side, so their own seconds overlap.
                waited = max(0.0, event["t"] - self.moment)
                return {"attempts": self.attempts + 1, "judging_seconds": self.judging_seconds + waited}
            case "step_taken":
                return self._learned(event)
        return {}

    def _sampled(self, event: Event) -> dict[str, Any]:
        rows, tokens = max(1, event["attempts"]), event["completion_tokens"]
        # One prompt for the whole batch is computed once; each chain of a conversation has its own.
        prompt = event["prompt_tokens"] / (1 if self.method == "multi-turn" else rows)
        before = event["prompt_tokens"] / rows
        return {
            "tokens": self.tokens + tokens,
            "prompt_tokens": self.prompt_tokens + event["prompt_tokens"],
            "sampling_seconds": self.sampling_seconds + event["seconds"],
            "flops": self.flops + self.shape.forward(prompt) + self.shape.forward(tokens, before, tokens / rows),
            "prompt": prompt,
        }

    def _criticised(self, event: Event) -> dict[str, Any]:
        """A critic's tokens count as sampled tokens, its time as learning. An endpoint's FLOPs are unknown."""
        return {
            "tokens": self.tokens + event["completion_tokens"],
            "prompt_tokens": self.prompt_tokens + event["prompt_tokens"],
            "learning_seconds": self.learning_seconds + event["seconds"],
            "flops": self.flops + self.shape.forward(event["prompt_tokens"] + event["completion_tokens"]),
        }

    def _sought(self, event: Event) -> dict[str, Any]:
        """What the model wrote for it counts as sampled tokens, the time as judging."""
        waited = max(0.0, event["t"] - self.moment)
        return {
            "tokens": self.tokens + event["completion_tokens"],
            "prompt_tokens": self.prompt_tokens + event["prompt_tokens"],
            "judging_seconds": self.judging_seconds + waited,
            "flops": self.flops + self.shape.forward(event["prompt_tokens"] + event["completion_tokens"]),
        }

    def _learned(self, event: Event) -> dict[str, Any]:
        return {
            "flops": self.flops + self.shape.step(event, self.prompt),
            "trained_tokens": self.trained_tokens + event["trained_tokens"],
            "teacher_tokens": self.teacher_tokens + event["teacher_tokens"],
            "learning_seconds": self.learning_seconds + event["seconds"],
        }


def attempt_costs(events: Iterable[Event]) -> tuple[Cost, ...]:
    """For attempt 1, 2, ...: what had been spent when its verdict was known.

    On the attempts axis that is its own number. Tokens and seconds are those of its whole batch, because they were
    spent whichever attempt of the batch succeeded.
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
    """One run as an observation of discovery on `axis`, censored at its last judged attempt."""
    told = list(events)
    successes = [event["attempt"] for event in told if event["type"] == "attempt_judged" and solves(event)]
    return observation(attempt_costs(told), min(successes, default=None), axis)


def observation(costs: Sequence[Cost], solved_at: int | None, axis: Axis) -> Observation:
    """The same, from the run's `attempt_costs` and the number of its first success."""
    success = next((cost for cost in costs if cost.attempts == solved_at), None)
    return Observation(success.on(axis) if success else None, costs[-1].on(axis) if costs else 0.0)


def known(costs: Sequence[Cost], axis: Axis) -> bool:
    """Whether the journal has enough data for this axis. Attempts that cost nothing were not measured."""
    return not costs or costs[-1].on(axis) > 0
