"""What is to be solved: the problem as data, and the formats it is read from."""

from sdpo_tts.problem.model import Checker, FeedbackScope, Function, Limits, Mode, Problem, Test
from sdpo_tts.problem.native import load_problem

__all__ = ["Checker", "FeedbackScope", "Function", "Limits", "Mode", "Problem", "Test", "load_problem"]
