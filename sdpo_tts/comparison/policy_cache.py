"""One loaded model for all cells: only the adapter is new in each cell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sdpo_tts.discovery.assemble import Policy, PolicySettings, RunSettings
from sdpo_tts.models.progress import Report


class PolicyCache:
    """The policy of the previous cell, with a new adapter, if the next cell asks for the same one; otherwise `load`
    makes one.

    A failed cell may leave the policy in any state, so the next cell loads a new one.
    """

    def __init__(self, load: Callable[[PolicySettings, int, Report], Policy]) -> None:
        self._load = load
        self._held: tuple[PolicySettings, Policy] | None = None

    @contextmanager
    def policy(self, settings: RunSettings, report: Report) -> Iterator[Policy]:
        """Raises whatever `load` raises."""
        try:
            yield self._renewed(settings, report)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self._held:
            self._held[1].sampler.close()
        self._held = None

    def _renewed(self, settings: RunSettings, report: Report) -> Policy:
        if self._held and self._held[0] == settings.policy:
            report("the model is loaded already")
            self._held[1].network.renew(settings.seed)
            return self._held[1]
        self.close()
        policy = self._load(settings.policy, settings.seed, report)
        self._held = settings.policy, policy
        return policy
