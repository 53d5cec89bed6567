"""The report as one HTML file: no script, no other file, light and dark, readable on a phone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from importlib import resources

from sdpo_tts.publish import charts
from sdpo_tts.report.analysis import Analysis
from sdpo_tts.report.facts import Solution
from sdpo_tts.report.phrases import (
    UNITS,
    about,
    budget,
    cautions,
    finding,
    interval,
    more,
    more_interval,
    needed,
    number,
    percent,
    points,
    scope,
    signed_interval,
    times,
)

Rows = Sequence[Sequence[str]]


def page(analysis: Analysis, title: str = "Discovery report") -> str:
    """A whole HTML document."""
    style = resources.files(__package__).joinpath("style.css").read_text(encoding="utf-8")
    body = "\n".join(part for section in _sections(analysis, title) for part in section)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _sections(analysis: Analysis, title: str) -> Iterator[Iterator[str]]:
    yield _head(analysis, title)
    if analysis.levels:
        yield _answers(analysis)
        yield _budgets(analysis)
    yield _problems(analysis)
    yield _course(analysis)
    if analysis.steps:
        yield _learning(analysis)
    yield _solutions(analysis)
    yield _record(analysis)


def _head(analysis: Analysis, title: str) -> Iterator[str]:
    yield f"<h1>{escape(title)}</h1>"
    model = ", ".join(dict.fromkeys(f"{run.model} on {run.device}" for run in analysis.runs))
    level = f"{100 * analysis.level:.0f} %"
    yield f'<p class="soft">{escape(model)}; {escape(scope(analysis))}; all intervals {level}.</p>'
    for contrast in analysis.contrasts:
        if contrast.axis == "attempts":
            yield f'<p class="finding">{escape(finding(contrast, analysis))}</p>'
    for caution in cautions(analysis):
        yield f'<p class="caution">{escape(caution)}</p>'


def _answers(analysis: Analysis) -> Iterator[str]:
    yield "<h2>Discovery</h2>"
    few = len(charts.banded(analysis.methods)) == len(analysis.methods)
    bands = "Bands are" if few else f"The band is that of {escape(analysis.methods[0])},"
    yield (
        "<p>discovery@k is the probability that one of the first k attempts passes all tests, averaged over problems. "
        f"{bands} pointwise, for these problems with other seeds. Equal attempts are not equal costs: read the axis "
        "that you pay for.</p>"
    )
    yield charts.key(analysis.methods)
    yield charts.group(list(charts.discovery(analysis)))
    rows = [
        (budget(row.budget, row.axis), row.method, f"{percent(row.discovery)} ({interval(row.low, row.high)})",
         interval(row.wide_low, row.wide_high))
        for row in analysis.levels
    ]  # fmt: skip
    heads = ("at equal", "method", "discovery", "problems like these")
    caption = "At equal budgets, each the largest that every method was given; intervals for these problems, and wider."
    yield _table(caption, heads, rows, words=(0, 1), merge=True)
    yield from _contrasts(analysis)
    yield from _waits(analysis)


def _waits(analysis: Analysis) -> Iterator[str]:
    rows = [
        (f"{UNITS[row.axis]}, {number(row.budget)} at most", row.method, about(row.mean, row.low, row.high),
         more(row.more, row.more_low, row.more_high), more_interval(row.wide_low, row.wide_high))
        for row in analysis.waits
    ]  # fmt: skip
    heads = ("until success", "method", "mean", f"more than {analysis.methods[0]}", "problems like these")
    caption = "What the first success costs on average, a run without one counting as the most; paired differences."
    yield _table(caption, heads, rows, words=(0, 1), merge=True)


def _contrasts(analysis: Analysis) -> Iterator[str]:
    rows = [
        (budget(c.budget, c.axis), f"{c.method} minus {c.other}",
         f"{points(c.difference)} ({signed_interval(c.low, c.high)})",
         signed_interval(c.wide_low, c.wide_high), percent(c.p_greater), needed(c.seeds), needed(c.problems))
        for c in analysis.contrasts
    ]  # fmt: skip
    heads = ("at equal", "difference", "points", "problems like these", "P(greater)", "runs needed", "problems needed")
    caption = (
        "Paired differences of discovery. Needed: runs a problem and method, or problems, with which a difference of "
        "this size would show four times in five."
    )
    if rows:
        yield _table(caption, heads, rows, words=(0, 1), merge=True)


def _budgets(analysis: Analysis) -> Iterator[str]:
    if not analysis.ratios:
        return
    yield "<h2>Budget ratios</h2>"
    rows = [
        (UNITS[row.axis], percent(row.share), f"{row.method}: {number(row.budget)}",
         f"{row.other}: {number(row.other_budget)}", times(row.ratio), f"{times(row.low)} to {times(row.high)}",
         percent(row.neither))
        for row in analysis.ratios
    ]  # fmt: skip
    heads = ("axis", "to find", "needs", "needs", "ratio", "interval", "neither")
    caption = (
        "What each method needs to find a share of the problems. Above 1x the first is cheaper. “Never” is within the "
        "budget given; “neither” the share of draws in which neither method got there."
    )
    yield _table(caption, heads, rows, words=(0, 2, 3), merge=True)


def _problems(analysis: Analysis) -> Iterator[str]:
    yield "<h2>Problems</h2>"
    rows = [
        (row.problem, row.method, f"{row.solved:,} of {row.runs:,}",
         f"{percent(row.discovery)} ({interval(row.low, row.high)})", number(row.mean_attempts), times(row.speedup))
        for row in analysis.table
    ]  # fmt: skip
    heads = ("problem", "method", "solved", "discovery", "mean attempts", "against best-of-k")
    caption = (
        "Solved: of runs, or of the samples of the pool. Mean attempts to the first success, cut at the budget of "
        f"{number(max((row.budget for row in analysis.table), default=0))}."
    )
    yield _table(caption, heads, rows, words=(0, 1), merge=True)


def _course(analysis: Analysis) -> Iterator[str]:
    yield "<h2>Verdicts over time</h2>"
    yield charts.verdict_key(analysis)
    yield charts.group(list(charts.verdict_mix(analysis)), "small")
    yield "<h2>Length of answers over time</h2>"
    yield charts.key(analysis.methods)
    yield charts.group([charts.lengths(analysis)])


def _learning(analysis: Analysis) -> Iterator[str]:
    yield "<h2>Learning</h2><p>Means over the runs that took the step.</p>"
    yield charts.group(list(charts.learning(analysis)), "small")


def _solutions(analysis: Analysis) -> Iterator[str]:
    yield f"<h2>Solutions found ({len(analysis.solutions)})</h2>"
    for solution in analysis.solutions:
        yield _solution(solution)


def _solution(found: Solution) -> str:
    where = f"{found.problem}: {found.method}, seed {found.seed}, attempt {found.attempt:,}"
    cost = f"{found.tokens:,} tokens, {number(found.seconds)} s"
    program = escape(found.program or "The journal does not hold its text.")
    return f"<details><summary>{escape(where)} ({cost})</summary><pre><code>{program}</code></pre></details>"


def _record(analysis: Analysis) -> Iterator[str]:
    yield "<h2>What was spent</h2>"
    spent = [
        (row.method, number(row.runs), number(row.attempts), number(row.tokens), number(row.sampling_seconds),
         number(row.judging_seconds), number(row.learning_seconds), number(row.flops))
        for row in analysis.spending
    ]  # fmt: skip
    heads = ("method", "runs", "attempts", "tokens", "sampling, s", "judging, s", "learning, s", "FLOPs")
    yield _table("Over all runs. Loading the model is in none of these.", heads, spent)
    yield "<h2>Settings and hardware</h2>"
    yield _details("Settings", _table("", ("setting", "value"), analysis.facts.settings, wrap=True))
    yield _details("Hardware and versions", _table("", ("name", "value"), analysis.facts.machine, wrap=True))
    runs = [
        (run.problem, run.method, str(run.seed), run.reason, number(run.attempts),
         "-" if run.solved_at is None else number(run.solved_at), number(run.tokens), number(run.seconds))
        for run in analysis.runs
    ]  # fmt: skip
    heads = ("problem", "method", "seed", "ended by", "attempts", "solved at", "tokens", "seconds")
    yield _details(f"Runs ({len(runs)})", _table("", heads, runs, words=(0, 1, 3), merge=True))


def _details(summary: str, inside: str) -> str:
    return f"<details><summary>{escape(summary)}</summary>{inside}</details>"


def _table(
    caption: str,
    heads: Sequence[str],
    rows: Rows,
    *,
    words: Sequence[int] = (0,),
    merge: bool = False,
    wrap: bool = False,
) -> str:
    """The columns `words` are aligned left. `merge`: a first cell like the one above is left empty."""
    align = ["text" if i in words else "" for i in range(len(heads))]
    if wrap:
        align[-1] = "text wrap"
    head = "".join(f'<th class="{kind}">{escape(name)}</th>' for kind, name in zip(align, heads, strict=True))
    body, above = "", ""
    for row in rows:
        again = merge and row[0] == above
        cells = ["" if again else row[0], *row[1:]]
        told = "".join(f'<td class="{kind}">{_unbroken(cell)}</td>' for kind, cell in zip(align, cells, strict=True))
        body += f'<tr class="{"new" if merge and above and not again else ""}">{told}</tr>'
        above = row[0]
    title = f'<p class="soft">{escape(caption)}</p>' if caption else ""
    return f'{title}<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _unbroken(cell: str) -> str:
    """A per cent sign stays with its number where a narrow column wraps."""
    return escape(cell).replace(" %", "&nbsp;%")
