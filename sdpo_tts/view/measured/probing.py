"""What a probe found: one row per prompt, and at the end what it means for a run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sdpo_tts.policy.prompts import DEFAULT_TEMPLATE
from sdpo_tts.stats import Interval, newcombe, wilson

if TYPE_CHECKING:
    from sdpo_tts.discovery.measure.probe import Rate

COLUMNS = "{:<14}{:<18}{:>8}  {:<20}{:>8}{:>8}"
HEAD = COLUMNS.format("prompt", "feedback", "passed", "rate, 90 % interval", "changed", "tokens")
WHOLE = 100  # columns for a row with its verdicts: up to six of them
REPAIR = "repair"  # that row's name in measure/probe.py
DEFAULT = (DEFAULT_TEMPLATE, "all")  # template and style used by a run


def head(width: int | None = None) -> str:
    return _with(HEAD, "verdicts", width)


def row(rate: Rate, width: int | None = None) -> str:
    """One line; its verdicts below it if `width` columns are too few for all."""
    low, high = interval(rate)
    share = rate.passed / rate.samples if rate.samples else 0.0
    mix = " ".join(f"{verdict} {count}" for verdict, count in rate.verdicts)
    counted = f"{rate.passed}/{rate.samples}"
    told = f"{share:.0%} [{low:.0%}, {high:.0%}]"
    figures = COLUMNS.format(rate.template, rate.style, counted, told, rate.changed, round(rate.mean_tokens))
    return _with(figures, mix, width)


def _with(figures: str, verdicts: str, width: int | None) -> str:
    apart = f"\n{'':14}" if width and width < WHOLE else "  "
    return f"{figures}{apart}{verdicts}"


def interval(rate: Rate) -> Interval:
    return wilson(rate.passed, rate.samples)


def gain(student: Rate, teacher: Rate) -> Interval:
    """Interval of the teacher's pass rate minus the student's."""
    return newcombe((student.passed, student.samples), (teacher.passed, teacher.samples))


def findings(student: Rate, others: Sequence[Rate]) -> list[str]:
    """In words, about the teachers and possibly about repairs."""
    teachers = [rate for rate in others if rate.template != REPAIR]
    teacher, repairs = spoken_for(teachers), [rate for rate in others if rate.template == REPAIR]
    return [*finding(student, teacher), *(_sources(student, teacher, rate) for rate in repairs if rate.samples)]


def _sources(student: Rate, teacher: Rate, repair: Rate) -> str:
    """What `--method auto` would learn about its sources."""
    shares = {
        "the bare question": student.passed / student.samples,
        "feedback": teacher.passed / teacher.samples,
        "repair": repair.passed / repair.samples,
    }
    best = max(shares, key=lambda name: shares[name])
    if not shares[best]:
        return "No source passed: --method auto would divide its samples by the share of tests passed."
    told = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
    return f"By source: {told}. --method auto would sample most from {best}."


def spoken_for(teachers: Sequence[Rate]) -> Rate:
    """The rate that a run would learn from with the default settings; if it was not measured, the last one."""
    return next((one for one in teachers if (one.template, one.style) == DEFAULT), teachers[-1])


def finding(student: Rate, teacher: Rate) -> list[str]:
    """What sampling alone would take, and whether there is anything to learn from this teacher."""
    if not teacher.samples:
        return ["Every sample passes: there is nothing to learn."]
    return [_sampling(student), _learning(student, teacher)]


def _sampling(student: Rate) -> str:
    share, (low, high) = student.passed / student.samples, interval(student)
    aim = "Sampling alone finds a program nine times in ten within"
    if not student.passed:
        return f"{aim} {_attempts(high)} attempts at best."
    return f"{aim} about {_attempts(share)} attempts ({_attempts(high)} to {_attempts(low)})."


def _attempts(share: float) -> str:
    """The number of samples that contain a passing one nine times in ten."""
    return f"{math.ceil(math.log(0.1) / math.log1p(-share)):,}" if share < 1 else "1"


def _learning(student: Rate, teacher: Rate) -> str:
    low, high = gain(student, teacher)
    ends = f"{100 * low:+.0f} to {100 * high:+.0f} points"
    whom = f"the teacher ({teacher.template}, {teacher.style})"
    if low > 0:
        return (
            f"After reading feedback, {whom} passes more often ({ends}): there is something to learn. A conversation "
            "(--method multi-turn) asks it directly, which may be quicker."
        )
    if high < 0:
        return f"After reading feedback, {whom} passes less often ({ends}): learning from it may do harm."
    return (
        f"Between {whom} and the student there is no significant difference ({ends}): more --samples narrow it down. "
        "A teacher that is no better than its student teaches little."
    )
