"""What all tests of vLLM need."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session", autouse=True)
def for_real(bundled_model: object) -> None:
    """They sample from the tests' model."""
