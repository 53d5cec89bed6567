"""Commands and groups with the same help and errors: help in our own layout, errors on one line."""

from __future__ import annotations

import sys
from typing import Any

from typer.core import TyperCommand, TyperGroup
from typer.exceptions import Abort, TyperException

from sdpo_tts.cli.usage.layout import layout
from sdpo_tts.cli.usage.refusal import refusal

HELP = {"help_option_names": ["--help", "-h"]}


class Command(TyperCommand):
    """Use as `cls` of a Typer command. `everyday` names the parameters that its help shows (empty: all)."""

    everyday: frozenset[str] = frozenset()

    def main(self, *args: Any, standalone_mode: bool = True, **more: Any) -> Any:
        return _run(super().main, *args, standalone_mode=standalone_mode, **more)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        formatter.write(layout(self, ctx, every=not self.everyday))


class Group(TyperGroup):
    """Use as `cls` of a Typer application of several commands."""

    everyday: frozenset[str] = frozenset()

    def main(self, *args: Any, standalone_mode: bool = True, **more: Any) -> Any:
        return _run(super().main, *args, standalone_mode=standalone_mode, **more)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        formatter.write(layout(self, ctx))


def _run(main: Any, *args: Any, standalone_mode: bool, **more: Any) -> Any:
    """Run the command line, or print in one line what is wrong with it."""
    if not standalone_mode:
        return main(*args, standalone_mode=False, **more)
    try:
        code = main(*args, standalone_mode=False, **more)
    except TyperException as error:
        print(refusal(error), file=sys.stderr)
        sys.exit(error.exit_code)
    except Abort:
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)
