"""What stands where a network would: the policy of a server, which nobody trains."""

from __future__ import annotations

from pathlib import Path


class ServedPolicy:
    """Always the base, and nothing of it is on this machine."""

    version, device = 0, "cpu"

    def save_adapter(self, folder: Path) -> None:
        """Raises AssertionError: there is no adapter, and only what was trained is saved."""
        raise AssertionError("a server's model has no adapter")
