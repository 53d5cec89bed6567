"""What a statement says about judging, if its format cannot say it: dialogues, tolerances, several answers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sdpo_tts.problem.document import quoted
from sdpo_tts.problem.model import Checker, Test
from sdpo_tts.problem.reading.latex import picture
from sdpo_tts.problem.reading.latex.signs import sign

_INTERACTIVE = re.compile(
    r"""
    \binteractive\s+(?:problem|task|program|protocol|judge|grader|question|version)
  | \b(?:problem|task)\s+is\s+(?:an?\s+)?(?:\w+ly\s+)?interactive
  | \binteractor\b
  | \binteract(?:s|ing)?\s+with\s+(?:the|our|a)\s+(?:judge|grader|interactor|jury|system|checker|testing)
  | \bfflush\s*\( | \bstdout\.flush | \bcout\.flush | \bflush\s*\(\s*(?:output|stdout)?\s*\) | \bflush\s+operation
  | \bflush(?:es|ed|ing)?\s+(?:[\w']+\s+){0,4}(?:output|stdout|buffers?|streams?|cout)\b
  | \b(?:output|stdout|buffer|stream)\s+(?:\w+\s+){0,3}flush(?:ed|ing)?\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
_ERROR = re.compile(r"\b(?:errors?|precision|accuracy|tolerance)\b", re.IGNORECASE)
_NEAR = re.compile(r"\b(?:differs?|difference|deviat\w+|within)\b", re.IGNORECASE)
_SMALL = re.compile(  # 10^{-6}, 10 - 6 (its superscript lost), 10⁻⁶, 1e-6, 0.000001
    r"""(?<![\w.])(?:
    10\s*(?P<raise>\^|\*\*|<sup>)?\s*[{(]?\s*(?:[-\u2212\u2013]|&minus;)\s*(?P<power>[0-9]{1,2})\b\s*[)}]?
  | 10(?P<raised>⁻[⁰¹²³⁴-⁹]{1,2})
  | (?P<times>[1-9])?[eE][-\u2212\u2013](?P<exponent>[0-9]{1,2})\b
  | (?P<decimal>0\.0*1)(?![0-9])
    )""",
    re.VERBOSE,
)
_SENTENCE_END = re.compile(r"(?<=[.!?;])\s+(?=[A-Z\[(`$])|\n\s*\n")
_RAISED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
_DECIMAL = re.compile(rb"(?<![\w.])[-+]?(?:[0-9]*\.[0-9]+(?:[eE][-+]?[0-9]+)?|[0-9]+[eE]-[0-9]+)(?![\w.])")
_SEVERAL = re.compile(
    r"""
    \b(?:print|output|find|return|report|give|write|choose)\s+any\b(?!\s*(?:thing|more|where|one\s+else))[^.\n]{0,40}
  | \bany\s+(?:one\s+)?of\s+(?:them|these|those|the\s+(?:\w+\s+){0,2}(?:answers?|solutions?))
  | \bany\s+(?:\w+\s+){0,2}(?:answers?|solutions?|order|orders|ordering)\s+
    (?:is|are|will\s+be|would\s+be|may\s+be|can\s+be)\s+(?:accepted|allowed|fine|valid)
  | \b(?:multiple|several|many|more\s+than\s+one|different)\s+
    (?:\w+\s+){0,3}(?:answers?|solutions?|ways|outputs?)\b[^.\n]{0,60}\bany\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
_IMAGE = re.compile(r"<image>|<img\b[^>]{0,500}>")
_COMMANDS = "leqslant|geqslant|leq|le|geq|ge|neq|ne|lt|gt|times|cdots|cdot|ldots|dots|infty"
_LEFT_OVER = re.compile(rf"\\(?:(?P<sign>{_COMMANDS})(?![A-Za-z])|(?P<plain>[{{}}_%#&]))")


def is_interactive(statement: str) -> bool:
    """Whether the statement asks for a dialogue with the judge."""
    return _INTERACTIVE.search(statement) is not None


@dataclass(frozen=True)
class Tolerance:
    """`text` is the statement's wording."""

    checker: Checker
    text: str


def tolerance(statement: str, tests: Iterable[Test]) -> Tolerance | None:
    """The largest error that the statement allows, if expected outputs have decimal fractions."""
    if not any(_DECIMAL.search(test.expected) for test in tests):
        return None
    for sentence in _SENTENCE_END.split(statement):
        found = _SMALL.search(sentence)
        if not found or not (_ERROR.search(sentence) or (_NEAR.search(sentence) and not _is_range(found))):
            continue
        if (size := _size(found)) is not None:
            return Tolerance(_floats(sentence, size), " ".join(sentence.split()))
    return None


def _is_range(match: re.Match[str]) -> bool:
    """`10-15` is a power of ten only if the text talks about an error."""
    return bool(match["power"]) and not match["raise"]


def _floats(sentence: str, size: float) -> Checker:
    """For the kind of error that is named, or for both if none is."""
    absolute, relative = (re.search(rf"\b{kind}", sentence, re.IGNORECASE) for kind in ("absolute", "relative"))
    return Checker(
        kind="floats",
        absolute=size if absolute or not relative else None,
        relative=size if relative or not absolute else None,
    )


def _size(match: re.Match[str]) -> float | None:
    """Above zero and below one, otherwise None."""
    if match["decimal"]:
        return float(match["decimal"])
    power = match["power"] or match["exponent"] or match["raised"].translate(_RAISED).removeprefix("-")
    return float(f"{match['times'] or 1}e-{power}") if 0 < int(power) <= 18 else None


def several_answers(statement: str) -> str:
    """What the statement says about answers besides the expected one; empty if nothing."""
    found = _SEVERAL.search(statement)
    return " ".join(found[0].split()) if found else ""


def tidied(statement: str, tests: Iterable[Test]) -> tuple[str, bool]:
    """A row's statement without the leftovers of the data set's own conversion, and whether a picture was left out.

    Text that is also in a sample stays.
    """
    samples = b"".join(test.input + test.expected for test in tests if test.shown)
    text, pictures = (statement, 0) if b"<im" in samples else _IMAGE.subn(picture(), statement)
    if b"\\" not in samples:
        text = re.sub(r"(?<=[0-9])\\[ ,;](?=[0-9]{3}(?![0-9]))", " ", text)
        text = _LEFT_OVER.sub(lambda match: (match["sign"] and sign(match["sign"])) or match["plain"], text)
    return text, pictures > 0


def answers_note(statement: str) -> list[str]:
    """A note that only one of the right answers is accepted, if the statement says that there are several."""
    if told := several_answers(statement):
        return [f"the statement allows several answers ({quoted(told)}), but only the expected one is accepted"]
    return []
