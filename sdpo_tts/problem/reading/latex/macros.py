"""Expands a source's own macros: `\\newcommand`, `\\def`, `\\let`, `\\DeclareMathOperator`, `\\newenvironment`."""

from __future__ import annotations

import re
from dataclasses import dataclass

MOST_EXPANSIONS = 5_000
MOST_CHARACTERS = 400_000
_COMMAND = re.compile(r"\\([A-Za-z@]+|.)", re.DOTALL)
_NEW = ("newcommand", "renewcommand", "providecommand", "DeclareRobustCommand")
_DEF = ("def", "gdef", "edef", "xdef")
_ENVIRONMENT = ("newenvironment", "renewenvironment")
_OPERATOR = ("DeclareMathOperator",)
_BRACES = re.compile(r"\\.|[{}]", re.DOTALL)
_BLANKS = re.compile(r"[ \t]*(?:\n(?![ \t]*\n))?[ \t]*")


class Endless(Exception):
    """The macros expand without end, or to far more than a statement."""


class _NoDefinition(Exception):
    """The definition is written in a way that is not understood, so it stays in the text."""


@dataclass(frozen=True)
class _Macro:
    """`alias`: another name for a command that TeX itself knows, so it is not looked up again."""

    body: str
    arguments: int = 0
    default: str | None = None
    alias: bool = False


def expand(source: str) -> str:
    """The source without its definitions, with their macros expanded. Raises Endless."""
    return _Expansion(source).run() if "\\" in source else source


class _Expansion:
    def __init__(self, source: str) -> None:
        self._text, self._at, self._left = source, 0, MOST_EXPANSIONS
        self._macros: dict[str, _Macro] = {}

    def run(self) -> str:
        done: list[str] = []
        while match := _COMMAND.search(self._text, self._at):
            done.append(self._text[self._at : match.start()])
            self._at = match.end()
            done.append(self._command(match[1]))
        return "".join(done) + self._text[self._at :]

    def _command(self, name: str) -> str:
        """The text for the command; an expansion is put before the rest instead, to be read again."""
        start = self._at
        try:
            if name in _NEW or name in _DEF or name in _ENVIRONMENT or name in _OPERATOR or name == "let":
                self._define(name)
                return ""
            if name in ("begin", "end"):
                return self._environment(name)
            if name in self._macros:
                return self._use(self._macros[name], is_word=name.isalpha())
        except _NoDefinition:
            self._at = start
        return f"\\{name}"

    def _define(self, kind: str) -> None:
        if kind in _ENVIRONMENT:
            return self._define_environment()
        self._skip("*")
        name = self._name()
        if kind == "let":
            return self._let(name)
        if kind in _OPERATOR:
            self._macros[name] = _Macro(rf"\operatorname{{{self._group()}}}")
        elif kind in _DEF:
            arguments = self._parameters()
            self._macros[name] = _Macro(self._group(), arguments)
        else:
            arguments, default = self._count(), self._optional()
            macro = _Macro(self._group(), arguments, default)
            if kind != "providecommand" or name not in self._macros:
                self._macros[name] = macro
        return None

    def _define_environment(self) -> None:
        self._skip("*")
        name, arguments, default = self._group(), self._count(), self._optional()
        first, last = self._group(), self._group()
        self._macros |= {f"begin {name}": _Macro(first, arguments, default), f"end {name}": _Macro(last)}

    def _let(self, name: str) -> None:
        self._skip("=")
        match = _COMMAND.match(self._text, self._at)
        if not match:
            raise _NoDefinition
        self._at = match.end()
        self._macros[name] = self._macros.get(match[1]) or _Macro(match[0], alias=True)

    def _environment(self, kind: str) -> str:
        start = self._at
        name = self._group()
        if f"{kind} {name}" in self._macros:
            return self._use(self._macros[f"{kind} {name}"], is_word=False)
        return f"\\{kind}{self._text[start : self._at]}"

    def _use(self, macro: _Macro, *, is_word: bool) -> str:
        if macro.alias:
            return macro.body
        given = []
        if macro.arguments and macro.default is not None:
            optional = self._optional()
            given.append(macro.default if optional is None else optional)
        while len(given) < macro.arguments:
            given.append(self._argument())
        if not macro.arguments and is_word and not macro.body.endswith(r"\xspace"):
            self._skip_blanks()
        body = re.sub(r"#([1-9#])", lambda match: _parameter(match[1], given), macro.body)
        rest = self._text[self._at :]
        apart = " " if re.search(r"\\[A-Za-z]+\Z", body) and rest[:1].isalpha() else ""
        self._left -= 1
        if not self._left or len(body) + len(rest) > MOST_CHARACTERS:
            raise Endless
        self._text, self._at = body + apart + rest, 0
        return ""

    def _name(self) -> str:
        """Of the command being defined: `{\\x}` or `\\x`."""
        self._skip_blanks()
        written = self._group().strip() if self._text.startswith("{", self._at) else None
        match = _COMMAND.fullmatch(written) if written is not None else _COMMAND.match(self._text, self._at)
        if not match:
            raise _NoDefinition
        if written is None:
            self._at = match.end()
        return match[1]

    def _parameters(self) -> int:
        """Of `\\def`: `#1#2`; parameters with text between them are not understood."""
        match = re.compile(r"\s*((?:#[1-9])*)\s*(?=\{)").match(self._text, self._at)
        if not match:
            raise _NoDefinition
        self._at = match.end()
        return len(match[1]) // 2

    def _count(self) -> int:
        told = self._optional()
        if told is None:
            return 0
        if not re.fullmatch(r"\s*[0-9]\s*", told):
            raise _NoDefinition
        return int(told)

    def _optional(self) -> str | None:
        self._skip_blanks()
        match = re.compile(r"\[((?:[^\[\]{}]|\{[^{}]*\})*)\]").match(self._text, self._at)
        if match:
            self._at = match.end()
        return match[1] if match else None

    def _argument(self) -> str:
        """A group, a command, or one character."""
        self._skip_blanks()
        if self._text.startswith("{", self._at):
            return self._group()
        match = _COMMAND.match(self._text, self._at)
        found = match[0] if match else self._text[self._at : self._at + 1]
        if not found:
            raise _NoDefinition
        self._at += len(found)
        return found

    def _group(self) -> str:
        self._skip_blanks()
        if not self._text.startswith("{", self._at):
            raise _NoDefinition
        depth = 0
        for match in _BRACES.finditer(self._text, self._at):
            depth += {"{": 1, "}": -1}.get(match[0], 0)
            if not depth:
                inner = self._text[self._at + 1 : match.start()]
                self._at = match.end()
                return inner
        raise _NoDefinition

    def _skip_blanks(self) -> None:
        match = _BLANKS.match(self._text, self._at)
        assert match
        self._at = match.end()

    def _skip(self, character: str) -> None:
        self._skip_blanks()
        if self._text.startswith(character, self._at):
            self._at += 1


def _parameter(key: str, given: list[str]) -> str:
    if key == "#":
        return "#"
    return given[int(key) - 1] if int(key) <= len(given) else ""
