"""Deletes a model from this machine."""

from __future__ import annotations

import shutil
from pathlib import Path

from sdpo_tts.errors import UserError
from sdpo_tts.models.catalogue import entries, find
from sdpo_tts.models.fetch import cache_root


def remove(name: str) -> int:
    """Delete the files of a model of the catalogue or of a hub from this machine; returns the bytes freed. Raises
    UserError if there are none, or no such model. A folder or a GGUF file of the user's own is never touched."""
    repo = entries()[name].repo if name in entries() and not entries()[name].file else name
    found = _of_hub(repo) if repo.count("/") == 1 else _of_catalogue(name)
    if not found:
        raise UserError(f"the model {name} is not on this machine", hint="sdpo-tts model list shows those that are")
    freed = sum(_bytes(path) for path in found)
    for path in found:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return freed


def _of_catalogue(name: str) -> list[Path]:
    """The published file, and the weights that any version of this program made from it."""
    entry = find(name)
    made = cache_root().glob(f"{Path(entry.file).stem}-{entry.sha256[:12]}-*")
    return [path for path in (cache_root() / entry.file, *made) if path.exists()]


def _of_hub(name: str) -> list[Path]:
    from huggingface_hub.constants import HF_HUB_CACHE

    folder = Path(HF_HUB_CACHE) / f"models--{name.replace('/', '--')}"
    return [folder] if folder.is_dir() and not {"", ".", ".."} & set(name.split("/")) else []


def _bytes(path: Path) -> int:
    """Files that are there under two names, as in a hub's cache, count once."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file() and not file.is_symlink())
