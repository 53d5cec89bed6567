"""`sdpo-tts`: everything around the main job."""

from __future__ import annotations

import typer

import sdpo_tts
from sdpo_tts.cli import (
    check,
    compare,
    config,
    doctor,
    export,
    forget,
    import_problem,
    judge,
    listen,
    model,
    new,
    probe,
    report,
    show,
)  # fmt: skip

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_show_locals=False)
app.command("probe")(probe.probe)
app.command("compare")(compare.compare)
app.command("report")(report.report)
app.command("check")(check.check)
app.command("judge")(judge.judge)
app.command("show")(show.show)
app.command("forget")(forget.forget)
app.command("export")(export.export)
app.command("new")(new.new)
app.command("import")(import_problem.import_problem)
app.command("listen")(listen.listen)
app.command("config", context_settings=config.FORWARDED)(config.config)
app.command("doctor")(doctor.doctor)
app.add_typer(model.app, name="model", help="The model catalogue.")


def _version(wanted: bool) -> None:
    if wanted:
        print(f"sdpo-tts {sdpo_tts.__version__}")
        raise typer.Exit


@app.callback()
def _options(version: bool = typer.Option(False, "--version", callback=_version, is_eager=True)) -> None:
    """Test-time discovery on one hard programming problem. The main job is `sdpo-solve`."""


def main() -> None:
    app()
