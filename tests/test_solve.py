"""The loop: with scripted answers and a real judge, and as a whole command on the bundled model."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import docker
import pytest
from safetensors.torch import load_file
from typer.testing import CliRunner

from sdpo_tts.cli.main import app
from sdpo_tts.cli.solving.ending import say_the_end
from sdpo_tts.cli.solving.solve import _Job, _solve
from sdpo_tts.cli.solving.solve import app as solve_app
from sdpo_tts.discovery.assemble import RunSettings
from sdpo_tts.discovery.budget import Budget
from sdpo_tts.discovery.methods.best_of_k import BestOfK
from sdpo_tts.discovery.methods.multi_turn import MultiTurn
from sdpo_tts.discovery.solve import Solver
from sdpo_tts.discovery.state import Parts, SolverSettings
from sdpo_tts.doctor.finding import Subject
from sdpo_tts.doctor.storage import leftovers
from sdpo_tts.errors import SandboxError, SetupError
from sdpo_tts.judge import Judge
from sdpo_tts.record import AttemptRecord, Event, Journal, RunDir, read_events
from sdpo_tts.record.events import missing_fields
from tests import forked
from tests.conftest import MODEL, ROOT
from tests.fakes import CharacterChat, ScriptedSampler, Version
from tests.forked import Forked
from tests.test_judge import RIGHT, SUM
from tests.test_judge_ends import owned


def containers(pid: int) -> list[Any]:
    """Of that process; others may be at work on this machine."""
    with closing(docker.from_env()) as client:
        return owned(client, pid)


WRONG = "```python\nprint(7)\n```"
SOLUTION = f"Here it is.\n```python\n{RIGHT}```"


def solve(
    folder: Path,
    answers: Sequence[str],
    budget: Budget,
    method: str = "best-of-k",
    batch: int = 2,
    settings: SolverSettings | None = None,
    hear: Callable[[Event], None] = lambda event: None,
) -> Any:
    chat, sampler = CharacterChat(), ScriptedSampler(answers)
    run = RunDir.at(folder / "run")
    strategy = (
        BestOfK(SUM, chat, batch) if method == "best-of-k" else MultiTurn(SUM, chat, 1500, batch)  # type: ignore[arg-type]
    )
    with Judge(SUM) as judge, Journal(run.events) as journal:
        parts = Parts(Version(), chat, sampler, judge, journal, run)  # type: ignore[arg-type]
        journal.subscribe(hear)
        winner = Solver(parts, strategy, budget, 0, settings).run()
    return winner, run, sampler


def test_the_first_program_that_passes_everything_ends_the_run(tmp_path: Path, engine: None) -> None:
    winner, run, _ = solve(tmp_path, [WRONG, "no program", WRONG, SOLUTION, "never asked"], Budget())
    assert winner.attempt.number == 4
    assert run.solution("python3").read_text() == RIGHT
    assert not run.checkpoint.exists(), "there is nothing to go on with"
    events = read_events(run.events)
    assert [event["type"] for event in events] == [
        "batch_sampled", "attempt_judged", "attempt_judged", "step_skipped",
        "batch_sampled", "attempt_judged", "attempt_judged", "solved", "run_ended",
    ]  # fmt: skip
    verdicts = {event["attempt"]: event["verdict"] for event in events if event["type"] == "attempt_judged"}
    assert verdicts == {1: "WA", 2: "NC", 3: "WA", 4: "AC"}
    assert (events[-1]["reason"], events[-1]["attempts"]) == ("solved", 4)
    record = AttemptRecord.load(run.attempt(1))
    assert (record.program, record.text) == ("print(7)\n", WRONG)
    assert "Expected: '8\\n'" in record.feedback


@pytest.mark.parametrize(
    ("budget", "reason", "attempts"),
    [
        (Budget(max_attempts=3), "max_attempts", 3),
        (Budget(max_tokens=2 * len(WRONG)), "max_tokens", 2),
        (Budget(max_seconds=1e-6), "max_time", 0),
    ],
)
def test_a_spent_budget_is_an_outcome(tmp_path: Path, engine: None, budget: Budget, reason: str, attempts: int) -> None:
    winner, run, _ = solve(tmp_path, [WRONG] * 9, budget)
    assert winner is None
    *before, ended = read_events(run.events)
    assert (ended["reason"], ended["attempts"]) == (reason, attempts)
    assert not before or before[-1]["type"] == "attempt_judged", "of the last batch nothing is learned"


def test_a_run_that_keeps_going_spends_its_budget_and_keeps_the_first_solution(tmp_path: Path, engine: None) -> None:
    other = SOLUTION.replace("```python\n", "```python\n# another\n")
    winner, run, _ = solve(
        tmp_path, [WRONG, SOLUTION, other, WRONG], Budget(max_attempts=4), settings=SolverSettings(keep_going=True)
    )
    assert winner.attempt.number == 2
    assert run.solution("python3").read_text() == RIGHT
    events = read_events(run.events)
    assert [event["attempt"] for event in events if event["type"] == "solved"] == [2]
    assert (events[-1]["reason"], events[-1]["attempts"]) == ("max_attempts", 4)


def test_a_success_is_written_down_before_an_interruption_is_obeyed(tmp_path: Path, engine: None) -> None:
    def interrupt(event: Event) -> None:
        if event["type"] == "attempt_judged" and event["verdict"] == "WA":
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        solve(tmp_path, [WRONG, SOLUTION], Budget(), hear=interrupt)
    run = RunDir(tmp_path / "run")
    assert run.solution("python3").read_text() == RIGHT
    *_, solved, ended = read_events(run.events)
    assert (solved["type"], ended["reason"]) == ("solved", "solved")
    assert not run.checkpoint.exists()


def test_the_terminal_does_not_obey_the_program_that_solved(
    tmp_path: Path, engine: None, capsys: pytest.CaptureFixture[str]
) -> None:
    _, run, _ = solve(tmp_path, [SOLUTION.replace("```python\n", "```python\n# \x1b[2J\n"), WRONG], Budget())
    say_the_end(run, SUM, quiet=False)
    told = capsys.readouterr().err
    assert told.startswith(f"\n# \\x1b[2J\n{RIGHT}") and "\x1b" not in told
    assert run.solution("python3").read_text().startswith("# \x1b[2J\n")


def test_a_quiet_run_says_in_one_line_that_it_is_unsolved(
    tmp_path: Path, engine: None, capsys: pytest.CaptureFixture[str]
) -> None:
    _, run, _ = solve(tmp_path, [WRONG] * 2, Budget(max_attempts=2))
    say_the_end(run, SUM, quiet=True)
    assert capsys.readouterr() == ("", f"Not solved: the run did not begin. The run is in {run.path}\n")
    assert not (run.path / "adapter").exists()


def test_an_unsolved_run_leaves_its_best_program(
    tmp_path: Path, engine: None, capsys: pytest.CaptureFixture[str]
) -> None:
    better = f"# better\n{RIGHT.replace('a + b', 'max(a + b, 3)')}"
    _, run, _ = solve(tmp_path, [WRONG, f"```python\n{better}```", "no program"], Budget(max_attempts=3), batch=3)
    say_the_end(run, SUM, quiet=False)
    assert (run.path / "best.py").read_text() == better
    told = capsys.readouterr().err
    assert f"  program  {run.path}/best.py\n" in told and "sdpo-tts probe" in told


def test_a_batch_that_was_torn_after_a_success_can_be_gone_on_with(
    tmp_path: Path, engine: None, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(event: Event) -> None:
        if event["type"] == "attempt_judged" and event["verdict"] == "AC":
            raise SandboxError("the engine is gone")

    with pytest.raises(SandboxError):
        solve(tmp_path, [SOLUTION, SOLUTION], Budget(), hear=fail)
    run = RunDir(tmp_path / "run")
    say_the_end(run, SUM, quiet=False)
    result = json.loads(run.result.read_text())
    assert (result["solved"], result["attempt"], result["program"]) == (False, None, None)
    told = capsys.readouterr().err
    assert told.startswith("Not solved: ")
    assert told.endswith(f"sdpo-solve --resume {run.path}\n")


@pytest.mark.parametrize("words", [b"", b"no room for the engine\n"])
def test_of_a_start_that_failed_what_the_engine_wrote_is_kept(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: bytes
) -> None:
    def fail(*_: object) -> None:
        os.write(2, words)
        run.events.touch()
        raise SetupError("vLLM does not start")

    monkeypatch.setattr("sdpo_tts.cli.solving.solve._run", fail)
    run = RunDir.at(tmp_path / "sum" / "run")
    with pytest.raises(SetupError):
        _solve(_Job(SUM, RunSettings(), run, [], plain=True), quiet=False, as_json=False)
    log = run.logs / "engine.log"
    assert capfd.readouterr().err == (f"output of libraries: {log}\n" if words else "")
    assert (log.read_bytes() == words) if words else not run.path.parent.exists()
    assert not words or [file.name for file in run.path.iterdir()] == ["logs"], "it is no run"
    assert leftovers(Subject(runs=tmp_path)).level == "pass"


def test_multi_turn_tells_each_feedback_once_and_drops_the_oldest(tmp_path: Path, engine: None) -> None:
    other = "```python\nprint(" + "'x'" + " * 400)\n```"
    answers = [WRONG, WRONG, other, "no program"] + [f"```python\nprint('{c}' * 220)\n```" for c in "abcdef"]
    _, _, sampler = solve(tmp_path, answers, Budget(max_attempts=10), "multi-turn", batch=1)
    prompts = [CharacterChat().text(prompt) for prompt in sampler.prompts]
    assert "Earlier attempts" not in prompts[0]
    assert prompts[1] == prompts[2], "the same feedback is not repeated"
    assert prompts[1].count("Output: '7\\n'") == 1
    assert "Incorrect format" in prompts[4]
    assert all(len(prompt) <= 1500 for prompt in sampler.prompts)
    assert "Output: '7\\n'" not in prompts[-1], "the oldest goes first"


def options_of(tmp_path: Path, *options: str, model: str | Path = MODEL) -> list[str]:
    problem = str(ROOT / "problems" / "sum-line")
    return [problem, "--model", str(model), "--max-new-tokens", "24", "--runs", str(tmp_path), *options]


def test_the_whole_command_on_the_bundled_model(tmp_path: Path, engine: None, bundled_model: object) -> None:
    """SmolLM2 rarely solves anything: what counts is that it takes steps and that all is written down."""
    options = ("--batch-size", "4", "--max-attempts", "8", "--json", "--seed", "3", "--dtype", "float32")
    command = [sys.executable, "-c", "from sdpo_tts.cli.solving.solve import main; main()", *options_of(tmp_path, *options)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out, err = process.communicate(timeout=600)
    assert process.returncode in (0, 3), err
    result = json.loads(out)
    run = Path(result["run"])
    events = read_events(run / "events.jsonl")
    steps = [event for event in events if event["type"] == "step_taken"]
    assert result["solved"] == (process.returncode == 0)
    assert steps and all(step["gap_mean"] < 0.02 and step["loss"] > 0 for step in steps)
    assert len(list((run / "attempts").iterdir())) == result["attempts"]
    weights = load_file(run / "adapter" / "last" / "adapter_model.safetensors")
    assert any("lora_B" in name and float(tensor.abs().max()) > 0 for name, tensor in weights.items())
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["settings"]["learner"]["learning_rate"] == 1e-4
    assert manifest["sandbox"]["languages"]["python3"]["version"].startswith("Python 3.")
    assert str(run) in err
    assert containers(process.pid) == []
    look_back(run, tmp_path)


def look_back(run: Path, folder: Path) -> None:
    """The commands that look at a finished run."""

    def told(*words: str) -> str:
        code, out, err = forked.run(forked.TTS, *words)
        assert code == 0, err
        return out

    page = folder / "heat.html"
    shown = told("show", str(run), "--attempt", "1", "--tokens", "--html", str(page))
    record = AttemptRecord.load(run / "attempts" / "000001.json")
    assert record.text.split()[0] in shown and "log(teacher/student)" in shown
    assert record.feedback.splitlines()[0][:40] in page.read_text()
    rows = [json.loads(line) for line in told(
        "drift", str(run), str(ROOT / "problems" / "sum-line"), "--samples", "1", "--json"
    ).splitlines()]  # fmt: skip
    assert [row["passage"] for row in rows[:-1]] == ["bread", "islands.cpp", "lighthouse", "ring.py"]
    assert all(0 < row["kl"] < 0.5 and row["base_perplexity"] > 1 for row in rows[:-1])
    assert (rows[-1]["problem"], rows[-1]["samples"]) == ("sum-line", 1)


def test_a_run_with_every_part_of_the_method(tmp_path: Path, engine: None, tiny_model: Path) -> None:
    """The options that change the method reach the learner, the teacher, the critic and the sampler."""
    options = (
        "--batch-size", "3", "--max-attempts", "9", "--max-new-tokens", "24", "--dtype", "float32", "--json",
        "--teacher", "ema", "--teacher-rate", "0.5", "--alpha", "0.5", "--support", "union", "--grpo-weight", "0.1",
        "--updates", "2", "--base-samples", "1", "--keep-going", "--critic", "self", "--feedback", "shuffled",
    )  # fmt: skip
    code, out, err = forked.run(forked.SOLVE, *options_of(tmp_path, *options, model=tiny_model))
    assert code in (0, 3), err
    run = Path(json.loads(out)["run"])
    events = read_events(run / "events.jsonl")
    kinds = [event["type"] for event in events]
    assert kinds.count("step_taken") == kinds.count("batch_watched") == kinds.count("batch_criticised") == 2
    assert all(not missing_fields(event) for event in events)
    adapters = [AttemptRecord.load(path).adapter for path in sorted((run / "attempts").iterdir())]
    assert adapters == [0, 0, 0, 0, 1, 1, 0, 2, 2], "of later batches one attempt comes from the base"
    assert json.loads((run / "manifest.json").read_text())["settings"]["learner"]["loss"]["alpha"] == 0.5


def test_grpo_says_that_it_has_no_gradient(tmp_path: Path, engine: None, tiny_model: Path) -> None:
    options = ("--method", "grpo", "--batch-size", "2", "--max-attempts", "4", "--max-new-tokens", "8")
    code, _, err = forked.run(forked.SOLVE, *options_of(tmp_path, *options, model=tiny_model))
    assert code == 3
    assert "step 0 skipped: all rewards of this batch are the same, so GRPO has no gradient" in err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interruption_leaves_no_container_and_says_where_the_run_is(
    tmp_path: Path, engine: None, tiny_model: Path, number: int, code: int
) -> None:
    process = Forked(forked.SOLVE, *options_of(tmp_path, model=tiny_model))
    deadline = time.monotonic() + 300
    while not (journals := list(tmp_path.glob("*/*/events.jsonl"))) or b"batch_sampled" not in journals[0].read_bytes():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)
    os.kill(process.pid, number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (code, "")
    assert "Not solved: interrupted." in err and str(journals[0].parent) in err
    assert "Traceback" not in err
    assert read_events(journals[0])[-1]["reason"] == "interrupted"
    assert containers(process.pid) == []


def test_help_is_quick_and_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom sdpo_tts.cli import main\n"
        "from sdpo_tts.cli.solving import solve\n"
        "for app in (solve.app, main.app):\n    assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        "print([name for name in ('torch', 'transformers', 'docker', 'vllm') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--method", "magic"), "error: --method: 'magic' is not one of auto, sdpo, best-of-k, multi-turn, grpo"),
        (("--device", "abacus"), "error: --device: this machine has no device 'abacus'"),
        (("--max-time", "soon"), "error: --max-time: 'soon' is not a duration"),
        (("--model", "smollm3"), "error: --model: no model is called 'smollm3' (hint: did you mean smollm2-135m?)"),
        (("--model", "./nofolder"), "error: ./nofolder: no such folder (hint: --model takes a folder, "),
        (("--model", "a b/c"), "error: --model: 'a b/c' is not a model hub id (hint: as in Qwen/Qwen3-4B)"),
        (("--engine", "vlm"), "error: --engine: 'vlm' is not one of auto, torch, vllm"),
    ],
)
@pytest.mark.parametrize("program", ["sdpo-solve", "probe", "compare"])
def test_mistakes_are_told_before_the_sandbox_starts(
    program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], message: str
) -> None:
    """Without a Docker engine, too: in one line, with exit code 2."""
    if options[0] in ("--method", "--max-time") and program != "sdpo-solve":
        return
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    words = [str(ROOT / "problems" / "sum-line"), *options]
    if program == "sdpo-solve":
        done = CliRunner().invoke(solve_app, [*words, "--quiet", "--runs", str(tmp_path)])
    else:
        done = CliRunner().invoke(app, [program, *words])
    assert done.exit_code == 2
    assert done.stderr.startswith(message) and done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir()), "a run that did not begin leaves nothing"
