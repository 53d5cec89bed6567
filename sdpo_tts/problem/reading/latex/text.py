"""LaTeX statements as plain text. Parsed by pylatexenc; what each command becomes is defined here."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sdpo_tts.problem.reading.latex.commands import (
    ARGUMENTS,
    DROPPED,
    ENVIRONMENT_ARGUMENTS,
    HEADINGS,
    LENGTH,
    LINE_ENDS,
    MATH,
    PICTURES,
    SECTIONS,
    SPECIALS,
    TYPEWRITER,
)
from sdpo_tts.problem.reading.latex.formula import formula_to_text
from sdpo_tts.problem.reading.latex.macros import expand
from sdpo_tts.problem.reading.latex.signs import sign
from sdpo_tts.problem.reading.latex.verbatim import Verbatim

MAX_CHARACTERS = 200_000
_NAME = re.compile(r"\\problemname\s*\{((?:[^{}]|\{[^{}]*\})*)\}")
_WORD = re.compile(r"[^\W_]+")
_NO_FORMULA = re.compile(r"(?<!\\)&|\\nonumber|\\notag|\\label\{[^{}]*\}")
_ORDINAL = re.compile(r"\s*(?:st|nd|rd|th)\s*")


@dataclass
class Converted:
    """`figures`: whether a picture was left out."""

    text: str
    figures: bool = False


def latex_to_text(source: str) -> Converted:
    """Paragraphs, headings as `## Input`, lists as `- `, tables with `|`; simple formulas as text, others as TeX.

    No words are lost except comments and layout commands. A statement that cannot be parsed is returned unchanged: the
    model reads LaTeX too.
    """
    if len(source) > MAX_CHARACTERS:
        return Converted(source)
    try:
        verbatim = Verbatim()
        expanded = expand(verbatim.take_out(source))
        writer, text = _written(expanded)
        return Converted(verbatim.put_back(text).strip(), writer.figures)
    except Exception:  # the parser raises many kinds of errors, and a statement in LaTeX is better than none
        return Converted(source)


def picture(caption: str = "") -> str:
    """The text in place of a picture."""
    told = " ".join(caption.split())
    return f"[a picture is left out{f': {told}' if told else ''}]"


def problem_name(source: str) -> str:
    """The argument of `\\problemname{...}` as text; empty without one."""
    found = _NAME.search(source)
    return latex_to_text(found[1]).text if found else ""


def _written(source: str) -> tuple[_Writer, str]:
    """Where LaTeX would complain, the parser guesses; but no word may be lost. Raises ValueError."""
    try:
        writer = _Writer()
        return writer, _tidy(writer.nodes(_parse(source, tolerant=False)))
    except Exception:
        writer = _Writer()
        text = _tidy(writer.nodes(_parse(source, tolerant=True)))
    if _words_of_source(source) - _words(text):
        raise ValueError("words got lost") from None
    return writer, text


def _parse(source: str, *, tolerant: bool) -> Sequence[Any]:
    from pylatexenc.latexwalker import LatexWalker

    nodes: Sequence[Any] = LatexWalker(source, latex_context=_context(), tolerant_parsing=tolerant).get_latex_nodes()[0]
    return nodes


@cache
def _context() -> Any:
    from pylatexenc.latexwalker import get_default_latex_context_db
    from pylatexenc.macrospec import std_environment, std_macro

    context = get_default_latex_context_db()
    context.add_context_category(
        "statements",
        macros=[std_macro(name, arguments) for name, arguments in ARGUMENTS.items()],
        environments=[std_environment(name, arguments) for name, arguments in ENVIRONMENT_ARGUMENTS.items()],
        prepend=True,
    )
    return context


@dataclass
class _Writer:
    figures: bool = False
    counters: list[int] = field(default_factory=list)  # of the open lists; -1 is an unnumbered one
    typewriter: bool = False  # inside, `--` is two dashes

    def nodes(self, nodes: Sequence[Any] | None) -> str:
        return "".join(self.node(node) for node in nodes or () if node is not None)

    def node(self, node: Any) -> str:
        kind = type(node).__name__.removeprefix("Latex").removesuffix("Node").lower()
        write = getattr(self, f"_{kind}", None)
        return str(write(node)) if write else ""

    def _chars(self, node: Any) -> str:
        return re.sub(r"[ \t]*\n[ \t]*", "\n", str(node.chars))

    def _group(self, node: Any) -> str:
        before = self.typewriter
        text = self.nodes(node.nodelist)
        self.typewriter = before
        return text

    def _comment(self, node: Any) -> str:
        return re.sub(r"[ \t]+", "", str(node.comment_post_space))

    def _specials(self, node: Any) -> str:
        characters = str(node.specials_chars)
        if self.typewriter and characters not in ("~", "&"):
            return characters
        return SPECIALS.get(characters, characters)

    def _math(self, node: Any) -> str:
        first, last = node.delimiters
        tex = node.latex_verbatim()[len(first) : -len(last)]
        return f"\n{_displayed(tex)}\n" if node.displaytype == "display" else formula_to_text(tex)

    def _macro(self, node: Any) -> str:
        name = node.macroname
        if name in TYPEWRITER:
            return self._in_typewriter(node)
        arguments = self._arguments(node)
        if name in HEADINGS:
            return f"\n\n## {arguments[-1].strip()}\n\n"
        if name in PICTURES:
            return self._picture(arguments[-1] if name == "illustration" else "")
        if name in DROPPED:
            return ""
        if name == "item":
            return self._item(arguments)
        return self._spoken(name, arguments, node)

    def _in_typewriter(self, node: Any) -> str:
        """Including from `\\tt` to the end of its group, which resets it."""
        before, self.typewriter = self.typewriter, True
        if node.macroname in ("tt", "ttfamily"):
            return ""
        text = self._arguments(node)[-1]
        self.typewriter = before
        return text

    def _picture(self, caption: str = "") -> str:
        self.figures = True
        return picture(caption)

    def _spoken(self, name: str, arguments: list[str], node: Any) -> str:
        if name in LINE_ENDS:
            return "\n" + ("" if LENGTH.fullmatch(arguments[-1]) else f"[{arguments[-1]}]")
        if name == "href":
            return f"{arguments[1]} ({arguments[0]})"
        if name in ("footnote", "footnotetext", "epigraph"):
            return f" ({' - '.join(arguments[-2:] if name == 'epigraph' else arguments[-1:])})"
        if name == "ensuremath":
            return formula_to_text(_inner(node))
        if name in ("textsuperscript", "textsubscript"):
            mark = "^" if name == "textsuperscript" else "_"
            return arguments[-1] if _ORDINAL.fullmatch(arguments[-1]) else f"{mark}{_grouped(arguments[-1])}"
        if name in ("ref", "eqref", "pageref", "autoref", "cref", "Cref"):
            return "??"
        if name in ARGUMENTS:  # text in some font, a cell, a caption
            return arguments[-1]
        return _sign(node, arguments)

    def _item(self, arguments: list[str]) -> str:
        label = "-"
        if self.counters and self.counters[-1] >= 0:
            self.counters[-1] += 1
            label = f"{self.counters[-1]}."
        indent = "  " * (len(self.counters) - 1)
        return f"\n{indent}{label} " + (f"{arguments[0]} " if arguments and arguments[0] else "")

    def _arguments(self, node: Any) -> list[str]:
        parsed = node.nodeargd.argnlist if node.nodeargd and node.nodeargd.argnlist else ()
        return [self.node(argument) if argument is not None else "" for argument in parsed] or [""]

    def _environment(self, node: Any) -> str:
        name = node.environmentname
        if name in MATH:
            return f"\n{_displayed(_body(node))}\n"
        if name in PICTURES:
            return self._picture()
        if name in ("itemize", "enumerate", "description"):
            self.counters.append(0 if name == "enumerate" else -1)
            text = self._group(node)
            self.counters.pop()
            return "\n" + re.sub(r"\n{2,}(?= *(?:-|\d+\.) )", "\n", text).strip("\n").rstrip() + "\n"
        heading = f"\n\n## {name}\n\n" if name in SECTIONS else "\n"
        return f"{heading}{self._group(node)}\n"


def _displayed(tex: str) -> str:
    """A displayed formula, one line for each of its lines if it consists of lines only."""
    lines = [tex] if r"\begin" in tex else re.split(r"\\\\(?:\[[^\]]*\])?", tex)
    return "\n".join(formula_to_text(_NO_FORMULA.sub("", line)) for line in lines)


def _body(node: Any) -> str:
    """The source between `\\begin{...}` and `\\end{...}`."""
    found = re.fullmatch(r"\\begin\s*\{[^}]*\}(.*?)(?:\\end\s*\{[^}]*\})?", node.latex_verbatim(), re.DOTALL)
    body = found[1] if found else ""
    return re.sub(r"\A\{[^{}]*\}", "", body) if "alignat" in node.environmentname else body


def _inner(node: Any) -> str:
    """The source of the last argument, without its braces."""
    source = str(node.nodeargd.argnlist[-1].latex_verbatim())
    return source[1:-1] if source.startswith("{") else source


def _grouped(text: str) -> str:
    return text if len(text) == 1 or text.isdecimal() else f"({text})"


def _sign(node: Any, arguments: list[str]) -> str:
    """A command that is not in the tables: a sign, an accent on its argument, otherwise its arguments, otherwise
    unchanged."""
    told = [argument for argument in arguments if argument]
    name = str(node.macroname)
    if not told:
        known = sign(name)
        if known is None and not name.isalpha():
            return name  # `\\^{}` is a circumflex
        blank = " " if known and node.macro_post_space and not node.nodeargd.argnlist and known.isalpha() else ""
        return f"\\{name}{node.macro_post_space}" if known is None else known + blank
    text = unicodedata.normalize("NFKD", str(_converter().node_to_text(node)))
    kept = all(set(_WORD.findall(unicodedata.normalize("NFKD", word))) <= set(_WORD.findall(text)) for word in told)
    return unicodedata.normalize("NFC", text) if kept or len(name) == 1 else " ".join(told)


@cache
def _converter() -> Any:
    from pylatexenc.latex2text import LatexNodes2Text

    return LatexNodes2Text()


def _tidy(text: str) -> str:
    text = re.sub(r"[ \t]+(?=\n)|[ \t]+\Z", "", text)
    text = re.sub(r" +\| +", " | ", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text))


def _words_of_source(source: str) -> set[str]:
    """Approximately: without commands, and without what is in brackets and braces around environments."""
    source = re.sub(r"\\begin\s*\{[^}]*\}(?:\[[^\]]*\])?(?:\{[^{}]*\})?|\\end\s*\{[^}]*\}", " ", source)
    return _words(re.sub(r"\\[A-Za-z]+\*?(?:\[[^\]]*\])?", " ", source))
