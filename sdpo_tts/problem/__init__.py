"""The problem to be solved, as data, and the formats it is read from."""

from sdpo_tts.problem.load import load_problem, read_problem
from sdpo_tts.problem.model import (
    Checker,
    Convention,
    FeedbackScope,
    Function,
    Group,
    Interactor,
    Limits,
    Mode,
    Problem,
    Program,
    RunKey,
    Stress,
    Test,
)

__all__ = [
    "Checker",
    "Convention",
    "FeedbackScope",
    "Function",
    "Group",
    "Interactor",
    "Limits",
    "Mode",
    "Problem",
    "Program",
    "RunKey",
    "Stress",
    "Test",
    "load_problem",
    "read_problem",
]
