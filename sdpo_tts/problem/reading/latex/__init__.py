"""LaTeX as plain text: verbatim parts, the source's own macros, the text around formulas, and formulas."""

from sdpo_tts.problem.reading.latex.formula import formulas_to_text
from sdpo_tts.problem.reading.latex.text import Converted, latex_to_text, picture, problem_name

__all__ = ["Converted", "formulas_to_text", "latex_to_text", "picture", "problem_name"]
