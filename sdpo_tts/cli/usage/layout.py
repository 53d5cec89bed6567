"""The text of a help: what the command does, its arguments and options in panels, and examples."""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

WIDEST = 100
INDENT, GAP = 2, 2
NAMES = 26  # columns for an option and its value
VALUES = {int: "N", float: "X", Path: "PATH", str: "NAME"}


def layout(command: Any, context: Any, *, every: bool = True) -> str:
    """Shows `every` option, or only those that the command lists as everyday."""
    width = min(WIDEST, shutil.get_terminal_size().columns)
    parts = [f"Usage: {context.command_path} {_pieces(command)}\n"]
    parts.append("\n\n".join(textwrap.fill(part, width) for part in _paragraphs(command.help or "")) + "\n")
    for title, rows in _panels(command, context, every=every):
        parts.append(f"{title}:\n{''.join(_row(name, text, width) for name, text in rows)}")
    if command.epilog:
        parts.append(f"{command.epilog}\n")
    return "\n".join(parts)


def _pieces(command: Any) -> str:
    """What follows the command's name: options, and arguments in capitals."""
    pieces = ["[OPTIONS]"]
    for one in command.params:
        if one.param_type_name == "argument":
            name = (one.metavar or one.name.upper()).removesuffix("...") + ("" if one.nargs == 1 else "...")
            pieces.append(name if one.required else f"[{name}]")
    return " ".join([*pieces, *(["COMMAND ..."] if getattr(command, "commands", {}) else [])])


def _paragraphs(text: str) -> list[str]:
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]


def _sentence(text: str) -> str:
    return f"{_paragraphs(text)[0].removesuffix('.').partition('. ')[0]}."


def _panels(command: Any, context: Any, *, every: bool) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Title and rows of each panel that has any."""
    commands = getattr(command, "commands", {})
    rows = {"Commands": [(name, _sentence(one.help or "")) for name, one in commands.items() if not one.hidden]}
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    rows["Arguments"] = [(one.metavar or one.name.upper(), one.help or "") for one in arguments]
    usual = {one.name for one in command.params} if every or not command.everyday else command.everyday
    options = [one for one in command.params if one.param_type_name == "option" and one.name in usual]
    rows["Options"] = []
    for option in options:
        rows.setdefault(option.rich_help_panel or "Options", []).append((_named(option), _told(option, context)))
    rows["Options"].append(("--help, -h", "Show this help."))
    yield from ((title, told) for title, told in rows.items() if told)


def _named(option: Any) -> str:
    names = ", ".join(option.opts) + "".join(f" / {name}" for name in option.secondary_opts)
    value = "" if option.is_flag else f" {option.metavar or VALUES.get(option.type_descriptor.annotation, 'VALUE')}"
    return names + value


def _told(option: Any, context: Any) -> str:
    default = option.get_default(context)
    if default is None or default in ("", []) or (option.is_flag and not option.secondary_opts):
        return option.help or ""
    shown = option.secondary_opts[0] if default is False else option.opts[0] if default is True else default
    told = re.sub(r" Default: [^.]+\.$", "", option.help or "")
    return f"{told} (default: {shown})"


def _row(name: str, text: str, width: int) -> str:
    column = INDENT + NAMES + GAP
    lines = textwrap.wrap(text, max(20, width - column), break_on_hyphens=False)
    first, *rest = lines or [""]
    begun = f"{'':{INDENT}}{name:<{NAMES}}"
    if len(name) > NAMES:
        return f"{begun}\n" + "".join(f"{'':{column}}{line}\n" for line in lines)
    return f"{begun}{'':{GAP}}{first}".rstrip() + "\n" + "".join(f"{'':{column}}{line}\n" for line in rest)


