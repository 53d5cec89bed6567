"""Function mode: `harness.py solution.py NAME N` calls NAME with the JSON values on stdin, one a line.

The result (N is 0), or what the N-th argument has become, goes as one JSON value to a private copy of stdout;
what the solution prints goes to stderr. An exception leaves an ordinary traceback that starts in the solution. It
judges nothing, and knows no expected result: the host compares.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
import traceback
from collections import deque
from collections.abc import Callable, ItemsView, Iterator, KeysView, ValuesView
from types import TracebackType
from typing import Any


class HarnessError(Exception):
    """Something about the solution that is not an exception of its own; printed as one line."""


def load(path: str, name: str = "solution") -> dict[str, Any]:
    """Runs a program as the module of that name; returns its global names."""
    with open(path, "rb") as file:
        code = compile(file.read(), path, "exec", dont_inherit=True)
    # Dataclasses and pickle look the module up by name, so it is a real one.
    module = type(sys)(name)
    module.__file__ = path
    sys.modules[name] = module
    exec(code, module.__dict__)
    return module.__dict__


def find(namespace: dict[str, Any], name: str) -> Callable[..., Any]:
    """The function at top level, or the method of a class `Solution`; one that was imported only if there is no such
    method."""
    found, owner = namespace.get(name), namespace.get("Solution")
    own = getattr(found, "__module__", None) == namespace["__name__"]
    if isinstance(owner, type) and callable(getattr(owner, name, None)) and not own:
        return getattr(owner(), name)  # type: ignore[no-any-return]
    if callable(found):
        return found  # type: ignore[no-any-return]
    raise HarnessError(f"NameError: the program defines no function '{name}' (nor a method of class Solution)")


def demand_arity(function: Callable[..., Any], name: str, arguments: list[Any]) -> None:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # a callable that does not tell
        return
    try:
        signature.bind(*arguments)
    except TypeError as error:
        called = f"the tests call it with {len(arguments)}"
        raise HarnessError(f"TypeError: {name}{signature} has wrong parameters: {called} ({error})") from None


def plain(value: Any) -> Any:
    """With generators and other sequences that JSON does not know as lists. Runs the solution's generators."""
    if isinstance(value, (Iterator, list, tuple, range, deque, KeysView, ValuesView, ItemsView)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


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


def call(function: Callable[..., Any], name: str, arguments: list[Any], place: int) -> Any:
    """The result; or, with a place from 1, the argument that stands there, after the call."""
    demand_arity(function, name, arguments)
    result = function(*arguments)
    return arguments[place - 1] if place else result


def outcome(path: str, name: str, place: int) -> Any:
    """What a program's function makes of the JSON values on stdin."""
    arguments = [json.loads(line) for line in sys.stdin.buffer.read().splitlines() if line.strip()]
    return plain(call(find(load(path), name), name, arguments, place))


def main() -> int:
    path, name, place = os.path.abspath(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    out = os.dup(1)
    os.dup2(2, 1)
    try:
        result = encode(outcome(path, name, place))
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
