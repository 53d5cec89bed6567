"""How runs develop over their attempts: verdicts, answer lengths, and the effects of learning, averaged over runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import fmean, median

from sdpo_tts.record import Event
from sdpo_tts.report.arms import Grid
from sdpo_tts.report.run import Run

BINS = 16
FIGURES = ("loss", "kl", "entropy", "grad_norm", "gap_mean", "gap_max")


@dataclass(frozen=True)
class Mix:
    """Share of a verdict among a method's attempts `first` to `last`, over all its runs; `attempts` of them."""

    method: str
    first: int
    last: int
    verdict: str
    share: float
    attempts: int


@dataclass(frozen=True)
class Lengths:
    """Tokens per answer among attempts `first` to `last`; `truncated` is the share that was cut off."""

    method: str
    first: int
    last: int
    mean: float
    median: float
    truncated: float
    attempts: int


@dataclass(frozen=True)
class Step:
    """A figure of one learning step, its mean over the `runs` that took it."""

    method: str
    step: int
    figure: str
    mean: float
    runs: int


def mix(grid: Grid) -> Iterator[Mix]:
    for method, first, last, judged in _bins(grid):
        counts = Counter(event["verdict"] for event in judged)
        for verdict, number in counts.most_common():
            yield Mix(method, first, last, verdict, number / len(judged), len(judged))


def lengths(grid: Grid) -> Iterator[Lengths]:
    for method, first, last, judged in _bins(grid):
        tokens = [event["completion_tokens"] for event in judged]
        cut = fmean(bool(event["truncated"]) for event in judged)
        yield Lengths(method, first, last, fmean(tokens), float(median(tokens)), cut, len(judged))


def _bins(grid: Grid) -> Iterator[tuple[str, int, int, list[Event]]]:
    """Attempts of a method in groups of equal width, none narrower than a batch."""
    for method in grid.methods:
        runs = [run for run in grid.runs if run.arm == method and run.judged]
        longest = max((len(run.judged) for run in runs), default=0)
        width = max(-(-longest // BINS), *(run.started["batch_size"] for run in runs), 1) if runs else 1
        for first in range(1, longest + 1, width):
            judged = [event for run in runs for event in run.judged[first - 1 : first - 1 + width]]
            yield method, first, min(first + width - 1, longest), judged


def steps(grid: Grid) -> Iterator[Step]:
    for method in grid.methods:
        taken: dict[tuple[str, int], list[float]] = {}
        for run in (run for run in grid.runs if run.arm == method):
            for figure, step, value in _figures(run):
                taken.setdefault((figure, step), []).append(value)
        for (figure, step), values in sorted(taken.items()):
            yield Step(method, step, figure, fmean(values), len(values))


def _figures(run: Run) -> Iterator[tuple[str, int, float]]:
    """The finite ones."""
    for event in (event for event in run.events if event["type"] == "step_taken"):
        for figure in FIGURES:
            if event[figure] is not None:
                yield figure, event["step"], event[figure]
