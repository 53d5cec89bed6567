"""`sdpo-tts`: everything around the main job."""

from __future__ import annotations

from collections.abc import Callable

import typer

from sdpo_tts.cli.command import run_process
from sdpo_tts.cli.examples import epilog
from sdpo_tts.cli.machine import doctor, model
from sdpo_tts.cli.machine.version import about
from sdpo_tts.cli.problems import check, import_problem, judge, listen, new
from sdpo_tts.cli.results import export, forget, report, show
from sdpo_tts.cli.solving import compare, config, probe

app = typer.Typer(no_args_is_help=True, pretty_exceptions_show_locals=False)
COMMANDS: dict[str, Callable[..., None]] = {
    "probe": probe.probe,
    "compare": compare.compare,
    "report": report.report,
    "check": check.check,
    "judge": judge.judge,
    "show": show.show,
    "forget": forget.forget,
    "export": export.export,
    "new": new.new,
    "import": import_problem.import_problem,
    "listen": listen.listen,
    "doctor": doctor.doctor,
}
for name, command in COMMANDS.items():
    app.command(name, epilog=epilog(name))(command)
app.command("config", epilog=epilog("config"), context_settings=config.FORWARDED)(config.config)
app.add_typer(model.app, name="model", help="The model catalogue.")


def _version(wanted: bool) -> None:
    if wanted:
        print(about())
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="The versions that a report of a fault should name."
    ),
) -> None:
    """Test-time discovery on one hard programming problem. The main job is `sdpo-solve`."""


def main() -> None:
    run_process(app)
