"""What several tests need: the sandbox, the repository, the tests' model."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
from pathlib import Path

import pytest
import typer.testing

from sdpo_tts.models import weights
from sdpo_tts.settings.sources import OTHERS, PREFIX

ROOT = Path(__file__).parents[1]
MODEL = "smollm2-135m"
# A test that asks for one of these fixtures, itself or through another one, gets the mark.
NEEDS = {"engine": "docker", "bundled_model": "model"}
# Files, and single tests, that take many seconds without either: whole runs and comparisons, clusters, thousands of
# examples, programs started anew.
LONG = (
    "test_resume", "test_cluster", "test_comparison", "test_mutations", "test_room", "test_wheel", "test_inference",
    "test_discovery_plan", "test_families", "test_the_headline_numbers_of_the_paper_come_back",
    "test_a_hub_of_ones_own_a_token_and_what_was_fetched_before",
)  # fmt: skip
LONGEST = ("test_resume", "test_solve")
# A shell's job in the background ignores Ctrl-C, and so would all that the tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Reading the functions of all commands takes longer than most of what tests ask of a command.
typer.testing._get_command = functools.cache(typer.testing._get_command)  # type: ignore[attr-defined]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what a test needs. Of several processes none should begin with the longest files when the others are done."""
    for item in items:
        names = item.fixturenames if isinstance(item, pytest.Function) else ()
        marks = [mark for fixture, mark in NEEDS.items() if fixture in names]
        if item.path.stem in LONG or item.name in LONG:
            marks.append("long")
        for mark in marks:
            item.add_marker(mark)
    items.sort(key=lambda item: item.path.stem not in LONGEST)


@pytest.fixture(scope="session")
def engine() -> None:
    """A Docker engine that answers, with the sandbox image; installed and built here where missing."""
    for script in ("engine", "build"):
        subprocess.run([ROOT / "sandbox" / script], check=True, stdout=subprocess.DEVNULL)


@pytest.fixture(scope="session")
def bundled_model() -> weights.Weights:
    """The tests' model, SmolLM2-135M; brought here where missing."""
    return weights.locate(MODEL)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a hub has it, of a random model: for whole runs in which what it says does not matter."""
    from tests.tiny import save_tiny_model

    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(autouse=True)
def only_what_it_asks_for(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No Docker engine and no model without its fixture, so that the marks are true."""
    if "engine" not in request.fixturenames:
        monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    if "bundled_model" not in request.fixturenames:
        monkeypatch.setenv("SDPO_TTS_CACHE", str(tmp_path_factory.getbasetemp() / "no-models"))
        monkeypatch.setenv("PIP_NO_INDEX", "1")


@pytest.fixture(autouse=True)
def no_settings(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings of whoever runs the tests."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
    for name in os.environ:
        if name.startswith(PREFIX) and name.removeprefix(PREFIX) not in OTHERS:
            monkeypatch.delenv(name)
