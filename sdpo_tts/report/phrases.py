"""Numbers and findings in words, the same on the page and in the terminal."""

from __future__ import annotations

import math
import re
from dataclasses import replace

from sdpo_tts.report.analysis import Analysis, Contrast, ProblemRow, RatioRow, WaitRow
from sdpo_tts.stats import Axis

UNITS: dict[Axis, str] = {"attempts": "attempts", "tokens": "sampled tokens", "seconds": "seconds", "flops": "FLOPs"}
FEW_PROBLEMS = 5
MANY = 10_000
NOTHING = "\N{EN DASH}"
LETTERS = ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"))


def percent(share: float) -> str:
    return NOTHING if math.isnan(share) else f"{100 * share:.1f} %"


def points(difference: float) -> str:
    return f"{100 * difference:+.1f}" if abs(difference) >= 0.0005 else "0.0"


def number(value: float) -> str:
    """Three significant digits; whole numbers below a million are written out, larger ones get an SI letter."""
    if math.isnan(value):
        return NOTHING
    if math.isinf(value):
        return "never"
    for unit, letter in LETTERS:
        if abs(value) >= unit:
            return f"{_three_digits(value / unit)} {letter}"
    return f"{value:,.0f}" if value == round(value) else _three_digits(value)


def _three_digits(value: float) -> str:
    """Without an exponent: anything below a thousandth is 0."""
    if abs(value) >= 99.95:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 0.001 else "0"


def ratio(row: RatioRow) -> str:
    """How many times as much the other method needs; if one of the two never gets there, which one does."""
    if math.isinf(row.other_budget):
        return f"{row.method} only"
    return f"{row.other} only" if math.isinf(row.budget) else times(row.ratio)


def ratio_interval(row: RatioRow) -> str:
    if math.isnan(row.low):
        return NOTHING
    if row.low == row.high:
        return NOTHING
    if row.low == 0:
        return "anything" if math.isinf(row.high) else f"up to {times(row.high)}"
    return f"{times(row.low)} or more" if math.isinf(row.high) else f"{times(row.low)} to {times(row.high)}"


def times(ratio: float) -> str:
    if not math.isfinite(ratio):
        return NOTHING
    return f"{ratio:.1f}x" if ratio >= 0.1 else f"{ratio:.1g}x"


def interval(low: float, high: float) -> str:
    return NOTHING if math.isnan(low) else f"{100 * low:.1f} to {100 * high:.1f}"


def signed_interval(low: float, high: float) -> str:
    return NOTHING if math.isnan(low) else f"{points(low)} to {points(high)}"


def wait(row: WaitRow) -> str:
    """The mean cost of the first success with its interval, if it has one; `never` if there was no success."""
    if row.mean > row.budget * (1 - 1e-9):
        return "never"
    return number(row.mean) if math.isnan(row.low) else f"{number(row.mean)} ({number(row.low)} to {number(row.high)})"


def attempts(row: ProblemRow) -> str:
    """The mean number of attempts to the first success; `never` if there was none."""
    return "never" if never(row) else number(row.mean_attempts)


def against_base(row: ProblemRow) -> str:
    return NOTHING if never(row) else times(row.speedup)


def never(row: ProblemRow) -> bool:
    """Whether the method found nothing within the budget."""
    return row.discovery == 0


def more(value: float, low: float, high: float) -> str:
    """A difference of amounts, with its interval if it has one."""
    return signed(value) if math.isnan(low) else f"{signed(value)} ({more_interval(low, high)})"


def more_interval(low: float, high: float) -> str:
    return NOTHING if math.isnan(low) else f"{signed(low)} to {signed(high)}"


def signed(value: float) -> str:
    return f"{'+' if value > 0 else ''}{number(value)}"


def budget(amount: float, axis: Axis) -> str:
    told = f"{number(amount)} {UNITS[axis]}"
    return re.sub(r"([MGTPE]) FLOPs", r"\1FLOPs", told)


def scope(analysis: Analysis) -> str:
    """How much data the report rests on."""
    least, most = analysis.seeds
    seeds = f"{most}" if least == most else f"{least} to {most}"
    problems = len(analysis.problems)
    if not problems:
        return f"{_count(len(analysis.left_out), 'problem')}, none with runs of every method"
    runs = f", {seeds} run{'s'[: most != 1]} per problem and method" if most else ""
    return f"{_count(problems, 'problem')}{runs}"


def known(analysis: Analysis) -> list[str]:
    """What the runs show: how many were solved, and the differences that are significant on these problems."""
    contrasts = [contrast for contrast in analysis.contrasts if contrast.axis == "attempts"]
    told = [finding(contrast, analysis) for contrast in contrasts if significant(contrast)]
    costs = (_cheaper(analysis, method) for method in analysis.methods[1:])
    return [solved(analysis), *told, *filter(None, costs)]


def unknown(analysis: Analysis) -> list[str]:
    """The differences at equal attempts that may be chance, with the data that would be needed."""
    contrasts = [contrast for contrast in analysis.contrasts if contrast.axis == "attempts"]
    return [finding(contrast, analysis) for contrast in contrasts if not significant(contrast)]


def solved(analysis: Analysis) -> str:
    """How many runs each method solved, or samples of its pool, and how many problems no method solved."""
    told = []
    for method in analysis.methods:
        rows = [row for row in analysis.table if row.method == method]
        of = "samples" if any(row.pooled for row in rows) else "runs"
        told.append(f"{method} {sum(row.solved for row in rows):,} of {sum(row.runs for row in rows):,} {of}")
    nobody, problems = len(unsolved(analysis)), len({row.problem for row in analysis.table})
    rest = f" {nobody} of the {problems} problems {_was(nobody)} solved by no method." if 0 < nobody < problems else ""
    return f"Solved: {', '.join(told)}.{rest}"


def unsolved(analysis: Analysis) -> tuple[str, ...]:
    """Problems that no method solved."""
    found = {row.problem for row in analysis.table if row.solved}
    return tuple(dict.fromkeys(row.problem for row in analysis.table if row.problem not in found))


def significant(contrast: Contrast) -> bool:
    """Whether the interval, on these problems, excludes 0."""
    return contrast.low > 0 or contrast.high < 0


def _cheaper(analysis: Analysis, method: str) -> str:
    """The axes on which the first success costs `method` significantly more, or less, than the first method."""
    rows = [row for row in analysis.waits if row.method == method and (row.more_low > 0 or row.more_high < 0)]
    parts = [
        f"{'more' if row.more > 0 else 'fewer'} {UNITS[row.axis]} (by {number(abs(row.more))}; "
        f"{' to '.join(number(end) for end in sorted((abs(row.more_low), abs(row.more_high))))})"
        for row in rows
    ]
    if not parts:
        return ""
    listed = " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
    return (
        f"Until its first success, {method} needs {listed} than {analysis.methods[0]} on average, a run without "
        f"success counting as the whole budget; {_level(analysis)} intervals on {_these(analysis)}."
    )


def finding(contrast: Contrast, analysis: Analysis) -> str:
    """What can be concluded from one contrast; if nothing, how much data would be needed."""
    return _difference(contrast, analysis) if significant(contrast) else _no_difference(contrast, analysis)


def _no_difference(contrast: Contrast, analysis: Analysis) -> str:
    a, b = contrast.method, contrast.other
    ends = _ends(contrast, analysis)
    runs = analysis.seeds[0]
    few = f"{_count(runs, 'run')} per problem {_verb(runs)}" if runs else "The samples of the pools are"
    needs = _needed(contrast.seeds, "runs per problem and method", runs) if runs else ""
    return (
        f"No significant difference between {a} and {b} at {budget(contrast.budget, contrast.axis)}: {a} minus {b} is "
        f"{points(contrast.difference)} points ({ends}). {few} too few to show a difference{needs}."
    )


def _difference(contrast: Contrast, analysis: Analysis) -> str:
    better, other = contrast.method, contrast.other
    if contrast.difference < 0:
        better, other = other, better
        contrast = replace(contrast, difference=-contrast.difference, low=-contrast.high, high=-contrast.low,
                           wide_low=-contrast.wide_high, wide_high=-contrast.wide_low)  # fmt: skip
    found = f"{better} finds {abs(100 * contrast.difference):.1f} points more than {other}"
    claim = f"At {budget(contrast.budget, contrast.axis)} {found} ({_ends(contrast, analysis)})."
    problems = len(analysis.problems)
    if contrast.wide_low > 0 and problems >= FEW_PROBLEMS:
        return f"{claim} The difference is significant."
    few = f"{_count(problems, 'problem')} {_verb(problems)} too few"
    return (
        f"{claim} The difference is significant on {_these(analysis)}; for others like "
        f"{'it' if problems == 1 else 'these'} {few}{_needed(contrast.problems, 'problems', problems)}."
    )


def _ends(contrast: Contrast, analysis: Analysis) -> str:
    ends = f"{_level(analysis)} interval {signed_interval(contrast.low, contrast.high)} on {_these(analysis)}"
    if math.isnan(contrast.wide_low):
        return ends
    return f"{ends}, {signed_interval(contrast.wide_low, contrast.wide_high)} on problems like these"


def _level(analysis: Analysis) -> str:
    return f"{100 * analysis.level:g} %"


def _these(analysis: Analysis) -> str:
    return "this problem" if len(analysis.problems) == 1 else "these problems"


def _needed(number: int | None, what: str, have: int) -> str:
    """Empty if the formula, an approximation for large numbers, says that there are enough already."""
    if number is None or number <= have:
        return ""
    about = "about " if number <= MANY else ""
    return f": if the difference is what it seems, {about}{needed(number)} {what} would be needed"


def needed(number: int | None) -> str:
    """How many runs or problems; the exact value of a very large number means nothing."""
    if number is None:
        return NOTHING
    return f"{number:,}" if number <= MANY else f"over {MANY:,}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _was(number: int) -> str:
    return "was" if number == 1 else "were"


def _verb(number: int) -> str:
    return "is" if number == 1 else "are"


def cautions(analysis: Analysis) -> list[str]:
    """What a reader must know before trusting the numbers."""
    told = []
    if analysis.after:
        told.append(
            f"Counted from attempt {analysis.after + 1} on, as if it were the first, without the "
            f"{_count(analysis.solved_before, 'run')} that had been solved by then. Only verdicts, lengths, steps, "
            "solutions and what was spent are those of whole runs."
        )
    if analysis.left_out and not analysis.problems:
        told.append("Methods cannot be averaged or compared: no problem has runs of all of them.")
    elif analysis.left_out:
        told.append(f"Left out of all averages, because not every method has runs: {', '.join(analysis.left_out)}.")
    if 1 < len(analysis.problems) < FEW_PROBLEMS:
        told.append(
            f"With {len(analysis.problems)} problems the intervals for problems like these are too narrow: "
            "resampling so few understates how much problems differ."
        )
    if changed := analysis.facts.changed:
        told.append(f"Edited between runs, all of which are counted together: {', '.join(changed)}.")
    if analysis.facts.machines > 1:
        told.append(f"Runs come from {analysis.facts.machines} machines: do not compare their seconds.")
    unfinished = sum(run.reason in ("unfinished", "interrupted") for run in analysis.runs)
    if unfinished:
        told.append(f"{_count(unfinished, 'run')} did not end; counted as observed up to the last whole batch.")
    failed = sum(run.reason == "error" and run.solved_at is None for run in analysis.runs)
    if failed:
        told.append(f"{_count(failed, 'run')} failed; without --censor-errors, a failed run counts as unsolved.")
    if any(row.runs < 5 * row.budget for row in analysis.table if row.pooled):
        told.append(
            "The pool of best-of-k has fewer than five samples per attempt of the budget: its estimate is unbiased "
            "but far from certain; trust the interval."
        )
    return told
