"""A digest: the journals of many runs in one small file (tar.xz), from which their report can be rebuilt.

It holds no attempts and no weights; command lines and paths of the machines are left out.
"""

from __future__ import annotations

import io
import lzma
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sdpo_tts.errors import UserError
from sdpo_tts.record import Event, parse_events, write_with
from sdpo_tts.record.atomic import to_json

if TYPE_CHECKING:
    from sdpo_tts.report.run import Run

JOURNAL = "events.jsonl"


def write_digest(runs: Sequence[Run], file: Path) -> None:
    """The same runs give the same bytes. Raises UserError if it cannot be written."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:xz", preset=9) as archive:
        for run in runs:
            problem, arm, seed = run.cell
            content = "".join(f"{to_json(_stripped(event, run))}\n" for event in run.events).encode()
            entry = tarfile.TarInfo(f"{problem}/{arm.replace('/', '_')}-s{seed}/{JOURNAL}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    try:
        write_with(file, lambda stream: stream.write(packed.getvalue()), wait=False)
    except OSError as error:
        raise UserError(f"cannot be written: {error.strerror}", where=str(file)) from None


def read_digest(file: Path) -> Iterator[tuple[Path, list[Event]]]:
    """Each run's path in the digest, and its events. Raises UserError if the file is not a digest."""
    try:
        with tarfile.open(file, "r:xz") as archive:
            for entry in archive:
                stream = archive.extractfile(entry)
                if stream and Path(entry.name).name == JOURNAL:
                    place = file / entry.name
                    yield place.parent, parse_events(stream.read().splitlines(), str(place))
    except (tarfile.TarError, lzma.LZMAError, EOFError, OSError):
        raise UserError("not a digest of runs", where=str(file), hint="`sdpo-tts report --digest` makes one") from None


def _stripped(event: Event, run: Run) -> Event:
    """Without paths; with the name of the arm, which may depend on runs that are not in the digest."""
    match event["type"]:
        case "manifest":
            problem = {name: value for name, value in event["problem"].items() if name != "path"}
            return {name: value for name, value in event.items() if name != "argv"} | {"problem": problem}
        case "run_started":
            return {**event, "arm": run.arm}
    return event
