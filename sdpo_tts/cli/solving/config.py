"""`sdpo-tts config`: the settings that a run would use, and where they come from."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from sdpo_tts.cli.command import load, orderly
from sdpo_tts.cli.complete import problems
from sdpo_tts.cli.run_options import with_run_options
from sdpo_tts.cli.settings import Setting, settle
from sdpo_tts.cli.usage.command import Command
from sdpo_tts.errors import visible
from sdpo_tts.settings import user_path
from sdpo_tts.settings.sources import PROJECT_FILE, project_path

VALUE = 24  # columns; a longer value, such as a hint, moves no other row's origin


class ConfigCommand(Command):
    everyday = frozenset({"preset", "config", "as_json"})


@with_run_options
def config(
    context: typer.Context,
    problem: Annotated[
        Path | None, typer.Argument(help="A problem, to include the settings of its `run`.", autocompletion=problems)
    ] = None,
    **chosen: Any,
) -> None:
    """Print every setting of sdpo-solve, and where its value comes from.

    Takes every option of sdpo-solve (sdpo-solve --help-all), and prints which values a run would use.
    """
    with orderly():
        settings = settle(context, load(problem, quiet=True) if problem else None)
    if chosen["as_json"]:
        print(json.dumps({one.key: _fields(one) for one in settings}))
        return
    print(_table(settings))
    for name, path in {"user": user_path(), "project": project_path() or PROJECT_FILE}.items():
        print(f"{name} file: {path}{'' if Path(path).is_file() else ' (not there)'}", file=sys.stderr)


def _table(settings: Sequence[Setting]) -> str:
    rows = [(one.key, _shown(one.value), _origin(one)) for one in settings]
    names = max(len(key) for key, *_ in rows)
    values = max((len(value) for _, value, _ in rows if len(value) <= VALUE), default=0)
    return "\n".join(f"{key:<{names}}  {value:<{values}}  {origin}" for key, value, origin in rows)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "-" if value is None or value == "" else visible(str(value))


def _origin(one: Setting) -> str:
    named = one.layer in ("default", "flag", "environment", "preset")
    return visible((one.where or one.layer) if named else f"{one.layer}, {one.where}")


def _fields(one: Setting) -> dict[str, Any]:
    value = str(one.value) if isinstance(one.value, Path) else one.value
    return {"value": value, "layer": one.layer, "where": one.where}
