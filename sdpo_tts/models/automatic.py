"""Which model `auto` means on a device: the largest of the catalogue that a run can hold and train there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sdpo_tts.models import hub
from sdpo_tts.models.catalogue import LENGTHS, Entry, entries
from sdpo_tts.models.progress import Report, unheard
from sdpo_tts.policy.memory_plan import GIB, SHARE, size

LAST = "smollm2-135m"  # if nothing else can be fetched


@dataclass(frozen=True)
class Use:
    """What the model is needed for. `dtype` may be auto."""

    max_new_tokens: int = 512
    quantization: str = "none"
    dtype: str = "auto"


def choose(device: str, use: Use, report: Report = unheard) -> str:
    """The name of the model; `report` gets a line that says why. Without a GPU it is the smallest."""
    ladder, free = _ladder(), free_on(device)
    if free is None:
        report(f"model: {ladder[0].name}, since no GPU is used")
        return ladder[0].name
    online = hub.answers()
    near = [entry for entry in ladder if online or entry.file or hub.is_cached(entry.repo, entry.revision)]
    chosen = largest([entry for entry in near if entry.is_supported], free, use)
    why = "" if online else "; the model hub does not answer"
    report(f"model: {chosen.name}, the largest that fits into {size(free)} of free GPU memory{why}")
    return chosen.name


def largest(ladder: Sequence[Entry], free: int, use: Use) -> Entry:
    """The last of `ladder`, from small to large, that fits into `free` bytes; the first if none does."""
    return next((entry for entry in reversed(ladder) if need(entry, use) <= SHARE * free), ladder[0])


def need(entry: Entry, use: Use) -> float:
    """Bytes on a GPU. The catalogue has them for two lengths of answers, and they are linear in the length."""
    short, long = entry.memory["nf4" if use.quantization == "nf4" else "bfloat16"]
    told = short + (long - short) * (use.max_new_tokens - LENGTHS[0]) / (LENGTHS[1] - LENGTHS[0])
    return told * GIB * (2 if use.dtype == "float32" else 1)


def fallbacks(name: str) -> list[str]:
    """What to take if `name` cannot be fetched: smaller models that are also published outside a hub, largest first."""
    ladder = [entry.name for entry in _ladder()]
    below = ladder[: ladder.index(name)] if name in ladder else []
    return [*(one for one in reversed(below) if entries()[one].file), LAST]


def free_on(device: str) -> int | None:
    """Free bytes; None if the device is not a GPU. `auto` is the first GPU, if there is one."""
    import torch

    from sdpo_tts.policy.memory import free_bytes

    kind, _, number = device.partition(":")
    if kind not in ("auto", "cuda") or int(number or 0) >= torch.cuda.device_count():
        return None
    return free_bytes(torch.device("cuda", int(number or 0)))


def _ladder() -> list[Entry]:
    return [entry for entry in entries().values() if entry.auto]

