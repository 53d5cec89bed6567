"""`sdpo-tts verdict`: tells a run what an external judge said about the program it proposed."""

from __future__ import annotations

import re
import shutil
import sys
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdpo_tts.cli.command import RunPath, orderly
from sdpo_tts.cli.complete import among, files
from sdpo_tts.cli.existing_run import ExistingRun, find_run
from sdpo_tts.cli.solving.ending import go_on, near, result_of
from sdpo_tts.cli.values import demand_text
from sdpo_tts.errors import UserError, visible

if TYPE_CHECKING:
    from sdpo_tts.record import Event, RunDir

ACCEPTED = r"^\W*(accepted|ac|ok|correct)\b"
# The first match counts: the words and abbreviations that judges use for each other verdict.
VERDICTS = (
    ("TLE", r"time.?limit|timed? ?out|too slow|idleness|\btle?\b"),
    ("MLE", r"memory.?limit|out of memory|\bmle?\b"),
    ("OLE", r"output.?limit|\bole?\b"),
    ("CE", r"compil|\bce\b"),
    ("RE", r"run.?time.?error|crash|\brt?e\b"),
    ("WA", r"wrong|\bwa\b|presentation|incorrect|partial|failed|hacked|rejected|not accepted"),
)
WORDS = ("accepted", "wrong answer", "time limit exceeded", "memory limit exceeded", "runtime error", "compile error")


def verdict(
    context: typer.Context,
    run: RunPath,
    words: Annotated[
        str,
        typer.Argument(
            help=f"What the judge said: {', '.join(WORDS)} (and more).", metavar="VERDICT", autocompletion=among(WORDS)
        ),
    ],
    given: Annotated[
        Path | None, typer.Option("--input", help="File with the input that it failed on.", autocompletion=files)
    ] = None,
    expected: Annotated[
        Path | None, typer.Option("--expected", help="File with the right output for that input.", autocompletion=files)
    ] = None,
) -> None:
    """Tell a run what an external judge said about the program it proposed.

    If it was not accepted, the program and all that behave like it are dropped. What the judge said becomes feedback
    for the teacher, and if you give the test, it is run from now on; sdpo-solve --resume continues. `accepted` ends the
    run as solved.
    """
    with orderly():
        told = _fields(words, given, expected)
        past = ExistingRun.open(find_run(run, context))
        with past.run.lock():
            _give(past, told)


def _fields(words: str, given: Path | None, expected: Path | None) -> dict[str, Any]:
    """The fields of the event. Raises UserError."""
    demand_text(words, "VERDICT")
    if expected and not given:
        raise UserError("--expected without --input", where="--expected", hint="add --input FILE")
    files = {"input": (given, "--input"), "expected": (expected, "--expected")}
    test = {key: _text(file, option) for key, (file, option) in files.items() if file}
    return {"words": " ".join(words.split()), "verdict": _kind(words), **test}


def _kind(words: str) -> str:
    """`AC` ends the run for good, so nothing may speak against it. Raises UserError."""
    accepted = re.search(ACCEPTED, words.lower())
    kind = next((kind for kind, pattern in VERDICTS if re.search(pattern, words.lower())), None)
    if accepted and kind:
        raise UserError(f"{words!r} is two verdicts", where="VERDICT", hint="`accepted` only if all tests pass")
    if not (accepted or kind):
        raise UserError(f"{words!r} is not a verdict", where="VERDICT", hint=", ".join(WORDS))
    return kind or "AC"


def _text(file: Path, option: str) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except ValueError:
        raise UserError("not a text file in UTF-8", where=option) from None
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}", where=option) from None


def _give(past: ExistingRun, told: dict[str, Any]) -> None:
    from sdpo_tts.record import Journal

    run, proposed = past.run, _proposed(past)
    accepted = told["verdict"] == "AC"
    if not accepted and not run.checkpoint.exists():
        hint = "add the test that it fails to the problem, and start a new run"
        raise UserError("the run has no checkpoint to continue from", where=str(run.path), hint=hint)
    _demand_json(past, told)
    with Journal(run.events) as journal:
        journal.append("verdict_given", attempt=proposed["attempt"], **told)
    if accepted:
        shutil.rmtree(run.checkpoint.parent, ignore_errors=True)
    else:
        put_aside(run)
    _tell(run, accepted=accepted)


def _proposed(past: ExistingRun) -> Event:
    """The event of the proposed program. Raises UserError if none waits for a verdict."""
    if not past.proposed or past.proposed["attempt"] < 0:
        hint = "it must first end with a program"
        raise UserError("no proposed program of this run is waiting for a verdict", where=str(past.run.path), hint=hint)
    return past.proposed


def _solution(run: RunDir) -> Path | None:
    """The solution's path, whatever has become of the problem's file."""
    from sdpo_tts.problem.language import languages

    return next((file for file in map(run.solution, languages()) if file.is_file()), None)


def _demand_json(past: ExistingRun, told: dict[str, Any]) -> None:
    """In function mode, a test from outside must be JSON like all others, or the resumed run could not use it. Raises
    UserError."""
    from sdpo_tts.problem.cases import json_fault

    if not told.keys() & {"input", "expected"} or past.problem().function is None:
        return
    values = [("--input", line) for line in told["input"].split("\n") if line.strip()]
    values += [("--expected", told["expected"])] if "expected" in told else []
    for option, value in values:
        if fault := json_fault(value.encode()):
            raise UserError(f"not JSON: {fault[2]}", where=option, hint="in function mode, one JSON value per line")


def put_aside(run: RunDir) -> None:
    """Keep the rejected program as rejected-1.py, rejected-2.py, ..."""
    taken = {file.stem for file in run.path.glob("rejected-*")}
    number = next(number for number in count(1) if f"rejected-{number}" not in taken)
    if solution := _solution(run):
        solution.rename(solution.with_name(f"rejected-{number}{solution.suffix}"))


def _tell(run: RunDir, *, accepted: bool) -> None:
    """Write result.json again, and say what comes next."""
    from sdpo_tts.record import read_events, write_json
    from sdpo_tts.view import RunState, outcome

    state = RunState.of(read_events(run.events))
    write_json(run.result, result_of(state, run, _solution(run)), wait=False)
    print(visible(outcome(state, solved=accepted)), file=sys.stderr)
    if not accepted:
        print(go_on(near(run.path)), file=sys.stderr)
