"""What each source of samples found, over the runs of a method."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import fmean

from sdpo_tts.record import Event
from sdpo_tts.report.arms import Grid
from sdpo_tts.stats import passed_share, solves


@dataclass(frozen=True)
class SourceRow:
    """`attempts` of a method from one source, the mean `share` of tests that they passed, how many `passed` all, and in
    how many runs they were the `first` success."""

    method: str
    source: str
    attempts: int
    share: float
    passed: int
    first: int
    runs: int


def sources(grid: Grid) -> Iterator[SourceRow]:
    """For methods that sample from several sources, if the journals name them."""
    for method in grid.methods:
        runs = [run for run in grid.runs if run.arm == method and not run.pooled]
        judged: dict[str, list[Event]] = defaultdict(list)
        first: dict[str, int] = defaultdict(int)
        for run in runs:
            for event in (event for event in run.judged if "source" in event):
                judged[event["source"]].append(event)
                first[event["source"]] += event["attempt"] == run.solved_at
        for source, events in sorted(judged.items()) if len(judged) > 1 else ():
            share, passed = fmean(map(passed_share, events)), sum(map(solves, events))
            yield SourceRow(method, source, len(events), share, passed, first[source], len(runs))
