"""Whether the run fits into memory."""

from __future__ import annotations

from dataclasses import replace

from sdpo_tts.doctor.finding import Finding, Subject, failed, passed, warned
from sdpo_tts.doctor.hardware import device_of
from sdpo_tts.doctor.model import entry_of, weights_here
from sdpo_tts.models.catalogue import Entry
from sdpo_tts.models.weights import Weights, dtype_for
from sdpo_tts.policy.memory_plan import MemoryNeed, memory_needed, memory_of, size

TIGHT = 1.25  # times what is needed; with less, the learner takes one sequence after another


def memory(subject: Subject) -> Finding:
    """Free memory against the minimum that the run needs, which is that of one answer at a time: computed from the
    model's shape, not measured."""
    import torch

    from sdpo_tts.policy.memory import free_bytes

    known, device = entry_of(subject) or weights_here(subject), device_of(subject)
    if known is None:
        return warned("unknown until the model is downloaded", "sdpo-tts model pull NAME, then doctor again")
    try:
        least, free = _need(replace(subject, batch_size=1), known, device), free_bytes(torch.device(device))
    except (OSError, ValueError) as error:  # transformers cannot get the configuration, or does not know it
        return failed(f"{known.name}: {str(error).splitlines()[0]}", "choose a --model that transformers supports")
    rows = _at_once(least, free, subject.batch_size)
    need = replace(least, cache=rows * least.cache)
    part = "" if rows == subject.batch_size else f", with {rows} of {subject.batch_size} answers sampled at once"
    said = f"{known.name} needs about {need}{part}; {size(free)} free on {device}"
    if free < need.total:
        return failed(
            said, "a smaller --model or --max-new-tokens; or stop other programs that use memory"
        )
    if part or free < TIGHT * need.total:
        return warned(f"{said}, which is tight", "a smaller --batch-size or --max-new-tokens leaves room")
    return passed(said)


def _at_once(least: MemoryNeed, free: int, batch_size: int) -> int:
    """How many answers of a batch are sampled at once, given what one of them needs: as the sampler plans it."""
    from sdpo_tts.policy.memory import SAMPLING_SHARE

    left = SAMPLING_SHARE * (free - least.total + least.cache)
    return max(1, min(batch_size, int(left / least.cache))) if least.cache else batch_size


def _need(subject: Subject, known: Entry | Weights, device: str) -> MemoryNeed:
    dtype = subject.dtype if subject.dtype != "auto" else dtype_for(device)
    # Without a GPU, running out of memory raises no error that could be handled: the kernel kills the process.
    checkpointing = device != "cpu"
    if isinstance(known, Entry):
        return memory_of(known.configuration(), subject, dtype, checkpointing=checkpointing)
    return memory_needed(known.source, subject, dtype, checkpointing=checkpointing)
