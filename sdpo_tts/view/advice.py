"""What to try after a run that did not solve its problem, by what its verdicts say."""

from __future__ import annotations

from sdpo_tts.view.progress import LEARNERS, RunState

MANY = 0.5  # share of attempts that one cause must have
CUT = 0.25  # of answers cut off


def advice(state: RunState, problem: str) -> list[str]:
    """Two lines: what was seen and what helps against it, and how to find out more. `problem` as it is typed. Empty
    where nothing was judged or the run was stopped by an error."""
    if not state.cost.attempts or state.solved_at or state.reason == "error":
        return []
    return [_cause(state), _next(state, problem)]


def _cause(state: RunState) -> str:
    attempts, found = state.cost.attempts, dict(state.verdicts)

    def many(*verdicts: str) -> bool:
        return sum(found.get(verdict, 0) for verdict in verdicts) > MANY * attempts

    if state.truncated > CUT * attempts:
        return f"{state.truncated} of {attempts} answers were cut off: raise --max-new-tokens."
    if many("NC"):
        return "Most answers hold no program in a code block: try a larger --model."
    if many("CE"):
        return "Most programs do not compile: try a larger --model, or the problem in another language."
    if many("TLE", "MLE"):
        return "Most programs need too much time or memory: try a larger --model, or a hint in the statement."
    if state.best and not state.best.passed:
        return "No program passed a single test: try a larger --model, or add a small test that the model is shown."
    return f"Most programs run but are wrong; the best passes {_share(state)}: it may only need a larger budget."


def _share(state: RunState) -> str:
    return f"{state.best.passed} of {state.tests} tests" if state.best else "none"


def _next(state: RunState, problem: str) -> str:
    if state.method in LEARNERS:
        return f"Does feedback help this model at all? sdpo-tts probe {problem} tells within minutes."
    return f"This method does not learn from failures: sdpo-tts probe {problem} tells if --method sdpo may help."
