"""How fast this machine is: CPU times from different machines can only be compared with this."""

from __future__ import annotations

from dataclasses import dataclass

from sdpo_tts.judge.containers.container import Command, Container, ContainerLost

LOOP = "for i in range(2_000_000): pass"
ROUNDS = 5


@dataclass(frozen=True)
class Calibration:
    """CPU seconds, the minimum of several rounds: of an empty Python program (what each Python test pays before its
    first line) and of a loop of two million rounds. `spread` is how much longer the slowest round took, as a share: the
    noise in every measured time."""

    start_s: float
    loop_s: float
    spread: float

    def __str__(self) -> str:
        return (
            f"Python starts in {1000 * self.start_s:.0f} ms of CPU, 2,000,000 rounds of a loop take "
            f"{1000 * self.loop_s:.0f} ms, spread {100 * self.spread:.0f} %"
        )


def calibrate(container: Container) -> Calibration:
    """Raises ContainerLost."""
    empty = [_cpu_s(container, "") for _ in range(ROUNDS)]
    loops = [_cpu_s(container, LOOP) for _ in range(ROUNDS)]
    start_s = min(empty)
    return Calibration(start_s, min(loops) - start_s, max(loops) / min(loops) - 1)


def _cpu_s(container: Container, program: str) -> float:
    facts = container.run(Command(("python3", "-S", "-c", program), 10.0, 30.0, 1 << 16, 1 << 23))
    if facts.exit_code != 0:
        raise ContainerLost(f"the calibration failed: {facts.stderr[-200:]!r}")
    return facts.cpu_s
