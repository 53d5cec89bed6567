"""One loaded model for cell after cell: only the adapter is each cell's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sdpo_tts.discovery.assemble import Policy, PolicySettings, RunSettings

Report = Callable[[str], None]


class PolicyCache:
    """The policy of the cell before, with a new adapter, where the next cell asks for the same; else `load` makes one.

    A cell that fails may leave anything behind, so that the one after it gets a policy newly loaded.
    """

    def __init__(self, load: Callable[[PolicySettings, int, Report], Policy]) -> None:
        self._load = load
        self._held: tuple[PolicySettings, Policy] | None = None

    @contextmanager
    def policy(self, settings: RunSettings, report: Report) -> Iterator[Policy]:
        """Raises what `load` raises."""
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
