"""Keeps everything but the view off the terminal: logging, warnings, and the output of libraries."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, TextIO

from sdpo_tts.streams import duplicate

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class Echo:
    """Typed characters (including `^C`) would appear in the panel and shift it by a line, or in a line that is
    rewritten, so echoing is turned off."""

    def __init__(self, file: IO[str]) -> None:
        self._file, self._before = file, list[Any]()

    def stop(self) -> None:
        """Does nothing without a terminal, or if this process is in its background."""
        with suppress(OSError, ValueError, termios.error):
            terminal = self._file.fileno()
            if os.tcgetpgrp(terminal) != os.getpgrp():
                return
            before = termios.tcgetattr(terminal)
            termios.tcsetattr(terminal, termios.TCSANOW, [*before[:3], before[3] & ~termios.ECHO, *before[4:]])
            self._before = before

    def restore(self) -> None:
        if self._before:
            with suppress(OSError, ValueError, termios.error):
                termios.tcsetattr(self._file.fileno(), termios.TCSADRAIN, self._before)


@contextmanager
def captured_logs(folder: Path) -> Iterator[TextIO]:
    """Append to two files in a folder everything that this process and its children write; yields the terminal, for the
    view alone.

    Log messages and warnings go to `run.log`. File descriptors 1 and 2 go to `engine.log`, not only Python's streams,
    because inference engines, their processes and C++ libraries write to those. So stdout stays clean for the result,
    which must be printed after the block.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with duplicate(sys.stderr) as terminal, _descriptors_to(folder / "engine.log"), _logging_to(folder / "run.log"):
        yield terminal


@contextmanager
def results_alone() -> Iterator[tuple[TextIO, TextIO]]:
    """stdout and stderr, for a command that has no run directory and prints its results one by one. All other output is
    dropped; if the block fails, the file that has it is named."""
    folder = Path(tempfile.mkdtemp(prefix="sdpo-tts-logs-"))
    kept = False
    try:
        with duplicate(sys.stdout) as results, captured_logs(folder) as terminal:
            yield results, terminal
    except Exception:
        if kept := (log := folder / "engine.log").stat().st_size > 0:
            print(f"output of libraries: {log}", file=sys.stderr)
        raise
    finally:
        if not kept:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def heard(
    trouble: Callable[[str], object], *rooms: str, relief: Callable[[str], object] | None = None
) -> Iterator[None]:
    """Pass the warnings of these packages (such as `judge`; none: of all) to `trouble`, from any thread.

    INFO messages, which say that a trouble is over, go to `relief`, or also to `trouble`.
    """
    handler = _Teller(trouble, relief or trouble)
    loggers = [logging.getLogger(".".join(("sdpo_tts", *filter(None, [room])))) for room in rooms or ("",)]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)


class _Teller(logging.Handler):
    def __init__(self, trouble: Callable[[str], object], relief: Callable[[str], object]) -> None:
        super().__init__(logging.INFO)
        self._trouble, self._relief = trouble, relief

    def emit(self, record: logging.LogRecord) -> None:
        say = self._trouble if record.levelno >= logging.WARNING else self._relief
        try:
            say(record.getMessage())
        except Exception:  # like every handler: reporting trouble must not cause trouble
            self.handleError(record)


@contextmanager
def _descriptors_to(path: Path) -> Iterator[None]:
    _flush()
    saved = [(descriptor, os.dup(descriptor)) for descriptor in (1, 2)]
    with path.open("ab") as log:
        for descriptor, _ in saved:
            os.dup2(log.fileno(), descriptor)
    try:
        yield
    finally:
        _flush()
        for descriptor, copy in saved:
            os.dup2(copy, descriptor)
            os.close(copy)


def _flush() -> None:
    """What is in Python's buffers belongs to where the descriptors pointed when it was written."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # the log's disk may be full
            stream.flush()


@contextmanager
def _logging_to(path: Path) -> Iterator[None]:
    """The root logger's handlers and level are restored at the end."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter(FORMAT))
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        root.handlers[:] = handlers
        root.setLevel(level)
        handler.close()
