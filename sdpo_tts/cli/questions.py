"""Questions on a terminal. They go to stderr: stdout is for results."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sdpo_tts.errors import UserError

if TYPE_CHECKING:
    from sdpo_tts.problem.reading.paste import Paste

END = "END"
_HOW = f"end with a line {END}, or Ctrl-D"
_MOST_BYTES = 4 * 2**20


def ask_block(what: str) -> str:
    """Lines up to `END` or the end of the input, exactly as they were pasted."""
    print(f"{what} ({_HOW}):", file=sys.stderr)
    return _lines(_line())


def ask_statement() -> Paste:
    """A statement, pasted or in a named file; empty if there is none yet."""
    from sdpo_tts.problem.reading.paste import read_paste

    print(f"Statement: paste it, or name a file ({_HOW}):", file=sys.stderr)
    first = _line()
    path = Path(first.strip())
    try:
        is_file = bool(first.strip()) and path.is_file()
    except (OSError, ValueError):
        is_file = False
    return paste_in(path) if is_file else read_paste(_lines(first))


def agreed(question: str, *, default: bool) -> bool:
    """Yes or no; `default` for an empty line, no at the end of the input. Typer's own question would write to stdout
    too, and make no difference between Ctrl-C and the end of the input."""
    answers = {"y": True, "yes": True, "n": False, "no": False, "": default}
    while True:
        print(f"{question} [{'Y/n' if default else 'y/N'}]: ", end="", file=sys.stderr, flush=True)
        if not (line := _line()):
            print(file=sys.stderr)
            return False
        if (answer := line.strip().lower()) in answers:
            return answers[answer]


def read_statement(path: Path) -> str:
    """A statement file as plain text: LaTeX if it ends in `.tex`, otherwise Markdown. Raises UserError."""
    from sdpo_tts.problem.reading.latex import latex_to_text
    from sdpo_tts.problem.reading.statement import markdown_to_text

    source = _source(path)
    text = latex_to_text(source).text if path.suffix == ".tex" else markdown_to_text(source)[0]
    if not text:
        raise UserError("the statement is empty", where=str(path))
    return text


def paste_in(path: Path) -> Paste:
    """What a statement file says, with its samples as they are written there. Raises UserError."""
    from sdpo_tts.problem.reading.paste import read_source

    paste = read_source(_source(path), path.suffix)
    if not paste.statement:
        raise UserError("the statement is empty", where=str(path))
    return paste


def _source(path: Path) -> str:
    """Raises UserError."""
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise UserError(f"cannot read the statement: {error.strerror}", where=str(path)) from None
    if len(raw) > _MOST_BYTES:
        raise UserError(f"the statement is larger than {_MOST_BYTES >> 20} MiB", where=str(path))
    return _clean(raw.decode(errors="replace"))


def _lines(line: str) -> str:
    lines = []
    while line and line.strip() != END:
        lines.append(line)
        line = _line()
    return _clean("".join(lines))


def _line() -> str:
    """Empty at the end of the input. After Ctrl-C the shell's prompt gets a line of its own."""
    try:
        return sys.stdin.readline()
    except KeyboardInterrupt:
        print(file=sys.stderr)
        raise


def _clean(text: str) -> str:
    """Only characters, with `\\n` as line end: a terminal may pass on bytes that are not UTF-8."""
    text = text.encode("utf-8", "surrogateescape").decode(errors="replace")
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
