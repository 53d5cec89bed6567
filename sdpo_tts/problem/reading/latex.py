"""LaTeX statements as plain text. The parser is pylatexenc's; what each command becomes is said here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sdpo_tts.problem.reading.formula import formula_to_text

MAX_CHARACTERS = 200_000

_ARGUMENTS = {  # pylatexenc's notation: `{` one argument, `[` an optional one, `*` an optional star
    **dict.fromkeys(("textbf", "textit", "emph", "underline", "sout", "textsc", "textrm", "texttt", "t", "mbox"), "{"),
    **dict.fromkeys(("section", "subsection", "subsubsection", "paragraph"), "*[{"),
    **dict.fromkeys(("problemname", "vspace", "hspace", "label", "input", "include", "usepackage", "cline"), "*[{"),
    **dict.fromkeys(("constant", "url", "footnote", "caption", "ensuremath"), "{"),
    **dict.fromkeys(("href", "epigraph", "setlength"), "{{"),
    **dict.fromkeys(("multicolumn", "multirow", "illustration"), "{{{"),
    **dict.fromkeys(("newcommand", "renewcommand"), "*{[[{"),
    "includegraphics": "*[[{",
    "item": "[",
    "\\": "*[",
}
_HEADINGS = ("section", "subsection", "subsubsection", "paragraph")
_FIGURES = ("illustration", "includegraphics")
_DROPPED = (
    "problemname", "vspace", "hspace", "label", "input", "include", "usepackage", "cline", "hline", "noindent",
    "setlength", "newcommand", "renewcommand", "nextsample", "remainingsamples", "centering", "bf", "it", "tt", "tiny",
    "scriptsize", "small", "normalsize", "large", "Large", "LARGE", "huge", "Huge", "smallskip", "medskip",
    "bigskip", "toprule", "midrule", "bottomrule", "clearpage", "newpage",
)  # fmt: skip
_ENVIRONMENT_ARGUMENTS = {"tabular": "[{", "wrapfigure": "[{[{", "figure": "[", "minipage": "[{", "enumerate": "["}
_MATH = ("equation", "equation*", "align", "align*", "gather", "gather*", "displaymath", "math")
_VERBATIM = ("verbatim", "lstlisting")
_SECTIONS = ("Input", "Output", "Interaction")
_SPECIALS = {"``": '"', "''": '"', "--": "-", "---": "-", "~": " ", "&": " | ", "!`": "!", "?`": "?"}
_DEFINITION = re.compile(r"\\def\s*\\\w+\s*\{[^{}]*\}")
_NAME = re.compile(r"\\problemname\s*\{((?:[^{}]|\{[^{}]*\})*)\}")


@dataclass
class Converted:
    """`figures`: whether a picture was left out."""

    text: str
    figures: bool = False


def latex_to_text(source: str, constants: Mapping[str, str] | None = None) -> Converted:
    """Paragraphs, headings as `## Input`, lists as `- `, tables with `|`; simple formulas as text, others as TeX.

    What cannot be parsed is returned as it is: the model reads LaTeX too.
    """
    source = _DEFINITION.sub("", source)
    if len(source) > MAX_CHARACTERS:
        return Converted(source)
    try:
        writer = _Writer(constants or {})
        text = writer.nodes(_parse(source))
    except Exception:  # the parser knows no single kind of fault, and a statement in LaTeX is better than none
        return Converted(source)
    return Converted(_tidy(text), writer.figures)


def problem_name(source: str) -> str:
    """What `\\problemname{...}` says, as text; empty without one."""
    found = _NAME.search(source)
    return latex_to_text(found[1]).text if found else ""


def _parse(source: str) -> Sequence[Any]:
    from pylatexenc.latexwalker import LatexWalker

    nodes: Sequence[Any] = LatexWalker(source, latex_context=_context(), tolerant_parsing=True).get_latex_nodes()[0]
    return nodes


@cache
def _context() -> Any:
    from pylatexenc.latexwalker import get_default_latex_context_db
    from pylatexenc.macrospec import std_environment, std_macro

    context = get_default_latex_context_db()
    context.add_context_category(
        "statements",
        macros=[std_macro(name, arguments) for name, arguments in _ARGUMENTS.items()],
        environments=[std_environment(name, arguments) for name, arguments in _ENVIRONMENT_ARGUMENTS.items()],
        prepend=True,
    )
    return context


@dataclass
class _Writer:
    constants: Mapping[str, str]
    figures: bool = False
    counters: list[int] = field(default_factory=list)  # of the lists that are open; -1 is one without numbers

    def nodes(self, nodes: Sequence[Any] | None) -> str:
        return "".join(self.node(node) for node in nodes or () if node is not None)

    def node(self, node: Any) -> str:
        kind = type(node).__name__.removeprefix("Latex").removesuffix("Node").lower()
        write = getattr(self, f"_{kind}", None)
        return str(write(node)) if write else ""

    def _chars(self, node: Any) -> str:
        return re.sub(r"[ \t]*\n[ \t]*", "\n", str(node.chars))

    def _group(self, node: Any) -> str:
        return self.nodes(node.nodelist)

    def _comment(self, node: Any) -> str:
        return re.sub(r"[ \t]+", "", str(node.comment_post_space))

    def _specials(self, node: Any) -> str:
        characters = str(node.specials_chars)
        return _SPECIALS.get(characters, characters)

    def _math(self, node: Any) -> str:
        first, last = node.delimiters
        text = formula_to_text(node.latex_verbatim()[len(first) : -len(last)])
        return f"\n{text}\n" if node.displaytype == "display" else text

    def _macro(self, node: Any) -> str:
        name, arguments = node.macroname, self._arguments(node)
        if name in _HEADINGS:
            return f"\n\n## {arguments[-1].strip()}\n\n"
        if name in _FIGURES:
            self.figures = True
            return ""
        if name in _DROPPED:
            return ""
        if name == "item":
            return self._item(arguments)
        if name == "constant":
            return self.constants.get(arguments[0].strip(), arguments[0])
        return self._spoken(name, arguments, node)

    def _spoken(self, name: str, arguments: list[str], node: Any) -> str:
        if name in ("\\", "newline", "par"):
            return "\n"
        if name == "href":
            return f"{arguments[1]} ({arguments[0]})"
        if name in ("footnote", "epigraph"):
            return f" ({' - '.join(arguments)})"
        if name == "ensuremath":
            return formula_to_text(arguments[0])
        if name in _ARGUMENTS:  # text in some font, a cell, a caption
            return arguments[-1]
        return _symbol(node)

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
        if name in _MATH:
            return f"\n{formula_to_text(_body(node))}\n"
        if name in _VERBATIM:
            return "\n```\n" + _body(node).strip("\n") + "\n```\n"
        if name in ("itemize", "enumerate"):
            self.counters.append(0 if name == "enumerate" else -1)
            text = self.nodes(node.nodelist)
            self.counters.pop()
            return "\n" + re.sub(r"\n{2,}(?= *(?:-|\d+\.) )", "\n", text).strip("\n").rstrip() + "\n"
        heading = f"\n\n## {name}\n\n" if name in _SECTIONS else "\n"
        return f"{heading}{self.nodes(node.nodelist)}\n"


def _body(node: Any) -> str:
    """The source between `\\begin{...}` and `\\end{...}`."""
    found = re.fullmatch(r"\\begin\s*\{[^}]*\}(.*?)(?:\\end\s*\{[^}]*\})?", node.latex_verbatim(), re.DOTALL)
    return found[1] if found else ""


def _symbol(node: Any) -> str:
    """A command that is not in the tables: an accent or a sign for which pylatexenc knows the character."""
    return str(_converter().node_to_text(node))


@cache
def _converter() -> Any:
    from pylatexenc.latex2text import LatexNodes2Text

    return LatexNodes2Text()


def _tidy(text: str) -> str:
    text = re.sub(r"[ \t]+(?=\n)|[ \t]+\Z", "", text)
    text = re.sub(r" +\| +", " | ", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()
