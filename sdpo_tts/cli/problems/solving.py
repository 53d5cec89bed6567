"""`listen --solve`: solves each problem in its own process as soon as its folder exists."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

from sdpo_tts.cli.command import Terminated
from sdpo_tts.errors import UserError

_PROGRAM = "from sdpo_tts.cli.solving.solve import main; main()"
WHERE = "--solve"


def options_of(text: str) -> list[str]:
    """The options for `sdpo-solve`, split into words. Raises UserError for invalid ones, before any problem arrives."""
    from typer.exceptions import Exit, TyperException
    from typer.main import get_command

    from sdpo_tts.cli.solving.solve import app
    from sdpo_tts.cli.usage.refusal import refusal

    try:
        words = shlex.split(text)
        get_command(app).make_context("sdpo-solve", [*words, "problem"])
    except ValueError as error:
        raise UserError(f"{str(error).lower()}", where=WHERE) from None
    except TyperException as error:
        raise UserError(refusal(error).removeprefix("error: "), where=WHERE) from None
    except Exit:
        raise UserError("these options would not solve anything", where=WHERE) from None
    return words


def solve(folder: Path, options: list[str], source: Path) -> None:
    """Run `sdpo-solve` on the folder. The program that passes goes into `source`, if that is still empty."""
    code, told = _run([sys.executable, "-c", _PROGRAM, str(folder), *options])
    found = _program(told.strip())
    if code or not found.is_file():
        return
    if source.exists() and source.stat().st_size:
        print(f"{source} is not empty and stays as it is; the program is {found}", file=sys.stderr)
        return
    source.write_bytes(found.read_bytes())
    print(f"the program that passes is in {source}", file=sys.stderr)


def _program(told: str) -> Path:
    """Where the program is, by what `sdpo-solve` prints to stdout, as text or with --json."""
    return Path(json.loads(told)["program"] or "" if told.startswith("{") else told)


def _run(command: list[str]) -> tuple[int, str]:
    """The exit code and what the process printed to stdout. An interruption waits until the process has ended: it gets
    Ctrl-C itself, and has containers to remove."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            told, _ = process.communicate()
        except KeyboardInterrupt as interruption:
            if isinstance(interruption, Terminated):
                process.terminate()
            process.wait()
            raise
    return process.returncode, told
