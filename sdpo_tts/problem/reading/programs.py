"""The programs in a package: submissions with known verdicts, validators, checkers, interactors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath

from sdpo_tts.problem.language import language, language_of
from sdpo_tts.problem.model import Program
from sdpo_tts.problem.reading.package import Package

SUFFIXES = {".py": ".py", ".py3": ".py", ".cpp": ".cpp", ".cc": ".cpp", ".cxx": ".cpp"}
MOST_BYTES = 2**20


Fill = Callable[[bytes], bytes]


def _as_it_is(source: bytes) -> bytes:
    return source


def programs(package: Package, folders: Mapping[str, str], fill: Fill = _as_it_is) -> tuple[tuple[str, bytes], ...]:
    """Single-file programs in `submissions/`, by the path that they get here; `folders` maps those with known verdicts.

    `fill` inserts the package's constants into a program's text.
    """
    found: dict[str, bytes] = {}
    for name in package.names("submissions"):
        parts = PurePosixPath(name).parts
        if len(parts) == 3 and parts[1] in folders:
            add(found, folders[parts[1]], parts[2], fill(package.read(name)))
    return tuple(found.items())


def add(found: dict[str, bytes], verdict: str, name: str, source: bytes) -> None:
    """Adds `verdict/name` in a language of the sandbox; others are skipped, and so is what is not text."""
    suffix = SUFFIXES.get(PurePosixPath(name).suffix)
    if suffix is None or len(source) > MOST_BYTES or not _is_text(source):
        return
    found.setdefault(f"{verdict}/{PurePosixPath(name).stem}{suffix}", source)


def author_program(
    package: Package, names: Sequence[str], arguments: Sequence[str] = (), fill: Fill = _as_it_is
) -> Program:
    """One source file with the rest beside it, all without their folders. Raises `UserError`."""
    sources = [name for name in names if language_of(name)]
    if len(sources) != 1 or any(PurePosixPath(name).name in ("build", "run") for name in names):
        raise package.error(names[0], "only programs with one source file in a known language are supported")
    key = language_of(sources[0]) or ""
    files = {PurePosixPath(name).name: name for name in names if name != sources[0]}
    if len(files) != len(names) - 1 or language(key).source in files:
        raise package.error(sources[0], "a program's files must have different names")
    read = tuple((name, fill(package.read(path))) for name, path in files.items())
    return Program(key, fill(package.read(sources[0])), read, tuple(arguments))


def _is_text(source: bytes) -> bool:
    try:
        source.decode()
    except UnicodeDecodeError:
        return False
    return True
