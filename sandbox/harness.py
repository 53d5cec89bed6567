"""Function mode: `harness.py solution.py NAME` calls NAME with the JSON values on stdin, one a line.

The result goes as one JSON value to a private copy of stdout; what the solution prints goes to stderr. An
exception leaves an ordinary traceback that starts in the solution. It judges nothing: the host compares.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any


class HarnessError(Exception):
    """Something about the solution that is not an exception of its own; printed as one line."""


def load(path: str) -> dict[str, Any]:
    with open(path, "rb") as file:
        code = compile(file.read(), path, "exec", dont_inherit=True)
    # Dataclasses and pickle look the module up by name, so it is a real one.
    module = type(sys)("solution")
    module.__file__ = path
    sys.modules["solution"] = module
    exec(code, module.__dict__)
    return module.__dict__


def find(namespace: dict[str, Any], name: str) -> Callable[..., Any]:
    """The function at top level, or the method of a class `Solution`."""
    if callable(found := namespace.get(name)):
        return found  # type: ignore[no-any-return]
    owner = namespace.get("Solution")
    if isinstance(owner, type) and callable(getattr(owner, name, None)):
        return getattr(owner(), name)  # type: ignore[no-any-return]
    raise HarnessError(f"NameError: the program defines no function '{name}' (nor a method of class Solution)")


def encode(result: Any) -> bytes:
    try:
        return json.dumps(result).encode() + b"\n"
    except (TypeError, ValueError, RecursionError) as error:
        kind = type(result).__name__
        raise HarnessError(f"TypeError: the result (a {kind}) cannot be written as JSON: {error}") from None


def own_frames(trace: TracebackType | None, path: str) -> TracebackType | None:
    """The traceback from the solution's first frame on."""
    while trace and trace.tb_frame.f_code.co_filename != path:
        trace = trace.tb_next
    return trace


def main() -> int:
    path, name = os.path.abspath(sys.argv[1]), sys.argv[2]
    out = os.dup(1)
    os.dup2(2, 1)
    arguments = [json.loads(line) for line in sys.stdin.buffer.read().splitlines() if line.strip()]
    try:
        result = encode(find(load(path), name)(*arguments))
    except HarnessError as error:
        print(error, file=sys.stderr)
        return 1
    except Exception as error:
        sys.stdout.flush()
        traceback.print_exception(type(error), error, own_frames(error.__traceback__, path))
        return 1
    view = memoryview(result)
    while view:
        view = view[os.write(out, view) :]
    return 0


if __name__ == "__main__":
    sys.exit(main())
