"""Hints that the user leaves for a run, whether it is running or not: one file each, in the run's folder.

Only the run itself writes its journal; it picks up new hints before its next batch.
"""

from __future__ import annotations

import json
import secrets
import time
from contextlib import suppress

from sdpo_tts.record.atomic import write_json
from sdpo_tts.record.run_dir import RunDir


def leave(run: RunDir, text: str) -> None:
    """Raises OSError."""
    write_json(run.hints / f"{time.time_ns():020}-{secrets.token_hex(2)}.json", {"text": text}, wait=False)


def left(run: RunDir) -> dict[str, str]:
    """All hints so far by their id, oldest first. Unreadable ones are left out."""
    found: dict[str, str] = {}
    for file in sorted(run.hints.glob("[0-9]*.json")):
        with suppress(OSError, ValueError, KeyError, TypeError):
            found[file.stem] = str(json.loads(file.read_bytes())["text"])
    return found
