"""Finds a package's statement, in English where there is one, and makes plain text of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from sdpo_tts.problem.reading.formula import formulas_to_text
from sdpo_tts.problem.reading.latex import latex_to_text, problem_name
from sdpo_tts.problem.reading.package import Package

_FILE = re.compile(r"problem(?:\.([a-z]{2,3}(?:-[A-Za-z]{2})?))?\.(tex|md|txt)")
_PICTURE = re.compile(r"!\[([^\]]{0,200})\]\([^)]{0,500}\)")
_HTML_COMMENT = re.compile(r"<!--.{0,5000}?-->", re.DOTALL)
_TAG = re.compile(r"\{\{\s*(\w{1,60})\s*\}\}")
FIGURES_LEFT_OUT = "the pictures of the statement are left out"


@dataclass(frozen=True)
class Statement:
    text: str = ""
    title: str = ""
    language: str = "en"
    notes: tuple[str, ...] = ()


def find_statement(package: Package, folders: Sequence[str], constants: Mapping[str, str]) -> Statement:
    """`problem.en.tex`, `problem.md` and the like in the first folder that has one; empty without."""
    for folder in folders:
        found = {name: match for name in package.names(folder) if (match := _FILE.fullmatch(PurePosixPath(name).name))}
        for name in sorted(found, key=lambda name: (_distance(found[name][1] or "en"), found[name][2] != "tex", name)):
            return _read(package, name, found[name][1] or "en", constants)
    return Statement()


def _distance(language: str) -> int:
    return 0 if language == "en" else 1 if language.startswith("en-") else 2


def _read(package: Package, name: str, language: str, constants: Mapping[str, str]) -> Statement:
    source = package.text(name)
    notes = () if language.startswith("en") else (f"the statement is not in English but in `{language}`",)
    if not name.endswith(".tex"):
        text, figures = markdown_to_text(source, constants)
        return Statement(text, "", language, (*notes, FIGURES_LEFT_OUT) if figures else notes)
    converted = latex_to_text(source, constants)
    notes = (*notes, FIGURES_LEFT_OUT) if converted.figures else notes
    return Statement(converted.text, problem_name(source), language, notes)


def markdown_to_text(source: str, constants: Mapping[str, str] | None = None) -> tuple[str, bool]:
    """Without pictures, comments, tags and TeX; the rest is plain text already. And whether it had pictures."""
    known = {"nextsample": "", "remainingsamples": "", **(constants or {})}
    text = _TAG.sub(lambda match: known.get(match[1], match[0]), _HTML_COMMENT.sub("", source))
    text, pictures = _PICTURE.subn(r"\1", text)
    return formulas_to_text(text).strip(), pictures > 0
