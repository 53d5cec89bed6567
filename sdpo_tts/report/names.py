"""The names of arms: the method, and the settings in which its runs differ from others of that method.

Runs of a comparison have the name of their arm. Whatever their names, runs whose settings differ are not of one arm:
each is named by all settings in which they differ.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sdpo_tts.settings import PATHS, matters

if TYPE_CHECKING:
    from sdpo_tts.report.run import Run

_OF_RUNS = frozenset({
    "method", "seed", "max-attempts", "max-tokens", "max-time", "keep-going", "enough", "model", "device", "dtype",
})  # fmt: skip
_OF_PROBLEMS = frozenset({"max-new-tokens", "max-prompt-tokens", "batch-size"})
"""Settings that a problem's author may choose: they distinguish runs of one problem, not runs of different problems."""


def named(runs: Sequence[Run]) -> list[Run]:
    """The runs, in their order, each with the name of its arm."""
    by_name: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        by_name[run.arm].append(run)
    differing = {name: list(_differing(same)) for name, same in by_name.items()}
    if not any(differing.values()):
        return list(runs)
    # a new name may be one that others already have
    return named([run.called(_name(run, differing[run.arm])) for run in runs])


def _differing(runs: Sequence[Run]) -> Iterator[str]:
    """The keys of settings in which the runs differ, except those that some journal does not have."""
    told, method = [settings_of(run) for run in runs], runs[0].started["method"]
    for key in PATHS:
        if key in _OF_RUNS or not matters(method, key) or not all(key in one for one in told):
            continue
        values: dict[str, set[str]] = defaultdict(set)
        for run, settings in zip(runs, told, strict=True):
            values[run.started["problem"] if key in _OF_PROBLEMS else ""].add(settings[key])
        if any(len(different) > 1 for different in values.values()):
            yield key


def settings_of(run: Run) -> dict[str, str]:
    """The settings in its manifest, by key."""
    found = {key: _at(run.manifest.get("settings"), path.split(".")) for key, path in PATHS.items()}
    return {key: text for key, text in found.items() if text is not None}


def _at(told: Any, path: Sequence[str]) -> str | None:
    for name in path:
        if not isinstance(told, Mapping) or name not in told:
            return None
        told = told[name]
    if isinstance(told, Mapping):
        return ",".join(name for name, chosen in told.items() if chosen)
    return str(told).lower() if isinstance(told, bool) else str(told)


def _name(run: Run, keys: Sequence[str]) -> str:
    if not keys:
        return run.arm
    settings = settings_of(run)
    told = "+".join(f"{key}={settings[key]}" for key in keys)
    return f"{run.arm}{'+' if ':' in run.arm else ':'}{told}"
