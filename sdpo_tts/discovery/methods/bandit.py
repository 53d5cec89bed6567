"""How a batch is divided among the sources of samples.

Thompson sampling over Beta(.5, .5) with fractional updates (as TreeQuest's AB-MCTS-M does). Counts fade, because the
student changes. A source with long samples must be better in proportion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

PRIOR = 0.5
FADING = 0.9  # factor on all counts, per batch


@dataclass
class Arm:
    """`good` and `bad` are faded sums of rewards and of 1 minus the reward; `tokens` and `samples` fade too."""

    good: float = 0.0
    bad: float = 0.0
    tokens: float = 0.0
    samples: float = 0.0

    @property
    def mean(self) -> float:
        """Expected reward of a sample."""
        return (PRIOR + self.good) / (2 * PRIOR + self.good + self.bad)


@dataclass
class Bandit:
    """Arms by the name of their source."""

    arms: dict[str, Arm] = field(default_factory=dict)

    def choose(self, sources: Sequence[str], rng: np.random.Generator) -> str:
        """The source of one sample."""
        draws = [rng.beta(PRIOR + self._arm(name).good, PRIOR + self._arm(name).bad) for name in sources]
        return sources[int(np.argmax([drawn / self._cost(name) for name, drawn in zip(sources, draws, strict=True)]))]

    def tell(self, source: str, reward: float, tokens: int) -> None:
        """Record one sample: its reward, from 0 to 1, and its length."""
        arm = self._arm(source)
        arm.good, arm.bad = arm.good + reward, arm.bad + 1 - reward
        arm.tokens, arm.samples = arm.tokens + tokens, arm.samples + 1

    def fade(self) -> None:
        """Call after each batch."""
        for arm in self.arms.values():
            arm.good, arm.bad = FADING * arm.good, FADING * arm.bad
            arm.tokens, arm.samples = FADING * arm.tokens, FADING * arm.samples

    def state(self) -> dict[str, Any]:
        return {name: asdict(arm) for name, arm in self.arms.items()}

    def restore(self, state: dict[str, Any]) -> None:
        self.arms = {name: Arm(**arm) for name, arm in state.items()}

    def _arm(self, source: str) -> Arm:
        return self.arms.setdefault(source, Arm())

    def _cost(self, source: str) -> float:
        """Tokens per sample, divided by the mean over all sources; 1 if nothing is known."""
        tokens = sum(arm.tokens for arm in self.arms.values())
        samples = sum(arm.samples for arm in self.arms.values())
        arm = self._arm(source)
        return (arm.tokens / arm.samples) / (tokens / samples) if arm.tokens else 1.0
