"""Standard streams that are closed, full, or of another encoding: a command says what it can, and does its work."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from io import TextIOWrapper
from pathlib import Path

import pytest

from sdpo_tts.problem import load_problem
from sdpo_tts.record import RunDir
from sdpo_tts.streams import lossy
from sdpo_tts.view import make_view
from sdpo_tts.view.plain import Plain
from tests.conftest import ROOT
from tests.test_integrity import whole

__all__ = ["whole"]
TRIANGLE = ROOT / "problems" / "triangle"
ASCII = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def shell(module: str, words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command of the package with the shell's redirections behind its arguments."""
    program = f"exec {sys.executable} -c 'from sdpo_tts.cli.{module} import main; main()'"
    return subprocess.run(
        ["bash", "-c", f"{program} {words}"], capture_output=True, text=True, env={**os.environ, **environment},
        timeout=300,
    )  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("model list >&-", 0, ""),
        ("model list <&- >&- 2>&-", 0, ""),
        ("model list >/dev/full", 4, "error: not everything could be written to stdout: No space left on device\n"),
        ("model list >/dev/full 2>/dev/full", 4, ""),
        ("judge nowhere x.py 2>/dev/full", 2, ""),
        ("judge nowhere x.py 2>&-", 2, ""),
        ("--help | head -c 1 >/dev/null; exit ${PIPESTATUS[0]}", 0, ""),
    ],
)
def test_closed_and_full_streams(words: str, code: int, said: str) -> None:
    done = shell("main", words)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", said)


RESULTS = """
from sdpo_tts.cli.command import app_of, run_process
from sdpo_tts.view import results_alone
def results() -> None:
    with results_alone() as (stdout, _):
        print("a result", file=stdout)
run_process(app_of(results, "results"))
"""


@pytest.mark.parametrize(
    ("target", "code", "said"),
    [
        (">/dev/full", 4, "error: not everything could be written to stdout: No space left on device\n"),
        (">/dev/null", 0, ""),
        ("| true; exit ${PIPESTATUS[0]}", 0, ""),
    ],
)
def test_results_apart_from_what_libraries_print_are_lost_like_any_others(target: str, code: int, said: str) -> None:
    words = ["bash", "-c", f"{sys.executable} -c '{RESULTS}' {target}"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (code, said)


def test_what_is_pasted_in_another_encoding_is_read(tmp_path: Path) -> None:
    """As in a locale whose stdin is strict: the bytes that are not UTF-8 are replaced."""
    (tmp_path / "paste").write_bytes("Größe\n\nAdd.\nEND\n1 2\nEND\n3\nEND\nEND\n".encode("latin-1"))
    words = f"new {tmp_path / 'sum'} <{tmp_path / 'paste'}"
    done = shell("main", words, PYTHONIOENCODING="utf-8:strict")
    assert done.returncode == 0 and load_problem(tmp_path / "sum").statement.startswith("Gr\ufffd\ufffde")


@pytest.mark.parametrize("words", ["runs prune --runs {}", "new {}/new"])
def test_ctrl_c_at_a_question_is_an_interruption(words: str, tmp_path: Path) -> None:
    """The question is on stderr alone, and what the shell prints next has a line of its own."""
    (run := RunDir.create(tmp_path, "sum", "sdpo", 0)).events.touch()
    command = [sys.executable, "-c", "from sdpo_tts.cli.main import main; main()", *words.format(tmp_path).split()]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as asking:
        assert asking.stdin and asking.stdout and asking.stderr
        asked = asking.stderr.read(1)
        time.sleep(0.5)  # until it waits for the answer
        asking.send_signal(signal.SIGINT)
        said, asked = asking.stdout.read(), asked + asking.stderr.read()
    assert asking.returncode == 130 and asked.endswith(("]: \n", "):\n\n"))
    assert not said.endswith(" ") and run.path.exists()


def test_a_run_goes_on_without_anybody_to_tell(whole: Path, tmp_path: Path, engine: None) -> None:
    """The model is random: what counts is that the run came to its own end."""
    options = (
        f"{ROOT / 'problems' / 'sum-line'} --model {whole} --method best-of-k --batch-size 2 --max-attempts 2 "
        f"--max-new-tokens 4 --device cpu --runs {tmp_path}"
    )
    done = shell("solving.solve", f"{options} >&- 2>/dev/full")
    assert (done.returncode, done.stdout, done.stderr) == (3, "", "")
    (result,) = tmp_path.glob("*/*/result.json")
    assert json.loads(result.read_text())["reason"] == "max_attempts"


def test_what_cannot_be_encoded_is_escaped(tmp_path: Path, engine: None) -> None:
    """As on a terminal of another language: the output of a program, and the name of a file."""
    (program := tmp_path / "größe.py").write_text("print('größer ✓')\n")
    done = shell("main", f"judge {TRIANGLE} '{program}'", **ASCII)
    assert (done.returncode, done.stderr) == (3, "")
    assert r"gr\xf6\xdfer \u2713" in done.stdout
    missing = shell("main", "judge 'no—where' x.py", **ASCII)
    assert missing.returncode == 2 and missing.stderr.startswith("error: no")


def test_a_terminal_without_boxes_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for name in ("NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    master, terminal = pty.openpty()
    kinds = {}
    for encoding in ("utf-8", "latin-1"):
        with TextIOWrapper(os.fdopen(os.dup(terminal), "wb"), encoding) as file:
            kinds[encoding] = type(make_view(file=file)) is Plain
    assert kinds == {"utf-8": False, "latin-1": True}
    os.close(terminal)
    os.close(master)


def test_a_terminal_that_does_not_block_is_waited_for() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    reader = subprocess.Popen(["sh", "-c", "sleep 0.3; wc -c"], stdin=reading, stdout=subprocess.PIPE)
    os.close(reading)
    with lossy(writing, close=True) as stream:
        print("x" * 300_000, file=stream)
    assert int(reader.communicate(timeout=30)[0]) == 300_001
