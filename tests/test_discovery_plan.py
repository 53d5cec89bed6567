"""The registered comparison: its commands are ones that `sdpo-tts` takes, and its problems are what it says."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from benchmarks.discovery import __main__ as stages
from benchmarks.discovery import teachers
from benchmarks.discovery.__main__ import HERE, STAGES, compare, go_on, keep_plans, plan, reports
from sdpo_tts.cli.arms import read_arms
from sdpo_tts.cli.main import app
from sdpo_tts.comparison.plan import Choices, Plan
from sdpo_tts.comparison.run import Comparison
from sdpo_tts.discovery.assemble import RunSettings
from sdpo_tts.discovery.budget import Budget
from sdpo_tts.problem import load_problem
from sdpo_tts.report.runs import load_runs
from sdpo_tts.settings import PATHS
from sdpo_tts.settings.toml import read_toml
from tests.coins import PROBLEMS, makers
from tests.conftest import ROOT

KEPT = ["fence", "pair-sum", "rle", "HumanEval-4", "HumanEval-8"]


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """As the stage `main` would leave it."""
    (tmp_path / "main").mkdir()
    (tmp_path / "main" / "comparison.json").write_text(json.dumps({"problems": dict.fromkeys(KEPT, "")}))
    (tmp_path / "seldom").mkdir()
    (tmp_path / "seldom" / "comparison.json").write_text(json.dumps({"problems": {"fence": "", "rle": "", "HumanEval-8": ""}}))
    (tmp_path / "main-probe").mkdir()
    rates = [{"problem": slug, "correct": number % 2, "samples": 32} for number, slug in enumerate(["dedup", *KEPT])]
    rates += [{"problem": "merge-intervals", "correct": 4, "samples": 32}, {"problem": "guess", "correct": 5, "samples": 32}]
    (tmp_path / "main-probe" / "rates.json").write_text(json.dumps(rates))
    (tmp_path / "portfolio").mkdir()
    kept = dict.fromkeys(["pair-sum", "HumanEval-5", "HumanEval-2", "HumanEval-3"], "")
    (tmp_path / "portfolio" / "comparison.json").write_text(json.dumps({"problems": kept}))
    (tmp_path / "portfolio-probe").mkdir()
    rates = [{"problem": slug, "correct": 0, "samples": 128} for slug in ("fence", "rle", "HumanEval-7")]
    (tmp_path / "portfolio-probe" / "rates.json").write_text(json.dumps([*rates, {"problem": "pair-sum", "correct": 1, "samples": 128}]))
    return tmp_path


def test_every_command_is_one(runs: Path) -> None:
    command = get_command(app)
    for stage in STAGES:
        name, *arguments = compare(stage, runs)
        given = command.commands[name].make_context(name, arguments).params  # type: ignore[attr-defined]
        assert read_arms(given["methods"])[0].name == ("auto" if stage.startswith("portfolio") else "sdpo")
        assert all((Path(path) / "problem.yaml").is_file() for path in given["problems"]), stage
        assert given["out"] == runs / {"ablations": "seldom", "portfolio-placebo": "portfolio"}.get(stage, stage)
        assert given["config"].is_file() and (given["collection"] is None) == (given["ids"] is None)
        wanted = [(given["out"], given["methods"])]
        wanted += [(given["out"].with_name(f"{stage}-probe"), "best-of-k")] if given["probe"] else []
        told = [command.commands[name].make_context(name, rest).params for name, *rest in reports(stage, runs)]  # type: ignore[attr-defined]
        assert [(one["runs"][0], one["methods"]) for one in told] == wanted


def test_stages_take_their_problems_from_what_was_measured(runs: Path) -> None:
    def chosen(stage: str) -> tuple[list[str], str]:
        arguments = compare(stage, runs)
        folders = [Path(one).name for one in arguments[1:] if Path(one).parent.name == "problems"]
        return folders, arguments[arguments.index("--ids") + 1] if "--ids" in arguments else ""

    assert chosen("ablations") == (["fence", "rle"], "HumanEval/8"), "those of seldom"
    assert chosen("landmark") == (["dedup", "pair-sum"], ""), "each has 0 correct"
    assert chosen("seldom") == (["fence", "merge-intervals", "rle"], "HumanEval/8"), "1 to 4 of 32"
    assert chosen("onward") == (["dedup", "merge-intervals"], "HumanEval/20"), "by name"
    assert chosen("portfolio-dark") == (["fence", "rle"], "HumanEval/7"), "of its own candidates"
    assert chosen("portfolio-placebo") == (["pair-sum"], "HumanEval/5,HumanEval/2"), "the first three"
    folders, ids = chosen("portfolio")
    assert len(folders) == 10 and len(ids.split(",")) == 123 and ids.startswith("HumanEval/1,HumanEval/5,")
    folders, ids = chosen("main")
    assert len(folders) == 11 and len(ids.split(",")) == 41 and ids.endswith(",HumanEval/160")
    options = compare("main", runs)
    assert [options[at + 1] for at, word in enumerate(options) if word == "--batch-size"] == plan()["main"]["batch-size"]
    options = compare("landmark", runs)
    assert [options[options.index(f"--{name}") + 1] for name in ("probe", "keep", "max-attempts")] == ["2944", "unsolved", "500"]
    ablations, seldom = compare("ablations", runs), compare("seldom", runs)
    assert all(ablations[ablations.index(name) :][:2] == seldom[seldom.index(name) :][:2] for name in ("--seeds", "--max-attempts"))
    assert "--probe" not in ablations and "--probe" in compare("main", runs)
    with pytest.raises(SystemExit, match="the stage before has not been run"):
        compare("landmark", runs / "elsewhere")


def test_a_machine_without_runs_goes_on_from_what_was_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the cell that was torn is run again."""
    monkeypatch.setattr(stages, "JOURNALS", tmp_path / "journals")
    monkeypatch.setattr(stages, "plan", lambda: {"main": {"methods": "sdpo,sdpo:feedback=none,best-of-k"}})
    settings = RunSettings(budget=Budget(max_attempts=8))
    choices = Choices(read_arms("sdpo,sdpo:feedback=none,best-of-k"), 2, settings)
    asked = Plan(tmp_path / "first" / "main", tmp_path / "first" / "pools", PROBLEMS, choices)
    assert Comparison(asked, makers(), lambda line: None).run().cells == 18
    torn = next((tmp_path / "first" / "main").glob("hard/sdpo-s1/events.jsonl"))
    torn.write_text("".join(torn.read_text().splitlines(keepends=True)[:-1]))
    ((name, *arguments),) = reports("main", tmp_path / "first")
    assert CliRunner().invoke(app, [name, *arguments]).exit_code == 0
    keep_plans("main", tmp_path / "first")

    go_on("main", tmp_path / "second")
    go_on("main", tmp_path / "second")
    lines: list[str] = []
    asked = replace(asked, folder=tmp_path / "second" / "main", pools=tmp_path / "second" / "pools")
    Comparison(asked, makers(), lines.append).run()
    assert lines[0] == "17 of 18 cells are finished already" and lines[1].startswith("[18/18] hard sdpo seed 1: ")
    first, second = (load_runs([tmp_path / name / "main"]) for name in ("first", "second"))
    assert [(run.cell, run.solved_at) for run in second] == [(run.cell, run.solved_at) for run in first]


@pytest.fixture
def left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any], str, str], Path]:
    """Of a stage so planned the methods that were run in a folder, and then `--keep`: where its digests are."""
    journals = tmp_path / "journals"
    journals.mkdir()
    monkeypatch.setattr(stages, "JOURNALS", journals)
    monkeypatch.setattr("sys.argv", ["discovery", "main", "--runs", str(tmp_path), "--keep"])

    def keep(planned: dict[str, Any], folder: str, methods: str) -> Path:
        monkeypatch.setattr(stages, "plan", lambda: {"main": planned})
        choices = Choices(read_arms(methods), 1, RunSettings(budget=Budget(max_attempts=8)))
        Comparison(Plan(tmp_path / folder, tmp_path / "pools", PROBLEMS, choices), makers(), lambda line: None).run()
        assert stages.main() == 0
        return journals

    return keep


def test_of_a_stage_that_was_left_in_its_probe_the_probe_is_kept(left: Callable[..., Path]) -> None:
    journals = left({"methods": "sdpo", "probe": 8}, "main-probe", "best-of-k")
    assert {path.name for path in journals.rglob("*")} == {"main-probe", "main-probe.tar.xz", "comparison.json"}


def test_of_a_stage_that_was_left_early_the_methods_that_had_begun_are_kept(left: Callable[..., Path]) -> None:
    journals = left({"methods": "multi-turn,best-of-k,sdpo:feedback=none"}, "main", "best-of-k,sdpo:feedback=none,sdpo")
    kept = {run.cell[1] for run in load_runs([journals / "main.tar.xz"])}
    assert kept == {"best-of-k", "sdpo:feedback=none"}


def test_no_problem_of_development_is_compared_on() -> None:
    told = plan()
    own, development = set(told["candidates"]["problems"]), set(told["candidates"]["development"])
    assert not own & development
    assert own | development == {path.parent.name for path in (ROOT / "problems").glob("*/problem.yaml")}
    assert set(told["boundary"]["problems"]) <= own
    assert set(told["unused"]["problems"]) == own - {"dedup"}, "on which recipes are tried"
    assert all(set(told[stage]["problems"]) <= development for stage in ("demo", "tune", "taught"))


def test_teachers_are_measured_on_the_problems_of_a_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teachers, "packaged", lambda: Path("HumanEval.jsonl.gz"))
    *own, first, second = teachers.of_stage("main")
    assert len(own) == 8 and all(load_problem(path).slug == slug for slug, path in own)
    assert first == ("HumanEval-32", Path("HumanEval.jsonl.gz#HumanEval/32"))
    assert second == ("HumanEval-64", Path("HumanEval.jsonl.gz#HumanEval/64"))


def test_what_teachers_were_measured_is_kept_one_line_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teachers, "KEPT", tmp_path / "teachers.jsonl")
    of = {slug: [{"passed": passed, "samples": 4}] for slug, passed in (("dedup", 1), ("HumanEval-20", 0))}
    for slug, rates in of.items():
        teachers.keep(slug, rates)
    assert teachers.measured() == of
    assert [path.name for path in tmp_path.iterdir()] == ["teachers.jsonl"]
    assert len(teachers.KEPT.read_text().splitlines()) == 2


def test_every_setting_is_written_down() -> None:
    file = HERE / "settings.toml"
    own = {"method", "seed", "hint", "batch-size", "max-attempts", "max-tokens", "max-time", "keep-going", "enough", "model", "device", "dtype", "quantization", "critic-model",
           "engine", "engine-memory", "cards", "replicas", "learner-device", "lora-experts", "thinking", "think-tokens", "learn-thoughts", "endpoint", "endpoint-model", "temperature", "top-p", "min-p"}
    assert {one.key for one in read_toml(file, "")} == set(PATHS) - own
    result = CliRunner().invoke(app, ["config", "--config", str(file), "--json"])
    assert result.exit_code == 0, result.output
