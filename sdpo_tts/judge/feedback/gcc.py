"""GCC's messages about the solution itself, without its long quotations of the library."""

from __future__ import annotations

import re

_LIBRARY = re.compile(r"In file included from |/usr/[^:]+(?::\d+:\d+:(?! (?:fatal )?error:)|: In )")
_DETAIL = re.compile(r"\S+?:\d+:\d+: note:  ")  # group: of the message before it
_ONCE = re.compile(r"(\S+?:\d+:\d+):(?: (?:fatal )?error: |   required from here)|\S+?:\d+:\d+: note: (.*)")


def own_messages(text: str) -> str:
    """Without headers, templates and candidates of the library. Of several errors at one place only the first is kept,
    because the others say why a candidate does not fit, and each note once. Other compilers' messages are unchanged."""
    kept: list[str] = []
    told: set[str] = set()
    keep = True
    for line in text.splitlines():
        if line.startswith(" ") or _DETAIL.match(line):
            pass
        elif _LIBRARY.match(line):
            keep = False
        elif found := _ONCE.match(line):
            what = found[1] or found[2]
            keep = what not in told
            told.add(what)
        else:
            keep = True
        if keep:
            kept.append(line)
    return "\n".join(kept)
