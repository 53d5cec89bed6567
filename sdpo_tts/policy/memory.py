"""How much of a batch is computed at once: as much as fits into memory."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sdpo_tts.policy.batch import pad
from sdpo_tts.policy.families.anatomy import tensors_of
from sdpo_tts.policy.network import Network

SHARE = 0.5  # of the free memory; the rest is for logits, gradients and what else runs
SAMPLING_SHARE = 0.8  # where nothing but keys and values grows
MOST_TOKENS = {"cpu": 1024, "cuda": 16384}  # more at once is not faster
PROBE_TOKENS = 32
RAN_OUT = ("can't allocate memory", "CUDA error: out of memory", "STATUS_ALLOC_FAILED")
"""What torch says where it raises no OutOfMemoryError: on a CPU, and of memory that CUDA and its libraries allocate."""
GROUPS, OWN_GROUP = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def free_bytes(device: torch.device) -> int:
    """Memory that is available now."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(free + cached)
    import psutil

    let_go()
    return min([int(psutil.virtual_memory().available), *_left_in_groups()])


def _left_in_groups() -> Iterator[int]:
    """Bytes left in each control group of this process, such as a container's or a job's (cgroups v2). File cache that
    was not used lately counts as free."""
    try:
        (told,) = (line[3:] for line in OWN_GROUP.read_text().splitlines() if line.startswith("0::"))
    except (OSError, ValueError):
        return
    own = GROUPS / told.strip("/")
    for group in (own, *(parent for parent in own.parents if parent.is_relative_to(GROUPS))):
        with suppress(OSError, ValueError):  # the root has no limit, nor has one that says "max"
            most, held = (int((group / name).read_text()) for name in ("memory.max", "memory.current"))
            stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
            yield max(0, most - held + int(stat["inactive_file"]))


def activation_bytes(network: Network) -> int:
    """Bytes that one token of a forward pass keeps for the backward pass, measured on a short one."""
    seen: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if not isinstance(tensor, torch.nn.Parameter):
            seen[storage.data_ptr()] = storage.nbytes()
        return tensor

    ids, _ = pad([tuple(range(PROBE_TOKENS))], left=False, device=network.device)
    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        network.whole(ids)
    parameters = {parameter.untyped_storage().data_ptr() for parameter in network.peft.parameters()}
    return sum(size for place, size in seen.items() if place not in parameters) // PROBE_TOKENS


def micro_tokens(network: Network) -> int:
    """Tokens behind the shared prompt that one pass with a gradient may take."""
    fitting = int(free_bytes(network.device) * SHARE) // activation_bytes(network)
    return max(1, min(MOST_TOKENS.get(network.device.type, 1024), fitting))


@dataclass(frozen=True)
class _Layer:
    """Bytes that a layer's cache takes per row: at first, and for each token up to a limit."""

    fixed: float
    token: float
    most: int

    def of(self, tokens: int) -> float:
        return self.fixed + self.token * min(tokens, self.most)


class SampledRows:
    """How many answers are sampled at once: as many as there is memory for the keys and values of, were all of them as
    long as they may be."""

    def __init__(self, network: Network, max_new_tokens: int) -> None:
        self._device, self._max_new_tokens = network.device, max_new_tokens
        self._layers = _cached(network) if network.paths.sampling != "recomputed" else []

    def at_once(self, prompt: int) -> int:
        """How many prompts of at most this many tokens; at least one, so that it can be tried."""
        size = self.bytes(prompt)
        return max(1, int(free_bytes(self._device) * SAMPLING_SHARE / size)) if size else sys.maxsize

    def bytes(self, prompt: int) -> float:
        """Of one row."""
        return sum(layer.of(prompt + self._max_new_tokens) for layer in self._layers)


@torch.inference_mode()
def _cached(network: Network) -> list[_Layer]:
    """Measured on two short texts."""
    with network.without_adapter():
        short, long = (
            getattr(network.read(torch.ones(1, tokens, dtype=torch.long, device=network.device))[1], "layers", [])
            for tokens in (PROBE_TOKENS, 2 * PROBE_TOKENS)
        )
    found = []
    for one, other in zip(short, long, strict=True):
        token = (_held(other) - _held(one)) / PROBE_TOKENS
        most = getattr(one, "sliding_window", None) or sys.maxsize
        found.append(_Layer(max(0.0, _held(one) - token * PROBE_TOKENS), token, most))
    return found


def _held(layer: Any) -> int:
    """Bytes that a layer of a cache takes."""
    return sum(tensor.nbytes for tensor in tensors_of(layer))


def ran_out(error: BaseException) -> bool:
    """Whether an error means that memory ran out."""
    kind = isinstance(error, torch.OutOfMemoryError | MemoryError)
    return kind or any(words in str(error) for words in RAN_OUT)


def let_go() -> None:
    """Return to the device, or to the kernel, the memory that torch and the C library keep for later, in pieces of
    sizes that may not be needed again. Of the C libraries, glibc alone keeps much, and for each thread apart."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
