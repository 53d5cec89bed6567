"""What a user gets before anything runs: help with examples that are right, completion, versions; all of it quick."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from sdpo_tts.cli.examples import EXAMPLES
from sdpo_tts.cli.main import app
from sdpo_tts.cli.solving.solve import app as solve_app
from tests.conftest import ROOT

LEAN = """
import atexit, sys
def told():
    heavy = {"torch", "transformers", "vllm", "peft", *%r} & sys.modules.keys()
    assert not heavy, heavy
    print("lean", file=sys.stderr)
atexit.register(told)
from sdpo_tts.cli.%s import main
sys.argv[0] = %r
main()
"""


def commands() -> dict[str, Any]:
    """Every command by what is typed for it."""
    tree: Any = get_command(app)
    found = {"sdpo-solve": get_command(solve_app)}
    for name, command in tree.commands.items():
        inner = getattr(command, "commands", None)
        if not inner or command.invoke_without_command:
            found[name] = command
        found |= {f"{name} {sub}": one for sub, one in (inner or {}).items()}
    return found


@pytest.mark.long
@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_of_a_command_are_right_and_at_the_end_of_its_help(name: str) -> None:
    command: Any = commands()[name]
    words = [] if name == "sdpo-solve" else name.split()
    told = CliRunner().invoke(solve_app if name == "sdpo-solve" else app, [*words, "--help"], env={"COLUMNS": "80"}).stdout
    for typed, _ in EXAMPLES[name]:
        assert len(typed) <= 78 and typed in told
        arguments = shlex.split(typed.partition(" | ")[0])
        assert arguments[: 1 + len(words)] == ["sdpo-solve" if name == "sdpo-solve" else "sdpo-tts", *words]
        with command.make_context(name, arguments[1 + len(words) :]):
            """It takes these options and arguments."""


def test_every_command_has_examples() -> None:
    assert set(commands()) == set(EXAMPLES)


def test_the_help_of_the_main_job_is_a_screen_and_names_the_rest() -> None:
    """The options of every day; all of them with --help-all; no types of a library; `-h` is the same."""
    told, every, short = (
        CliRunner().invoke(solve_app, [option], env={"COLUMNS": "80"}).stdout for option in ("--help", "--help-all", "-h")
    )
    assert told == short and len(told.splitlines()) <= 65 and "until the problem" in told
    assert "--hint HINT" in told and "--start FILE" in told and "--help-all" in told and "--guard-leaks" not in told and "--guard-leaks X" in every
    assert set(re.findall(r"--[a-z-]+", told)) < set(re.findall(r"--[a-z-]+", every))
    for text in (told, every):
        assert not re.search(r"[<>╭│]|\bx>=|INTEGER|TEXT", text) and max(map(len, text.splitlines())) <= 80
    assert CliRunner().invoke(solve_app, ["--version"]).stdout.startswith("sdpo-tts  ")


def test_the_commands_are_listed_in_the_order_of_use_with_one_sentence_each() -> None:
    told = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "80"}).stdout
    listed = re.findall(r"^  ([a-z]+) {2,}(.+(?:\n {28}.+)*)", told.partition("Commands:")[2].partition("Options:")[0], re.MULTILINE)
    names, meanings = zip(*listed, strict=True)
    assert set(names) == {name.partition(" ")[0] for name in commands()} - {"sdpo-solve"}
    assert [names.index(name) for name in ("new", "check", "probe", "hint", "show", "compare")] == sorted(
        names.index(name) for name in ("new", "check", "probe", "hint", "show", "compare")
    )
    assert all(meaning.endswith(".") and ". " not in meaning for meaning in meanings)


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_help_has_its_examples_once(name: str) -> None:
    words = [] if name == "sdpo-solve" else name.split()
    told = CliRunner().invoke(solve_app if name == "sdpo-solve" else app, [*words, "-h"], env={"COLUMNS": "80"}).stdout
    assert told.count("Example") == 1 and max(map(len, told.splitlines())) <= 80


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("sdpo-solve p --max-attempts x", "error: --max-attempts: 'x' is not a whole number (hint: sdpo-solve --help)"),
        ("sdpo-solve p --max-attempts 0", "error: --max-attempts: '0' is less than 1 (hint: sdpo-solve --help)"),
        ("sdpo-solve p --alpha 2", "error: --alpha: '2' is more than 1 (hint: sdpo-solve --help)"),
        ("sdpo-solve p --max-attempt 5", "error: no such option: --max-attempt (hint: did you mean --max-attempts?)"),
        ("sdpo-solve p --seed", "error: option '--seed' requires an argument"),
        ("sdpo-solve p q", "error: one argument too many: q (hint: sdpo-solve --help)"),
        ("sdpo-tts check", "error: PROBLEM is missing (hint: sdpo-tts check --help)"),
        ("sdpo-tts chek", "error: no such command 'chek' (hint: did you mean check?)"),
        ("sdpo-tts model", "Usage: sdpo-tts model"),
        ("sdpo-tts show nowhere --attempt 0", "error: --attempt: '0' is less than 1 (hint: sdpo-tts show --help)"),
    ],
)
def test_a_wrong_command_line_is_one_line_like_every_other_error(arguments: str, told: str) -> None:
    program, *words = arguments.split()
    result = CliRunner().invoke(solve_app if program == "sdpo-solve" else app, words, prog_name=program)
    assert result.exit_code == 2
    assert result.stderr == f"{told}\n" if told.startswith("error") else result.stderr.startswith(told)


def completed(line: str, folder: Path, heavy: tuple[str, ...] = ("docker", "numpy")) -> list[str]:
    """What bash gets for `line`, the cursor at its end."""
    program = line.split()[0]
    script = LEAN % (heavy, "solving.solve" if program == "sdpo-solve" else "main", program)
    asked = {f"_{program.upper().replace('-', '_')}_COMPLETE": "complete_bash", "COMP_WORDS": line}
    words = line.split(" ")
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, capture_output=True, text=True,
        env={**os.environ, **asked, "COMP_CWORD": str(len(words) - 1), "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.stderr == "lean\n", done.stderr
    return done.stdout.split()


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with problems, packages, runs and other things."""
    for name in ("problems/rle/problem.yaml", "problems/rest/notes.txt", "pack.zip", "plan.txt", ".hidden/problem.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    for i, name in enumerate(("runs/rle/sdpo-s0-a", "runs/rle/sdpo-s1-b", "runs/sum/best-of-k-s0-c", "runs/sum/empty")):
        (tmp_path / name).mkdir(parents=True)
        if not name.endswith("empty"):
            (tmp_path / name / "events.jsonl").write_text("")
            os.utime(tmp_path / name / "events.jsonl", (i, i))
    return tmp_path


@pytest.mark.long
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("sdpo-solve p", ["pack.zip", "problems/"]),
        ("sdpo-solve problems/r", ["problems/rest/", "problems/rle"]),
        ("sdpo-solve problems/rle --method ", ["auto", "sdpo", "best-of-k", "multi-turn", "grpo"]),
        ("sdpo-solve problems/rle --preset t", ["thorough"]),
        ("sdpo-solve problems/rle --model a", ["auto"]),
        ("sdpo-solve problems/rle --model qwen3.5-", ["qwen3.5-0.8b", "qwen3.5-2b", "qwen3.5-4b", "qwen3.5-9b"]),
        ("sdpo-solve problems/rle --model ./p", ["./pack.zip", "./plan.txt", "./problems/"]),
        ("sdpo-solve problems/rle --track tensorboard,w", ["tensorboard,wandb"]),
        ("sdpo-solve --resume ", ["last", "runs/sum/best-of-k-s0-c", "runs/rle/sdpo-s1-b", "runs/rle/sdpo-s0-a"]),
        ("sdpo-tts export runs/r", ["runs/rle/"]),
        ("sdpo-tts show runs/rle/sdpo-s1", ["runs/rle/sdpo-s1-b"]),
        ("sdpo-tts model pull s", ["smollm2-135m"]),
        ("sdpo-tts compare problems/rle --methods sdpo,b", ["sdpo,best-of-k"]),
        ("sdpo-tts judge nowhere/", []),
        ("sdpo-tts ex", ["export"]),
        ("sdpo-tts config problems/r", ["problems/rest/", "problems/rle"]),
        ("sdpo-tts config problems/rle --guard-l", ["--guard-length", "--guard-leaks"]),
    ],
)
def test_the_shell_offers_what_fits(desk: Path, line: str, offered: list[str]) -> None:
    assert completed(line, desk) == offered


@pytest.mark.long
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_there_for_the_shells(shell: str) -> None:
    shown = {}
    for program, module in (("sdpo-solve", "solving.solve"), ("sdpo-tts", "main")):
        done = subprocess.run(
            [sys.executable, "-c", LEAN % (("docker",), module, program)], capture_output=True, text=True,
            env={**os.environ, f"_{program.upper().replace('-', '_')}_COMPLETE": f"source_{shell}"},
        )  # fmt: skip
        shown[program] = done.stdout
    assert all(program in text for program, text in shown.items())


@pytest.mark.long
def test_the_version_names_what_a_report_needs_and_loads_nothing_heavy() -> None:
    script = LEAN % ((), "main", "sdpo-tts")
    done = subprocess.run([sys.executable, "-c", script, "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "lean\n")
    rows = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert list(rows) == ["sdpo-tts", "python", "packages", "machine", "gpu", "docker"]
    assert "torch " in rows["packages"] and "transformers " in rows["packages"] and "peft " in rows["packages"]
    assert rows["python"].startswith("{}.{}.{}".format(*sys.version_info))
    away = {**os.environ, "DOCKER_HOST": "unix:///nowhere.sock"}
    done = subprocess.run([sys.executable, "-c", script, "--version"], capture_output=True, text=True, env=away)
    assert "docker    no engine answers" in done.stdout
