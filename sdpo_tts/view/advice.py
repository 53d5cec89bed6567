"""What to try after an unsolved run, based on its verdicts."""

from __future__ import annotations

from sdpo_tts.view.progress import LEARNERS, RunState

MANY = 0.5  # share of attempts that must have the same cause
CUT = 0.25  # share of answers that must be cut off


def advice(state: RunState, problem: str) -> list[str]:
    """Two lines: what was seen and what helps, and how to find out more. `problem` is as typed. Empty if nothing was
    judged or an error stopped the run."""
    if not state.cost.attempts or state.solved_at or state.reason == "error":
        return []
    return [_cause(state), _next(state, problem)]


def _cause(state: RunState) -> str:
    attempts, found = state.cost.attempts, dict(state.verdicts)

    def many(*verdicts: str) -> bool:
        return sum(found.get(verdict, 0) for verdict in verdicts) > MANY * attempts

    if state.only_thoughts > CUT * attempts:
        remedy = "raise --max-new-tokens" if state.engine == "endpoint" else "close thoughts with --think-tokens"
        return f"{state.only_thoughts} of {attempts} answers ended before their thought did: {remedy}."
    if state.truncated > CUT * attempts:
        return f"{state.truncated} of {attempts} answers were cut off: raise --max-new-tokens."
    if many("NC"):
        return "Most answers hold no program in a code block: try a larger --model."
    if many("CE"):
        return "Most programs do not compile: try a larger --model, or the problem in another language."
    if many("TLE", "MLE"):
        return "Most programs need too much time or memory: try a larger --model, or a hint in the statement."
    if state.best and not state.best.passed:
        return "No program passed any test: try a larger --model, or add a small shown test."
    return f"Most programs run but are wrong; the best passes {_share(state)}: it may only need a larger budget."


def _share(state: RunState) -> str:
    return f"{state.best.passed} of {state.tests} tests" if state.best else "none"


def _next(state: RunState, problem: str) -> str:
    if state.method in LEARNERS:
        return f"Does feedback help this model? Find out: sdpo-tts probe {problem}"
    return f"Would --method sdpo, which learns from failures, help? Find out: sdpo-tts probe {problem}"
