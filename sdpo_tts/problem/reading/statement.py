"""Finds a package's statement, in English if possible, and converts it to plain text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from sdpo_tts.problem.reading.constants import Constants
from sdpo_tts.problem.reading.latex import formulas_to_text, latex_to_text, picture, problem_name
from sdpo_tts.problem.reading.package import Package

_FILE = re.compile(r"problem(?:\.([a-z]{2,3}(?:-[A-Za-z]{2})?))?\.(tex|md|txt)")
_UNREADABLE = re.compile(r"problem(?:\.[A-Za-z-]{2,6})?\.(?:pdf|html)")
_PICTURE = re.compile(r"!\[([^\]]{0,200})\](?:\([^)]{0,500}\)|\[[^\]]{0,100}\])|<img\b([^>]{0,500})>", re.IGNORECASE)
_ALTERNATIVE = re.compile(r"""\balt\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_PART = re.compile(  # whichever begins first: code may contain a comment, and a comment code
    r"""(?P<code>
    ^[ \t]*(?P<fence>`{3,}|~{3,})[^`\n]*$.*?(?:^[ \t]*(?P=fence)[`~]*[ \t]*$|\Z)
  | <pre\b.{0,20000}?</pre>
  | (?<![`$])(?P<ticks>`{1,5})(?!`)[^\n]{0,500}?(?<!`)(?P=ticks)(?!`)
    ) | <!--.{0,5000}?-->""",
    re.DOTALL | re.IGNORECASE | re.MULTILINE | re.VERBOSE,
)
_SAMPLES = re.compile(r"\{\{[ \t]*(?:nextsample|remainingsamples)[ \t]*\}\}")
FIGURES_LEFT_OUT = "the pictures of the statement are left out"


@dataclass(frozen=True)
class Statement:
    """`unreadable`: the file of a statement that is not text, if there is no other."""

    text: str = ""
    title: str = ""
    language: str = "en"
    notes: tuple[str, ...] = ()
    unreadable: str = ""


def find_statement(package: Package, folders: Sequence[str], constants: Constants) -> Statement:
    """`problem.en.tex`, `problem.md` and the like in the first folder that has one; empty without any."""
    unreadable = ""
    for folder in folders:
        names = {name: PurePosixPath(name).name for name in package.names(folder) if folder or "/" not in name}
        found = {name: match for name, file in names.items() if (match := _FILE.fullmatch(file))}
        for name in sorted(found, key=lambda name: (_distance(found[name][1] or "en"), found[name][2] != "tex", name)):
            return _read(package, name, found[name][1] or "en", constants)
        unreadable = unreadable or next((name for name, file in names.items() if _UNREADABLE.fullmatch(file)), "")
    return Statement(unreadable=unreadable)


def _distance(language: str) -> int:
    return 0 if language == "en" else 1 if language.startswith("en-") else 2


def _read(package: Package, name: str, language: str, constants: Constants) -> Statement:
    source = package.text(name)
    notes = () if language.startswith("en") else (f"the statement is not in English but in `{language}`",)
    if not name.endswith(".tex"):
        text, figures = markdown_to_text(constants.fill(source))
        return Statement(text, "", language, (*notes, FIGURES_LEFT_OUT) if figures else notes)
    source = constants.fill_latex(source)
    converted = latex_to_text(source)
    notes = (*notes, FIGURES_LEFT_OUT) if converted.figures else notes
    return Statement(converted.text, problem_name(source), language, notes)


def markdown_to_text(source: str) -> tuple[str, bool]:
    """Without pictures, comments, tags and TeX; the rest is plain text already, and code stays as it is. Also whether
    it had pictures."""
    done = [(text, 0) if is_code else _plain(text) for text, is_code in code_apart(source)]
    return "".join(text for text, _ in done).strip(), any(pictures for _, pictures in done)


def code_apart(source: str) -> Iterator[tuple[str, bool]]:
    """The parts of a Markdown text in order, without its comments, and whether each is code, inline or in a block."""
    end = 0
    for match in _PART.finditer(source):
        yield source[end : match.start()], False
        yield match["code"] or "", True
        end = match.end()
    yield source[end:], False


def _plain(text: str) -> tuple[str, int]:
    """And the number of pictures left out."""
    text, pictures = _PICTURE.subn(_caption, _SAMPLES.sub("", text))
    return formulas_to_text(text), pictures


def _caption(match: re.Match[str]) -> str:
    told = _ALTERNATIVE.search(match[2] or "")
    return picture(match[1] or (told and (told[1] or told[2])) or "")
