"""Rows of a file that several processes fill, each row by one of them."""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def claimed(results: Path, key: Mapping[str, Any], names: Sequence[str]) -> Iterator[bool]:
    """Whether a row is this process's to make: it is not in the file, and nobody is at it. The kernel lets go of the
    claims of processes that die."""
    name = hashlib.sha256(json.dumps([key[name] for name in names]).encode()).hexdigest()[:16]
    folder = results.parent / ".claims"
    folder.mkdir(exist_ok=True)
    with (folder / name).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield not _has(results, key, names)


def _has(results: Path, key: Mapping[str, Any], names: Sequence[str]) -> bool:
    if not results.exists():
        return False
    rows = map(json.loads, results.read_text(encoding="utf-8").splitlines())
    return any(all(row.get(name) == key[name] for name in names) for row in rows)
