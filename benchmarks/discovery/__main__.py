"""Runs a stage of plan.toml, or shows its command; see README.md.

    python -m benchmarks.discovery main|landmark|boundary|demo|seldom|ablations|onward|tune|taught|portfolio
        |portfolio-dark|portfolio-placebo [--runs runs/discovery] [--show] [--keep] [-- OPTIONS]

The same command goes on where it was stopped. OPTIONS go to `sdpo-tts compare` (as --device cuda). At the end
the digests of the stage and of its probe are written to benchmarks/discovery/journals/; with --keep they are written of
what there is so far, and nothing is run. On a machine without runs the next command goes on from these.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from sdpo_tts.comparison.arms import POOLED, Arm
from sdpo_tts.comparison.cells import claimed
from sdpo_tts.record import write_folder, write_text
from sdpo_tts.record.atomic import to_json
from sdpo_tts.report.run import Run
from sdpo_tts.report.runs import load_runs

HERE = Path(os.path.relpath(Path(__file__).parent))
JOURNALS = HERE / "journals"
PROBLEMS = Path(os.path.relpath(Path(__file__).parents[2] / "problems"))
STAGES = (
    "main", "landmark", "boundary", "demo", "seldom", "ablations", "onward", "tune", "taught", "portfolio",
    "portfolio-dark", "portfolio-placebo",
)  # fmt: skip
OPTIONS = ("probe", "keep", "take", "methods", "seeds", "first-seed", "max-attempts")
PROGRAM = (sys.executable, "-c", "from sdpo_tts.cli.main import main; main()")


def plan() -> dict[str, Any]:
    return tomllib.loads((HERE / "plan.toml").read_text())


def compare(stage: str, runs: Path) -> list[str]:
    """The arguments of `sdpo-tts compare`. A stage `of` another takes what it does not say from there.

    Raises SystemExit where that other one has not been run.
    """
    told = plan()
    whole = _whole(told, stage)
    asked = told[stage] | {"candidates": whole.get("candidates", "candidates")}
    if "probe" not in asked:
        whole = {name: value for name, value in whole.items() if name not in ("probe", "keep", "take")}
    options = [text for name in OPTIONS if name in whole for text in (f"--{name}", str(whole[name]))]
    options += [text for size in whole.get("batch-size", ()) for text in ("--batch-size", size)]
    places = ["--out", str(runs / asked.get("folder", stage)), "--pools", str(runs / "pools")]
    settings = ["--config", str(HERE / "settings.toml"), "--model", whole["model"]]
    return ["compare", *problems(told, asked, runs), *options, *settings, *places]


def _whole(told: dict[str, Any], stage: str) -> dict[str, Any]:
    asked = told[stage]
    return {**_whole(told, asked["of"]), **asked} if "of" in asked else asked


def problems(told: dict[str, Any], asked: dict[str, Any], runs: Path) -> list[str]:
    """Named ones, the candidates, or those of a stage that was run."""
    among = told[asked["candidates"]]
    if asked.get("unsolved"):
        kept = [rate["problem"] for rate in _rates(asked, runs) if not rate["correct"]]
        return list(_arguments(among, kept[: asked["problems"]]))
    if share := asked.get("at-most"):
        rates = _rates(asked, runs)
        kept = [rate["problem"] for rate in rates if 0 < rate["correct"] <= share * rate["samples"]]
        return list(_arguments(among, kept))
    if names := asked.get("problems"):
        return list(_named([name for name in names if "/" not in name], [name for name in names if "/" in name]))
    if of := asked.get("of"):
        kept = list(_read(runs / of / "comparison.json")["problems"])
        return list(_arguments(among, kept[: asked.get("first")]))
    return list(_arguments(among, None))


def _arguments(among: dict[str, Any], slugs: Sequence[str] | None) -> Iterator[str]:
    """Of all candidates those of these slugs."""
    own = [name for name in among["problems"] if slugs is None or name in slugs]
    numbers = [n for span in among["human-eval"] for n in range(span["first"], span["last"] + 1, span["step"])]
    rows = [f"HumanEval/{n}" for n in numbers if slugs is None or f"HumanEval-{n}" in slugs]
    yield from _named(own, rows)


def _named(own: Sequence[str], rows: Sequence[str]) -> Iterator[str]:
    """Folders of ours, then rows of HumanEval."""
    yield from (str(PROBLEMS / name) for name in own)
    if rows:
        yield from ("--set", "human-eval", "--ids", ",".join(rows))


def _rates(asked: dict[str, Any], runs: Path) -> Any:
    """What the probe of the stage before found."""
    return _read(runs / f"{asked['of']}-probe" / "rates.json")


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        sys.exit(f"{path} is not there yet: the stage before has not been run")


def kept(stage: str, runs: Path) -> Iterator[tuple[Path, Path, str]]:
    """Each comparison of a stage, and of its probe: its folder, its digest and its arms."""
    asked = plan()[stage]
    folder = asked.get("folder", stage)
    yield runs / folder, JOURNALS / f"{stage}.tar.xz", asked["methods"]
    if "probe" in asked:
        yield runs / f"{folder}-probe", JOURNALS / f"{stage}-probe.tar.xz", POOLED


def reports(stage: str, runs: Path, of_begun: bool = False) -> Iterator[list[str]]:
    """The arguments of `sdpo-tts report`, for what is kept of a stage; `of_begun`: for what there is of it."""
    for folder, digest, arms in kept(stage, runs):
        page = str(runs / f"{digest.name.partition('.')[0]}.html")
        if told := _begun(folder, arms) if of_begun else arms:
            yield ["report", str(folder), "--methods", told, "--digest", str(digest), "--html", page]


def _begun(folder: Path, arms: str) -> str:
    """Those of which a run has begun."""
    begun = {run.cell[1] for run in load_runs([folder])} if folder.exists() else set()
    return ",".join(arm for arm in arms.split(",") if arm in begun)


def keep_plans(stage: str, runs: Path) -> None:
    """What the digests lack for going on from them: what a comparison is to do, and what its probe found."""
    for folder, digest, _ in kept(stage, runs):
        for file in folder.glob("*.json"):
            _beside(digest).mkdir(exist_ok=True)
            shutil.copy(file, _beside(digest))


def go_on(stage: str, runs: Path) -> None:
    """Put finished cells of the digests, and of the stage that this one is `of`, where they are not."""
    if before := plan()[stage].get("of"):
        go_on(before, runs)
    for folder, digest, _ in kept(stage, runs):
        if digest.exists():
            _unpack(digest, folder)


def _unpack(digest: Path, folder: Path) -> None:
    for run in load_runs([digest]):
        problem, arm, seed = run.cell
        home = folder / problem / f"{Arm(arm, '').folder}-s{seed}"
        with claimed(home) as mine:  # the same command may have been started twice
            if mine and run.complete and not home.exists():
                write_folder(home, partial(_unpack_run, run))
    for file in _beside(digest).glob("*.json"):
        if not (folder / file.name).exists():
            write_text(folder / file.name, file.read_text())


def _unpack_run(run: Run, home: Path) -> None:
    (home / "events.jsonl").write_text("".join(f"{to_json(event)}\n" for event in run.events))


def _beside(digest: Path) -> Path:
    return digest.with_name(digest.name.removesuffix(".tar.xz"))


def _split(told: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """What stands before and behind `--`."""
    at = told.index("--") if "--" in told else len(told)
    return told[:at], told[at + 1 :]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("stage", choices=STAGES)
    parser.add_argument("--runs", type=Path, default=Path("runs/discovery"))
    parser.add_argument("--show", action="store_true", help="print the commands, run nothing")
    parser.add_argument("--keep", action="store_true", help="only write the digests, of what there is")
    own, more = _split(sys.argv[1:])
    given = parser.parse_args(own)
    if given.show:
        for arguments in ([*compare(given.stage, given.runs), *more], *reports(given.stage, given.runs)):
            print(f"sdpo-tts {shlex.join(arguments)}")
        return 0
    go_on(given.stage, given.runs)
    runs_it = [] if given.keep else [[*compare(given.stage, given.runs), *more]]
    for arguments in (*runs_it, *reports(given.stage, given.runs, of_begun=given.keep)):
        print(f"sdpo-tts {shlex.join(arguments)}", flush=True)
        if code := subprocess.run([*PROGRAM, *arguments]).returncode:
            return code
    keep_plans(given.stage, given.runs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
