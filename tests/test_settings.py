"""Settings in layers: which one holds, what is refused and where, and what a run then gets."""

from __future__ import annotations

import json
import os
import tomllib
from functools import reduce
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from sdpo_tts.cli.main import app
from sdpo_tts.cli.run_options import run_command
from sdpo_tts.cli.settings import Setting, settings_of
from sdpo_tts.cli.solving import solve
from sdpo_tts.cli.solving.config import _table
from sdpo_tts.discovery.assemble import RunSettings
from sdpo_tts.errors import UserError
from sdpo_tts.problem import load_problem, read_problem
from sdpo_tts.problem.writer import write_native
from sdpo_tts.record import RunDir
from sdpo_tts.settings import PATHS, PRESETS, changed
from sdpo_tts.settings.toml import read_toml
from tests.test_problem import GOOD

LAYERS = ("user file", "project file", "the problem's `run`", "environment", "--config", "flag")


class Desk:
    """A folder to work in, a user's configuration, a problem."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.here, self._patch = folder / "project" / "below", monkeypatch
        self.project, self.other = folder / "project" / "sdpo-tts.toml", folder / "other" / "given.toml"
        self.user = Path(os.environ["XDG_CONFIG_HOME"]) / "sdpo-tts" / "config.toml"
        self.problem = folder / "sum" / "problem.yaml"
        for path in (self.here, self.other.parent, self.user.parent, self.problem.parent):
            path.mkdir(parents=True, exist_ok=True)
        monkeypatch.chdir(self.here)
        self.problem.write_text(GOOD)

    def put(self, layer: str, key: str, value: str) -> list[str]:
        """Set it there; what the command line then needs."""
        if layer == "flag":
            return [f"--{key}", value]
        if layer == "environment":
            self._patch.setenv(f"SDPO_TTS_{key.upper().replace('-', '_')}", value)
        elif layer.startswith("the problem"):
            text = self.problem.read_text()
            self.problem.write_text(f"{text}{'' if 'run:' in text else 'run:' + chr(10)}  {key}: {value}\n")
        else:
            path = {"user file": self.user, "project file": self.project, "--config": self.other}[layer]
            with path.open("a") as file:
                file.write(f'{key} = "{value}"\n')
        return ["--config", str(self.other)] if layer == "--config" else []

    def config(self, *arguments: str) -> Any:
        result = CliRunner().invoke(app, ["config", str(self.problem), "--json", *arguments])
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def refusal(self, *arguments: str) -> str:
        result = CliRunner().invoke(app, ["config", str(self.problem), *arguments])
        assert (result.exit_code, result.stderr.count("\n"), result.stdout) == (2, 1, ""), result.output
        return result.stderr.strip()


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(tmp_path, monkeypatch)


def test_a_stronger_layer_holds(desk: Desk) -> None:
    assert desk.config()["max-attempts"] == {"value": None, "layer": "default", "where": ""}
    arguments: list[str] = []
    places = (
        f"{desk.user}:1", f"{desk.project}:1", f"{desk.problem}:9:3", "SDPO_TTS_MAX_ATTEMPTS", f"{desk.other}:1", "--max-attempts",
    )  # fmt: skip
    for number, (layer, where) in enumerate(zip(LAYERS, places, strict=True), 1):
        arguments += desk.put(layer, "max-attempts", str(number))
        assert desk.config(*arguments)["max-attempts"] == {"value": number, "layer": layer, "where": where}


@pytest.mark.parametrize("layer", LAYERS)
def test_a_preset_stands_just_below_the_layer_that_names_it(desk: Desk, layer: str) -> None:
    """Weaker layers give way to it, its own layer and stronger ones do not."""
    weaker, stronger = LAYERS[: LAYERS.index(layer)], LAYERS[LAYERS.index(layer) + 1 :]
    arguments = desk.put(layer, "preset", "quick")
    for one in weaker:
        arguments += desk.put(one, "max-attempts", "1")
    assert desk.config(*arguments)["max-attempts"]["value"] == 64
    assert desk.config(*arguments)["max-attempts"]["where"].startswith("preset quick (")
    for one in (layer, *stronger):
        arguments += desk.put(one, "max-attempts", "2")
        held = desk.config(*arguments)["max-attempts"]
        assert (held["value"], held["layer"]) == (2, one)


def test_two_presets_do_not_mix(desk: Desk) -> None:
    desk.put("user file", "preset", "paper")
    held = desk.config("--preset", "quick")
    assert (held["preset"]["value"], held["max-time"]["value"], held["teacher"]["value"]) == ("quick", "15m", "frozen")


def test_presets_name_settings_and_the_paper_s_are_its_own(desk: Desk) -> None:
    text = resources.files("sdpo_tts.settings").joinpath("presets.toml").read_text()
    assert tuple(tomllib.loads(text)) == PRESETS
    for name, wanted in tomllib.loads(text).items():
        held = desk.config("--preset", name)
        assert {key: held[key]["value"] for key in wanted} == wanted
    paper = desk.config("--preset", "paper")
    table_12 = {
        "model": "Qwen/Qwen3-8B", "max-new-tokens": 8192, "batch-size": 16, "top-k": 20, "alpha": 1.0, "teacher": "ema",
        "teacher-rate": 0.01, "updates": 1, "max-attempts": 2750,
    }  # fmt: skip
    assert {key: paper[key]["value"] for key in table_12} == table_12


def test_the_run_gets_what_holds(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    got: list[Any] = []
    monkeypatch.setattr(solve, "_solve", lambda job, **rest: got.append((job.settings, job.run)) or 0)
    desk.user.write_text('method = "best-of-k"\nkeep-going = true\nsolutions = false\n')
    desk.project.write_text('runs = "out"\nmodel = "./weights.gguf"\nmax_time = "2m"\n')
    (desk.project.parent / "weights.gguf").touch()
    desk.put("the problem's `run`", "learning-rate", "3e-5")
    desk.put("environment", "batch-size", "3")
    assert CliRunner().invoke(solve.app, [str(desk.problem), "--method", "sdpo", "--alpha", "0.5"]).exit_code == 0
    settings, run = got[0]
    assert (settings.method, settings.batch_size, settings.budget.max_seconds) == ("sdpo", 3, 120.0)
    assert (settings.solver.keep_going, settings.context.solutions) == (True, False)
    assert (settings.learner.learning_rate, settings.learner.loss.alpha) == (3e-5, 0.5)
    # Paths in a file are relative to it, wherever the command is given.
    assert run.path.parents[1] == desk.project.parent / "out"
    assert settings.policy.model == str(desk.project.parent / "weights.gguf")


WORDS = {"support": "teacher", "imitate-loss": "nll"}
"""Settings that take only certain words, each with one that is not its default."""


def test_every_setting_has_its_place_in_a_run_s_settings(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    got: list[Any] = []
    monkeypatch.setattr(solve, "_solve", lambda job, **rest: got.append(job.settings) or 0)
    assert CliRunner().invoke(solve.app, [str(desk.problem)]).exit_code == 0
    assert got == [RunSettings()], "the defaults of the options are those of the classes"
    assert set(PATHS) == set(settings_of(run_command())) - {"runs", "preset", "track", "plain"}
    for key, path in PATHS.items():
        names = path.split(".")
        value = reduce(getattr, names, RunSettings())
        other = changed(RunSettings(), {path: WORDS.get(key, 7)})
        assert (reduce(getattr, names, other) != value, changed(other, {path: value})) == (True, RunSettings())


def test_guard_and_both_are_settings(desk: Desk) -> None:
    desk.user.write_text("both = true\nguard-length = 9\n")
    held = desk.config("--guard-leaks", "0.25", "--no-both")
    assert [held[key]["value"] for key in ("both", "guard-length", "guard-leaks", "guard-entropy")] == [
        False,
        9.0,
        0.25,
        0.1,
    ]


TOML = [
    ("maxattempts = 5\n", ":1: unknown setting `maxattempts` (hint: did you mean `max-attempts`?)"),
    ("# x\n\nmethod = 'spdo'\n", ":3: method: 'spdo' is not one of auto, sdpo, best-of-k, multi-turn, grpo"),
    ("max-attempts = 0\n", ":1: max-attempts: '0' is less than 1"),
    ("max-attempts = 6.5\n", ":1: max-attempts: '6.5' is not a whole number"),
    ("max-attempts = true\n", ":1: max-attempts: 'True' is not a whole number"),
    ("learning-rate = inf\n", ":1: learning-rate: inf is not a finite number"),
    ("keep-going = 'maybe'\n", ":1: keep-going: 'maybe' is neither true nor false"),
    ("max-time = '5'\n", ":1: max-time: '5' is not a duration (hint: a number and a unit: 90s, 30m, 8h)"),
    ("preset = 'papper'\n", ":1: preset: 'papper' is not one of paper, quick, thorough, cpu"),
    ("model = 'a'\nmodel = 'b'\n", ":2:12: not TOML: cannot overwrite a value (hint: text needs quotes: \"sdpo\")"),
    ("top-k = 5\ntop_k = 6\n", ":2: `top-k` is given twice (hint: first at {path}:1)"),
    ("[budget]\nmax-attempts = 5\n", ":1: `budget` is a table (hint: settings are plain lines: max-attempts = 64)"),
    ("seed = [1]\n", ":1: `seed` must be text, a number, true or false"),
    ("method = sdpo\n", ':1:10: not TOML: invalid value (hint: text needs quotes: "sdpo")'),
    ("critic-model = '''\nseed = 1\n'''\nsed = 1\n", ":4: unknown setting `sed` (hint: did you mean `seed`?)"),
    ("config = 'x.toml'\n", ":1: unknown setting `config` (hint: sdpo-tts config lists all settings)"),
    ("a = " + "[" * 5000 + "\n", ": not TOML: "),
    ("seed = 1" + "0" * 5000 + "\n", ": not TOML: "),
    ("#" * 70000, ": too large for a settings file"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), TOML, ids=[text[:20].strip() for text, _ in TOML])
@pytest.mark.parametrize("layer", ["user file", "--config"])
def test_a_wrong_file_gets_one_line_with_its_place(desk: Desk, layer: str, text: str, wanted: str) -> None:
    path = desk.user if layer == "user file" else desk.other
    path.write_text(text)
    refusal = desk.refusal(*(["--config", str(path)] if layer == "--config" else []))
    assert refusal.startswith(f"error: {path}{wanted.format(path=path)}")


def test_a_wrong_value_is_refused_even_where_a_stronger_layer_has_another(desk: Desk) -> None:
    desk.user.write_text("top-k = 0\n")
    assert desk.refusal("--top-k", "5").startswith(f"error: {desk.user}:1: top-k: '0'")


def test_what_else_is_refused(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert desk.refusal("--config", "none.toml") == "error: none.toml: no such file"
    assert desk.refusal("--config", str(tmp_path)) == f"error: {tmp_path}: not a regular file"
    assert desk.refusal("--method", "x").startswith("error: --method: 'x' is not one of")
    desk.other.write_bytes(b"\xff")
    assert "not UTF-8 text" in desk.refusal("--config", str(desk.other))
    monkeypatch.setenv("SDPO_TTS_CACHE", "/x")  # no setting, but known
    monkeypatch.setenv("SDPO_TTS_MODLE", "x")
    assert desk.refusal() == "error: SDPO_TTS_MODLE: unknown setting `modle` (hint: did you mean `model`?)"
    monkeypatch.setenv("SDPO_TTS_MODLE", "")
    assert desk.config()["model"]["layer"] == "default"


RUNS = [
    ("run: 5\n", ":8:6: `run` must be a mapping, not text"),
    ("run:\n", ":8:5: `run` must be a mapping, not nothing"),
    ("run: {alpha: [1]}\n", ":8:14: `alpha` must be text, not a list"),
    ("run: {alpha: ~}\n", ':8:14: `alpha` must be text, not null (hint: write "" for empty text)'),
    ("run:\n  alpa: 1\n", ":9:3: unknown setting `alpa` (hint: did you mean `alpha`?)"),
    ("run:\n  alpha: 2\n", ":9:3: alpha: '2' is more than 1"),
    ("run:\n  critic: https://example.org\n", ":9:3: `critic` may not be set by the problem's `run`"),
    ("run:\n  runs: /tmp\n", ":9:3: `runs` may not be set by the problem's `run`"),
]


@pytest.mark.parametrize(("text", "wanted"), RUNS, ids=[text.replace("\n", " ") for text, _ in RUNS])
def test_a_wrong_run_key_gets_line_and_column(desk: Desk, text: str, wanted: str) -> None:
    desk.problem.write_text(GOOD + text)
    assert desk.refusal() == f"error: {desk.problem}{wanted}"


def test_every_command_that_reads_a_problem_refuses_a_wrong_run_key(desk: Desk) -> None:
    for run, wanted in (
        ("alpa: 1", "unknown setting `alpa` (hint: did you mean `alpha`?)"),
        ("seed: x", "seed: 'x' is not a whole number"),
    ):
        desk.problem.write_text(f"{GOOD}run:\n  {run}\n")
        result = CliRunner().invoke(app, ["check", str(desk.problem)])
        assert result.exit_code == 2
        assert result.stderr.startswith(f"error: {desk.problem}:9:3: {wanted}")


def test_run_changes_no_digest_and_is_written_back(desk: Desk, tmp_path: Path) -> None:
    plain = load_problem(desk.problem)
    desk.problem.write_text(f"{GOOD}run:\n  max-attempts: 010\n")
    reading = read_problem(desk.problem)
    assert (reading.problem.digest, [(one.key, one.text) for one in reading.problem.run]) == (
        plain.digest, [("max-attempts", "010")],
    )  # fmt: skip
    write_native(reading, tmp_path / "copy")
    again = load_problem(tmp_path / "copy")
    assert [(one.key, one.text) for one in again.run] == [("max-attempts", "010")]


def test_the_table_names_every_origin(desk: Desk) -> None:
    desk.user.write_text("seed = 7\n")
    result = CliRunner().invoke(app, ["config", "--preset", "quick", "--top-k", "5"])
    rows = [line.split(maxsplit=2) for line in result.stdout.splitlines()]
    origins = {key: (value, origin) for key, value, origin in rows}
    assert origins["seed"] == ("7", f"user file, {desk.user}:1")
    assert origins["batch-size"] == ("8", "preset quick (--preset)")
    assert (origins["top-k"], origins["max-tokens"]) == (("5", "--top-k"), ("-", "default"))
    assert result.stderr.splitlines()[1] == "project file: sdpo-tts.toml (not there)"


def test_a_long_value_in_the_table_moves_no_other_row() -> None:
    rows = (("hint", "x" * 300, "--hint"), ("method", "best-of-k", "--method"), ("seed", 7, "--seed"))
    long, *others = _table([Setting(key, key, value, "flag", where) for key, value, where in rows]).splitlines()
    assert others == ["method  best-of-k  --method", "seed    7          --seed"] and long.endswith("x  --hint")


@settings(deadline=None)
@given(text=st.text(alphabet=st.sampled_from("ab=\"'[]{}\n#.1-_ \\e"), max_size=60))
def test_no_text_makes_the_reader_fail_otherwise(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text(text)
    try:
        found = read_toml(path, "any")
    except UserError as error:
        assert error.where.startswith(str(path))
    else:
        assert len(found) == len(tomllib.loads(text))


def test_drift_checks_what_its_problems_set(tmp_path: Path) -> None:
    (tmp_path / "problem.yaml").write_text(f"{GOOD}run:\n  max-atempts: 3\n")
    result = CliRunner().invoke(app, ["drift", str(tmp_path / "no-run"), str(tmp_path / "problem.yaml")])
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1) and "did you mean `max-attempts`?" in result.stderr


@pytest.mark.parametrize(
    ("option", "what"),
    [((), "the run has no adapter: it has taken no step"), (("--solved",), "the run has no solved adapter")],
)
def test_drift_says_at_once_that_there_is_no_adapter(tmp_path: Path, option: tuple[str, ...], what: str) -> None:
    run = RunDir.at(tmp_path / "run")
    run.events.touch()
    run.manifest.write_text("{}")
    result = CliRunner().invoke(app, ["drift", str(run.path), *option])
    assert (result.exit_code, result.stderr) == (2, f"error: {run.path}: {what}\n")


def test_parts_of_feedback_are_named_one_by_one(desk: Desk) -> None:
    from sdpo_tts.cli import options
    from sdpo_tts.judge.feedback.style import PARTS

    assert options.PARTS == PARTS, "named twice, since --help loads no judge"
    assert (options.parts("all"), options.parts("none"), options.parts("stack, calls")) == (PARTS, (), ("stack", "calls"))
    assert desk.refusal("--diagnose", "stack,luck").startswith("error: --diagnose: 'luck' is not one of all, none, values")
    assert desk.refusal("--diagnose", "stack,all").startswith("error: --diagnose: `all` and `none` cannot be combined")
    desk.put("project file", "diagnose", "values")
    assert desk.config()["diagnose"]["value"] == "values"
