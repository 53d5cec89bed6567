"""The style of feedback, and how its pieces are written: cut to size, and without control characters."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, fields

FIELD_CHARS, FIELD_LINES = 250, 8
_PLAIN = re.compile(r"[\t\n\x20-\x7e]+")


@dataclass(frozen=True)
class FeedbackStyle:
    """`literals` writes inputs and outputs as string literals, which shows spaces and line ends exactly; `examples`
    adds up to this many shown tests, input -> expected, to any feedback on a shown test.

    The others are the parts that a second look at a failed program adds (`PARTS`): `values` of the names on the line
    that raised; `stack`: where the time went, and how far it got; `memory`: the peak, and the line that grew;
    `sanitizer`: kind and line of an error in C or C++; `difference`: the first one in a wrong answer; `smallest`: the
    smallest generated test that it fails; `calls`: function mode's tests as code.
    """

    literals: bool = True
    examples: int = 2
    values: bool = True
    stack: bool = True
    memory: bool = True
    sanitizer: bool = True
    difference: bool = True
    smallest: bool = True
    calls: bool = True

    @classmethod
    def with_parts(cls, parts: Collection[str], *, literals: bool = True, examples: int = 2) -> FeedbackStyle:
        return cls(literals, examples, **{part: part in parts for part in PARTS})


PARTS = tuple(field.name for field in fields(FeedbackStyle))[2:]


def literal(data: bytes) -> str:
    """A string literal of a field's length: `'3 4\\n'`; what is left out is noted outside the quotes."""
    text = data.decode(errors="replace")
    kept = text[:FIELD_CHARS]
    return repr(kept) + (f"... ({len(text)} characters)" if len(text) > len(kept) else "")


def clean(text: str, chars: int = FIELD_CHARS, lines: int = FIELD_LINES) -> str:
    """Without control characters, invisible ones and halves of a surrogate pair, and cut to this many characters and
    lines."""
    kept = "\n".join(_printable(text).splitlines()[:lines])
    return kept if len(kept) <= chars else kept[: chars - 3] + "..."


def _printable(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    return "".join(c if c in "\t\n" or (c.isprintable() and c <= "\uffff") else "?" for c in text)
