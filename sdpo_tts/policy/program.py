"""The program in a response: the longest fenced block, as in the paper's judge."""

from __future__ import annotations

import re

_FENCED = re.compile(r"^[ \t]*```[^\n`]*\n(.*?)^[ \t]*```", re.DOTALL | re.MULTILINE)


def extract_program(response: str) -> str | None:
    """The longest fenced code block of `response`, whatever its language tag; None if there is no complete block."""
    blocks = [block for block in _FENCED.findall(response) if block.strip()]
    return max(blocks, key=len) if blocks else None
