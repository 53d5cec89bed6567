"""The second run of a Python program whose verdict stands: `diagnose.py VERDICT SECONDS BYTES solution.py [NAME N]`.

Runs the program, or calls its function as `harness.py` does, and writes what it sees to /tmp/diagnosis: one line of
JSON with the line and the values of the names on it, where the program ended (RE, MLE) or was after SECONDS of CPU time
(TLE), and stacks as `faulthandler` writes them, from a thread that needs no interpreter: one bytecode that never ends
is seen too. For MLE an allocation beyond BYTES fails, so that the line that grows is the line that raises.

It shares its process with the program, which can forge all that is written here, and would fool itself alone. No
method that the program defines is called to show a value.
"""

from __future__ import annotations

import _thread
import ast
import faulthandler
import json
import os
import resource
import signal
import sys
from collections import deque
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from types import BuiltinFunctionType, FrameType, FunctionType, MethodType, ModuleType, TracebackType
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import harness

FINDINGS = "/tmp/diagnosis"
PYPY = sys.implementation.name == "pypy"
LOOKS = 100  # at the stack in SECONDS
THREAD_BYTES = 1 << 18
MOST_DEPTH, MOST_NAMES, MOST_BITS = 3, 6, 256
MOST_ITEMS, MOST_CHARS = (0, 2, 4, 6), (20, 20, 20, 100)  # by the depth that is left
_NO_VALUES = (ModuleType, FunctionType, BuiltinFunctionType, MethodType, type)
_SEQUENCES: tuple[tuple[type, str, str], ...] = (
    (list, "[", "]"), (tuple, "(", ")"), (set, "{", "}"), (frozenset, "frozenset({", "})"), (deque, "deque([", "])"),
)  # fmt: skip
_PLAIN = (bool, float, complex, type(None), range, Decimal, Fraction)


def show(value: Any, depth: int = MOST_DEPTH) -> str:
    """A short text of any value, in which nothing of the program runs."""
    kind = type(value)
    if kind is int and value.bit_length() > MOST_BITS:
        return f"<int of {value.bit_length()} bits>"
    if kind in _PLAIN or kind is int:
        return repr(value)
    if kind in (str, bytes, bytearray):
        most = MOST_CHARS[depth]
        return repr(value[:most]) + (f"... ({len(value)} long)" if len(value) > most else "")
    if depth == 0:
        return "..."
    for base, opening, closing in _SEQUENCES:
        if issubclass(kind, base):
            items = [show(item, depth - 1) for item in islice(base.__iter__(value), MOST_ITEMS[depth])]  # type: ignore[attr-defined]
            return opening + _joined(items, base.__len__(value)) + closing  # type: ignore[attr-defined]
    if issubclass(kind, dict):
        pairs = islice(dict.items(value), MOST_ITEMS[depth])
        items = [f"{show(key, 1)}: {show(item, depth - 1)}" for key, item in pairs]
        return "{" + _joined(items, dict.__len__(value)) + "}"
    return _object(value, depth)


def _joined(items: list[str], count: int) -> str:
    return ", ".join(items) + (f", ... ({count} in all)" if count > len(items) else "")


def _object(value: Any, depth: int) -> str:
    try:
        own = object.__getattribute__(value, "__dict__")
    except AttributeError:
        own = {}
    pairs = islice(own.items(), MOST_ITEMS[depth]) if type(own) is dict else ()
    return f"{type(value).__name__}({', '.join(f'{name}={show(item, depth - 1)}' for name, item in pairs)})"


def names_on(line: int, source: bytes) -> list[str]:
    """The names in the code of a line, from left to right."""
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name) and node.lineno == line]
    return list(dict.fromkeys(node.id for node in sorted(nodes, key=lambda node: node.col_offset)))


def values(frame: FrameType, line: int, source: bytes) -> dict[str, str]:
    """Of the names on a line that have one that says something."""
    known = {**frame.f_globals, **_outer(frame), **frame.f_locals}
    names = [name for name in names_on(line, source) if name in known and not isinstance(known[name], _NO_VALUES)]
    return {name: show(known[name]) for name in names[:MOST_NAMES]}


def _outer(frame: FrameType) -> dict[str, Any]:
    """A comprehension has a frame of its own, in which the names around it are not seen."""
    is_part = frame.f_code.co_name.startswith("<") and frame.f_code.co_name != "<module>"
    return frame.f_back.f_locals if is_part and frame.f_back else {}


class Witness:
    """Looks at a program from within its process, and writes down what it sees."""

    def __init__(self, path: str, verdict: str, seconds: float, memory: int) -> None:
        self.path, self.verdict = path, verdict
        with open(path, "rb") as file:
            self.source = file.read()
        self.fd = os.open(FINDINGS, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._look_on(verdict, seconds / LOOKS)
        if verdict == "TLE":
            signal.signal(signal.SIGPROF, self._at_the_limit)
            signal.setitimer(signal.ITIMER_PROF, seconds)
        if verdict == "MLE":
            self._limit_memory(memory)

    def _look_on(self, verdict: str, every_s: float) -> None:
        """PyPy's own stacks name a function's first line only; there a signal looks, between two bytecodes."""
        if PYPY:
            if verdict != "RE":
                signal.signal(signal.SIGALRM, self._look)
                signal.setitimer(signal.ITIMER_REAL, every_s, every_s)
            return
        faulthandler.enable(self.fd, all_threads=False)
        if verdict != "RE":
            usual = _thread.stack_size(THREAD_BYTES)  # which would be nearly all the memory there is
            faulthandler.dump_traceback_later(every_s, repeat=True, file=self.fd)
            _thread.stack_size(usual)

    def ended(self, error: BaseException) -> None:
        """With an exception, SystemExit too; of MLE only what a lack of memory raises says anything."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        if not PYPY:  # there it never returns if nothing is to be cancelled
            faulthandler.cancel_dump_traceback_later()
        self._limit_memory(resource.RLIM_INFINITY)
        if self.verdict == "MLE" and not isinstance(error, MemoryError):
            return
        own = [trace for trace in _chain(error.__traceback__) if self._owns(trace.tb_frame)]
        if own:
            self._write(own[-1].tb_frame, own[-1].tb_lineno)

    def _look(self, _: int, frame: FrameType | None) -> None:
        if own := self._innermost(frame):
            text = f'Stack:\n  File "{self.path}", line {own.f_lineno} in {own.f_code.co_name}\n'
            os.write(self.fd, text.encode())

    def _at_the_limit(self, _: int, frame: FrameType | None) -> None:
        if own := self._innermost(frame):
            with suppress(RuntimeError):  # it was just writing
                sys.stdout.flush()  # what it has printed tells how far it got
            self._write(own, own.f_lineno)

    def _innermost(self, frame: FrameType | None) -> FrameType | None:
        while frame and not self._owns(frame):
            frame = frame.f_back
        return frame

    def _owns(self, frame: FrameType) -> bool:
        return frame.f_code.co_filename == self.path

    def _write(self, frame: FrameType, line: int) -> None:
        found = {"line": line, "values": values(frame, line, self.source)}
        os.write(self.fd, b"\n" + json.dumps(found).encode() + b"\n")

    def _limit_memory(self, count: int) -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (count, resource.RLIM_INFINITY))


def _chain(trace: TracebackType | None) -> list[TracebackType]:
    found = []
    while trace:
        found.append(trace)
        trace = trace.tb_next
    return found


def main() -> int:
    verdict, seconds, memory, path, *function = sys.argv[1:]
    path = os.path.abspath(path)
    witness = Witness(path, verdict, float(seconds), int(memory))
    sys.argv = [path]
    try:
        if function:
            harness.outcome(path, function[0], int(function[1]))
        else:
            harness.load(path, "__main__")
    except BaseException as error:
        witness.ended(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
