"""What is to be solved: the problem as data, and the formats it is read from."""

from sdpo_tts.problem.load import load_problem, read_problem
from sdpo_tts.problem.model import Checker, FeedbackScope, Function, Limits, Mode, Problem, RunKey, Test

__all__ = [
    "Checker", "FeedbackScope", "Function", "Limits", "Mode", "Problem", "RunKey", "Test", "load_problem",
    "read_problem",
]  # fmt: skip
