"""The processor or GPU that computes."""

from __future__ import annotations

import subprocess

from sdpo_tts.doctor.finding import Finding, Subject, failed, passed, warned
from sdpo_tts.policy.memory_plan import size

OLDEST_BFLOAT16 = (8, 0)  # compute capability


def device_of(subject: Subject) -> str:
    """What `auto` means here."""
    import torch

    return subject.device if subject.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"


def gpu(subject: Subject) -> Finding:
    """Driver, CUDA and the card; multiplies in bfloat16 on it."""
    import torch

    if torch.cuda.is_available():
        return _card(device_of(subject) if subject.device != "cpu" else "cuda")
    seen, problem = _driver(), failed if subject.device.startswith("cuda") else warned
    if seen and torch.version.cuda is None:
        return problem(f"{seen}, but this torch is a CPU build", "install a build of torch with CUDA: pytorch.org")
    if seen:
        return problem(
            f"{seen}, but torch cannot use it: {_why_not()}",
            f"install a driver for CUDA {torch.version.cuda}, or a torch for an older CUDA",
        )
    if subject.device.startswith("cuda"):
        return failed("no NVIDIA GPU found", "install its driver (nvidia-smi must work), or use --device cpu")
    return warned("no NVIDIA GPU: a model of more than about a billion parameters will be slow", "--preset cpu")


def _card(device: str) -> Finding:
    import torch

    properties = torch.cuda.get_device_properties(device)
    one = torch.ones(64, 64, device=device, dtype=torch.bfloat16)
    said = f"{properties.name}, {size(properties.total_memory)}, {_driver() or 'driver unknown'}"
    if not torch.equal(one @ one, torch.full_like(one, 64.0)):
        return failed(
            f"{said}: it multiplies incorrectly", "update the driver; if that does not help, the card is faulty"
        )
    if (properties.major, properties.minor) < OLDEST_BFLOAT16:
        return warned(f"{said}: no bfloat16 in hardware", "--dtype float32, with twice the memory for weights")
    return passed(said)


def _driver() -> str:
    """nvidia-smi's name for the first card and its driver; empty if it says nothing."""
    query = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    name, _, version = (answer.strip().splitlines() or [""])[0].rpartition(",")
    return f"{name.strip()} with driver {version.strip()}" if name else ""


def _why_not() -> str:
    import torch

    try:
        torch.cuda.init()  # type: ignore[no-untyped-call]
    except Exception as error:  # whatever it is, its first line is the reason
        return (str(error).splitlines() or ["no reason given"])[0][:200]
    return "no reason given"
