"""TeX formulas as plain text where that stays exact: `10^{5} \\leq n` becomes `10^5 ≤ n`; the rest stays TeX."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

_WORDS = {
    "sum": "sum", "prod": "product", "sqrt": "sqrt", "min": "min", "max": "max", "log": "log", "ln": "ln", "gcd": "gcd",
    "lcm": "lcm", "bmod": " mod ", "mod": " mod ", "ldots": "...", "dots": "...", "cdots": "...", "left": "",
    "right": "", "quad": " ", "qquad": " ", "limits": "", "displaystyle": "", "lt": "<", "gt": ">", "mid": "|",
    "lvert": "|", "rvert": "|", "colon": ":", "big": "", "Big": "", "land": " and ", "lor": " or ",
}  # fmt: skip
_SPACES = re.compile(r"\\[,;:!> ]")
_COMMAND = re.compile(r"\\([A-Za-z]+)\s*")
_TEXT = re.compile(r"\\(?:text|math)(?:bf|it|tt|rm|sf)?\s*\{([^{}\\]*)\}|\\(?:operatorname|mbox|pmod)\s*\{([^{}\\]*)\}")
_FRACTION = re.compile(r"\\[dt]?frac\s*\{([^{}\\]*)\}\s*\{([^{}\\]*)\}")
_SCRIPT = re.compile(r"([\^_])\{([^{}\\]*)\}")
_SQUARE_ROOT = re.compile(r"\\sqrt\s*\{([^{}\\]*)\}")
_SIMPLE = re.compile(r"\w+|.")
_INLINE = re.compile(r"(?<![\\$])(\$\$\$|\$\$|\$)(?=[^\s$])(.{0,2000}?[^\s\\])\1(?![$0-9])", re.DOTALL)


def formula_to_text(tex: str) -> str:
    """Plain text, or `$...$` as it was where plain text would be ambiguous."""
    text = _SPACES.sub(" ", tex).replace(r"\{", "\x01").replace(r"\}", "\x02").replace("~", " ")
    for _ in range(8):  # from the inside out
        before = text
        text = _TEXT.sub(lambda m: m[1] or m[2] or "", text)
        text = _SQUARE_ROOT.sub(r"sqrt(\1)", text)
        text = _FRACTION.sub(lambda m: f"{_grouped(m[1])}/{_grouped(m[2])}", text)
        text = _COMMAND.sub(_symbol, text)
        text = _SCRIPT.sub(lambda m: m[1] + _grouped(m[2]), text)
        if text == before:
            break
    text = text.replace("{,}", ",").replace(r"\%", "%").replace(r"\_", "_").replace(r"\#", "#").replace(r"\&", "&")
    if re.search(r"[\\{}]", text):
        return f"${tex.strip()}$"
    return re.sub(r"\s+", " ", text.replace("\x01", "{").replace("\x02", "}")).strip()


def formulas_to_text(text: str) -> str:
    """Every `$...$`, `$$...$$` and Codeforces's `$$$...$$$` in `text`; a lone dollar sign stays."""
    return _INLINE.sub(lambda match: formula_to_text(match[2]), text)


def _grouped(text: str) -> str:
    return text.strip() if _SIMPLE.fullmatch(text.strip()) else f"({text.strip()})"


def _symbol(match: re.Match[str]) -> str:
    name = match[1]
    if name in _WORDS:
        return _WORDS[name]
    symbol = _symbols(name)
    if not symbol:
        return match[0]
    return f" {symbol} " if match[0][-1].isspace() and not symbol.isalnum() else symbol + match[0][len(name) + 1 :]


@cache
def _symbols(name: str) -> str:
    """The character that TeX prints for a command without arguments, or nothing."""
    spec = _characters().get_macro_spec(name)
    text = getattr(spec, "simplify_repl", None)
    return text if isinstance(text, str) and "%" not in text and len(text) == 1 else ""


@cache
def _characters() -> Any:
    from pylatexenc.latex2text import get_default_latex_context_db

    return get_default_latex_context_db()
