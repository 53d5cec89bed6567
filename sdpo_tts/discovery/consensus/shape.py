"""What the samples' inputs have in common, and new inputs of the same shape.

A shape is made of lines, with numbers, words and the separators between them. If a number on the first line counts the
other lines in every sample, or the tokens of the second line, it still does in a new input.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

_ATOM = re.compile(r"(-?\d+\.\d+|-?\d+|[A-Za-z]+)")
SMALL_ROWS, LARGE_ROWS, LARGE_SQUARE = 6, 1000, 50
LETTERS, LEAST_SPREAD = "abcz", 5
MOST_DIGITS = 18  # longer numbers are varied digit by digit

Lines = list[str]


class TextShape:
    """For inputs on stdin; needs at least one sample."""

    def __init__(self, samples: Sequence[bytes]) -> None:
        self._samples = [_lines(sample) for sample in samples]
        self._rows = self._counter(lambda lines: len(lines) - 1)
        self._tokens = self._counter(lambda lines: len(lines[1].split()) if len(lines) > 1 else -1)
        self._square = self._rows is not None and all(
            len(line.split()) == len(lines) - 1 for lines in self._samples for line in lines[1:]
        )
        if self._tokens == self._rows and not self._square:
            self._tokens = None  # by chance
        self._free_rows = self._rows is None and len({len(lines) for lines in self._samples}) > 1
        self._heads = {_pattern(lines[0]) for lines in self._samples}
        self._kinds = {kind for lines in self._samples for line in lines[1:] for kind in _kinds(line)}

    def fits(self, given: bytes) -> bool:
        """Whether the input has the shape of a sample, as far as can be seen."""
        try:
            lines = _lines(given, errors="strict")
        except UnicodeDecodeError:
            return False
        head, body = lines[0], lines[1:]
        counts = {len(sample) for sample in self._samples}
        same_rows = len(lines) in counts if self._rows is None and not self._free_rows else True
        return (
            same_rows
            and (len(self._heads) > 1 or _pattern(head) in self._heads)
            and (self._rows is None or _number(head, self._rows) == len(body))
            and (self._tokens is None or not body or _number(head, self._tokens) == len(body[0].split()))
            and {kind for line in body for kind in _kinds(line)} <= self._kinds
        )

    def mutated(self, rng: np.random.Generator, *, large: bool = False, of: bytes | None = None) -> bytes:
        """A sample with other values and, where its size may change, another size; or the input `of` with some other
        values."""
        lines = list(self._samples[int(rng.integers(len(self._samples)))]) if of is None else _lines(of)
        lines = self._resized(lines, rng, large=large) if of is None else lines
        chance = max(0.3, 1 / max(1, sum(map(len, lines))))
        kept = {place for place in (self._rows, self._tokens) if place is not None}
        changed = [
            self._varied(line, rng, chance, kept if row == 0 else set(), row) for row, line in enumerate(lines)
        ]
        return ("\n".join(changed) + "\n").encode()

    def _counter(self, count: Callable[[Lines], int]) -> int | None:
        """The first number on the first line that equals `count` in every sample."""
        places = range(min(len(_numbers(lines[0])) for lines in self._samples))
        fitting = (p for p in places if all(_number(lines[0], p) == count(lines) for lines in self._samples))
        return next(fitting, None)

    def _resized(self, lines: Lines, rng: np.random.Generator, *, large: bool) -> Lines:
        most = LARGE_ROWS if large else SMALL_ROWS
        count = int(rng.integers(1, most + 1))
        if self._rows is not None and len(lines) > 1:
            count = min(count, LARGE_SQUARE) if self._square else count
            pool = [line for sample in self._samples for line in sample[1:]]
            body = [pool[int(rng.integers(len(pool)))] for _ in range(count)]
            body = [_stretched(line, count, rng) for line in body] if self._square else body
            lines = [_with_number(lines[0], self._rows, count), *body]
        elif self._free_rows:
            lines = [lines[int(rng.integers(len(lines)))] for _ in range(count)]
        if self._tokens is not None and not self._square and len(lines) > 1:
            width = int(rng.integers(1, most + 1))
            head = _with_number(lines[0], self._tokens, width)
            lines = [head, _stretched(lines[1], width, rng), *lines[2:]]
        elif len(lines) == 1 and len({len(sample[0].split()) for sample in self._samples}) > 1:
            lines = [_stretched(lines[0], count, rng)]
        return lines

    def _varied(self, line: str, rng: np.random.Generator, chance: float, kept: set[int], row: int) -> str:
        parts, numbers = _ATOM.split(line), 0
        for i in range(1, len(parts), 2):
            is_number = not parts[i].isalpha()
            counts = is_number and numbers in kept
            numbers += is_number
            if not counts and rng.random() < chance:
                parts[i] = self._value(parts[i], rng, row)
        return "".join(parts)

    def _value(self, old: str, rng: np.random.Generator, row: int) -> str:
        """Another value of its kind, similar to those that samples have there."""
        rows = [line for lines in self._samples for line in (lines[:1] if row == 0 else lines[1:])]
        atoms = (str(atom) for line in rows for atom in _ATOM.findall(line))
        pool = [atom for atom in atoms if _kind(atom) == _kind(old)] or [old]
        if old.isalpha():
            return pool[int(rng.integers(len(pool)))] if rng.random() < 0.5 else _word(pool, rng)
        if "." in old:
            return pool[int(rng.integers(len(pool)))]
        pool = [atom for atom in pool if _is_huge(atom) == _is_huge(old)] or [old]
        if _is_huge(old) or _is_binary(pool):
            return _digits(pool, rng)
        values = [int(atom) for atom in pool]
        low, high = min(values), max(values)
        if high - low < LEAST_SPREAD:  # one sample says little about the range
            low, high = min(low, 1), high + LEAST_SPREAD
        if (chance := rng.random()) < 0.3:
            value = max(low, min(high, int(old) + int(rng.integers(-1, 2))))
        else:
            least = low if chance < 0.9 else min(low, 1)
            value = least + int(rng.random() * (high - least + 1))
        return str(value).zfill(min((len(atom) for atom in pool if _is_padded(atom)), default=0))


def _word(pool: Sequence[str], rng: np.random.Generator, most: int = 0) -> str:
    """Of the letters of these words, and at most as long as one of them, or as `most`."""
    letters = sorted({letter for word in pool for letter in word}) or list(LETTERS)
    length = int(rng.integers(1, (most or max(map(len, pool))) + 1))
    return "".join(letters[int(rng.integers(len(letters)))] for _ in range(length))


def _is_huge(number: str) -> bool:
    return len(number) > MOST_DIGITS


def _is_padded(number: str) -> bool:
    return len(number) > 1 and number.startswith("0")


def _is_binary(pool: Sequence[str]) -> bool:
    """Whether the numbers are texts of zeros and ones, such as 0110."""
    return set("".join(pool)) <= set("01") and any(map(_is_padded, pool))


def _digits(pool: Sequence[str], rng: np.random.Generator) -> str:
    """A number of at most as many digits as one of these has, and with the sign of one."""
    sign = "-" * pool[int(rng.integers(len(pool)))].startswith("-")
    binary = _is_binary(pool)
    text = _word(["01"] if binary else ["0123456789"], rng, max(len(one.lstrip("-")) for one in pool))
    return text if binary else sign + (text.lstrip("0") or "1")


def _stretched(line: str, count: int, rng: np.random.Generator) -> str:
    """This many tokens, drawn from those on the line."""
    tokens = line.split() or ["0"]
    return " ".join(tokens[int(rng.integers(len(tokens)))] for _ in range(count))


def _lines(given: bytes, errors: str = "replace") -> Lines:
    return given.decode(errors=errors).rstrip("\n").split("\n")


def _kind(atom: str) -> str:
    return "word" if atom.isalpha() else "decimal" if "." in atom else "number"


def _kinds(line: str) -> set[str]:
    return {_kind(atom) for atom in _ATOM.findall(line)}


def _pattern(line: str) -> tuple[str, ...]:
    return tuple(_kind(atom) for atom in _ATOM.findall(line))


def _numbers(line: str) -> list[str]:
    return [atom for atom in _ATOM.findall(line) if not atom.isalpha()]


def _number(line: str, place: int) -> int | None:
    found = _numbers(line)[place : place + 1]
    return int(found[0]) if found and "." not in found[0] and len(found[0]) < 10 else None


def _with_number(line: str, place: int, value: int) -> str:
    parts = _ATOM.split(line)
    at = [i for i in range(1, len(parts), 2) if not parts[i].isalpha()][place]
    return "".join([*parts[:at], str(value), *parts[at + 1 :]])
