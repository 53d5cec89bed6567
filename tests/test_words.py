"""Turns of phrase that read as translated stay out of what users read: README, docs, help and messages."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.conftest import ROOT

TURNS = re.compile(
    r"\b(is told|are told|told apart|what is no terminal|nats a token|fault of ours|is no (time|number|terminal|row|digest)"
    r"|there is no such|runs a problem|a problem and method)\b"
)
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "sandbox" / "README.md"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages(page: Path) -> None:
    lines = page.read_text(encoding="utf-8").splitlines()
    assert [f"{page.name}:{number}: {line}" for number, line in enumerate(lines, 1) if TURNS.search(line)] == []


def test_messages_and_help() -> None:
    """Every string of the package that is not a docstring, and the docstrings of commands, which are their help."""
    found = []
    for file in sorted((ROOT / "sdpo_tts").rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        docstrings = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and _has_docstring(node)
        }
        commands = "cli" in file.parts
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Constant) and isinstance(node.value, str) and TURNS.search(node.value)):
                continue
            if id(node) not in docstrings or (commands and _is_help(tree, node)):
                found.append(f"{file.relative_to(ROOT)}:{node.lineno}: {node.value[:80]}")
    assert found == []


def _has_docstring(node: ast.Module | ast.ClassDef | ast.FunctionDef) -> bool:
    first = node.body[0] if node.body else None
    return isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)


def _is_help(tree: ast.Module, docstring: ast.Constant) -> bool:
    """Whether it is that of a public function: commands are."""
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]
    return any(_has_docstring(one) and one.body[0].value is docstring for one in functions)  # type: ignore[attr-defined]


def test_the_turns_are_found() -> None:
    assert TURNS.search("The difference is not told apart from 0.") and TURNS.search("'30' is no time")
    assert not TURNS.search("'30' is not a duration")
