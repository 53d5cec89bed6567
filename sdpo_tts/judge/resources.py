"""What all evaluators on one problem share."""

from __future__ import annotations

from dataclasses import dataclass

from sdpo_tts.judge.author_programs import AuthorPrograms
from sdpo_tts.judge.checking.validator import Validator
from sdpo_tts.judge.compiler import Compiler
from sdpo_tts.judge.containers.exclusive import MachineLock
from sdpo_tts.judge.containers.pool import ContainerPool
from sdpo_tts.judge.stress import StressTests
from sdpo_tts.problem import Problem


@dataclass(frozen=True)
class Resources:
    containers: ContainerPool
    machine: MachineLock
    compiler: Compiler
    validator: Validator
    stress: StressTests


def open_resources(problem: Problem, containers: ContainerPool) -> Resources:
    """Compiles the author's programs. Raises UserError if one of them fails, and ContainerLost."""
    compiler = Compiler(containers)
    author_programs = AuthorPrograms(problem, containers, compiler)
    validator, stress = Validator(problem, author_programs), StressTests(problem, author_programs)
    return Resources(containers, MachineLock(), compiler, validator, stress)
