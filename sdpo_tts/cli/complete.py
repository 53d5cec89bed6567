"""What a shell offers on Tab. Fast, and silent about anything that cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

PACKAGES = frozenset({".yaml", ".yml", ".zip", ".json", ".jsonl"})
RUNS = "runs"
NEWEST = 20


def among(words: Iterable[str]) -> Callable[[str], list[str]]:
    """Completes to one of `words`."""
    known = list(words)
    return lambda incomplete: [word for word in known if word.startswith(incomplete)]


def listed(words: Sequence[str]) -> Callable[[str], list[str]]:
    """Completes the last of several comma-separated words."""

    def complete(incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        return [f"{before}{comma}{word}" for word in words if word.startswith(last)]

    return complete


def problems(incomplete: str) -> list[str]:
    """Problem folders, files that may hold a problem, and folders that lead to them."""
    return [
        text if (path / "problem.yaml").is_file() or path.is_file() else f"{text}/"
        for text, path in _paths(incomplete)
        if path.is_dir() or path.suffix in PACKAGES
    ]


def runs(incomplete: str) -> list[str]:
    """Run folders: the newest ones below `runs/`, or those at the path typed so far."""
    if not incomplete:
        found = sorted(Path(RUNS).glob("*/*/events.jsonl"), key=_age, reverse=True)
        return ["last", *(str(journal.parent) for journal in found[:NEWEST])]
    inside = ((text, path) for text, path in _paths(incomplete) if path.is_dir())
    named = [text if (path / "events.jsonl").is_file() else f"{text}/" for text, path in inside]
    return [*(["last"] if "last".startswith(incomplete) else []), *named]


def files(incomplete: str) -> list[str]:
    """Any file, and folders that lead to it."""
    return [f"{text}/" if path.is_dir() else text for text, path in _paths(incomplete)]


def models(incomplete: str) -> list[str]:
    """`auto`, the names of the catalogue, and paths."""
    from sdpo_tts.models.catalogue import entries

    if incomplete.startswith((".", "/", "~")):
        return files(incomplete)
    return among(["auto", *entries()])(incomplete)


def _paths(incomplete: str) -> Iterator[tuple[str, Path]]:
    """Existing paths that begin with what was typed, spelt as the user would write them."""
    before, slash, name = incomplete.rpartition("/")
    with suppress(OSError, RuntimeError):  # RuntimeError: the home folder of an unknown user
        for path in sorted(Path(before + slash).expanduser().iterdir()):
            if path.name.startswith(name) and (name.startswith(".") or not path.name.startswith(".")):
                yield f"{before}{slash}{path.name}", path


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
