"""Files that are either whole or absent, whatever dies in between: temporary file, fsync, rename."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO


def to_json(data: Any, *, indent: int | None = None) -> str:
    """JSON text in which a number that is not finite stands as null: JSON has no other word for it."""
    return json.dumps(_finite(data), indent=indent, allow_nan=False)


def write_json(path: Path, data: Any) -> None:
    write_text(path, to_json(data, indent=2) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write UTF-8, durably: a reader sees the old file or the new one whole. Makes missing folders."""
    write_with(path, lambda file: file.write(text.encode()))


def write_with(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """The same, of whatever `write` writes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make names created or replaced in `folder` durable: fsync of a file does not cover its name."""
    descriptor = os.open(folder, os.O_RDONLY)
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
