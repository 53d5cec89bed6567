"""Commands in processes of their own that need not import PyTorch first: each is forked from one that has.

Importing takes a command most of its time in these tests. Those that are about the start of a process start a new one.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from subprocess import TimeoutExpired

SOLVE, TTS = "sdpo_tts.cli.solving.solve", "sdpo_tts.cli.main"
_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload([SOLVE, TTS, "sdpo_tts.discovery.assemble", "tests.imported"])


class Forked:
    """A command that is running: what is used of `subprocess.Popen`, with its output as text."""

    def __init__(self, module: str, *words: str, cwd: Path | None = None) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._files = [Path(self._folder.name, name) for name in ("out", "err")]
        self._process = _SERVER.Process(target=_main, args=(module, words, self._files, cwd, dict(os.environ)))
        self._process.start()
        self.args = words

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self.returncode

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def communicate(self, timeout: float = 600) -> tuple[str, str]:
        """Its stdout and stderr, once it has ended. Raises TimeoutExpired, and ends it, when it has not in time."""
        self._process.join(timeout)
        if self._process.is_alive():
            self._process.kill()
            raise TimeoutExpired(self.args, timeout)
        out, err = (file.read_text(encoding="utf-8") for file in self._files)
        self._folder.cleanup()
        return out, err


def run(module: str, *words: str, cwd: Path | None = None) -> tuple[int, str, str]:
    """Exit code, stdout and stderr."""
    process = Forked(module, *words, cwd=cwd)
    out, err = process.communicate()
    assert process.returncode is not None
    return process.returncode, out, err


def _main(
    module: str, words: Sequence[str], files: Sequence[Path], cwd: Path | None, environment: dict[str, str]
) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd or ".")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    for number, file in enumerate(files, 1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    sys.argv = [module, *words]
    importlib.import_module(module).main()
