"""The errors that users can cause or meet, and their exit codes. Only `cli` catches these.

Verdicts, a spent budget and an interruption are outcomes, not errors.
"""

from __future__ import annotations

import re


def visible(text: str) -> str:
    """On one line, whatever a file name contains: unprintable characters become escapes."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def visible_lines(text: str) -> str:
    """The same for several lines, keeping line ends and tabs: a terminal must not obey what a model wrote."""
    return re.sub(r"[^\n\t]+", lambda line: visible(line[0]), text)


def first_line(error: BaseException) -> str:
    """The first line of an error's message that is not empty, or its class name if there is none."""
    return next(filter(None, map(str.strip, str(error).splitlines())), type(error).__name__)


class SdpoError(Exception):
    """One clear line: what went wrong, where, and a hint how to fix it."""

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what, self.where, self.hint = what, where, hint

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        hint = f" (hint: {self.hint})" if self.hint else ""
        return visible(f"{place}{self.what}{hint}")


class UserError(SdpoError):
    """A wrong command line or a wrong problem file."""

    exit_code = 2


class SetupError(SdpoError):
    """The machine lacks something: a model, the Docker engine, memory."""

    exit_code = 4


class SandboxError(SdpoError):
    """The sandbox failed during a run, and retries did not help."""

    exit_code = 5
