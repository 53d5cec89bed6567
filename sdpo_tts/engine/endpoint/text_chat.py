"""Prompts for a server, which takes and returns text: it uses its own tokenizer and chat template."""

from __future__ import annotations

from collections.abc import Sequence

from sdpo_tts.policy.batch import Ids
from sdpo_tts.policy.prompts import Chat

CHARS = 3  # characters per id. Tokens of English or code are slightly longer, so prompts are cut too early
_BITS = 21  # of a code point


class TextChat(Chat):
    """Text as ids of three characters each, so that the number of ids is about the number of tokens, and the exact text
    can be recovered."""

    def __init__(self) -> None:
        self.stop_ids = ()

    def prompt(self, text: str) -> Ids:
        """Of one user turn."""
        return self.plain(text)

    def plain(self, text: str) -> Ids:
        text = text.encode(errors="replace").decode()  # servers do not accept halves of surrogate pairs
        return tuple(_packed(text[start : start + CHARS]) for start in range(0, len(text), CHARS))

    def text(self, ids: Sequence[int]) -> str:
        return "".join(map(_unpacked, ids))


def _packed(chars: str) -> int:
    """With its length in front, because a character may be code point 0."""
    packed = len(chars)
    for char in chars:
        packed = packed << _BITS | ord(char)
    return packed


def _unpacked(packed: int) -> str:
    chars = []
    while packed > CHARS:
        chars.append(chr(packed & (1 << _BITS) - 1))
        packed >>= _BITS
    return "".join(reversed(chars))
