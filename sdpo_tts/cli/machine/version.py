"""Versions for a bug report, found without loading anything slow."""

from __future__ import annotations

from typing import Annotated

import typer

ENGINE_TIMEOUT_S = 3


def _show(wanted: bool) -> None:
    if wanted:
        print(about())
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=_show, is_eager=True, help="Show the versions that a bug report needs.")
]


def about() -> str:
    """Versions of this program, Python and the packages that matter; the machine, its GPUs, and the Docker engine."""
    import platform

    from sdpo_tts.record.manifest import cpu_name, gpus, versions

    found = versions()
    ours, python = found.pop("sdpo-tts", "not installed"), found.pop("python")
    packages = ", ".join(f"{name} {version}" for name, version in found.items())
    cards = ", ".join(f"{gpu['name']}{_size(gpu['memory_bytes'])}" for gpu in gpus())
    rows = {
        "sdpo-tts": ours,
        "python": f"{python}, {platform.python_implementation()}",
        "packages": packages,
        "machine": f"{platform.platform()}, {cpu_name()}",
        "gpu": cards or "none found by nvidia-smi",
        "docker": _engine(),
    }
    return "\n".join(f"{name:<10}{text}" for name, text in rows.items())


def _size(memory: int | None) -> str:
    return f" ({memory / 2**30:.0f} GiB)" if memory else ""


def _engine() -> str:
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=ENGINE_TIMEOUT_S)
        told = client.version()
        client.close()
    except (DockerException, OSError):
        return "no engine answers"
    return f"engine {told['Version']}, API {told['ApiVersion']}, {told['Os']}/{told['Arch']}"
