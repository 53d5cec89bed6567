"""`sdpo-tts report`: reports on a set of runs, from their journals alone."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdpo_tts.cli import complete
from sdpo_tts.cli.command import orderly, tell, writing
from sdpo_tts.cli.existing_run import find_run
from sdpo_tts.cli.values import demand
from sdpo_tts.errors import UserError

if TYPE_CHECKING:
    from sdpo_tts.report.analysis import Analysis
    from sdpo_tts.report.arms import Grid

NARROWEST = 40  # columns that the curve needs


def report(
    context: typer.Context,
    runs: Annotated[
        list[Path],
        typer.Argument(
            help="Folders of runs or comparisons, digests, last, or a problem's folder for its newest run.",
            metavar="RUN...", autocompletion=complete.runs,
        ),
    ],
    html: Annotated[
        Path | None, typer.Option(help="Where to write the page. Default: report.html in the first RUN, or beside it.")
    ] = None,
    png: Annotated[Path | None, typer.Option(help="Also draw the charts as a PNG (needs the extra: plots).")] = None,
    csv: Annotated[Path | None, typer.Option(help="Also write every number to CSV files in this folder.")] = None,
    digest: Annotated[
        Path | None, typer.Option(help="Also write one small file from which this report can be rebuilt.")
    ] = None,
    merge: Annotated[
        bool, typer.Option("--merge", help="Do not list runs that are left out for a longer one of the same seed.")
    ] = False,
    methods: Annotated[
        str | None,
        typer.Option(help="Only these; the first is compared with each of the others.", metavar="ARM,ARM..."),
    ] = None,
    at: Annotated[
        int | None, typer.Option(min=1, help="Compare at this many attempts. Default: the most that all runs had.")
    ] = None,
    after: Annotated[
        int, typer.Option(min=0, help="Leave out the first N attempts, and the runs that they solved.")
    ] = 0,
    shares: Annotated[
        str, typer.Option(help="Shares of problems at which budgets are compared.", metavar="X,X...")
    ] = "0.1,0.25,0.5,0.75,0.9",
    level: Annotated[float, typer.Option(min=0.5, max=0.999, help="Confidence level of all intervals.")] = 0.9,
    censor_errors: Annotated[
        bool, typer.Option("--censor-errors", help="Count a failed run as censored at its failure, not as unsolved.")
    ] = False,
    title: Annotated[str, typer.Option(help="Title of the page.")] = "Discovery report",
    as_json: Annotated[bool, typer.Option("--json", help="Print every number as JSON instead of the text.")] = False,
) -> None:
    """Report on runs, from their journals alone: how often each method solves its problems, how certain that is, and
    what it costs. Prints a summary and writes one HTML file."""
    from sdpo_tts.report.analysis import analyse
    from sdpo_tts.report.arms import Grid
    from sdpo_tts.report.digest import write_digest
    from sdpo_tts.report.runs import load_runs

    with orderly():
        if png and png.suffix != ".png":
            raise UserError(f"{str(png)!r} does not end in .png", where="--png")
        runs = [path if _holds_runs(path) else find_run(path, context) for path in runs]
        found = load_runs(runs, (lambda _: None) if merge else lambda line: tell([line]))
        grid = _chosen(Grid(tuple(found), censor_errors, after=after), methods)
        if after and not grid.common:
            raise UserError(f"no problem has an unsolved run of every method after {after} attempts", where="--after")
        analysis = analyse(grid, level=level, at=at, shares=_shares(shares))
        if digest:
            write_digest(grid.runs, digest)
            print(f"wrote {digest}", file=sys.stderr)
        folder = runs[0].parent if runs[0].is_file() else runs[0]
        publish(analysis, html or folder / "report.html", title=title, png=png, csv=csv, as_json=as_json)


def _holds_runs(path: Path) -> bool:
    """A file is a digest or a problem; a folder may hold runs at any depth."""
    from sdpo_tts.report.runs import journals

    return path.name.endswith(".tar.xz") or next(journals(path), None) is not None


def _chosen(grid: Grid, methods: str | None) -> Grid:
    """Raises UserError for a method without runs."""
    if methods is None:
        return grid
    order = tuple(name.strip() for name in methods.split(","))
    for name in order:
        demand(name, grid.methods, "--methods")
    return replace(grid, runs=tuple(run for run in grid.runs if run.arm in order), order=order)


def publish(analysis: Analysis, html: Path, *, title: str, png: Path | None, csv: Path | None, as_json: bool) -> None:
    """Write the requested files, and print their paths on stderr; the text or JSON goes to stdout."""
    from sdpo_tts.publish import export, page, terminal
    from sdpo_tts.publish.png import write_png
    from sdpo_tts.record import write_text

    with writing("the report", hint="--html writes it elsewhere"):
        write_text(html, page.page(analysis, title), wait=False)
    with writing("the report"):
        written = [html, *(export.write_csv(analysis, csv) if csv else [])]
        if png:
            write_png(analysis, png)
            written.append(png)
    width = min(120, max(NARROWEST, shutil.get_terminal_size().columns))
    print(export.as_json(analysis) if as_json else terminal.text(analysis, width))
    for path in written:
        print(f"wrote {path}", file=sys.stderr)


def _shares(text: str) -> tuple[float, ...]:
    try:
        shares = tuple(float(part) for part in text.split(","))
    except ValueError:
        shares = ()
    if not shares or not all(0 < share <= 1 for share in shares):
        hint = "numbers above 0, up to 1: 0.22,0.67"
        raise UserError(f"{text!r} is not a list of shares", where="--shares", hint=hint)
    return shares
