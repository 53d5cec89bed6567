"""A comparison of a real model, killed (SIGKILL) at ten random moments: does it end with all its cells, none run twice?

    python -m benchmarks.kill_compare FOLDER [--model smollm2-135m] [--kills 10] [--seed 0]

3 problems x 3 methods x 3 seeds of a few attempts each; a life lasts 3 to 60 seconds. Prints one line a life, at the
end what was checked; exit code 1 if a finished journal was touched or lost, or a cell is missing.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time
from pathlib import Path

from sdpo_tts.comparison.cells import ending

PROBLEMS = [Path(__file__).parents[1] / "problems" / name for name in ("sum-line", "triangle", "rle")]
METHODS = "sdpo,best-of-k,multi-turn"
CELLS = 27


def command(folder: Path, model: str) -> list[str]:
    options = f"--methods {METHODS} --model {model} --seeds 3 --max-attempts 4 --max-new-tokens 48 --batch-size sdpo=2"
    places = ["--out", str(folder / "comparison"), "--pools", str(folder / "pools")]
    start = [sys.executable, "-c", "from sdpo_tts.cli.main import main; main()", "compare"]
    return [*start, *map(str, PROBLEMS), *options.split(), "--quiet", *places]


def finished(folder: Path) -> dict[Path, bytes]:
    return {journal: journal.read_bytes() for journal in folder.rglob("events.jsonl") if ending(journal.parent)}


def cells(folder: Path) -> int:
    return len(finished(folder / "comparison"))


def life(folder: Path, model: str, seconds: float) -> None:
    """Start it, and kill it after `seconds`, or let it end before."""
    process = subprocess.Popen(command(folder, model), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--longest", type=float, default=60.0, help="seconds of a life")
    told = parser.parse_args()
    draws, touched = random.Random(told.seed), 0
    for number in range(told.kills):
        before, seconds = finished(told.folder), draws.uniform(3.0, told.longest)
        life(told.folder, told.model, seconds)
        touched += not before.items() <= finished(told.folder).items()
        print(f"life {number + 1}: {seconds:.1f} s, {cells(told.folder)} of {CELLS} cells", flush=True)
    before, start = finished(told.folder), time.monotonic()
    done = subprocess.run(command(told.folder, told.model), stdout=subprocess.DEVNULL)
    after = finished(told.folder)
    touched += not before.items() <= after.items()
    twice = sum(journal.count(b'"type": "run_started"') != 1 for journal in after.values())
    print(f"rest: {time.monotonic() - start:.0f} s, exit {done.returncode}; {cells(told.folder)} of {CELLS} cells; "
          f"finished journals touched or lost: {touched}; with more than one start: {twice}")  # fmt: skip
    return int(bool(touched or twice or done.returncode or cells(told.folder) != CELLS))


if __name__ == "__main__":
    sys.exit(main())
