"""Turns of phrase that read as translated stay out of README, docs, help, messages and docstrings."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.conftest import ROOT

TURNS = re.compile(
    r"\b([Ii]s told|[Aa]re told|be told|was told|told (apart|of)|tells? (of|apart)|what is no|that is none|which is none"
    r"|that there (is|are) not|fault of ours|(is|are) no (time|number|terminal|row|digest|text|mapping|file)"
    r"|runs a problem|a problem and method|judge elsewhere|learnt|time-outs?|go(es)? on with"
    r"|(nats|tokens|steps|one|seeds|trial) an? (token|answer|sample|batch|problem|step|seed|run|layer|line|prompt)"
    r"|([Nn]one|[Nn]othing|[Ee]mpty) where|[Rr]aises `?\w+`? where|held against|[Ss]o many|hears of|as ever|heeds|heeded"
    r"|programs? of the (person|user)'s|(nobody|somebody) who)\b"
)
PAGES = sorted([
    *ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "benchmarks").glob("*.md"), ROOT / "sandbox" / "README.md",
])  # fmt: skip
RIGHT = [
    "There is no significant difference.", "'30' is not a duration", "Raises UserError if it is missing.",
    "nats per token", "the share of a batch", "None if there are no scores.", "A timeout is measured again.",
]  # fmt: skip
WRONG = [
    "The difference is not told apart from 0.", "'30' is no time", "None where there is none", "nats a token",
    "Raises `UserError` where it is missing.", "a key that there is not", "what a judge elsewhere said",
    "what was learnt", "after so many attempts", "nobody who reads it",
]  # fmt: skip
MODEL_READS = "A hint from somebody who knows the problem:"  # measured: another prompt is another experiment


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages(page: Path) -> None:
    lines = page.read_text(encoding="utf-8").splitlines()
    assert [f"{page.name}:{number}: {line}" for number, line in enumerate(lines, 1) if TURNS.search(line)] == []


def test_messages_help_and_docstrings() -> None:
    """Every string of the package: messages, help, and docstrings of whatever has one."""
    found = []
    for file in sorted((ROOT / "sdpo_tts").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value != MODEL_READS:
                text = " ".join(node.value.split())
                found += [f"{file.relative_to(ROOT)}:{node.lineno}: {hit[0]}" for hit in TURNS.finditer(text)]
    assert found == []


@pytest.mark.parametrize("text", WRONG)
def test_the_turns_are_found(text: str) -> None:
    assert TURNS.search(text)


@pytest.mark.parametrize("text", RIGHT)
def test_usual_english_is_let_pass(text: str) -> None:
    assert not TURNS.search(text)
