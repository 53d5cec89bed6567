"""Reads what a diagnostic run left: a witness's findings (Python), or a sanitizer's report (C and C++).

The program runs in the same process and may have written any of it, so nothing here raises on what it reads.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sdpo_tts.judge.verdict import Diagnosis

MOST_HOT, MOST_VALUES = 3, 6
_STACK = re.compile(r"^(?:Current thread|Thread|Stack)\b.*(?:\n  File .*)+", re.M)
_FRAME = re.compile(r'^  File "(?P<file>.*)", line (?P<line>\d{1,9}) in ', re.M)
_REPORT = re.compile(r"ERROR: AddressSanitizer: (?P<kind>.+)")
_ACCESS = re.compile(r"^(READ|WRITE) of size \d+", re.M)
_OWN_FRAME = re.compile(r"^ +#\d+ 0x.* /w/solution\.\w+:(?P<line>\d{1,9})\b", re.M)
_UNDEFINED = re.compile(r"^solution\.\w+:(?P<line>\d{1,9}):\d+: runtime error: (?P<what>.+)", re.M)
_ASSERTION = re.compile(r"Assertion [^\n]{1,300} failed")
_UNCAUGHT = "terminate called after throwing"


def of_witness(found: Diagnosis, kept: bytes, stdout: bytes) -> Diagnosis:
    """What `sandbox/diagnose.py` wrote: stacks, and one line of JSON, before which all output was flushed."""
    text = kept.decode(errors="replace")
    seen = list(_lines_seen(text))
    hot = tuple((line, count / len(seen)) for line, count in Counter(seen).most_common(MOST_HOT))
    spot = _spot(text)
    line = spot.get("line", seen[-1] if seen else None)
    return replace(
        found,
        line=line if isinstance(line, int) else None,
        values=_values(spot.get("values")),
        hot=hot,
        lines_out=stdout.count(b"\n") if spot else None,
    )


def _lines_seen(text: str) -> Iterator[int]:
    """The program's innermost line of each stack, unless its thread is only waiting for others."""
    for stack in _STACK.finditer(text):
        frames = list(_FRAME.finditer(stack[0]))
        if frames and not frames[0]["file"].endswith("/threading.py"):
            yield from [int(frame["line"]) for frame in frames if frame["file"].endswith("/solution.py")][:1]


def _spot(text: str) -> dict[str, Any]:
    for line in reversed(text.splitlines()):
        if line.startswith("{"):
            try:
                spot = json.loads(line)
            except (ValueError, RecursionError):
                return {}
            return spot if isinstance(spot, dict) else {}
    return {}


def _values(told: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(told, dict):
        return ()
    named = [(name, " ".join(value.split())) for name, value in told.items() if _is_pair(name, value)]
    return tuple(named[:MOST_VALUES])


def _is_pair(name: str, value: Any) -> bool:
    """The program may have written a name that contains line ends."""
    return name.isidentifier() and isinstance(value, str)


def of_sanitizer(found: Diagnosis, stderr: bytes) -> Diagnosis:
    """The line of the crash, otherwise of the first undefined behaviour, with its description."""
    text = stderr.decode(errors="replace")
    undefined = [(int(one["line"]), one["what"]) for one in _UNDEFINED.finditer(text)]
    if report := _REPORT.search(text):
        own = _OWN_FRAME.search(text, report.end())
        line = int(own["line"]) if own else None
        said = next((what for at, what in undefined if at == line), "") or _kind(text, report["kind"])
        return replace(found, line=line, fault=said)
    return replace(found, line=undefined[0][0], fault=undefined[0][1]) if undefined else found


def _kind(text: str, kind: str) -> str:
    """`heap-buffer-overflow, READ of size 4`; for an abort, its reason."""
    name = kind.partition(" on ")[0]
    if name == "ABRT":
        words = _ASSERTION.search(text)
        return words[0] if words else "an exception that nobody catches" if _UNCAUGHT in text else "abort"
    access = _ACCESS.search(text)
    return f"{name}, {access[0]}" if access else name
