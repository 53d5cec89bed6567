"""The Makefile's set-up: a line for a step, and a log that a failure names."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with the Makefile, whose virtual environment is made and whose sandbox scripts say a lot."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    script(tmp_path / ".venv" / "bin" / "pip", "exit 0")
    for name in ("engine", "build"):
        script(tmp_path / "sandbox" / name, f'echo "{name} $PYTHONDONTWRITEBYTECODE."; seq 100; exit 0')
    return tmp_path


def script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def make(folder: Path) -> subprocess.CompletedProcess[str]:
    settings = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "MAKEFLAGS": ""}
    return subprocess.run(["make", "--silent", "sandbox"], cwd=folder, capture_output=True, text=True, env=settings)


def test_a_step_is_one_line_and_the_rest_goes_to_a_log(clone: Path) -> None:
    done = make(clone)
    assert done.returncode == 0 and done.stderr == ""
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == ["✓ Docker engine", "✓ sandbox image"]
    log = (clone / "setup.log").read_text().splitlines()
    assert len(log) == 204 and log[0].endswith("Docker engine")
    assert "engine ." in log, "compiled modules are kept"


def test_a_step_that_fails_names_the_log_and_shows_its_end(clone: Path) -> None:
    script(clone / "sandbox" / "build", "seq 100; echo 'sandbox/build: no room' >&2; exit 4")
    done = make(clone)
    assert done.returncode == 2 and done.stdout.startswith("✓ Docker engine: ")
    told = done.stderr.splitlines()
    assert told[0] == "✗ sandbox image failed: all of it is in setup.log, which ends with"
    assert told[1:16] == [*(str(number) for number in range(87, 101)), "sandbox/build: no room"]
