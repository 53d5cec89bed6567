"""What a run works with, and how far it has come: everything that a checkpoint stores."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from sdpo_tts.discovery.attempt import Attempt, Judged
from sdpo_tts.discovery.budget import Budget, Spending
from sdpo_tts.discovery.critic import Critic
from sdpo_tts.discovery.guard import Guard
from sdpo_tts.discovery.methods.strategy import Strategy
from sdpo_tts.judge import Judge
from sdpo_tts.judge.feedback.style import FeedbackStyle
from sdpo_tts.policy.network import Network
from sdpo_tts.policy.prompts import Chat
from sdpo_tts.policy.sampler import Sampler
from sdpo_tts.record import Event, Journal, RunDir


@dataclass(frozen=True)
class Parts:
    """What a run works with. `network` is the policy that `sampler` serves and a strategy may train.

    `guard` watches a policy that is trained; `critic` adds to the sandbox's feedback. `sampling` is called, while a
    batch is sampled, with the number of tokens, of complete answers, and of requested answers. No prompt may be longer
    than `most_prompt_tokens` (None: every prompt fits).
    """

    network: Network
    chat: Chat
    sampler: Sampler
    judge: Judge
    journal: Journal
    run: RunDir
    guard: Guard | None = None
    critic: Critic | None = None
    sampling: Callable[[int, int, int], None] = lambda tokens, complete, asked: None
    most_prompt_tokens: int | None = None


@dataclass(frozen=True)
class SolverSettings:
    """`style` says how feedback is written. `keep_going` spends the whole budget, and siblings learn from a success;
    otherwise `cancel` ends the batch of a success at once: unfinished answers count as failed attempts. `enough`:
    points at which the run ends, even if more could be had. `base_samples` of each batch come from the base, for
    diversity, once there is something else. `start`: the user's own programs by name. `candidates`: how many different
    passing programs are collected before one is proposed, if there are no held-out tests."""

    style: FeedbackStyle = field(default_factory=FeedbackStyle)
    keep_going: bool = False
    cancel: bool = True
    base_samples: int = 0
    start: dict[str, str] = field(default_factory=dict)
    candidates: int = 4
    enough: float | None = None


class SolverState:
    """One run of one method on one problem, between two batches or within one."""

    def __init__(
        self, parts: Parts, strategy: Strategy, budget: Budget, seed: int, settings: SolverSettings | None = None
    ) -> None:
        self.parts, self.strategy, self.budget, self.seed = parts, strategy, budget, seed
        self.settings = settings or SolverSettings()
        self.spent = Spending()
        self.step = 0
        self.winner: Judged | None = None
        self.heard: set[str] = set()  # ids of hints
        self.started: set[str] = set()  # names of the user's programs that are judged
        self.in_hand: list[Attempt] = []  # sampled before the run was interrupted, and the seconds that took
        self.in_hand_seconds = 0.0
        self.known: dict[int, Judged] = {}  # those of them that are judged, by number

    def remember(self, events: Sequence[Event]) -> None:
        """Take in the journal of a resumed run."""

    @contextmanager
    def timed(self, activity: str) -> Iterator[Callable[[], float]]:
        """Charge the block to `activity`; yields a function for the seconds since its start."""
        start = time.monotonic()
        try:
            yield lambda: round(time.monotonic() - start, 3)
        finally:
            self.spent.seconds[activity] += time.monotonic() - start

    @property
    def done(self) -> bool:
        """Whether the run has found what it was looking for."""
        return self.winner is not None and not self.settings.keep_going
