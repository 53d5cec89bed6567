"""What several tests need: the sandbox, the repository, the tests' model."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def engine() -> None:
    """A Docker engine that answers, with the sandbox image; installed and built here where missing."""
    for script in ("engine", "build"):
        subprocess.run([ROOT / "sandbox" / script], check=True, stdout=subprocess.DEVNULL)
