"""A problem's folder in the form that the editor extension Competitive Programming Helper (CPH) opens.

CPH looks for the samples of a source file in `.cph/.NAME_HASH.prob` beside it. HASH is the MD5 of the file's path as
the editor has it (src/parser.ts of github.com/agrawal-d/cph; newer versions omit the first dot but still read this).
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from sdpo_tts.problem.formats.companion import Task

PORT = 27121  # CPH's port, one of those that Competitive Companion sends to by default


def write_cph(task: Task, source: Path) -> None:
    """Makes an empty source file, unless there is one already, and the file that CPH looks for. Raises OSError."""
    source = source.absolute()
    source.touch()
    name = f".{source.name}_{hashlib.md5(str(source).encode(), usedforsecurity=False).hexdigest()}.prob"
    tests = [{"id": number, "input": one.input, "output": one.output} for number, one in enumerate(task.tests, start=1)]
    told = {
        "name": task.name, "url": task.url, "group": task.group, "interactive": task.interactive,
        "timeLimit": task.timeLimit, "memoryLimit": task.memoryLimit, "tests": tests, "srcPath": str(source),
        "local": False,
    }  # fmt: skip
    folder = source.parent / ".cph"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps(told), encoding="utf-8")
