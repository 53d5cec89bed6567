"""Numbers in outputs: whether two are equal, or close enough. Takes linear time on whatever a hostile program
writes."""

from __future__ import annotations

import math
import re
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal

from sdpo_tts.problem import Checker

_INTEGER = re.compile(rb"[+-]?[0-9]+\Z")
_NUMBER = re.compile(rb"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?\Z")
_HEXADECIMAL = re.compile(rb"[+-]?0[xX]([0-9a-fA-F]+(\.[0-9a-fA-F]*)?|\.[0-9a-fA-F]+)([pP][+-]?[0-9]+)?\Z")
_EXACT = Context(prec=60, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[])  # overflow gives infinity, nothing raises


def numbers_agree(checker: Checker, expected: bytes, actual: bytes) -> bool:
    """Two decimal tokens within a tolerance; two integers only if they are equal."""
    if not (_NUMBER.match(expected) and _NUMBER.match(actual)):
        return False
    if _INTEGER.match(expected) and _INTEGER.match(actual):
        return _canonical(expected) == _canonical(actual)
    return within(checker, _decimal(expected), _decimal(actual))


def within(checker: Checker, want: Decimal, got: Decimal) -> bool:
    """In exact decimal arithmetic, so a difference of exactly the tolerance is accepted."""
    if not (want.is_finite() and got.is_finite()):
        return False
    difference = _EXACT.abs(_EXACT.subtract(want, got))
    if checker.absolute is not None and difference <= Decimal(repr(checker.absolute)):
        return True
    if checker.relative is None:
        return False
    return difference <= _EXACT.multiply(Decimal(repr(checker.relative)), _EXACT.abs(want))


def doubles_agree(checker: Checker, expected: bytes, actual: bytes) -> bool:
    """As Kattis's validator compares numbers: as C doubles, even integers."""
    want, got = _double(expected), _double(actual)
    if want is None or got is None:
        return False
    difference = abs(want - got)
    absolutely = checker.absolute is not None and difference <= checker.absolute
    return absolutely or (checker.relative is not None and difference <= checker.relative * abs(want))


def _canonical(integer: bytes) -> bytes:
    """Without plus sign and leading zeros; int() would take quadratic time on a hostile program's digits."""
    digits = integer.lstrip(b"+-").lstrip(b"0") or b"0"
    return b"-" + digits if integer.startswith(b"-") and digits != b"0" else digits


def _decimal(token: bytes) -> Decimal:
    return _EXACT.create_decimal(token.decode())


def _double(token: bytes) -> float | None:
    """A finite number as C's scanf reads it, if that is the whole token."""
    try:
        if _NUMBER.match(token):
            value = float(token)
        elif _HEXADECIMAL.match(token):
            value = float.fromhex(token.decode())
        else:
            return None
    except OverflowError:
        return None
    return value if math.isfinite(value) else None
