"""Where settings are given: the user's file, the project's file, a file named with --config, the environment."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_config_path

from sdpo_tts.settings.given import Given, spelt
from sdpo_tts.settings.toml import read_toml

PREFIX = "SDPO_TTS_"
PROJECT_FILE = "sdpo-tts.toml"
OTHERS = frozenset({"CACHE", "MIRROR", "RUNTIME"})
"""Variables that are not settings of a run: the folder for models, the sandbox's Debian mirror, Docker's runtime."""


def user_path() -> Path:
    """Where the user's own file would be."""
    return user_config_path("sdpo-tts") / "config.toml"


def user_file() -> list[Given]:
    """Raises UserError for an invalid file; a missing one has no settings."""
    return read_toml(user_path(), "user file") if _there(user_path()) else []


def project_path() -> Path | None:
    """The nearest `sdpo-tts.toml`, in the current folder or above it."""
    try:
        folder = Path.cwd()
    except OSError:  # the current folder has been deleted
        return None
    return next(filter(_there, (above / PROJECT_FILE for above in (folder, *folder.parents))), None)


def project_file() -> list[Given]:
    """Raises UserError for an invalid file; a missing one has no settings."""
    path = project_path()
    return read_toml(path, "project file") if path else []


def config_file(path: Path | None) -> list[Given]:
    """The file that `--config` names. Raises UserError if there is none."""
    return read_toml(path, "--config") if path else []


def environment() -> list[Given]:
    """`SDPO_TTS_MAX_ATTEMPTS` is max-attempts. Empty variables are ignored."""
    named = {name.removeprefix(PREFIX): text for name, text in os.environ.items() if name.startswith(PREFIX) and text}
    return [
        Given(spelt(name.lower()), text, "environment", PREFIX + name)
        for name, text in named.items()
        if name not in OTHERS
    ]


def _there(path: Path) -> bool:
    """Whether the file exists, as far as this user can see."""
    try:
        return path.is_file()
    except OSError:
        return False
