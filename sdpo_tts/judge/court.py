"""What every trial on one problem shares."""

from __future__ import annotations

from dataclasses import dataclass

from sdpo_tts.judge.author import Workshop
from sdpo_tts.judge.compiler import Compiler
from sdpo_tts.judge.fleet import Fleet
from sdpo_tts.judge.gate import Gate
from sdpo_tts.judge.jury import Jury
from sdpo_tts.judge.stress import StressTests
from sdpo_tts.problem import Problem


@dataclass(frozen=True)
class Court:
    fleet: Fleet
    gate: Gate
    compiler: Compiler
    jury: Jury
    stress: StressTests


def open_court(problem: Problem, fleet: Fleet) -> Court:
    """Compiles the author's programs. Raises UserError when one of them fails, and ContainerLost."""
    compiler = Compiler(fleet)
    workshop = Workshop(problem, fleet, compiler)
    return Court(fleet, Gate(), compiler, Jury(problem, workshop), StressTests(problem, workshop))
