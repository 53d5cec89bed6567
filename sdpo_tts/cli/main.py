"""`sdpo-tts`: every command except solving."""

from __future__ import annotations

from collections.abc import Callable

import typer

from sdpo_tts.cli.command import run_process
from sdpo_tts.cli.examples import epilog
from sdpo_tts.cli.machine import doctor, model
from sdpo_tts.cli.machine.version import Version
from sdpo_tts.cli.problems import check, import_problem, judge, listen, new
from sdpo_tts.cli.results import drift, export, prune, report, runs, show
from sdpo_tts.cli.solving import compare, config, hint, probe, verdict
from sdpo_tts.cli.usage.command import HELP, Command, Group

app = typer.Typer(cls=Group, context_settings=HELP, no_args_is_help=True, pretty_exceptions_show_locals=False)
COMMANDS: dict[str, Callable[..., None]] = {
    "new": new.new,
    "import": import_problem.import_problem,
    "listen": listen.listen,
    "check": check.check,
    "judge": judge.judge,
    "probe": probe.probe,
    "hint": hint.hint,
    "verdict": verdict.verdict,
    "show": show.show,
    "report": report.report,
    "export": export.export,
    "drift": drift.drift,
    "compare": compare.compare,
    "doctor": doctor.doctor,
}
for name, command in COMMANDS.items():
    app.command(name, cls=Command, context_settings=HELP, epilog=epilog(name))(command)
app.command("config", cls=config.ConfigCommand, context_settings=HELP, epilog=epilog("config"))(config.config)
runs.app.command("prune", cls=Command, context_settings=HELP, epilog=epilog("runs prune"))(prune.prune)
app.add_typer(runs.app, name="runs")
app.add_typer(model.app, name="model", help="List, download and remove models.")


@app.callback()
def _options(version: Version = False) -> None:
    """Test-time learning on one hard programming problem. To solve a problem, use `sdpo-solve`."""


def main() -> None:
    run_process(app)
