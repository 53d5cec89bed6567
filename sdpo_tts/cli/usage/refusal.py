"""Usage errors, in one line like every other error."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any

from sdpo_tts.errors import UserError

# What to say about an invalid value, by the error kinds of pydantic, which parses the values.
_WORDS = {
    "int_parsing": "is not a whole number", "int_from_float": "is not a whole number",
    "int_type": "is not a whole number", "float_parsing": "is not a number", "float_type": "is not a number",
    "bool_parsing": "is neither true nor false", "bool_type": "is neither true nor false",
}  # fmt: skip


def refusal(error: Any) -> str:
    """The line for one of Typer's exceptions, with the help to read."""
    context = getattr(error, "ctx", None)
    if context is not None and error.message == context.get_help():  # no arguments at all
        return str(error.message).rstrip()
    hint = f"{context.command_path} --help" if context is not None else ""
    if (parameter := getattr(error, "param", None)) is None or not error.message:
        return f"error: {UserError(_said(error), hint=_nearest(error) or hint)}"
    return f"error: {UserError(misread(error), where=parameter.opts[0], hint=hint)}"


def misread(error: Any) -> str:
    """What is wrong with the value of an option, including the value if it is known."""
    found = error.__cause__.errors() if hasattr(error.__cause__, "errors") else []
    if not found:
        return str(error.message).rstrip(".")
    kind, value, limits = found[0]["type"], str(found[0]["input"])[:60], found[0].get("ctx", {})
    if kind == "greater_than_equal":
        return f"{value!r} is less than {limits['ge']:g}"
    if kind == "less_than_equal":
        return f"{value!r} is more than {limits['le']:g}"
    return f"{value!r} {_WORDS[kind]}" if kind in _WORDS else str(error.message)


def _said(error: Any) -> str:
    """Usage errors that do not concern a value: a missing argument, an unknown option, and the like."""
    if (parameter := getattr(error, "param", None)) is not None:
        return f"{(parameter.metavar or parameter.name).upper()} is missing"
    if extra := re.fullmatch(r"Got unexpected extra argument\(s\) \((.*)\)", error.message):
        return f"one argument too many: {extra[1]}"
    text = re.split(r" \(Possible options|\. Did you mean", error.message)[0].rstrip(".")
    return text[:1].lower() + text[1:]


def _nearest(error: Any) -> str:
    near = getattr(error, "possibilities", None) or _commands(error)
    return f"did you mean {near[0]}?" if near else ""


def _commands(error: Any) -> list[str]:
    """Those of a group that are called almost like the one that it does not have."""
    unknown = re.match(r"No such command '(.*?)'", error.message)
    known = getattr(getattr(getattr(error, "ctx", None), "command", None), "commands", {})
    return get_close_matches(unknown[1], known, 1) if unknown else []
