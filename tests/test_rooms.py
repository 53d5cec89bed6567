"""The plan of the house: imports point downward, no two files import each other, and no room is crowded."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGE = "sdpo_tts"
# From the ground up: a room may import those before it.
FLOORS = (
    "errors", "streams", "problem", "settings", "judge", "policy", "models", "engine", "record", "stats", "discovery", "doctor",
    "comparison", "report", "publish", "view", "track", "cli",
)  # fmt: skip
MOST_FILES, MOST_LINES = 12, 350


def modules(root: Path) -> dict[str, Path]:
    return {_name(file, root): file for file in sorted((root / PACKAGE).rglob("*.py"))}


def _name(file: Path, root: Path) -> str:
    parts = file.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(file: Path, known: dict[str, Path]) -> Iterator[str]:
    """Modules of the package that a file imports, at its top or inside a function, for types too."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module in known:
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (name if name in known else str(node.module) for name in names)


def graph(root: Path) -> dict[str, set[str]]:
    known = modules(root)
    return {name: set(imported(file, known)) - {name} for name, file in known.items()}


def circle(imports: dict[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def _floor(module: str) -> int:
    return FLOORS.index(module.split(".")[1])


def upward(imports: dict[str, set[str]]) -> list[str]:
    """Imports of a room from one above it."""
    inner = {name: {one for one in found if "." in one} for name, found in imports.items() if "." in name}
    return [f"{name} -> {one}" for name, found in inner.items() for one in found if _floor(one) > _floor(name)]


def test_no_files_import_each_other() -> None:
    assert circle(graph(ROOT)) == []


def test_rooms_import_only_rooms_below_them() -> None:
    assert upward(graph(ROOT)) == []


def test_every_room_has_its_floor() -> None:
    rooms = {name.split(".")[1] for name in modules(ROOT) if "." in name}
    assert rooms == set(FLOORS)


def test_no_room_has_more_than_a_dozen_files_on_one_floor() -> None:
    folders = {file.parent for file in modules(ROOT).values()}
    files = {folder: [one for one in folder.glob("*.py") if one.name != "__init__.py"] for folder in folders}
    assert {str(folder): len(found) for folder, found in files.items() if len(found) > MOST_FILES} == {}


def test_no_file_is_too_long_to_read_at_one_sitting() -> None:
    lines = {name: len(file.read_text().splitlines()) for name, file in modules(ROOT).items()}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


@pytest.mark.parametrize(
    ("files", "found_circle", "found_upward"),
    [
        ({"judge/a.py": "from sdpo_tts.judge import b", "judge/b.py": "def f():\n    from sdpo_tts.judge.a import x"}, True, 0),
        ({"judge/a.py": "import sdpo_tts.view.b", "view/b.py": ""}, False, 1),
        ({"view/a.py": "from sdpo_tts.judge.b import c", "judge/b.py": "c = 1"}, False, 0),
    ],
)
def test_the_plan_is_read_from_the_code(
    files: dict[str, str], found_circle: bool, found_upward: int, tmp_path: Path
) -> None:
    for name, text in files.items():
        for folder in (tmp_path / PACKAGE, (tmp_path / PACKAGE / name).parent):
            folder.mkdir(exist_ok=True)
            (folder / "__init__.py").touch()
        (tmp_path / PACKAGE / name).write_text(text)
    found = graph(tmp_path)
    assert bool(circle(found)) is found_circle
    assert len(upward(found)) == found_upward
