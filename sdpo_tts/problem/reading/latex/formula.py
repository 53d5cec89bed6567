"""TeX formulas as plain text if that stays exact: `10^{5} \\leq n` becomes `10^5 ≤ n`; others stay TeX.

Parentheses are added where a group would otherwise fall apart. Powers and indices bind most tightly, then `/`.
"""

from __future__ import annotations

import re

from sdpo_tts.problem.reading.latex.tree import Fraction, Modulo, Node, Root, Row, Script, Unreadable, Word, flat, read

MOST_CHARACTERS = 5_000
_INLINE = re.compile(r"(?<![\\$])(\$\$\$|\$\$|\$)(?=[^\s$])(.{0,2000}?[^\s\\])\1(?![$0-9])", re.DOTALL)
_ORDINAL = ("th", "st", "nd", "rd")
_BEFORE_FRACTION = ("", "open", "comma", "relation", "sum")
_AFTER_FRACTION = ("", "close", "comma", "relation", "sum")
_OPENING, _CLOSING = re.escape("([{⌊⌈⟨"), re.escape(")]}⌋⌉⟩")
_NAMES = ("letter", "number", "word")


def formula_to_text(tex: str) -> str:
    """Plain text, or the original `$...$` if plain text would be ambiguous."""
    if len(tex) > MOST_CHARACTERS:
        return f"${tex.strip()}$"
    try:
        text = re.sub(r"\s+", " ", _row(read(tex))).strip()
    except Unreadable:
        return f"${tex.strip()}$"
    return re.sub(rf"(?<=[{_OPENING}]) | (?=[{_CLOSING}])", "", text)


def formulas_to_text(text: str) -> str:
    """Every `$...$`, `$$...$$` and Codeforces's `$$$...$$$` in `text`; a lone dollar sign stays."""
    return _INLINE.sub(lambda match: formula_to_text(match[2]), text)


def _row(row: Row) -> str:
    """The items one after another, with a space wherever two would read as one."""
    items, done, last = flat(row), list[str](), ""
    befores, afters = _kinds_before(items), _kinds_before(items[::-1])[::-1]
    for index, item in enumerate(items):
        piece = _piece(item, befores[index], afters[index])
        if last and _runs_on(items[index - 1], item, last, piece):
            done.append(" ")
        done.append(piece)
        last = piece or last
    return "".join(done)


def _piece(item: Node, before: str, after: str) -> str:
    if isinstance(item, Word):
        if not item.spaced:
            return item.text
        return item.text if item.kind == "sum" and before in ("", "open", "comma", "relation") else f" {item.text} "
    if isinstance(item, Script):
        return _scripts(item)
    if isinstance(item, Root):
        return f"sqrt({_row(item.body).strip()})"
    if isinstance(item, Modulo):
        return f" (mod {_row(item.body).strip()})"
    assert isinstance(item, Fraction)
    text = f"{_operand(item.top)}/{_operand(item.bottom)}"
    return text if before in _BEFORE_FRACTION and after in _AFTER_FRACTION else f"({text})"


def _kinds_before(items: tuple[Node, ...]) -> list[str]:
    """For each item the kind of the nearest non-space item before it; empty at the edge."""
    kinds, nearest = [], ""
    for item in items:
        kinds.append(nearest)
        kind = item.kind if isinstance(item, Word) else "operand"
        nearest = nearest if kind == "space" else kind
    return kinds


def _runs_on(last: Node, item: Node, text: str, piece: str) -> bool:
    """Whether a piece would be read as part of what is before it: `x^2 y`, `n log n`."""
    if not (piece[:1].isalnum() or piece[:1] == "_") or text[-1].isspace():
        return False
    if isinstance(last, Script):
        return _ends_bare(last)
    named = isinstance(item, Root) or any(isinstance(one, Word) and one.kind == "word" for one in (last, _first(item)))
    return named and (text[-1].isalnum() or text[-1] == "_")


def _first(item: Node) -> Node:
    """What an item begins with."""
    while isinstance(item, Script | Fraction):
        inner = flat(item.base if isinstance(item, Script) else item.top)
        if not inner:
            break
        item = inner[0]
    return item


def _scripts(script: Script) -> str:
    base = _row(Row(flat(script.base))).strip()
    whole = len(flat(script.base)) > 1 or isinstance(_only(script.base), Script | Fraction | Modulo)
    text = f"({base})" if whole else base
    if script.below is not None:
        text += f"_{_script(script.below, below=True)}"
    if script.above is not None:
        text += _above(script.above)
    return text


def _above(row: Row) -> str:
    plain = _plain(row)
    if plain == "∘":
        return "°"
    return f"-{plain}" if plain in _ORDINAL else f"^{_script(row, below=False)}"


def _plain(row: Row) -> str:
    """The text of a row that consists of words only; empty for any other row."""
    words = [item.text for item in flat(row) if isinstance(item, Word)]
    return "".join(words).strip() if len(words) == len(flat(row)) else ""


def _script(row: Row, *, below: bool) -> str:
    text = _row(row).strip()
    return text if _is_bare(row, below=below) else f"({text})"


def _is_bare(row: Row, *, below: bool) -> bool:
    """A single name, number or sign; in an index also several letters, as in `a_max`."""
    words = [item for item in flat(row) if isinstance(item, Word)]
    if not words or len(words) != len(flat(row)):
        return False
    if len(words) > 1:
        return below and all(word.kind == "letter" for word in words)
    [word] = words
    if len(word.text) == 1 and word.kind in ("sum", "other", "letter"):
        return True
    return word.kind in _NAMES and word.text.isalnum()


def _ends_bare(script: Script) -> bool:
    last = script.below if script.above is None else script.above
    if last is None or (last is script.above and _plain(last) == "∘"):
        return False
    return _is_bare(last, below=last is script.below) or (last is script.above and _plain(last) in _ORDINAL)


def _operand(row: Row) -> str:
    """One side of a fraction."""
    text, only = _row(row).strip(), _only(row)
    core = _only(only.base) if isinstance(only, Script) else only
    return text if isinstance(core, Root) or _is_name(core) else f"({text})"


def _only(node: Node) -> Node | None:
    items = flat(node)
    return items[0] if len(items) == 1 else None


def _is_name(node: Node | None) -> bool:
    return isinstance(node, Word) and node.kind in _NAMES and node.text.replace(".", "").isalnum()
