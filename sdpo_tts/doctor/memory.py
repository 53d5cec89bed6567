"""Whether the run fits into memory."""

from __future__ import annotations

from sdpo_tts.doctor.finding import Finding, Subject, failed, passed, warned
from sdpo_tts.doctor.hardware import device_of
from sdpo_tts.doctor.model import entry_of, weights_here
from sdpo_tts.models.weights import dtype_for
from sdpo_tts.policy.memory_plan import MemoryNeed, memory_needed, memory_of, size

TIGHT = 1.25  # times what is needed; with less, the learner takes one sequence after another


def memory(subject: Subject) -> Finding:
    """Free memory against the minimum that the run needs: computed from the model's shape, not measured."""
    import torch

    from sdpo_tts.policy.memory import free_bytes

    name, device = _known(subject), device_of(subject)
    if not name:
        return warned("unknown until the model is downloaded", "sdpo-tts model pull NAME, then doctor again")
    try:
        need, free = _need(subject, device), free_bytes(torch.device(device))
    except (OSError, ValueError) as error:  # transformers cannot get the configuration, or does not know it
        return failed(f"{name}: {str(error).splitlines()[0]}", "choose a --model that transformers supports")
    said = f"{name} needs about {need}; {size(free)} free on {device}"
    if free < need.total:
        return failed(
            said, "a smaller --model, --batch-size or --max-new-tokens; or stop other programs that use memory"
        )
    if free < TIGHT * need.total:
        return warned(f"{said}, which is tight", "a smaller --batch-size or --max-new-tokens leaves room")
    return passed(said)


def _known(subject: Subject) -> str:
    """What a model is called whose shape is known; empty for others."""
    if entry := entry_of(subject):
        return entry.name
    weights = weights_here(subject)
    return weights.name if weights else ""


def _need(subject: Subject, device: str) -> MemoryNeed:
    dtype = subject.dtype if subject.dtype != "auto" else dtype_for(device)
    # Without a GPU, running out of memory raises no error that could be handled: the kernel kills the process.
    checkpointing = device != "cpu"
    if entry := entry_of(subject):
        return memory_of(entry.configuration(), subject, dtype, checkpointing=checkpointing)
    weights = weights_here(subject)
    assert weights
    return memory_needed(weights.source, subject, dtype, checkpointing=checkpointing)
