"""Prompts for a server, which takes and gives text: its tokenizer and its chat template are its own."""

from __future__ import annotations

from collections.abc import Sequence

from sdpo_tts.policy.batch import Ids
from sdpo_tts.policy.prompts import Chat

CHARS = 3  # per id. A token of English or code is somewhat longer: prompts are cut too early rather than too late
_BITS = 21  # of a code point


class TextChat(Chat):
    """Text as ids of three characters each: whoever counts the ids of a prompt has about its tokens, and whoever needs
    the text gets it back as it was."""

    def __init__(self) -> None:
        self.stop_ids = ()

    def prompt(self, text: str) -> Ids:
        """Of one user turn."""
        return self.plain(text)

    def plain(self, text: str) -> Ids:
        text = text.encode(errors="replace").decode()  # halves of surrogate pairs are no text for a server
        return tuple(_packed(text[start : start + CHARS]) for start in range(0, len(text), CHARS))

    def text(self, ids: Sequence[int]) -> str:
        return "".join(map(_unpacked, ids))


def _packed(chars: str) -> int:
    """Its length on top, since a character may be the code point 0."""
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
