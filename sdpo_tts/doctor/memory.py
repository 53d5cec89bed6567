"""Whether the run fits into memory."""

from __future__ import annotations

from sdpo_tts.doctor.finding import Finding, Subject, failed, passed, warned
from sdpo_tts.doctor.hardware import device_of
from sdpo_tts.doctor.model import entry_of, weights_here
from sdpo_tts.models.catalogue import Entry
from sdpo_tts.models.weights import Weights, dtype_for
from sdpo_tts.policy.memory_plan import MemoryNeed, memory_needed, memory_of, size

TIGHT = 1.25  # times what is needed; with less, the learner takes one sequence after another


def memory(subject: Subject) -> Finding:
    """Free memory against the minimum that the run needs: computed from the model's shape, not measured."""
    import torch

    from sdpo_tts.policy.memory import free_bytes

    known, device = entry_of(subject) or weights_here(subject), device_of(subject)
    if known is None:
        return warned("unknown until the model is downloaded", "sdpo-tts model pull NAME, then doctor again")
    try:
        need, free = _need(subject, known, device), free_bytes(torch.device(device))
    except (OSError, ValueError) as error:  # transformers cannot get the configuration, or does not know it
        return failed(f"{known.name}: {str(error).splitlines()[0]}", "choose a --model that transformers supports")
    said = f"{known.name} needs about {need}; {size(free)} free on {device}"
    if free < need.total:
        return failed(
            said, "a smaller --model, --batch-size or --max-new-tokens; or stop other programs that use memory"
        )
    if free < TIGHT * need.total:
        return warned(f"{said}, which is tight", "a smaller --batch-size or --max-new-tokens leaves room")
    return passed(said)


def _need(subject: Subject, known: Entry | Weights, device: str) -> MemoryNeed:
    dtype = subject.dtype if subject.dtype != "auto" else dtype_for(device)
    # Without a GPU, running out of memory raises no error that could be handled: the kernel kills the process.
    checkpointing = device != "cpu"
    if isinstance(known, Entry):
        return memory_of(known.configuration(), subject, dtype, checkpointing=checkpointing)
    return memory_needed(known.source, subject, dtype, checkpointing=checkpointing)
