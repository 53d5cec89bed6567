"""Files and folders that are written completely or not at all, whatever dies meanwhile: temporary name, fsync, rename.

On a full disk the writer waits; with `wait` false it raises OSError instead.
"""

from __future__ import annotations

import io
import json
import math
import os
import secrets
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

from sdpo_tts.errors import UserError
from sdpo_tts.record.disk_full import with_room


def to_json(data: Any, *, indent: int | None = None) -> str:
    """JSON text in which a number that is not finite becomes null, because JSON has no word for it."""
    return json.dumps(_finite(data), indent=indent, allow_nan=False)


def write_json(path: Path, data: Any, *, wait: bool = True) -> None:
    write_text(path, to_json(data, indent=2) + "\n", wait=wait)


def read_json(path: Path) -> Any:
    """Raises UserError if the file is missing or damaged."""
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}", where=str(path)) from None
    except (ValueError, RecursionError):
        raise UserError("not JSON", where=str(path), hint="the file was damaged or edited") from None


def write_text(path: Path, text: str, *, wait: bool = True) -> None:
    """Write UTF-8, durably: a reader sees either the old file or the whole new one. Makes missing folders. Bytes of a
    file's name that are no UTF-8 are escaped."""
    content = text.encode(errors="backslashreplace")
    write_with(path, lambda file: file.write(content), wait=wait)


def write_with(path: Path, write: Callable[[BinaryIO], object], *, wait: bool = True) -> None:
    """The same, for whatever `write` writes; it may be called more than once."""
    if wait:
        with_room(lambda: _write(path, write), path.parent, lambda: _bytes(write))
    else:
        _write(path, write)


def write_folder(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a folder, which then replaces `path`; `write` may be called more than once. A folder is replaced
    in two steps; `sweep` takes the second if the writer was killed between them."""
    new, old = (path.with_name(f".{path.name}.{kind}") for kind in ("new", "old"))

    def fill() -> None:
        shutil.rmtree(new, ignore_errors=True)
        try:
            new.mkdir(parents=True)
            write(new)
            for file in (*new.iterdir(), new):
                _sync(file)
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise

    with_room(fill, path.parent, lambda: folder_size(path))
    shutil.rmtree(old, ignore_errors=True)
    if path.exists():
        path.rename(old)
    new.rename(path)
    shutil.rmtree(old, ignore_errors=True)
    sync_folder(path.parent)


def sweep(folder: Path) -> None:
    """Remove what killed writers left below `folder`, and put folders in place whose old version was already out of the
    way. No process may be writing to it now."""
    for torn in folder.rglob(".*.tmp"):
        torn.unlink(missing_ok=True)
    for old in list(folder.rglob(".*.old")):  # there only once the new one is complete
        path = old.with_name(old.name.removeprefix(".").removesuffix(".old"))
        new = old.with_suffix(".new")
        if not path.exists():
            (new if new.exists() else old).rename(path)
        shutil.rmtree(old, ignore_errors=True)
    for new in list(folder.rglob(".*.new")):
        shutil.rmtree(new, ignore_errors=True)


def _write(path: Path, write: Callable[[BinaryIO], object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")  # others may be writing it too
    try:
        with temporary.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


class _Scales(io.RawIOBase):
    """Accepts whatever is written, and counts its bytes."""

    weight = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        size = memoryview(data).nbytes
        self.weight += size
        return size


def _bytes(write: Callable[[BinaryIO], object]) -> int:
    scales = _Scales()
    write(cast(BinaryIO, scales))
    return scales.weight


def folder_size(folder: Path) -> int:
    """Bytes of all files in it; 0 if there is no such folder. What vanishes meanwhile does not count."""
    size = 0
    for where, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                size += Path(where, name).stat().st_size
    return size


def sync_folder(folder: Path) -> None:
    """Make names created or replaced in `folder` durable: fsync of a file does not cover its name."""
    _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _finite(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(value) for value in data]
    return None if isinstance(data, float) and not math.isfinite(data) else data
