"""The Docker engine and the sandbox image: found or refused here, before anything is judged."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from sdpo_tts.errors import SetupError

if TYPE_CHECKING:
    from docker import DockerClient

API_TIMEOUT_S = 60


def sandbox_folder() -> Path:
    """The sandbox files: beside the package in a checkout, inside it when installed."""
    installed = Path(__file__).parents[1] / "sandbox"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "sandbox"


def connect() -> DockerClient:
    """A client whose engine answers. Raises SetupError when none does."""
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=API_TIMEOUT_S)
        client.ping()
    except DockerException as error:
        raise SetupError(
            f"no Docker engine answers: {_first_line(error)}",
            where="judge",
            hint=f"start Docker, or as root on Debian or Ubuntu run {sandbox_folder() / 'engine'}",
        ) from error
    return client


def sandbox_image(client: DockerClient) -> str:
    """The image's name; it is built first if the engine lacks it (a minute or more, then never again).

    Raises SetupError when it cannot be built.
    """
    from docker.errors import ImageNotFound

    name = _build("--tag")
    try:
        client.images.get(name)
    except ImageNotFound:
        name = _build()
    return name


def _build(*options: str) -> str:
    script = sandbox_folder() / "build"
    try:
        done = subprocess.run(["bash", str(script), *options], stdout=subprocess.PIPE, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SetupError(
            "the sandbox image cannot be built", where="judge", hint=f"run {script} and read its messages"
        ) from error
    return done.stdout.strip()


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
