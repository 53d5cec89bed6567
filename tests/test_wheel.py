"""The wheel by itself: installed where no checkout is, it has all its modules and files, and solves."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from email import message_from_bytes
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.conftest import ROOT

IMPORT_ALL = """
import importlib.util, pkgutil, sdpo_tts
for module in pkgutil.walk_packages(sdpo_tts.__path__, "sdpo_tts."):
    try:
        importlib.import_module(module.name)
    except ModuleNotFoundError as error:  # what only a worker of vLLM imports
        if not error.name.startswith("vllm"):
            raise
    print(importlib.util.find_spec(module.name).origin)
"""
USE_FILES = """
import json
from sdpo_tts.discovery.measure.drift import passages
from sdpo_tts.judge.containers import engine
from sdpo_tts.models.catalogue import entries
from sdpo_tts.problem.language import languages, sandbox_folder
from sdpo_tts.settings.presets import PRESETS
print(json.dumps([len(passages()), len(entries()), len(languages()), len(PRESETS), str(sandbox_folder())]))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def programs(wheel: Path) -> Path:
    """The programs of an environment with the wheel. It sees the packages that are installed here, but neither the
    checkout nor an editable installation: a path file's own folders are not searched for path files."""
    home = wheel.parent / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
    (site,) = home.glob("lib/python*/site-packages")
    (site / "others.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")))
    python = home / "bin" / "python"
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--ignore-installed", wheel],
        check=True, capture_output=True, timeout=300,
    )  # fmt: skip
    return home / "bin"


def told(program: Path, *arguments: str | Path, folder: Path, code: int = 0) -> str:
    """What it prints in another folder, where nothing of ours is on the path."""
    lean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True, env=lean, timeout=300)
    assert done.returncode == code, done.stderr
    return done.stdout


def shipped() -> list[tuple[Path, str]]:
    """Each file of the package and of the sandbox, and where it belongs in the wheel."""
    listed = subprocess.run(["git", "ls-files", "sdpo_tts", "sandbox"], cwd=ROOT, capture_output=True, text=True, check=True)
    names = listed.stdout.splitlines()
    return [(ROOT / name, name if name.startswith("sdpo_tts/") else f"sdpo_tts/{name}") for name in names]


def test_it_holds_every_file(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    lacking = [name for path, name in shipped() if held.get(name) != path.read_bytes()]
    assert lacking == [] and "sdpo_tts/py.typed" in held


def test_the_index_is_told_what_it_is(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        told = message_from_bytes(archive.read(name))
    assert (told["Author"], told["License-Expression"]) == ("sdpo-tts contributors", "Apache-2.0")
    urls = dict(line.split(", ") for line in told.get_all("Project-URL") or [])
    assert {"Homepage", "Documentation", "Changelog", "Issues"} == set(urls)
    assert "Typing :: Typed" in (told.get_all("Classifier") or []) and told["Keywords"]
    assert told["Description-Content-Type"] == "text/markdown"


def test_every_module_is_there_and_finds_its_files(programs: Path, tmp_path: Path) -> None:
    found = told(programs / "python", "-P", "-c", IMPORT_ALL, folder=tmp_path).splitlines()
    modules = [path for path, name in shipped() if name.endswith(".py") and not path.is_relative_to(ROOT / "sandbox")]
    assert len(found) == len(modules) - 1, "all but the package itself"
    assert all(Path(path).is_relative_to(programs.parent) for path in found)
    *counts, sandbox = json.loads(told(programs / "python", "-P", "-c", USE_FILES, folder=tmp_path))
    assert all(counts) and Path(sandbox).is_relative_to(programs.parent)
    for script in ("build", "engine"):
        assert os.access(Path(sandbox) / script, os.X_OK)


def test_it_solves_from_another_folder(
    programs: Path, tmp_path: Path, engine: None, bundled_model: object
) -> None:
    """Whether the small model finds a program does not matter here."""
    shutil.copytree(ROOT / "problems" / "sum-line", tmp_path / "mine")
    options = ("--model", "smollm2-135m", "--batch-size", "2", "--max-attempts", "2", "--max-new-tokens", "8", "--json")
    result = json.loads(told(programs / "sdpo-solve", "mine", *options, folder=tmp_path, code=3))
    assert (result["reason"], result["attempts"]) == ("max_attempts", 2)
    assert (tmp_path / result["run"] / "events.jsonl").is_file()
    assert "smollm2-135m" in told(programs / "sdpo-tts", "model", "list", folder=tmp_path)
