"""What was measured about a model's exactness, cached by checksum and versions: a known model is not measured again."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Iterator
from pathlib import Path

from sdpo_tts.models.fetch import cache_root
from sdpo_tts.models.weights import Weights
from sdpo_tts.policy.families.paths import Exactness

# Increase this when a change here makes the network compute in another way.
_WAYS = 2
DECIDES = ("sdpo-tts", "torch", "transformers", "peft")  # packages whose versions a finding holds for


def recall(key: str) -> Exactness | None:
    """None if nothing is known, or if another version wrote it."""
    try:
        return Exactness.of(json.loads(_file(key).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def remember(key: str, found: Exactness) -> None:
    """For the next run. If the cache cannot be written, the next run measures again."""
    path = _file(key)
    part = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(found.fields()), encoding="utf-8")
        part.replace(path)
    except OSError:
        return


def key_of(weights: Weights, **more: str | bool) -> str:
    """From a model's files, the versions of what computes it, and `more` that affects how. Empty if the files are not
    here."""
    files = list(_files(weights))
    if not files:
        return ""
    told = [_WAYS, files, [_version(package) for package in DECIDES], sorted(more.items())]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _file(key: str) -> Path:
    return cache_root() / "exactness" / f"{key}.json"


def _files(weights: Weights) -> Iterator[str]:
    """Configuration and weights, each with something that identifies it: its checksum, if one is stored or the hub's
    cache uses it as the file name, otherwise its size and modification time."""
    folder = Path(weights.source)
    if (sums := folder / "sums.json").is_file():
        yield sums.read_text(encoding="utf-8")
        return
    for path in sorted([*folder.glob("config.json"), *folder.glob("*.safetensors")]):
        stat = path.stat()
        yield path.resolve().name if path.is_symlink() else f"{path.name} {stat.st_size} {stat.st_mtime_ns}"


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
