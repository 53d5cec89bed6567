"""Other formats, one module each. `read_any` recognises them by content, never by a file's name."""

from __future__ import annotations

from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path

from sdpo_tts.errors import UserError
from sdpo_tts.problem.document import Document, quoted, read_document
from sdpo_tts.problem.formats import harbor, kattis, pairs, polygon, rows
from sdpo_tts.problem.formats.rows import read_all
from sdpo_tts.problem.native import read_native
from sdpo_tts.problem.reading.assertions import NeedsRun
from sdpo_tts.problem.reading.draft import Reading
from sdpo_tts.problem.reading.package import Package, open_package

__all__ = ["NeedsRun", "holds_rows", "read_all", "read_any"]
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_GZIP = b"\x1f\x8b"


def read_any(path: Path, statement: str = "") -> Reading:
    """The problem at `path`, with an empty digest. Raises `UserError`."""
    try:
        is_folder, exists = path.is_dir(), path.exists()
        row = None if exists else _split(path)
    except (OSError, ValueError) as error:  # the name is too long, or contains a NUL
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(f"cannot be read: {reason}", where=quoted(str(path))) from None
    if row:
        return rows.read(row[0], row[1], path, statement)
    return _folder(path, statement) if is_folder else _file(path, statement)


def _split(path: Path) -> tuple[Path, str] | None:
    """`rows.jsonl#HumanEval/0` as file and id."""
    name, mark, identifier = str(path).partition("#")
    while mark:
        if Path(name).is_file():
            return Path(name), identifier
        more, mark, identifier = identifier.partition("#")
        name = f"{name}#{more}"
    return None


def _folder(path: Path, statement: str) -> Reading:
    if (path / "problem.yaml").exists():
        return _yaml(path / "problem.yaml", statement)
    if (path / "problem.xml").exists():
        return polygon.read(open_package(path), path / "problem.xml", statement)
    return _pairs(open_package(path), path, statement)


def _pairs(package: Package, path: Path, statement: str) -> Reading:
    read = harbor.read if harbor.fits(package) else pairs.read
    return read(package, path, statement)


def _file(path: Path, statement: str) -> Reading:
    head = _head(path)
    if head.startswith(_ZIP):
        return _archive(path, statement)
    if head.startswith(_GZIP) or rows.looks_like_json(head):
        return rows.read(path, "", path, statement)
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"<?xml", b"<problem")):
        return polygon.read(open_package(path.parent), path, statement)
    return _yaml(path, statement)


def holds_rows(path: Path) -> bool:
    """Whether this is a file of rows, and not one problem. Raises `UserError` if it cannot be read."""
    if not path.is_file():
        return False
    head = _head(path)
    return head.startswith(_GZIP) or (rows.looks_like_json(head) and not rows.is_native(path))


def _head(path: Path) -> bytes:
    if not path.is_file():  # a device or a pipe might never end
        raise UserError("not a regular file", where=str(path)) if path.exists() else _missing(path)
    try:
        with path.open("rb") as file:
            return file.read(4096)
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}", where=str(path)) from None


def _missing(path: Path) -> UserError:
    with suppress(OSError):  # a folder that may not be listed
        if near := get_close_matches(path.name, [there.name for there in path.parent.iterdir()], 1):
            return UserError("no such file or folder", where=str(path), hint=f"did you mean {path.with_name(near[0])}?")
    return UserError("no such file or folder", where=str(path))


def _archive(path: Path, statement: str) -> Reading:
    package = open_package(path)
    if package.has("problem.yaml"):
        return kattis.read(package, path, statement)
    if package.has("problem.xml"):
        return polygon.read(package, path, statement)
    return _pairs(package, path, statement)


def _yaml(path: Path, statement: str) -> Reading:
    document = read_document(path)
    if _is_kattis(document):
        package: Package = open_package(path.parent)
        return kattis.read(package, path, statement)
    return Reading(read_native(document), native=True)


def _is_kattis(document: Document) -> bool:
    data = document.data
    if isinstance(data, dict) and "format" in data:
        return False
    if isinstance(data, dict) and any(key in data for key in kattis.OWN_KEYS):
        return True
    folder = document.path.parent / "data"
    return (folder / "secret").is_dir() or (folder / "sample").is_dir()
