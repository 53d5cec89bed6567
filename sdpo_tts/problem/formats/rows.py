"""Files of rows: one JSON object, a JSON list, or JSON lines, optionally compressed with gzip.

A row's format is recognised by its fields: Competitive Companion, LiveCodeBench, CodeContests (the original and the
flat one of evaluation harnesses), HumanEval, APPS and TACO, MBPP.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import Any

from sdpo_tts.errors import UserError
from sdpo_tts.problem.document import quoted, read_document
from sdpo_tts.problem.formats import apps, code_contests, companion, human_eval, livecodebench, mbpp
from sdpo_tts.problem.native import read_native
from sdpo_tts.problem.reading.draft import Draft, Reading

MAX_BYTES = 256 * 2**20  # for one row, or for a file that is not one row per line
MAX_LINES = 1_000_000
Row = dict[str, Any]
_SHOWN_IDS = 5


@dataclass(frozen=True)
class Kind:
    """How a kind of row is recognised, identified and read."""

    fits: Callable[[Row], bool]
    id_of: Callable[[Row], str]
    draft: Callable[[Row, Path, str, str], Draft]


KINDS = {
    "companion": Kind(companion.fits, companion.id_of, companion.draft),
    "livecodebench": Kind(livecodebench.fits, livecodebench.id_of, livecodebench.draft),
    "human-eval": Kind(human_eval.fits, human_eval.id_of, human_eval.draft),
    "code-contests": Kind(code_contests.fits, code_contests.id_of, code_contests.draft),
    "apps": Kind(apps.fits, apps.id_of, apps.draft),
    "mbpp": Kind(mbpp.fits, mbpp.id_of, mbpp.draft),
}


_JSON = re.compile(rb'(?:\xef\xbb\xbf)?\s*(?:\{\s*["}]|\[\s*[{\]])')


def looks_like_json(head: bytes) -> bool:
    """Unlike a flow mapping in YAML, which need not quote its keys."""
    return _JSON.match(head) is not None


def read(file: Path, identifier: str, path: Path, statement: str) -> Reading:
    """The row `identifier` of `file`, or the only one. `path` is what the user gave. Raises `UserError`."""
    found = _choose(file, identifier)
    if found is None:  # JSON is YAML too
        return Reading(read_native(read_document(file)), native=True)
    kind, row, where = found
    return kind.draft(row, path, where, statement).finish()


def read_all(
    file: Path, only: Container[str] | None = None, kind_name: str = ""
) -> Iterator[tuple[str, Reading | UserError]]:
    """Every row by its id, or `only` these: the problem, or the reason why there is none. Raises `UserError` if the
    file itself or its first row is invalid, or a row is not of the given kind (one of KINDS). Other invalid rows have
    their place as id."""
    known = False
    for where, row in _rows(file):
        try:
            kind, name = _identify(row, where)
        except UserError as error:
            if not known:
                raise
            if only is None:
                yield where, error
            continue
        known = True
        if kind_name and kind is not KINDS[kind_name]:
            raise UserError(f"not a row of {kind_name}", where=where)
        if only is None or name in only:
            yield name, _drafted(kind, row, Path(f"{file}#{name}"), where)


def _drafted(kind: Kind, row: Row, path: Path, where: str) -> Reading | UserError:
    try:
        return kind.draft(row, path, where, "").finish()
    except UserError as error:
        return error


def is_native(file: Path) -> bool:
    """Whether a JSON file is a native problem. Raises `UserError`."""
    _, first = next(_rows(file), ("", None))
    return isinstance(first, dict) and _is_native(first)


def _choose(file: Path, identifier: str) -> tuple[Kind, Row, str] | None:
    """None: a file with one object that is not a row."""
    known: list[str] = []
    first: tuple[Kind, Row, str] | None = None
    for where, row in _rows(file):
        if not known and isinstance(row, dict) and _is_native(row):
            return None
        kind, name = _identify(row, where)
        if identifier and Path(f"#{name}") == Path(f"#{identifier}"):  # as part of a path, `https://` has lost a slash
            return kind, row, where
        first = first or (kind, row, where)
        known.append(name)
        if not identifier and len(known) > _SHOWN_IDS:
            break
    if first and len(known) == 1 and not identifier:
        return first
    raise _no_such_row(file, identifier, known)


def _is_native(row: Row) -> bool:
    """Even without the first line that a problem file must have."""
    return "format" in row or (not _kind(row) and "statement" in row and "tests" in row)


def _no_such_row(file: Path, identifier: str, known: list[str]) -> UserError:
    if not known:
        return UserError("no rows", where=str(file))
    what = f"no row {quoted(identifier)}" if identifier else "several problems in one file"
    some = ", ".join(quoted(name)[1:-1] for name in known[:_SHOWN_IDS]) + (", ..." if len(known) > _SHOWN_IDS else "")
    return UserError(what, where=str(file), hint=f"name one as FILE#ID; ids: {some}")


def _identify(row: Any, where: str) -> tuple[Kind, str]:
    if isinstance(row, UserError):
        raise row
    kind = _kind(row)
    if not kind:
        raise UserError("unknown kind of row", where=where, hint="see docs/formats.md for the supported kinds")
    return kind, kind.id_of(row)


def _kind(row: Any) -> Kind | None:
    return next((kind for kind in KINDS.values() if isinstance(row, dict) and kind.fits(row)), None)


def _rows(file: Path) -> Iterator[tuple[str, Any]]:
    """Every row with its place, one at a time: such files may be larger than memory. A line that is not JSON, after the
    first, is the `UserError` about it. Raises `UserError`."""
    try:
        with file.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
        with file.open("rb") as raw:
            yield from _parsed(gzip.GzipFile(fileobj=raw) if packed else raw, file)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or "damaged gzip data"
        raise UserError(f"cannot be read: {reason}", where=str(file)) from None


def _parsed(stream: BufferedIOBase, file: Path) -> Iterator[tuple[str, Any]]:
    lines = _lines(stream, file)
    start, first = next(lines, (1, b""))
    try:
        whole = _json(first, str(file), start)
    except UserError:  # one object or list over several lines
        yield from _listed(_json(first + _rest(stream, file), str(file), start), file, start)
        return
    yield from _listed(whole, file, start)
    for number, line in lines:
        try:
            yield f"{file}:{number}", _json(line, str(file), number)
        except UserError as error:
            yield f"{file}:{number}", error


def _lines(stream: BufferedIOBase, file: Path) -> Iterator[tuple[int, bytes]]:
    """Those that are not blank, with their numbers."""
    for number in range(1, MAX_LINES):
        line = _line(stream, file)
        if not line:
            return
        if line.strip(b" \t\r\n\xef\xbb\xbf"):
            yield number, line
    raise UserError(f"more than {MAX_LINES} lines", where=str(file))


def _listed(whole: Any, file: Path, start: int) -> Iterator[tuple[str, Any]]:
    if isinstance(whole, list):
        yield from ((f"{file}: row {number}", row) for number, row in enumerate(whole, start=1))
    else:
        yield f"{file}:{start}", whole


def _line(stream: BufferedIOBase, file: Path) -> bytes:
    line = stream.readline(MAX_BYTES + 1)
    if len(line) > MAX_BYTES:
        raise UserError(f"a line of more than {MAX_BYTES >> 20} MiB", where=str(file))
    return line


def _rest(stream: BufferedIOBase, file: Path) -> bytes:
    rest = stream.read(MAX_BYTES + 1)
    if len(rest) > MAX_BYTES:
        raise UserError(f"larger than {MAX_BYTES >> 20} MiB", where=str(file), hint="write one row per line")
    return rest


def _json(raw: bytes, file: str, number: int) -> Any:
    """The JSON value that starts on line `number`."""
    try:
        return json.loads(raw.decode().removeprefix("\ufeff"))
    except RecursionError:
        raise UserError("nested too deeply", where=f"{file}:{number}") from None
    except UnicodeDecodeError:
        raise UserError("not UTF-8 text", where=f"{file}:{number}") from None
    except json.JSONDecodeError as error:
        where = f"{file}:{number + error.lineno - 1}:{error.colno}"
        raise UserError(f"not JSON: {error.msg[:1].lower() + error.msg[1:]}", where=where) from None
    except ValueError:
        raise UserError("not JSON: a number with too many digits", where=f"{file}:{number}") from None
