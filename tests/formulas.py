"""Random formulas: as TeX, as the tree that they mean, and the tree that a plain text means to its reader."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import strategies as st

Tree = tuple[Any, ...]  # its kind, then its parts; a row is ("row", items)
WORDS = ("log", "max", "gcd")
_SIGNS = {"=": "=", "<": "<", "\\le": "≤", "\\to": "→", "+": "+", "-": "-", "\\cdot": "·", ",": ","}
_TOKEN = re.compile(r"\s+|[A-Za-z]+|[0-9]+|.")


def formulas() -> st.SearchStrategy[tuple[str, Tree]]:
    """A formula in TeX, and its tree."""
    names = st.one_of(
        st.sampled_from("abcxyz").map(lambda one: (one, ("sign", one))),
        st.integers(0, 120).map(lambda one: (str(one), ("sign", str(one)))),
        st.sampled_from(WORDS).map(lambda one: (f"\\{one}", ("sign", one))),
    )
    signs = st.sampled_from(sorted(_SIGNS)).map(lambda one: (one, ("sign", _SIGNS[one])))
    return st.recursive(st.one_of(names, names, signs), _larger, max_leaves=12).map(_as_row)


def _larger(inner: st.SearchStrategy[tuple[str, Tree]]) -> st.SearchStrategy[tuple[str, Tree]]:
    rows = st.lists(inner, min_size=1, max_size=4).map(_joined)
    fraction = st.tuples(rows, rows).map(
        lambda two: (f"\\frac{{{two[0][0]}}}{{{two[1][0]}}}", ("/", two[0][1], two[1][1]))
    )
    root = rows.map(lambda one: (f"\\sqrt{{{one[0]}}}", ("sqrt", one[1])))
    fence = rows.map(lambda one: (f"({one[0]})", ("fence", one[1])))
    modulo = rows.map(lambda one: (f"\\pmod{{{one[0]}}}", ("pmod", one[1])))
    script = st.tuples(rows, st.none() | rows, st.none() | rows, st.booleans()).map(_script)
    return st.one_of(fraction, root, fence, modulo, script, script, rows)


def _joined(parts: list[tuple[str, Tree]]) -> tuple[str, Tree]:
    """One after the other, but never two numbers, which would be one."""
    tex, items = "", []
    for source, tree in parts:
        apart = "" if tex == "" else " " if not (tex[-1].isdigit() and source[0].isdigit()) else " x "
        if apart == " x ":
            items.append(("sign", "x"))
        tex += apart + source
        items += tree[1] if tree[0] == "row" else [tree]
    return tex, ("row", items)


def _as_row(one: tuple[str, Tree]) -> tuple[str, Tree]:
    return one if one[1][0] == "row" else (one[0], ("row", [one[1]]))


def _script(parts: tuple[tuple[str, Tree], tuple[str, Tree] | None, tuple[str, Tree] | None, bool]) -> tuple[str, Tree]:
    base, below, above, turned = parts
    marks = [f"_{{{below[0]}}}" if below else "", f"^{{{above[0]}}}" if above else ""]
    tex = f"{{{base[0]}}}" + "".join(marks[::-1] if turned else marks)
    return (tex, ("script", base[1], below and below[1], above and above[1])) if below or above else base


def canonical(tree: Tree) -> Tree:
    """Without the parentheses that only hold something together."""
    kind, *parts = tree
    if kind == "sign":
        return tree
    if kind == "row":
        return ("row", tuple(canonical(item) for item in parts[0]))
    if kind == "fence":
        inner = _bare(parts[0])
        return inner[1][0] if len(inner[1]) == 1 and inner[1][0][0] == "/" else ("fence", inner)
    if kind == "script":
        base = _bare(parts[0])
        alone = len(base[1]) == 1 and base[1][0][0] in ("sign", "sqrt")
        return ("script", base[1][0] if alone else ("fence", base), *(part and _bare(part) for part in parts[1:]))
    return (kind, *(_bare(part) for part in parts))


def _bare(row: Tree) -> Tree:
    row = canonical(row)
    while len(row[1]) == 1 and row[1][0][0] == "fence":
        row = row[1][0][1]
    return row


def parse(text: str) -> Tree:
    """What a reader takes a text for: powers and indices first, then `/` without blanks, then the row."""
    tokens = _TOKEN.findall(text)[::-1]
    row = _row(tokens, "")
    assert not tokens, f"left over: {tokens[::-1]}"
    return canonical(row)


def _row(tokens: list[str], end: str) -> Tree:
    items: list[Tree] = []
    while tokens and tokens[-1] != end:
        if tokens[-1].isspace():
            tokens.pop()
            continue
        items += _unit(tokens)
        if tokens and tokens[-1] == "/":
            tokens.pop()
            after = _unit(tokens)
            assert len(after) == 1, "several letters below a line"
            items[-1] = ("/", ("row", [items[-1]]), ("row", after))
    return ("row", items)


def _unit(tokens: list[str]) -> list[Tree]:
    """One thing with its scripts; of several letters the last one has them."""
    token = tokens.pop()
    if token == "(":
        units = [_closed(tokens)]
    elif token == "sqrt":
        assert tokens.pop() == "("
        units = [("sqrt", _closed(tokens)[1])]
    elif token.isalpha() and token not in (*WORDS, "mod"):
        units = [("sign", letter) for letter in token]
    else:
        units = [("sign", token)]
    scripts = {"_": None, "^": None}
    while tokens and tokens[-1] in scripts:
        mark = tokens.pop()
        assert scripts[mark] is None
        scripts[mark] = _argument(tokens, mark)
    if any(scripts.values()):
        units[-1] = ("script", ("row", [units[-1]]), scripts["_"], scripts["^"])
    return units


def _closed(tokens: list[str]) -> Tree:
    modulo = tokens[-1] == "mod" and "pmod"
    if modulo:
        tokens.pop()
    row = _row(tokens, ")")
    assert tokens.pop() == ")"
    return (modulo or "fence", row)


def _argument(tokens: list[str], mark: str) -> Tree:
    """Up to the next blank: what runs on would be read as part of it."""
    token = tokens.pop()
    if token == "(":
        return ("row", [_closed(tokens)])
    assert not (tokens and token.isalnum() and tokens[-1].isalnum()), f"runs on: {token}{tokens[-1]}"
    if token.isalpha() and token not in WORDS:
        assert mark == "_" or len(token) == 1, f"several letters: {mark}{token}"
        return ("row", [("sign", letter) for letter in token])
    return ("row", [("sign", token)])
