"""Whether the run fits into memory."""

from __future__ import annotations

from sdpo_tts.doctor.finding import Finding, Subject, failed, passed, warned
from sdpo_tts.doctor.hardware import device_of
from sdpo_tts.doctor.model import weights_here
from sdpo_tts.models.weights import Weights, dtype_for
from sdpo_tts.policy.memory_plan import MemoryNeed, memory_needed, size

TIGHT = 1.25  # times what is needed; with less, the learner takes one sequence after another


def memory(subject: Subject) -> Finding:
    """Free memory against the minimum that the run needs: computed from the model's shape, not measured."""
    import torch

    from sdpo_tts.policy.memory import free_bytes

    weights = weights_here(subject)
    if weights is None:
        return warned("unknown until the model is downloaded", "sdpo-tts model pull NAME, then doctor again")
    device = device_of(subject)
    try:
        need, free = _need(subject, weights, device), free_bytes(torch.device(device))
    except (OSError, ValueError) as error:  # transformers cannot get the configuration, or does not know it
        return failed(f"{weights.name}: {str(error).splitlines()[0]}", "choose a --model that transformers supports")
    said = f"{weights.name} needs about {need}; {size(free)} free on {device}"
    if free < need.total:
        return failed(
            said, "a smaller --model, --batch-size or --max-new-tokens; or stop other programs that use memory"
        )
    if free < TIGHT * need.total:
        return warned(f"{said}, which is tight", "a smaller --batch-size or --max-new-tokens leaves room")
    return passed(said)


def _need(subject: Subject, weights: Weights, device: str) -> MemoryNeed:
    dtype = subject.dtype if subject.dtype != "auto" else dtype_for(device)
    # Without a GPU, running out of memory raises no error that could be handled: the kernel kills the process.
    return memory_needed(weights.source, subject, dtype, checkpointing=device != "cpu")
