"""Numbers and findings in words, the same on the page and in the terminal."""

from __future__ import annotations

import math

from sdpo_tts.report.analysis import Analysis, Contrast
from sdpo_tts.stats import Axis

UNITS: dict[Axis, str] = {"attempts": "attempts", "tokens": "sampled tokens", "seconds": "seconds", "flops": "FLOPs"}
FEW_PROBLEMS = 5
MANY = 10_000


def percent(share: float) -> str:
    return "n/a" if math.isnan(share) else f"{100 * share:.1f} %"


def points(difference: float) -> str:
    return f"{100 * difference:+.1f}"


def number(value: float) -> str:
    """Three significant digits; whole numbers below a million are written out."""
    if math.isnan(value):
        return "n/a"
    if math.isinf(value):
        return "never"
    if abs(value) >= 1e6:
        return f"{value:.3g}"
    return f"{value:,.0f}" if value >= 100 or value == round(value) else f"{value:.3g}"


def times(ratio: float) -> str:
    if math.isnan(ratio):
        return "n/a"
    return "∞" if math.isinf(ratio) else f"{ratio:.1f}x" if ratio else "0x"


def interval(low: float, high: float) -> str:
    return "n/a" if math.isnan(low) else f"{100 * low:.1f} to {100 * high:.1f}"


def signed_interval(low: float, high: float) -> str:
    return "n/a" if math.isnan(low) else f"{points(low)} to {points(high)}"


def about(value: float, low: float, high: float) -> str:
    """An amount with its interval, if it has one."""
    return number(value) if math.isnan(low) else f"{number(value)} ({number(low)} to {number(high)})"


def more(value: float, low: float, high: float) -> str:
    """A difference of amounts, likewise."""
    return signed(value) if math.isnan(low) else f"{signed(value)} ({more_interval(low, high)})"


def more_interval(low: float, high: float) -> str:
    return "n/a" if math.isnan(low) else f"{signed(low)} to {signed(high)}"


def signed(value: float) -> str:
    return f"{'+' if value > 0 else ''}{number(value)}"


def budget(amount: float, axis: Axis) -> str:
    return f"{number(amount)} {UNITS[axis]}"


def scope(analysis: Analysis) -> str:
    """How much the report rests on."""
    least, most = analysis.seeds
    seeds = f"{most}" if least == most else f"{least} to {most}"
    problems = len(analysis.problems)
    if not problems:
        return f"{_count(len(analysis.left_out), 'problem')}, none with runs of every method"
    runs = f", {seeds} run{'s'[: most != 1]} a problem and method" if most else ""
    return f"{_count(problems, 'problem')}{runs}"


def finding(contrast: Contrast, analysis: Analysis) -> str:
    """What may be concluded from one contrast, and what it would take where nothing may."""
    a, b = contrast.method, contrast.other
    level = f"{100 * analysis.level:.0f} %"
    ends = f"{signed_interval(contrast.low, contrast.high)} on {_these(analysis)}"
    if not math.isnan(contrast.wide_low):
        ends += f", {signed_interval(contrast.wide_low, contrast.wide_high)} on problems like these"
    more, less = (a, b) if contrast.difference > 0 else (b, a)
    found = (
        f"{more} finds {abs(100 * contrast.difference):.1f} points more than {less}"
        if abs(contrast.difference) >= 0.0005
        else f"{a} and {b} find the same share of the problems"
    )
    claim = f"At {budget(contrast.budget, contrast.axis)} {found} ({a} minus {b}: {level} interval {ends})."
    return f"{claim} {_verdict(contrast, analysis)}"


def _these(analysis: Analysis) -> str:
    return "this problem" if len(analysis.problems) == 1 else "these problems"


def _verdict(contrast: Contrast, analysis: Analysis) -> str:
    problems = len(analysis.problems)
    here = contrast.low > 0 or contrast.high < 0
    elsewhere = contrast.wide_low > 0 or contrast.wide_high < 0
    if here and elsewhere and problems >= FEW_PROBLEMS:
        return "The two can be told apart."
    if here:
        return (
            f"On {_these(analysis)} the two can be told apart; for others like {'it' if problems == 1 else 'these'} "
            f"{_count(problems, 'problem')} {_verb(problems)} too few"
            f"{_needed(contrast.problems, 'problems', problems)}."
        )
    if not analysis.seeds[0]:
        return "The samples of the pools are too few to tell the two apart."
    return (
        f"{_count(analysis.seeds[0], 'run')} a problem {_verb(analysis.seeds[0])} too few to tell the two apart"
        f"{_needed(contrast.seeds, 'runs a problem and method', analysis.seeds[0])}."
    )


def _needed(number: int | None, what: str, have: int) -> str:
    """Nothing where the formula, an approximation for many, thinks that there are enough already."""
    if number is None or number <= have:
        return ""
    about = "about " if number <= MANY else ""
    return f": if the difference is what it seems, {about}{needed(number)} {what} would be needed"


def needed(number: int | None) -> str:
    """How many runs or problems; the exact number of very many says nothing."""
    if number is None:
        return "-"
    return f"{number:,}" if number <= MANY else f"over {MANY:,}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _verb(number: int) -> str:
    return "is" if number == 1 else "are"


def cautions(analysis: Analysis) -> list[str]:
    """What a reader must know before believing the numbers."""
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
        told.append(f"Left out of all averages, since not every method has runs: {', '.join(analysis.left_out)}.")
    if 1 < len(analysis.problems) < FEW_PROBLEMS:
        told.append(
            f"With {len(analysis.problems)} problems the intervals for problems like these are too narrow: "
            "resampling so few understates how much problems differ."
        )
    if analysis.facts.machines > 1:
        told.append(f"Runs come from {analysis.facts.machines} machines: do not compare their seconds.")
    unfinished = sum(run.reason in ("unfinished", "interrupted") for run in analysis.runs)
    if unfinished:
        told.append(f"{_count(unfinished, 'run')} did not end; counted as watched up to the last whole batch.")
    failed = sum(run.reason == "error" and run.solved_at is None for run in analysis.runs)
    if failed:
        told.append(f"{_count(failed, 'run')} failed, unsolved; unless --censor-errors was given, counted as such.")
    if any(row.runs < 5 * row.budget for row in analysis.table if row.pooled):
        told.append(
            "The pool of best-of-k is less than five times the budget it is read at: its estimate there is unbiased "
            "but far from certain; trust the interval."
        )
    return told
