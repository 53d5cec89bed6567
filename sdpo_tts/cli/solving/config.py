"""`sdpo-tts config`: what a run would do, and why."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from sdpo_tts.cli.command import load, orderly
from sdpo_tts.cli.run_options import run_command
from sdpo_tts.cli.settings import Setting, settle
from sdpo_tts.settings import user_path
from sdpo_tts.settings.sources import PROJECT_FILE, project_path

FORWARDED = {"allow_extra_args": True, "ignore_unknown_options": True}


def config(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="The settings as one JSON object.")] = False,
) -> None:
    """Print every setting of sdpo-solve, and where its value comes from.

    Takes what sdpo-solve takes: a problem, --preset, --config and all other options.

    Example: sdpo-tts config problems/rle --preset quick --max-attempts 32
    """
    settings = _settled(context.args)
    if as_json:
        print(json.dumps({one.key: _fields(one) for one in settings}))
        return
    print(_table(settings))
    for name, path in {"user": user_path(), "project": project_path() or PROJECT_FILE}.items():
        print(f"{name} file: {path}{'' if Path(path).is_file() else ' (there is none)'}", file=sys.stderr)


def _settled(arguments: Sequence[str]) -> list[Setting]:
    command = run_command()
    for parameter in command.params:
        parameter.required = False  # a problem may be named, so that its `run` counts
    with orderly(), command.make_context("sdpo-tts config", list(arguments)) as context:
        problem = context.params["problem"]
        return settle(context, load(Path(problem), quiet=True) if problem else None)


def _table(settings: Sequence[Setting]) -> str:
    rows = [(one.key, _shown(one.value), _origin(one)) for one in settings]
    wide = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return "\n".join(f"{key:<{wide[0]}}  {value:<{wide[1]}}  {origin}" for key, value, origin in rows)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "-" if value is None or value == "" else str(value)


def _origin(one: Setting) -> str:
    named = one.layer in ("default", "flag", "environment", "preset")
    return (one.where or one.layer) if named else f"{one.layer}, {one.where}"


def _fields(one: Setting) -> dict[str, Any]:
    value = str(one.value) if isinstance(one.value, Path) else one.value
    return {"value": value, "layer": one.layer, "where": one.where}
