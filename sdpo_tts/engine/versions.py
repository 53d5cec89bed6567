"""The learner's adapter as engines get it: each version under its own name and number, in its own folder."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from pathlib import Path

from sdpo_tts.engine.adapter_store import AdapterStore
from sdpo_tts.policy.network import Network


@dataclass(frozen=True)
class Adapter:
    """One version: neither an older version nor a prefix cached under it can be confused with it."""

    name: str
    number: int
    folder: Path


class Versions:
    """The versions of one network's adapter; only the newest is kept, and only while this is open."""

    def __init__(self, network: Network) -> None:
        self._network, self._shelf, self._numbers = network, AdapterStore(), count(1)
        self.newest: Adapter | None = None
        self._state = (0, 0)

    @property
    def folder(self) -> Path:
        """Where they are stored."""
        return self._shelf.folder

    def now(self) -> Adapter | None:
        """The adapter as it is now; None while it changes nothing, and then none is kept."""
        network = self._network
        if not network.version:
            self._shelf.clear()
            self.newest, self._state = None, (0, 0)
            return None
        if self._state != (state := (network.renewals, network.version)):
            number = next(self._numbers)
            folder = self._shelf.put(number, network.save_adapter)
            self.newest, self._state = Adapter(f"{folder.parent.name}-{folder.name}", number, folder), state
        return self.newest

    def close(self) -> None:
        self._shelf.close()
