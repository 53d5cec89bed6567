"""The tables of the page, as rows of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from sdpo_tts.report.analysis import Analysis, ProblemRow
from sdpo_tts.report.phrases import (
    NOTHING,
    UNITS,
    against_base,
    attempts,
    budget,
    interval,
    more,
    more_interval,
    needed,
    number,
    percent,
    points,
    ratio,
    ratio_interval,
    signed_interval,
    unsolved,
    wait,
)
from sdpo_tts.stats import Axis

Row = tuple[str, ...]
FEW = 3  # columns that fit side by side on a phone


@dataclass(frozen=True)
class Table:
    """If `grouped`, `rows` begin with the group, a column without a header. The columns `words` of the rest are aligned
    left; empty columns are left out."""

    heads: Row
    rows: Sequence[Row]
    caption: str = ""
    words: tuple[int, ...] = (0,)
    grouped: bool = False

    @property
    def columns(self) -> list[int]:
        """The indices in `heads` of the non-empty columns."""
        cells = [row[self.grouped :] for row in self.rows]
        return [i for i in range(len(self.heads)) if any(row[i] not in ("", NOTHING) for row in cells)]

    @property
    def wide(self) -> bool:
        """Whether a phone shows each row as a list."""
        return len(self.columns) > FEW

    @property
    def groups(self) -> Iterator[tuple[str, list[Row]]]:
        for name, rows in groupby(self.rows, key=lambda row: row[0] if self.grouped else ""):
            yield name, [row[self.grouped :] for row in rows]


def levels(analysis: Analysis) -> Table:
    rows = [
        (f"At {budget(row.budget, row.axis)}", row.method,
         f"{percent(row.discovery)} ({interval(row.low, row.high)})", interval(row.wide_low, row.wide_high))
        for row in analysis.levels
    ]  # fmt: skip
    caption = "At equal budgets, each the largest that every method was given; intervals for these problems."
    return Table(("method", "discovery", "problems like these"), rows, caption, grouped=True)


def contrasts(analysis: Analysis) -> Table:
    rows = [
        (f"At {budget(c.budget, c.axis)}", f"{c.method} minus {c.other}",
         f"{points(c.difference)} ({signed_interval(c.low, c.high)})",
         signed_interval(c.wide_low, c.wide_high), percent(c.p_greater), needed(c.seeds), needed(c.problems))
        for c in analysis.contrasts
    ]  # fmt: skip
    heads = ("difference", "points", "problems like these", "P(greater)", "runs needed", "problems needed")
    caption = (
        "Paired differences of discovery. Needed: runs per problem and method, or problems, with which a difference of "
        "this size would show four times in five."
    )
    return Table(heads, rows, caption, grouped=True)


def waits(analysis: Analysis) -> Table:
    rows = [
        (f"{UNITS[row.axis].capitalize() if row.axis != 'flops' else 'FLOPs'}, {number(row.budget)} at most",
         row.method, wait(row), more(row.more, row.more_low, row.more_high), more_interval(row.wide_low, row.wide_high))
        for row in analysis.waits
    ]  # fmt: skip
    heads = ("method", "until success", f"more than {analysis.methods[0]}", "problems like these")
    caption = (
        "Mean cost of the first success, where a run without one counts as the whole budget; paired differences."
    )
    return Table(heads, rows, caption, grouped=True)


def ratios(analysis: Analysis, axes: Sequence[Axis]) -> Table:
    rows = [
        (f"{row.method} and {row.other}, in {UNITS[row.axis]}", f"{100 * row.share:g} %",
         f"{row.method}: {number(row.budget)}", f"{row.other}: {number(row.other_budget)}", ratio(row),
         ratio_interval(row), percent(row.neither) if row.neither else NOTHING)
        for row in analysis.ratios if row.axis in axes
    ]  # fmt: skip
    return Table(("to find", "needs", "needs", "ratio", "interval", "neither"), rows, words=(0, 1, 2), grouped=True)


def problems(analysis: Analysis) -> Table:
    """Without those that no method solved."""
    nobody = set(unsolved(analysis))
    rows = [
        (row.problem, row.method, _solved(row), f"{percent(row.discovery)} ({interval(row.low, row.high)})",
         attempts(row), against_base(row))
        for row in analysis.table if row.problem not in nobody
    ]  # fmt: skip
    heads = ("method", "solved", "discovery", "mean attempts", "against best-of-k")
    caption = (
        "Solved: how many runs, or samples of the pool. Mean attempts to the first success: a run without one "
        f"counts as {_most(analysis)}; never: no run had one."
    )
    return Table(heads, rows, caption, grouped=True)


def never_solved(analysis: Analysis) -> Table:
    nobody = set(unsolved(analysis))
    rows = [
        (row.problem, row.method, _solved(row), f"{100 * row.high:.1f} %")
        for row in analysis.table if row.problem in nobody
    ]  # fmt: skip
    return Table(("method", "solved", "discovery, at most"), rows, grouped=True)


def _solved(row: ProblemRow) -> str:
    return f"{row.solved:,} of {row.runs:,}"


def _most(analysis: Analysis) -> str:
    """The budgets of the problems, which may differ if the problems are not compared."""
    budgets = sorted({row.budget for row in analysis.table})
    ends = [number(end) for end in budgets[:1] + budgets[1:][-1:]]
    return f"{' to '.join(ends) or '0'} attempts"


def sources(analysis: Analysis) -> Table:
    rows = [
        (row.method, row.source, number(row.attempts), percent(row.share), number(row.passed),
         f"{row.first} of {row.runs} runs")
        for row in analysis.sources
    ]  # fmt: skip
    heads = ("source", "attempts", "tests passed", "passed all", "first success")
    return Table(heads, rows, grouped=True)


def spending(analysis: Analysis) -> Table:
    rows = [
        (row.method, number(row.runs), number(row.attempts), number(row.tokens), number(row.sampling_seconds),
         number(row.judging_seconds), number(row.learning_seconds), number(row.flops))
        for row in analysis.spending
    ]  # fmt: skip
    heads = ("method", "runs", "attempts", "tokens", "sampling, s", "judging, s", "learning, s", "FLOPs")
    return Table(heads, rows, "Over all runs, without the time to load the model.")


def runs(analysis: Analysis) -> Table:
    rows = [
        (run.problem, run.method, str(run.seed), run.reason, number(run.attempts),
         "never" if run.solved_at is None else number(run.solved_at), number(run.tokens), number(run.seconds))
        for run in analysis.runs
    ]  # fmt: skip
    heads = ("method", "seed", "ended by", "attempts", "solved at", "tokens", "seconds")
    return Table(heads, rows, words=(0, 2), grouped=True)
