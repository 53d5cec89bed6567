"""The documentation says what is: messages that the program has, numbers that it computes, files that are there."""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from tests.conftest import ROOT

DOCS = [
    *sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "benchmarks").rglob("*.md")),
    ROOT / "sandbox" / "README.md",
]  # fmt: skip
README_LINES = 120
GAP = "…"


def told() -> list[str]:
    """The messages of docs/troubleshooting.md: what its tables quote in their first column."""
    text = (ROOT / "docs" / "troubleshooting.md").read_text()
    return re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)


def strings() -> Iterator[str]:
    """Every text of the program, what is put into it as GAP."""
    for path in (ROOT / "sdpo_tts").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if text := text_of(node):
                yield text


def text_of(node: ast.AST) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.sub(r"%(\.\d+)?[sdf]", GAP, node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) or GAP for part in node.values)
    return ""


TEXTS = list(strings())


@pytest.mark.parametrize("message", told())
def test_every_message_that_is_explained_exists(message: str) -> None:
    wanted = message.removesuffix(f" {GAP}").removesuffix(GAP).removeprefix(f"{GAP} ")
    assert any(wanted in text for text in TEXTS), "no text of the program says that"


def raised(kinds: set[str]) -> Iterator[str]:
    """The messages of these errors that are not put together elsewhere."""
    for path in (ROOT / "sdpo_tts").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in kinds
            if named and (text := text_of(node.args[0])):
                yield text


def test_every_lack_of_the_machine_and_fault_of_the_sandbox_is_explained() -> None:
    known = [message.strip(f"{GAP} ") for message in told()]
    for text in raised({"SetupError", "SandboxError", "NonFiniteError"}):
        assert any(message in text for message in known), text


@pytest.mark.long
def test_the_memory_table_is_what_the_program_computes() -> None:
    spec = importlib.util.spec_from_file_location("memory", ROOT / "benchmarks" / "memory.py")
    assert spec and spec.loader
    memory = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(memory)
    page = memory.PAGE.read_text()
    table = page.partition(memory.BEGIN)[2].partition(memory.END)[0].splitlines()
    assert table[2:4] == list(islice(memory.rows(), 2)) and len(table) == 2 + len(memory.MODELS)


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    heads = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", DOCS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)", page.read_text()):
        if "://" not in target:
            place = (page.parent / target).resolve() if target else page
            assert place.exists(), target
            assert not anchor or anchor in anchors(place), f"{target}#{anchor}"


def test_files_that_pages_name_are_there() -> None:
    for page in (ROOT / "docs" / "architecture.md", ROOT / "docs" / "reproducibility.md", ROOT / "CONTRIBUTING.md"):
        for path in re.findall(r"`((?:sdpo_tts|tests|benchmarks|docs|sandbox)/[\w/.]*)`", page.read_text()):
            assert (ROOT / path).exists(), f"{page.name}: {path}"


def test_the_architecture_names_every_room_and_the_places_where_things_are_added() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    rooms = {file.name for file in (ROOT / "sdpo_tts").iterdir() if file.is_dir() and file.name != "__pycache__"}
    assert {room for room in rooms if f"| `{room}/` |" not in page} == set()
    for path in re.findall(r"`(\w+/[\w/]+\.(?:py|toml))`", page):
        assert (ROOT / "sdpo_tts" / path).exists() or (ROOT / path).exists(), path


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= README_LINES


def test_the_readme_leads_to_every_page() -> None:
    readme = (ROOT / "README.md").read_text()
    assert [page.name for page in (ROOT / "docs").glob("*.md") if f"docs/{page.name}" not in readme] == []
