"""Takes the network's place when the policy is on a server and cannot be trained."""

from __future__ import annotations

from pathlib import Path


class ServedPolicy:
    """Always the base; nothing of it is on this machine."""

    version, device = 0, "cpu"

    def save_adapter(self, folder: Path) -> None:
        """Raises AssertionError: there is no adapter, and only what was trained is saved."""
        raise AssertionError("a server's model has no adapter")
