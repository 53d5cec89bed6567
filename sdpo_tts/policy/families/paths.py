"""The ways in which a model can be computed, fastest first, and what is known about them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

ATTENTION = ("grouped", "own")
"""`grouped`: ours, fast for one query on a CPU. `own`: what transformers chooses for the model."""
SAMPLING = ("shared-prefix", "own-cache", "recomputed")
"""`shared-prefix`: what all prompts share is read once, and they are padded on the left. `own-cache`: each distinct
prompt is read alone into the model's own cache. `recomputed`: without a cache, all anew for every token."""
LEARNING = ("shared-prefix", "whole", "one-by-one")
"""`shared-prefix`: what all prompts share is read once. `whole`: every attempt with its prompt, padded on the right.
`one-by-one`: without padding."""


@dataclass(frozen=True)
class Paths:
    """Which way each part of a run goes."""

    attention: str = ATTENTION[0]
    sampling: str = SAMPLING[0]
    learning: str = LEARNING[0]


PLAIN = Paths()


@dataclass(frozen=True)
class Followed:
    """How another engine followed a random adapter, in nats per token: how far the adapter moved the policy, how far
    off the engine was, and what was allowed."""

    moved: float
    off: float
    allowed: float


@dataclass(frozen=True)
class Exactness:
    """The paths that agree with the untouched model. `noise` is the difference between two of its own kernels, in nats
    per token, `tolerance` what was allowed, and `distance` how far off each path was. `why` says in words what was
    replaced; `unreached` are linear layers that no gradient reaches. `engine` is about another engine that samples
    (None: the network does)."""

    paths: Paths = PLAIN
    noise: float = 0.0
    tolerance: float = 0.0
    distance: dict[str, float] = field(default_factory=dict)
    why: tuple[str, ...] = ()
    unreached: tuple[str, ...] = ()
    engine: Followed | None = None

    def fields(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, told: dict[str, Any]) -> Exactness:
        """The inverse of `fields`. Raises TypeError or KeyError if another version wrote them."""
        lists = {name: tuple(told[name]) for name in ("why", "unreached")}
        engine = Followed(**told["engine"]) if told.get("engine") else None
        return cls(**{**told, "paths": Paths(**told["paths"]), **lists, "engine": engine})

    def __str__(self) -> str:
        sampling = self.paths.sampling
        if self.engine:
            sampling = f"vllm (with an adapter {self.engine.off:.1g} nats per token off)"
        said = f"sampling {sampling}, learning {self.paths.learning}, attention {self.paths.attention}"
        return f"{said}: {'; '.join(self.why)}" if self.why else said
