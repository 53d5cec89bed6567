"""How much a run may spend, and which limit stopped it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Budget:
    """Limits of one run; None means no limit. Tokens are sampled tokens; seconds exclude loading the model."""

    max_attempts: int | None = None
    max_tokens: int | None = None
    max_seconds: float | None = None


@dataclass
class Spending:
    """What a run has spent so far. `seconds` by activity add up to less than `elapsed`, because writing files is not
    included."""

    attempts: int = 0
    tokens: int = 0
    seconds: dict[str, float] = field(default_factory=lambda: {"sampling": 0.0, "judging": 0.0, "learning": 0.0})
    started: float = field(default_factory=time.monotonic)

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.started

    def restore(self, attempts: int, tokens: int, seconds: dict[str, float], elapsed: float) -> None:
        """Continue from what a run had spent when it stopped."""
        self.attempts, self.tokens, self.seconds = attempts, tokens, seconds
        self.started = time.monotonic() - elapsed

    def reached(self, budget: Budget) -> str | None:
        """The name of the limit that has been reached, as in `run_ended`."""
        limits = {
            "max_attempts": (self.attempts, budget.max_attempts),
            "max_tokens": (self.tokens, budget.max_tokens),
            "max_time": (self.elapsed, budget.max_seconds),
        }
        return next((name for name, (spent, most) in limits.items() if most is not None and spent >= most), None)

    def over(self, budget: Budget) -> bool:
        """Whether nothing more may be sampled."""
        return self.reached(budget) in ("max_tokens", "max_time")

    def out_of_time(self, budget: Budget) -> bool:
        return budget.max_seconds is not None and self.elapsed >= budget.max_seconds

    def room(self, batch: int, budget: Budget) -> int:
        """The size of the next batch: the last one may be smaller."""
        return batch if budget.max_attempts is None else min(batch, budget.max_attempts - self.attempts)
