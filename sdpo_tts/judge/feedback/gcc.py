"""What GCC says of a solution itself: its messages quote the library at length."""

from __future__ import annotations

import re

_LIBRARY = re.compile(r"In file included from |/usr/[^:]+(?::\d+:\d+:(?! (?:fatal )?error:)|: In )")
_DETAIL = re.compile(r"\S+?:\d+:\d+: note:  ")  # of the message before it
_ONCE = re.compile(r"(\S+?:\d+:\d+):(?: (?:fatal )?error: |   required from here)|\S+?:\d+:\d+: note: (.*)")


def own_messages(text: str) -> str:
    """Without headers, templates and candidates of the library; the first error of each place, others of which say why
    a candidate does not fit, and each note once. What other compilers say stays as it is."""
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
