"""What a command without arguments prints. Characters come from pylatexenc; words and spaces are defined here."""

from __future__ import annotations

from functools import cache
from typing import Any

OPERATORS = (
    "sum", "prod", "min", "max", "log", "ln", "lg", "exp", "gcd", "lcm", "sin", "cos", "tan", "arcsin", "arccos",
    "arctan", "sinh", "cosh", "tanh", "cot", "det", "dim", "deg", "arg", "sup", "inf", "lim", "limsup", "liminf", "ker",
    "hom", "Pr",
)  # fmt: skip
SPACES = (",", ";", ":", ">", " ", "quad", "qquad", "enspace", "thinspace", "space", "\n", "\t")  # fmt: skip
NOTHING = (
    "!", "-", "/", "@", "left", "right", "middle", "big", "Big", "bigg", "Bigg", "bigl", "bigr", "Bigl", "Bigr",
    "biggl", "biggr", "Biggl", "Biggr", "limits", "nolimits", "displaystyle", "textstyle", "scriptstyle", "allowbreak",
    "relax", "nonumber", "notag",
)  # fmt: skip
_WORDS = {
    "prod": "product", "ldots": "...", "dots": "...", "cdots": "...", "dotsc": "...", "dotsb": "...",
    "textellipsis": "...", "lt": "<", "gt": ">", "mid": "|", "vert": "|", "lvert": "|", "rvert": "|", "colon": ":",
    "land": "and", "lor": "or", "lbrace": "{", "rbrace": "}", "lbrack": "[", "rbrack": "]", "backslash": "\\",
    "bmod": "mod", "mod": "mod", "ast": "*", "sim": "~", "setminus": "∖",  # noqa: RUF001
    "leqslant": "≤", "geqslant": "≥", "gets": "←",
    "iff": "⇔", "implies": "⇒", "textless": "<", "textgreater": ">", "textbar": "|", "textunderscore": "_",
    "textasciicircum": "^", "textdollar": "$", "textasciitilde": "~", "textquotedbl": '"', "textquotesingle": "'",
    "textasteriskcentered": "*", "textbullet": "•", "textbackslash": "\\", "textbraceleft": "{", "textbraceright": "}",
    "textendash": "-", "textemdash": "-", "textquoteleft": "'", "textquoteright": "'", "textquotedblleft": '"',
    "textquotedblright": '"', "slash": "/", "S": "§", "P": "¶", "copyright": "©", "pounds": "£", "euro": "€",
    "texteuro": "€", "degree": "°", "LaTeX": "LaTeX", "TeX": "TeX", "_": "_", "%": "%", "#": "#", "&": "&", "$": "$",
    "{": "{", "}": "}", "|": "‖", "checkmark": "✓", "dag": "†", "ddag": "‡", "guillemotleft": "«",
    "guillemotright": "»", "lq": "'", "rq": "'",
}  # fmt: skip


def sign(name: str) -> str | None:
    """The text that TeX prints for `\\name` without arguments; None if unknown."""
    if name in SPACES:
        return " "
    if name in NOTHING:
        return ""
    return _WORDS.get(name) or (name if name in OPERATORS else _character(name))


@cache
def _character(name: str) -> str | None:
    spec = _characters().get_macro_spec(name)
    text = getattr(spec, "simplify_repl", None)
    return text if isinstance(text, str) and len(text) == 1 and text != "%" else None


@cache
def _characters() -> Any:
    from pylatexenc.latex2text import get_default_latex_context_db

    return get_default_latex_context_db()
