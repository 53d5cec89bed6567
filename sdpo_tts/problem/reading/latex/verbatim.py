"""Takes out what LaTeX prints unchanged, before anything else reads the source; and comments, which are not printed."""

from __future__ import annotations

import re

_FIRST = 0xF0000  # how many private characters can stand for pieces
_MOST, _MOST_BLOCKS = 65_000, 500  # each block may be searched to the end of the source
_BLOCK = re.compile(r"\\(?:iffalse|begin\s*\{(?:verbatim|Verbatim|lstlisting|minted|comment))")
_PRIVATE = re.compile("[\U000f0000-\U000fffff]")
_DELIMITED = r"(?P<mark>[^\sA-Za-z*{\\])(?P<verb>[^\n]*?)(?P=mark)"


def _group(name: str) -> str:
    """An argument in braces with matching braces inside, as the group `name`."""
    inner = r"[^{}\\]|\\."
    for _ in range(2):
        inner = rf"[^{{}}\\]|\\.|\{{(?:{inner})*\}}"
    return rf"\{{(?P<{name}>(?:{inner})*)\}}"


_OPTIONS = r"(?:\[[^\]]{0,500}\])?"
_COMMANDS = {  # also matches what is between a command and its verbatim argument
    "code": rf"lstinline(?![A-Za-z]){_OPTIONS}",
    "minted": rf"mintinline(?![A-Za-z]){_OPTIONS}\{{[^{{}}]*\}}",
    "address": r"(?:url|nolinkurl|path)(?![A-Za-z])\s*",
    "target": r"href(?![A-Za-z])\s*",
}
_PIECE = re.compile(
    "|".join(
        (
            rf"\\begin\s*\{{(?P<kind>(?:verbatim|Verbatim|lstlisting)\*?)\}}{_OPTIONS}(?P<block>.*?)\\end\s*\{{(?P=kind)\}}",
            rf"\\begin\s*\{{minted\}}{_OPTIONS}\{{[^{{}}]*\}}(?P<listing>.*?)\\end\s*\{{minted\}}",
            r"\\begin\s*\{comment\}.*?\\end\s*\{comment\}",
            r"\\iffalse(?![A-Za-z]).*?\\fi(?![A-Za-z])",
            *(rf"\\{before}{_group(name)}" for name, before in _COMMANDS.items()),
            r"\\(?:[vV]erb(?![A-Za-z])\*?" + rf"|{_COMMANDS['code']}|{_COMMANDS['minted']})" + _DELIMITED,
            r"\\.",
            r"%[^\n]*(?:(?P<paragraph>\n[ \t]*(?=\n))|\n[ \t]*)?",
        )
    ),
    re.DOTALL,
)


class Verbatim:
    """The pieces of one source. The caller puts them back into the final text."""

    def __init__(self) -> None:
        self._pieces: list[str] = []

    def take_out(self, source: str) -> str:
        """The source with one private character in place of each piece. Raises ValueError for too many pieces."""
        if len(_BLOCK.findall(source)) > _MOST_BLOCKS:
            raise ValueError("too many verbatim blocks")
        return _PIECE.sub(self._taken, _PRIVATE.sub("\ufffd", source))

    def put_back(self, text: str) -> str:
        """`text` with the pieces back in their places."""
        return _PRIVATE.sub(lambda match: self._pieces[ord(match[0]) - _FIRST], text)

    def _taken(self, match: re.Match[str]) -> str:
        for name in ("block", "listing"):
            if match[name] is not None:
                return "\n" + self._keep("```\n" + match[name].strip("\n") + "\n```") + "\n"
        for name in ("verb", "code", "minted", "address"):
            if match[name] is not None:
                return self._keep(match[name])
        if match["target"] is not None:
            return rf"\href{{{self._keep(_unescaped(match['target']))}}}"
        if match[0].startswith("%"):
            return "\n" if match["paragraph"] else ""
        return "" if match[0].startswith((r"\begin", r"\iffalse")) else match[0]

    def _keep(self, piece: str) -> str:
        if len(self._pieces) >= _MOST:
            raise ValueError("too many verbatim pieces")
        self._pieces.append(piece)
        return chr(_FIRST + len(self._pieces) - 1)


def _unescaped(address: str) -> str:
    return re.sub(r"\\([%#&_~])", r"\1", address)
