"""What several tests need: the sandbox, the repository, the tests' model."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from sdpo_tts.settings.sources import OTHERS, PREFIX

ROOT = Path(__file__).parents[1]
LONGEST = ("test_resume", "test_solve")
# A shell's job in the background ignores Ctrl-C, and so would all that the tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of several processes none should begin with the longest files when the others are done."""
    items.sort(key=lambda item: item.path.stem not in LONGEST)


@pytest.fixture(scope="session")
def engine() -> None:
    """A Docker engine that answers, with the sandbox image; installed and built here where missing."""
    for script in ("engine", "build"):
        subprocess.run([ROOT / "sandbox" / script], check=True, stdout=subprocess.DEVNULL)


@pytest.fixture(autouse=True)
def no_settings(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings of whoever runs the tests."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
    for name in os.environ:
        if name.startswith(PREFIX) and name.removeprefix(PREFIX) not in OTHERS:
            monkeypatch.delenv(name)
