"""The values of a command's options, once every layer of settings has been read.

Weakest first: default, user file, project file, the problem's `run`, environment, --config, flags. The settings are the
options of `sdpo-solve`; other commands take those that they share with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from sdpo_tts.cli import options
from sdpo_tts.cli.run_options import run_command
from sdpo_tts.cli.usage.refusal import misread
from sdpo_tts.errors import UserError
from sdpo_tts.settings import Given, config_file, demand_known, environment, project_file, spelt, user_file, winners

if TYPE_CHECKING:
    from sdpo_tts.problem import Problem

PROBLEM = "the problem's `run`"


@dataclass(frozen=True)
class Setting:
    """The value of a parameter in its own type, and where it comes from; `where` is empty for a default."""

    key: str
    name: str
    value: Any
    layer: str
    where: str


def settled(context: typer.Context, problem: Problem | None = None, *, every: bool = False) -> dict[str, Any]:
    """All parameters of the command by name, with its settings resolved; with `every`, also the settings that it has no
    option for. Raises UserError."""
    return {**context.params, **{one.name: one.value for one in settle(context, problem, every=every)}}


def settle(context: typer.Context, problem: Problem | None = None, *, every: bool = False) -> list[Setting]:
    """The settings that the command takes, in the order of sdpo-solve's options; with `every`, all settings.

    Raises UserError, with the place, for an invalid key or value, even if a stronger layer overrides it.
    """
    known, own = settings_of(run_command()), settings_of(context.command)
    layers = [
        user_file(),
        project_file(),
        of_problem(problem) if problem else [],
        environment(),
        config_file(context.params.get("config")),
        [one for one in _flags(context, own) if one.key in known],
    ]
    for one in chain(*layers):
        demand_known(one, known)
        value_of(known[one.key], one)
    held = winners(layers)
    wanted = [own.get(key, parameter) for key, parameter in known.items() if every or key in own]
    return [_setting(context, one, held.get(key_of(one)), own=key_of(one) in own) for one in wanted]


def of_problem(problem: Problem) -> list[Given]:
    """A problem's `run` as a layer. Raises UserError for an invalid key or value, or one that a problem may not set."""
    folder = problem.path.parent.absolute()
    layer = [Given(spelt(one.key), one.text, PROBLEM, one.where, folder) for one in problem.run]
    known = settings_of(run_command()) if layer else {}
    for one in layer:
        demand_known(one, known, options.NOT_IN_PROBLEMS)
        value_of(known[one.key], one)
    return layer


def flags(context: typer.Context) -> set[str]:
    """Names of the parameters given on the command line."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name for name, source in sources.items() if source and source.name == "COMMANDLINE"}


def refuse_idle(context: typer.Context, why: str, *names: str) -> None:
    """Raises UserError if one of these parameters was given on the command line: `why` it would have no effect."""
    for name in names:
        if name in flags(context):
            raise UserError(f"has no effect {why}", where=f"--{name.replace('_', '-')}", hint="leave it out")


def settings_of(command: Any) -> dict[str, Any]:
    """The parameters of a command that are settings, by key. A repeatable option is not a setting."""
    long = {key_of(parameter): parameter for parameter in command.params if not parameter.multiple}
    return {
        key: parameter
        for key, parameter in long.items()
        if parameter.param_type_name == "option" and key not in options.PER_CALL
    }


def key_of(parameter: Any) -> str:
    return str(parameter.opts[0].removeprefix("--"))


def _flags(context: typer.Context, own: Mapping[str, Any]) -> list[Given]:
    names = flags(context)
    return [
        Given(key, str(context.params[parameter.name]), "flag", f"--{key}")
        for key, parameter in own.items()
        if parameter.name in names
    ]


def _setting(context: typer.Context, parameter: Any, one: Given | None, *, own: bool) -> Setting:
    """`own`: whether the command has an option for it; an argument of the same name is something else."""
    key, name = key_of(parameter), parameter.name
    if one is None:
        default = context.params[name] if own else parameter.get_default(context)
        return Setting(key, name, default, "default", "")
    return Setting(key, name, value_of(parameter, one), one.layer, one.where)


def value_of(parameter: Any, one: Given) -> Any:
    """The text as the command line would read it. Raises UserError."""
    where = f"{one.where}: {one.key}" if one.folder else one.where
    try:
        value = parameter.process_value(None, one.text)
    except typer.BadParameter as error:
        raise UserError(misread(error), where=where) from None
    options.check(parameter.name, value, where)
    return value if one.folder is None else _anchored(value, one.folder)


def _anchored(value: Any, folder: Path) -> Any:
    """A path in a file is relative to that file; a name (of a model, say) is a path only if it begins with `./` or
    `../`."""
    if isinstance(value, Path):
        try:
            return folder / value.expanduser()
        except RuntimeError:
            raise UserError("no such user", where=str(value)) from None
    if isinstance(value, str) and value.startswith(("./", "../")):
        return str(folder / value)
    return value
