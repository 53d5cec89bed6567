"""A statement copied from a contest's page: its title, limits and samples, and its text without the page's own lines.
Supports the pages of Codeforces, AtCoder, Kattis and CSES, in the various ways that browsers copy them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sdpo_tts.problem.reading.latex import latex_to_text
from sdpo_tts.problem.reading.statement import code_apart, markdown_to_text

_NUMBER = r"(?P<number>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,9}(?:[.,][0-9]{1,9})?)"
_THOUSANDS = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+")
_TIME = re.compile(
    rf"(?:CPU )?time limit(?: per test)?\s*[:\uff1a]?\s*{_NUMBER}\s*(?P<unit>ms|milliseconds?|s|secs?|seconds?)\b", re.I
)
_MEMORY = re.compile(
    rf"memory limit(?: per test)?\s*[:\uff1a]?\s*{_NUMBER}\s*(?P<unit>[kmg]i?b|(?:kilo|mega|giga)bytes?)\b", re.I
)
_LIMIT_ALONE = re.compile(r"(?:CPU )?(?:time|memory) limit(?: per test)?\s*[:\uff1a]?", re.I)
_UNITS = {"k": 2**10, "m": 2**20, "g": 2**30}
# Lines of the page around the statement. A line like these inside the statement (`input`) is recognised before.
_FURNITURE = re.compile(
    r"""copy|translate|editorial|解説|submit(?:\ssolution)?|edit\s&\ssubmit|statistics?|my\ssubmissions|metadata|help|
        (?:input|output)\s*(?:standard\ (?:input|output)|stdin|stdout)|problem\sid.*|author(?:\(s\)|s)?|license|
        source(?:\(s\)|s)?|difficulty|[0-9.]+\s(?:-\s[0-9.]+\s)?(?:trivial|easy|medium|hard)|download\ssample\sdata\sfiles?|score\s*[:\uff1a]?(?:\s*[0-9]+\s*points?)?|
        [0-9]+\s*points|/|problem\sstatement|
        (?:codeforces\sround|educational\scodeforces\sround).*""",
    re.I | re.X,
)
_HEAD = re.compile(r"(?P<before>(?:problem )?[A-Z][0-9]?)(?:\.| -| \u2013|:) (?P<name>\S.*?)(?:\s+(?:Editorial|解説))?")
_HEADING = re.compile(r"#{0,4}\s*(?:examples?|samples?|sample tests?)(?:\s*[0-9]*)\s*[:\uff1a]?", re.I)
_MARK = re.compile(
    r"#{0,4}\s*(?P<named>(?:sample|example)\s+)?(?P<what>input|output)(?P<counted>\s*\#?[0-9]+)?\s*(?P<copy>copy)?\s*[:\uff1a]?",
    re.I,
)
_BOTH = re.compile(r"sample input\s*(?P<number>[0-9]*)\s+sample output\s*[0-9]*", re.I)
_AFTER = re.compile(r"#{0,4}\s*(?:notes?|explanations?|hints?|remarks?)\s*[0-9]*\s*[:\uff1a]?", re.I)
_FENCE = re.compile(r"\s*(?P<fence>`{3,}|~{3,})(?P<rest>[^`]*)")
_WORD = re.compile(r"[A-Za-z]{2,}")
_PROSE = 4  # a line with at least this many words is a sentence, not an output


@dataclass(frozen=True)
class Paste:
    """`samples`: inputs and outputs; none if they could not be separated from the text, which then still contains them.
    `time_s` and `memory_bytes`: None if the text does not say; `title` likewise."""

    statement: str
    title: str = ""
    time_s: float | None = None
    memory_bytes: int | None = None
    samples: tuple[tuple[str, str], ...] = ()


def read_paste(text: str) -> Paste:
    """What a pasted statement says. Text from elsewhere, which names no limits, keeps everything except its samples."""
    text = text.replace("\u00a0", " ").replace("\u200b", "").removeprefix("\ufeff")
    time, memory = _TIME.search(text), _MEMORY.search(text)
    lines = [line.rstrip("\r") for line in text.strip("\n").split("\n")]
    from_page = bool(time or memory)
    title, lines = _titled(lines) if from_page else ("", lines)
    samples, rest = _split(lines)
    kept = _without_furniture(rest, until=_last_limit(rest)) if from_page else rest
    return Paste(_spaced([*kept]), title, _seconds(time), _bytes(memory), tuple(samples))


def read_source(text: str, suffix: str) -> Paste:
    """What a statement's file says, in LaTeX if it ends in `.tex`, otherwise in Markdown. Samples in Markdown are taken
    as they are written; only the rest becomes plain text."""
    if suffix == ".tex":
        return read_paste(latex_to_text(text).text)
    paste = read_paste("".join(part for part, _ in code_apart(text)))
    return replace(paste, statement=markdown_to_text(paste.statement)[0], title=markdown_to_text(paste.title)[0])


def _spaced(lines: Sequence[str]) -> str:
    """Without blanks at the ends of lines and more than one blank line in a row, except in code blocks."""
    kept: list[str] = []
    code = _in_code(lines)
    for place, line in enumerate(lines):
        text = line if place in code else line.rstrip(" ")
        if place in code or text or (kept and kept[-1]):
            kept.append(text)
    return "\n".join(kept).strip()


def _in_code(lines: Sequence[str]) -> frozenset[int]:
    """The places of the lines of code blocks, with their fences."""
    return frozenset(place for block in _code_blocks(lines) for place in block)


def _code_blocks(lines: Sequence[str]) -> Iterator[range]:
    """Each from fence to fence; a fence that nothing closes is a line like others."""
    start, fence = 0, ""
    for place, line in enumerate(lines):
        found = _FENCE.fullmatch(line)
        if found and not fence:
            start, fence = place, found["fence"]
        elif found and found["fence"].startswith(fence) and not found["rest"].strip():
            yield range(start, place + 1)
            fence = ""


def _seconds(found: re.Match[str] | None) -> float | None:
    if not found:
        return None
    if found["unit"].lower().startswith("m"):
        return _whole(found["number"]) / 1000
    return float(found["number"].replace(",", ".", 1).replace(",", ""))


def _bytes(found: re.Match[str] | None) -> int | None:
    return round(_whole(found["number"]) * _UNITS[found["unit"][0].lower()]) if found else None


def _whole(number: str) -> float:
    """Of a small unit: 1,024 MB are not 1.024 MB."""
    return float(number.replace(",", "" if _THOUSANDS.fullmatch(number) else "."))


def _titled(lines: list[str]) -> tuple[str, list[str]]:
    """The title, and the other lines. The title is the first line, unless that is the page's own or a sentence."""
    for place, line in enumerate(lines):
        plain = line.strip().lstrip("# ")
        if not plain or _FURNITURE.fullmatch(plain):
            continue
        if _limits(plain) or _LIMIT_ALONE.fullmatch(plain) or len(plain) > 100 or plain.endswith("."):
            break
        found = _HEAD.fullmatch(plain)
        return (found["name"] if found else plain), lines[place + 1 :]
    return "", lines


def _limits(line: str) -> bool:
    return bool(_TIME.search(line) or _MEMORY.search(line))


def _last_limit(lines: Sequence[str]) -> int:
    """Where the page's own lines at the top end: after the limits and what closely follows them."""
    places = [i for i, line in enumerate(lines) if _limits(line) or _LIMIT_ALONE.fullmatch(line.strip())]
    return max(places, default=-1) + 1


def _without_furniture(lines: Sequence[str], until: int) -> Iterator[str]:
    """`until`: how many lines belong to the page's top part."""
    skip, code = False, _in_code(lines)
    for place, line in enumerate(lines):
        plain = line.strip()
        value_follows, skip = skip, False
        if place in code:
            yield line
            continue
        if value_follows and _is_value(plain):
            continue
        if _limits(plain) and len(plain) < 100:
            continue
        if _LIMIT_ALONE.fullmatch(plain) or (plain.lower() in ("input", "output") and _next(lines, place) in _STREAMS):
            skip = True
            continue
        if plain and (_FURNITURE.fullmatch(plain) or plain.lower() in _STREAMS) and not _own(plain, place, until):
            continue
        yield line


_STREAMS = ("standard input", "standard output", "stdin", "stdout")


def _own(plain: str, place: int, until: int) -> bool:
    """Words that a statement may use as a heading of its own, after the page's top part."""
    return plain.lower() in ("help", "source", "sources", "statistics", "author") and place > until + 3


def _is_value(plain: str) -> bool:
    """Of a limit or a stream that the previous line names."""
    return plain.lower() in _STREAMS or bool(
        re.fullmatch(rf"{_NUMBER}\s*(?:m?s|secs?|(?:milli)?seconds?|[kmg]i?b|(?:kilo|mega|giga)bytes?)", plain, re.I)
    )


def _next(lines: Sequence[str], place: int) -> str:
    return next((line.strip().lower() for line in lines[place + 1 :] if line.strip()), "")


@dataclass
class _Part:
    """Lines after a mark: `what` is input or output, or empty for text."""

    what: str
    lines: list[str]


def _split(lines: Sequence[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """The samples, and the other lines; all lines if inputs and outputs do not alternate."""
    parts = [_Part("", [])]
    in_samples, code = False, _in_code(lines)
    for place, line in enumerate(lines):
        plain = line.strip()
        if place in code:
            parts[-1].lines.append(line)
        elif _BOTH.fullmatch(plain):
            parts += [_Part("both", [])]
        elif _HEADING.fullmatch(plain) and _mark(_next(lines, place), after_heading=True):
            in_samples = True
            parts.append(_Part("", []))
        elif what := _mark(plain, after_heading=in_samples, next_line=_next(lines, place)):
            parts.append(_Part(what, []))
        elif parts[-1].what and (_AFTER.fullmatch(plain) or _limits(plain) or _LIMIT_ALONE.fullmatch(plain)):
            parts.append(_Part("", [line]))
        elif plain.lower() == "copy" and parts[-1].what and not any(map(str.strip, parts[-1].lines)):
            continue
        else:
            parts[-1].lines.append(line)
        in_samples = in_samples or parts[-1].what == "both"
    return _paired(parts) or ([], list(lines))


def _mark(plain: str, *, after_heading: bool, next_line: str = "") -> str:
    """`input` or `output` if the line begins one; before any heading it must mention a sample."""
    found = _MARK.fullmatch(plain)
    if not found or not (after_heading or found["named"] or found["copy"] or next_line == "copy"):
        return ""
    return found["what"].lower()


def _paired(parts: Sequence[_Part]) -> tuple[list[tuple[str, str]], list[str]] | None:
    samples: list[tuple[str, str]] = []
    text: list[str] = []
    given: str | None = None
    for part in parts:
        if part.what == "input" and given is None:
            given, rest = _quoted(part.lines) or (_block(part.lines), [])
            text += ["", *rest] if rest else []
        elif part.what == "output" and given is not None:
            wanted, rest = _quoted(part.lines) or _until_prose(part.lines)
            samples.append((given, wanted))
            text += ["", *rest] if rest else []
            given = None
        elif part.what == "both" and given is None and (columns := _columns(part.lines)):
            samples.append(columns)
        elif part.what:
            return None
        else:
            text += part.lines
    return (samples, text) if samples and given is None and all(wanted for _, wanted in samples) else None


def _quoted(lines: Sequence[str]) -> tuple[str, list[str]] | None:
    """The text of a code block that they begin with, exactly, and what follows it; None if they begin otherwise."""
    block = next(_code_blocks(lines), None)
    if block is None or any(line.strip() for line in lines[: block.start]):
        return None
    text = "\n".join(lines[block.start + 1 : block.stop - 1])
    return f"{text}\n" if text else "", [*lines[block.stop :]]


def _columns(lines: Sequence[str]) -> tuple[str, str] | None:
    """From a table with the input in its left column: a tab, which no cell contains, separates them."""
    cells = "\n".join(lines).split("\t")
    return (_block(cells[0].split("\n")), _block(cells[1].split("\n"))) if len(cells) == 2 else None


def _until_prose(lines: Sequence[str]) -> tuple[str, list[str]]:
    """An output without the explanation that some pages put below it, after an empty line."""
    for place, line in enumerate(lines):
        if line.strip() or not any(map(str.strip, lines[:place])):
            continue
        if any(len(_WORD.findall(later)) >= _PROSE for later in lines[place:]):
            return _block(lines[:place]), [*lines[place:]]
    return _block(lines), []


def _block(lines: Sequence[str]) -> str:
    """Without blank lines around it. Blanks at the beginning of a line may be part of a drawing."""
    text = "\n".join(line.rstrip(" ") for line in lines if not line.strip().startswith("```")).strip("\n")
    return f"{text}\n" if text else ""
