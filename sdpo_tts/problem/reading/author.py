"""The programs of a problem's author that a package brings: validators, checkers, interactors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from sdpo_tts.problem.document import quoted
from sdpo_tts.problem.language import language, language_of
from sdpo_tts.problem.model import Program
from sdpo_tts.problem.reading.package import Package

_SCRIPTS = ("build", "run")  # which a Kattis package may bring instead of a program in a known language


def author_program(package: Package, folder: str, arguments: Sequence[str] = ()) -> Program:
    """The one program below `folder`: one source file, and what lies beside it. Raises `UserError`."""
    names = package.names(folder)
    if len({PurePosixPath(name).parent for name in names}) > 1:
        raise package.error(folder, "several validators, or one in several folders, are not supported")
    if script := next((name for name in names if PurePosixPath(name).name in _SCRIPTS), ""):
        raise package.error(script, "programs with a script of their own are not supported")
    sources = [name for name in names if language_of(name)]
    if len(sources) != 1:
        what = "programs of several source files are not supported" if sources else "no program in a known language"
        raise package.error(folder, what)
    return program_at(package, sources[0], [name for name in names if name != sources[0]], arguments)


def program_at(package: Package, path: str, beside: Sequence[str], arguments: Sequence[str] = ()) -> Program:
    """The program in a file, with others that lie beside it when it is compiled and run. Raises `UserError`."""
    key = language_of(path)
    if key is None:
        raise package.error(path, "not in a language of the sandbox")
    files = tuple((PurePosixPath(name).name, package.read(name)) for name in beside)
    if any(name == language(key).source for name, _ in files):
        raise package.error(path, f"a file beside it is called {quoted(language(key).source)}")
    return Program(key, package.read(path), files, tuple(arguments))
