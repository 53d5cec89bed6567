"""The Docker engine and the sandbox image: found here, or refused before anything is judged."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Set
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from sdpo_tts.errors import SetupError, first_line
from sdpo_tts.judge.containers.container import engine_errors
from sdpo_tts.problem.language import sandbox_folder

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.images import Image

API_TIMEOUT_S, PING_TIMEOUT_S = 60, 5
LIMITS = {"MemoryLimit": "memory", "SwapLimit": "swap", "PidsLimit": "processes", "CpuCfsQuota": "CPU"}
LIMITS_REMEDY = "rootless: delegate the controllers (docs.docker.com, rootless, cgroups); else a kernel that has them"
SOURCES_LABEL, LANGUAGES_LABEL = "sdpo-tts.sources", "sdpo-tts.languages"  # label on an image, set by `sandbox/build`


def connect() -> DockerClient:
    """A client whose engine answers. Raises SetupError if none does."""
    import docker

    with answering():
        client = docker.from_env(timeout=API_TIMEOUT_S)
        client.ping()
    return client


@contextmanager
def answering() -> Iterator[None]:
    """Raises SetupError if no engine answers the requests made inside the block."""
    try:
        yield
    except engine_errors() as error:
        raise SetupError(
            f"no Docker engine answers: {first_line(error)}",
            where="judge",
            hint=f"start Docker, or as root on Debian or Ubuntu run {sandbox_folder() / 'engine'}",
        ) from error


def missing_limits(info: Mapping[str, Any]) -> list[str]:
    """The limits that an engine would discard with no more than a warning, by what it says of itself."""
    return [name for key, name in LIMITS.items() if info.get(key) is False]


def demand_limits(client: DockerClient) -> None:
    """Raises SetupError if the engine cannot enforce the limits that protect the machine and the verdicts."""
    if missing := missing_limits(client.info()):
        what = f"the Docker engine cannot limit {', '.join(missing)}, so no program is run"
        raise SetupError(what, where="judge", hint=LIMITS_REMEDY)


def answers() -> bool:
    """Whether an engine answers, checked afresh."""
    import docker

    try:
        client = docker.from_env(timeout=PING_TIMEOUT_S)
        try:
            return bool(client.ping())
        finally:
            client.close()
    except engine_errors():
        return False


def sandbox_image(client: DockerClient, languages: Set[str]) -> str:
    """The name of an image with these languages; built first if the engine lacks one (minutes, once).

    Raises SetupError if it cannot be built.
    """
    return find_image(client, languages) or _build("--languages", ",".join(["default", *sorted(languages)]))


def demand_language(key: str, others: Set[str]) -> None:
    """Raises SetupError if there is an image with the other languages, but none with this one as well.

    It is not built here, because that would take minutes to install a compiler for one program.
    """
    with closing(connect()) as client:
        if find_image(client, others) and not find_image(client, {key, *others}):
            hint = f"{sandbox_folder() / 'build'} --languages default,{key}"
            raise SetupError(f"no sandbox image has language '{key}'", where="judge", hint=hint)


def find_image(client: DockerClient, languages: Set[str]) -> str | None:
    """The smallest image of this version of the sandbox that has all these languages."""
    sources = _build("--tag").rpartition(":")[2]
    images = client.images.list(filters={"label": f"{SOURCES_LABEL}={sources}"})
    fitting = [image for image in images if image.tags and languages <= _languages(image)]
    smallest = min(fitting, key=lambda image: int(image.attrs["Size"]), default=None)
    return str(smallest.tags[0]) if smallest else None


def languages_in(client: DockerClient, image: str) -> set[str]:
    """The keys of the languages that it supports."""
    return _languages(client.images.get(image))


def _languages(image: Image) -> set[str]:
    return set(image.labels[LANGUAGES_LABEL].split(","))


def _build(*options: str) -> str:
    script = sandbox_folder() / "build"
    try:
        done = subprocess.run(["bash", str(script), *options], stdout=subprocess.PIPE, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SetupError(
            "the sandbox image cannot be built", where="judge", hint=f"run {script} and read its messages"
        ) from error
    return done.stdout.strip()
