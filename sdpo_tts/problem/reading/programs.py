"""The submissions of known verdict that a package brings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from sdpo_tts.problem.reading.package import Package

SUFFIXES = {".py": ".py", ".py3": ".py", ".cpp": ".cpp", ".cc": ".cpp", ".cxx": ".cpp"}
MOST_BYTES = 2**20


def programs(package: Package, folders: Mapping[str, str]) -> tuple[tuple[str, bytes], ...]:
    """Programs of one file in `submissions/`, by the path that they get here; `folders` are those of known verdict."""
    found: dict[str, bytes] = {}
    for name in package.names("submissions"):
        parts = PurePosixPath(name).parts
        if len(parts) == 3 and parts[1] in folders:
            add(found, folders[parts[1]], parts[2], package.read(name))
    return tuple(found.items())


def add(found: dict[str, bytes], verdict: str, name: str, source: bytes) -> None:
    """Adds `verdict/name` in a language of the sandbox; others, and what is no text, are left out."""
    suffix = SUFFIXES.get(PurePosixPath(name).suffix)
    if suffix is None or len(source) > MOST_BYTES or not _is_text(source):
        return
    found.setdefault(f"{verdict}/{PurePosixPath(name).stem}{suffix}", source)


def _is_text(source: bytes) -> bool:
    try:
        source.decode()
    except UnicodeDecodeError:
        return False
    return True
