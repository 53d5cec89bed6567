"""The checks, in order, as data; and a loop that no broken part can stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sdpo_tts.doctor import hardware, memory, model, sandbox, software, storage
from sdpo_tts.doctor.finding import Finding, Level, Report, Subject, failed, passed, warned
from sdpo_tts.errors import SdpoError


@dataclass(frozen=True)
class Check:
    """`after` names checks that must pass before this one makes sense. `loads`: only if a model is loaded here."""

    name: str
    look: Callable[[Subject], Finding]
    after: tuple[str, ...] = ()
    loads: bool = False


CHECKS = (
    Check("python", software.python),
    Check("packages", software.packages),
    Check("torch", software.torch),
    Check("gpu", hardware.gpu, ("torch",), loads=True),
    Check("lora", software.lora, ("torch", "gpu"), loads=True),
    Check("vllm", software.vllm, loads=True),
    Check("model", model.model),
    Check("exactness", model.exactness, ("torch", "gpu", "model"), loads=True),
    Check("memory", memory.memory, ("torch", "gpu", "model"), loads=True),
    Check("shared memory", storage.shared_memory, loads=True),
    Check("disk", storage.disk),
    Check("docker", sandbox.engine),
    Check("cgroups", sandbox.cgroups, ("docker",)),
    Check("core dumps", sandbox.core_dumps, ("docker",)),
    Check("image", sandbox.image, ("docker",)),
    Check("dead containers", sandbox.leftovers, ("docker",)),  # before the judge, which also removes them
    Check("test programs", sandbox.programs, ("docker", "image")),
    Check("clock", sandbox.clock, ("docker", "image", "test programs")),
    Check("unfinished", storage.leftovers),
)


def examine(
    subject: Subject, checks: Sequence[Check] = CHECKS, begin: Callable[[str], object] = lambda name: None
) -> Iterator[Report]:
    """The report of each check as it is made; `begin` gets its name before. Never raises, whatever is broken."""
    missing: set[str] = set()
    for check in checks:
        begin(check.name)
        began = time.monotonic()
        needed = not (check.loads and subject.endpoint)
        lacking = [name for name in check.after if name in missing] if needed else []
        if not needed:
            finding = passed("not needed: the model is on a server")
        elif lacking:
            finding = warned(f"skipped, because {lacking[0]} failed", f"first fix {lacking[0]}")
        else:
            finding = _looked(check, subject)
        if lacking or finding.level is Level.FAIL:
            missing.add(check.name)
        yield Report(check.name, finding, time.monotonic() - began)


def _looked(check: Check, subject: Subject) -> Finding:
    try:
        return check.look(subject)
    except SdpoError as error:
        return failed(error.what, error.hint)
    except (Exception, SystemExit) as error:  # broken software may raise anything
        first = (str(error).strip().splitlines() or [""])[0][:200]
        return failed(f"{type(error).__name__}: {first}", "please report it, with the output of sdpo-tts doctor --json")
