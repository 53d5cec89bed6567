"""Sets of runs: read from journals, cut to whole batches, without duplicates."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from sdpo_tts.errors import UserError
from sdpo_tts.record import Event, read_events
from sdpo_tts.report.digest import JOURNAL, read_digest
from sdpo_tts.report.names import named
from sdpo_tts.report.run import Run, rank


def load_runs(paths: Sequence[Path], tell: Callable[[str], None] = lambda _: None) -> list[Run]:
    """Every run at or below `paths`, or in a digest, that has begun, ordered by problem, arm and seed.

    A journal found twice counts once. Of two runs of one cell the complete one counts, otherwise the longer, otherwise
    the newer: runs with the same seed are hardly independent. Runs of different models are never of one cell. `tell`
    reports each run that does not count. Raises UserError.
    """
    begun = [run for path in paths for run in _runs(path)]
    chosen: dict[tuple[tuple[str, str, int], str], Run] = {}
    for run in named(begun):
        key = run.cell, str(run.started["model"])
        other = chosen.setdefault(key, run)
        if other is run or other.events == run.events:
            continue
        less, chosen[key] = sorted((other, run), key=_weight)
        tell(f"{less.path} is left out: {chosen[key].path} is of the same problem, method and seed")
    if not chosen:
        raise UserError("no runs here", where=", ".join(map(str, paths)), hint="name folders that hold events.jsonl")
    return sorted(chosen.values(), key=lambda run: (run.cell[0], rank(run.cell[1]), run.cell[2]))


def _weight(run: Run) -> tuple[bool, int, float]:
    return run.complete, len(run.judged), float(run.started["t"])


def _runs(path: Path) -> Iterator[Run]:
    """Those that have begun."""
    if not path.exists():
        raise UserError("no such file or folder", where=str(path))
    for place, events in read_digest(path) if path.is_file() else _below(path):
        if any(event["type"] == "run_started" for event in events):
            yield Run(place, whole_batches(events))


def journals(folder: Path) -> Iterator[Path]:
    """At any depth and through links, each once. Hidden folders are half of a run that is being put there."""
    seen = set[str]()
    for where, folders, files in os.walk(folder, followlinks=True):
        if (real := os.path.realpath(where)) in seen:
            folders.clear()  # a link to where we have been
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if JOURNAL in files:
            yield Path(where) / JOURNAL


def _below(folder: Path) -> Iterator[tuple[Path, list[Event]]]:
    """The journals in a folder, where a comparison may be at work."""
    for journal in journals(folder):
        try:
            events = read_events(journal)
        except UserError:
            if journal.exists():
                raise
            continue
        yield journal.parent, events


def whole_batches(events: Sequence[Event]) -> tuple[Event, ...]:
    """Without the attempts of a batch that was not fully judged."""
    asked = {event["step"]: event["attempts"] for event in events if event["type"] == "batch_sampled"}
    judged = Counter(event["step"] for event in events if event["type"] == "attempt_judged")
    torn = {step for step, attempts in asked.items() if judged[step] < attempts}
    kinds = ("batch_sampled", "attempt_judged")
    return tuple(event for event in events if event["type"] not in kinds or event["step"] not in torn)
