"""What a run prints and writes when it ends, however it ends."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdpo_tts.cli.values import larger_budget
from sdpo_tts.errors import visible_lines

if TYPE_CHECKING:
    from sdpo_tts.problem import Problem
    from sdpo_tts.record import RunDir
    from sdpo_tts.view import RunState

INDENT = "  "


def say_the_end(run: RunDir, problem: Problem, *, quiet: bool) -> None:
    """Write result.json and the best program of an unsolved run, and print the outcome on stderr: one line with
    `quiet`, and only if unsolved."""
    from sdpo_tts.record import read_events, write_json
    from sdpo_tts.view import RunState, advice, outcome, summary

    if not run.begun:
        return
    state = RunState.of(read_events(run.events))
    in_a_hurry = state.reason in (None, "interrupted")
    program = run.solution(problem.language)
    solution = program if program.exists() else None
    best = None
    with suppress(OSError) if in_a_hurry else nullcontext():
        best = None if solution else _keep_best(run, problem.language, state, wait=not in_a_hurry)
        write_json(run.result, result_of(state, run, solution, best), wait=not in_a_hurry)
    if quiet:
        if not solution:
            _say(f"{outcome(state, solved=False)} The run is in {run.path}")
        return
    if solution:
        _say(f"\n{solution.read_text(encoding='utf-8').rstrip()}\n")
    _say(summary(state, run.path, solution, best))
    if solution and state.awaits_verdict:
        _say(f"{INDENT}then      sdpo-tts verdict {shlex.quote(str(near(run.path)))} VERDICT")
    for line in advice(state, probed(problem, run)):
        _say(f"{INDENT}{line}")
    if run.checkpoint.exists() and not solution:
        _say(go_on(near(run.path), larger_budget(state.reason, state)))


def _say(text: str) -> None:
    """A journal may come from anywhere, and a program does."""
    print(visible_lines(text), file=sys.stderr)


def probed(problem: Problem, run: RunDir) -> str:
    """What `sdpo-tts probe` takes for a run's problem and model, without a model on a server, which it cannot use."""
    asked: dict[str, Any] = {}
    with suppress(OSError, ValueError, KeyError):  # the manifest of an interrupted run may be missing
        asked = json.loads(run.manifest.read_text(encoding="utf-8"))["settings"]["policy"]
    path = problem.path
    words = [str(near(path.parent if path.name == "problem.yaml" else path))]
    if asked.get("model", "auto") != "auto" and not asked.get("endpoint"):
        words += ["--model", asked["model"]]
    return shlex.join(words)


def _keep_best(run: RunDir, language: str, state: RunState, *, wait: bool) -> Path | None:
    """The program that passed most tests, or has most points, beside the journal; None if the best answer had no
    program."""
    from sdpo_tts.record import AttemptRecord, write_text

    kept = run.best(language)
    if state.best is None or not run.attempt(state.best.attempt).is_file():
        return None
    program = AttemptRecord.load(run.attempt(state.best.attempt)).program
    if program is None:
        return None
    write_text(kept, program, wait=wait)
    return kept


def go_on(run: Path, budget: str = "") -> str:
    """The command that continues a run, on its own line where it would otherwise be broken."""
    command = " ".join(filter(None, ("sdpo-solve --resume", shlex.quote(str(run)), budget)))
    line = f"{INDENT}continue  {command}"
    return line if len(line) <= shutil.get_terminal_size().columns else f"{INDENT}continue with\n{command}"


def near(path: Path) -> Path:
    """Relative to the current folder, if the path is below it; the current folder itself by its full name, so that a
    command that is copied works elsewhere too."""
    with suppress(ValueError, OSError):
        whole = path.absolute()
        return whole.relative_to(Path.cwd()) if whole != Path.cwd() else whole
    return path


def result_of(state: RunState, run: RunDir, solution: Path | None, best: Path | None = None) -> dict[str, Any]:
    """The contents of result.json."""
    program = solution or (best if state.reason == "enough" else None)
    scores = {} if state.points is None else {"points": state.best.points if state.best else 0.0, "of": state.points}
    return {
        "solved": solution is not None,
        "reason": state.reason,
        "attempt": state.solved_at if solution and not state.own else None,
        "attempts": state.cost.attempts,
        "steps": len(state.steps),
        "tokens": state.cost.tokens,
        "seconds": state.wall_seconds,
        "program": str(program) if program else None,
        **(state.basis if solution else {}),
        "run": str(run.path),
        **scores,
    }
