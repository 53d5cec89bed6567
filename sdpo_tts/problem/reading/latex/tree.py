"""A formula as a tree, read from TeX. Raises `Unreadable` for TeX that this tree cannot express."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sdpo_tts.problem.reading.latex.signs import NOTHING, OPERATORS, SPACES, sign

MOST_DEPTH = 30
_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[0-9]+(?:\.[0-9]+)?|\s+|.", re.DOTALL)
_FONTS = (
    "text", "textbf", "textit", "texttt", "textrm", "textsf", "textnormal", "mathrm", "mathbf", "mathit", "mathtt",
    "mathsf", "mathnormal", "boldsymbol", "bm", "operatorname", "mbox", "hbox",
)  # fmt: skip
_FRACTIONS = ("frac", "dfrac", "tfrac", "cfrac", "nicefrac")
_SIDED = ("left", "right", "middle")
_OPEN, _CLOSE, _PUNCTUATION = "([{⌊⌈⟨", ")]}⌋⌉⟩", ",;."
_RELATIONS = "=<>≤≥≠≈≡∈∉∋⊂⊆⊃⊇→←↔⇒⇐⇔↦≪≫≺≻∼≅≃∝⊥∥≜"  # noqa: RUF001
_SUMS = "+-−±∓·×∪∩∧∨⊕⊗⊖∘*⋅"  # noqa: RUF001
_LETTERS = "∞∅ℓℵ∂∇"


class Unreadable(Exception):
    """This formula has no tree: it has an unknown command, or unmatched braces."""


@dataclass(frozen=True)
class Word:
    """Text that is printed unchanged. `kind`: letter, number, word, open, close, comma, relation, sum, mod, space, or
    other.

    `spaced`: TeX sets spaces around it that its source does not need.
    """

    text: str
    kind: str
    spaced: bool = False


@dataclass(frozen=True)
class Row:
    items: tuple[Node, ...]


@dataclass(frozen=True)
class Script:
    """`base` with its index and exponent."""

    base: Node
    below: Row | None
    above: Row | None


@dataclass(frozen=True)
class Fraction:
    top: Row
    bottom: Row


@dataclass(frozen=True)
class Root:
    body: Row


@dataclass(frozen=True)
class Modulo:
    """`\\pmod{m}`."""

    body: Row


Node = Word | Row | Script | Fraction | Root | Modulo
NOTHING_AT_ALL = Row(())


def read(tex: str) -> Row:
    """The tree of a formula, without groups that change nothing. Raises `Unreadable`."""
    reader = _Reader(_TOKEN.findall(tex))
    row = reader.row(0)
    if reader.left:
        raise Unreadable("a closing brace too many")
    return row


def flat(node: Node) -> tuple[Node, ...]:
    """The items of a row, or the node itself; nested rows are flattened, as if they had no braces."""
    if not isinstance(node, Row):
        return (node,)
    return tuple(inner for item in node.items for inner in flat(item))


class _Reader:
    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens[::-1]

    @property
    def left(self) -> bool:
        return bool(self._tokens)

    def row(self, depth: int) -> Row:
        """Up to a closing brace, which stays, or the end."""
        if depth > MOST_DEPTH:
            raise Unreadable("nested too deeply")
        items: list[Node] = []
        while self._tokens and self._tokens[-1] != "}":
            if self._tokens[-1] in ("^", "_"):
                items.append(self._script(items, depth))
            elif self._tokens[-1].startswith("'"):
                items.append(Word(self._tokens.pop(), "other"))
            else:
                items.append(self._item(depth))
        return Row(tuple(inner for item in items for inner in flat(item)))

    def _script(self, items: list[Node], depth: int) -> Node:
        """Takes the base from `items`."""
        while items and _is_space(items[-1]):
            items.pop()
        base = items.pop() if items else NOTHING_AT_ALL
        found: dict[str, Row] = {}
        while self._tokens and self._tokens[-1] in ("^", "_"):
            mark = self._tokens.pop()
            if mark in found:
                raise Unreadable("two scripts in one place")
            found[mark] = self._argument(depth)
            self._skip_blanks_before_script()
        return Script(base, found.get("_"), found.get("^"))

    def _skip_blanks_before_script(self) -> None:
        if len(self._tokens) > 1 and self._tokens[-1].isspace() and self._tokens[-2] in ("^", "_"):
            self._tokens.pop()

    def _item(self, depth: int) -> Node:
        token = self._tokens.pop()
        if token == "{":
            return self._closed(depth)
        if token.startswith("\\"):
            return self._command(token[1:], depth)
        if token == "~" or token.isspace():
            return Word(" ", "space")
        if token in "&%$#":
            raise Unreadable(f"a lone {token}")
        return _word(token)

    def _closed(self, depth: int) -> Row:
        row = self.row(depth + 1)
        if not self._tokens:
            raise Unreadable("a brace that is not closed")
        self._tokens.pop()
        return row

    def _argument(self, depth: int) -> Row:
        """A group, a command, or one character: `2^10` is 2¹0."""
        while self._tokens and self._tokens[-1].isspace():
            self._tokens.pop()
        if not self._tokens or self._tokens[-1] in ("}", "^", "_", "&"):
            raise Unreadable("a missing argument")
        if len(self._tokens[-1]) > 1 and self._tokens[-1][0].isdigit():
            number = self._tokens.pop()
            self._tokens += _TOKEN.findall(number[1:])[::-1]
            return Row((Word(number[0], "number"),))
        return Row(flat(self._item(depth + 1)))

    def _command(self, name: str, depth: int) -> Node:
        if name in _FRACTIONS:
            return Fraction(self._argument(depth), self._argument(depth))
        if name == "sqrt":
            if self._tokens and self._tokens[-1] == "[":
                raise Unreadable("a root that is not square")
            return Root(self._argument(depth))
        if name == "pmod":
            return Modulo(self._argument(depth))
        if name in _FONTS:
            return self._text()
        if name in _SIDED and self._tokens and self._tokens[-1] == ".":
            self._tokens.pop()
        text = sign(name)
        if text is None:
            raise Unreadable(f"the command {name}")
        return _of_command(name, text)

    def _text(self) -> Node:
        """The text in the braces of `\\text{...}`, unchanged."""
        while self._tokens and self._tokens[-1].isspace():
            self._tokens.pop()
        if not self._tokens or self._tokens.pop() != "{":
            raise Unreadable("a font without braces")
        parts = []
        while self._tokens and self._tokens[-1] != "}":
            token = self._tokens.pop()
            text = sign(token[1:]) if token.startswith("\\") else " " if token == "~" else token
            if text is None or token in "{$^":
                raise Unreadable("more than text in a text")
            parts.append(text)
        if not self._tokens:
            raise Unreadable("a brace that is not closed")
        self._tokens.pop()
        return _named("".join(parts))


def _named(text: str) -> Node:
    if len(text) == 1 and not text.isspace():
        return _word(text)
    return Word(text, "number" if text.isdecimal() else "word")


def _of_command(name: str, text: str) -> Node:
    if name in NOTHING:
        return NOTHING_AT_ALL
    if name in SPACES:
        return Word(" ", "space")
    if name in OPERATORS:
        return Word(text, "word")
    if name in ("bmod", "mod"):
        return Word(text, "mod", spaced=True)
    if name in ("land", "lor"):
        return Word(text, "relation", spaced=True)
    if name in ("lvert", "rvert"):
        return Word(text, "open" if name == "lvert" else "close")
    word = _word(text)
    return Word(text, word.kind, spaced=word.kind in ("relation", "sum"))


def _word(text: str) -> Word:
    kinds = ((_OPEN, "open"), (_CLOSE, "close"), (_PUNCTUATION, "comma"), (_RELATIONS, "relation"), (_SUMS, "sum"))
    for characters, kind in kinds:
        if text in characters:
            return Word(text, kind)
    if text[0].isdecimal():
        return Word(text, "number")
    return Word(text, "letter" if text.isalpha() or text in _LETTERS else "other")


def _is_space(node: Node) -> bool:
    return isinstance(node, Word) and node.kind == "space"
