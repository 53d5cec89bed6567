"""How a run begins: its judge, its manifest, and the checks before its first attempt."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from sdpo_tts.discovery.assemble import Policy, RunSettings
from sdpo_tts.discovery.methods.strategy import Strategy
from sdpo_tts.errors import UserError
from sdpo_tts.judge import Judge
from sdpo_tts.policy.prompts import TEMPLATES, teacher_text
from sdpo_tts.problem import Problem
from sdpo_tts.record import Journal, RunDir, manifest, write_json

READS_FEEDBACK = ("auto", "sdpo", "multi-turn")
STARTS_FROM_PROGRAMS = ("auto", "multi-turn")
SHAPE = ("parameters", "layers", "width")


def demand_use(settings: RunSettings) -> None:
    """Raises UserError if the method cannot use a hint or a program that the user gave."""
    for option, given, methods in (
        ("--hint", settings.context.hint, READS_FEEDBACK),
        ("--start", settings.solver.start, STARTS_FROM_PROGRAMS),
    ):
        if given and settings.method not in methods:
            hint = f"--method {' or '.join(methods)}"
            raise UserError(f"{settings.method} cannot use it", where=option, hint=hint)


def make_judge(problem: Problem, settings: RunSettings) -> Judge:
    """Failed programs get their second run only if their findings are read."""
    reads = settings.method in READS_FEEDBACK and settings.context.feedback != "none"
    return Judge(problem, style=settings.solver.style if reads else None)


def announce(
    journal: Journal,
    run: RunDir,
    judge: Judge,
    policy: Policy,
    strategy: Strategy,
    settings: RunSettings,
    argv: Sequence[str],
    *,
    arm: str = "",
    pooled: bool = False,
) -> None:
    """Write the manifest, as a file and into the journal, and `run_started`; a pooled run continues after a success.
    `arm` is the comparison's name for the method with its settings."""
    problem, budget = judge.problem, settings.budget
    effective = settings.effective(strategy)
    told = manifest(problem, settings=effective, argv=argv, sandbox=judge.versions(), model=policy.facts)
    write_json(run.manifest, told)
    journal.append("manifest", **told)
    more = {name: policy.facts[name] for name in SHAPE if name in policy.facts} | ({"arm": arm} if arm else {})
    if not pooled and not any(problem.held_out):
        more["candidates"] = settings.solver.candidates
    more |= {} if problem.full_points is None else {"points": problem.full_points}
    journal.append(
        "run_started", method=strategy.name, problem=problem.slug, title=problem.title, seed=settings.seed,
        model=policy.facts["name"], engine=policy.facts["engine"], device=policy.facts["device"],
        tests=len(problem.tests), batch_size=strategy.batch_size, max_attempts=budget.max_attempts,
        max_tokens=budget.max_tokens, max_seconds=budget.max_seconds, pooled=pooled, **more,
    )  # fmt: skip
    if lacking := _no_room_for_feedback(problem, policy, settings):
        logging.getLogger(__name__).warning(lacking)
        journal.append("warned", message=lacking)


def _no_room_for_feedback(problem: Problem, policy: Policy, settings: RunSettings) -> str:
    """A warning for a method that reads feedback, before its first batch; empty if all is well."""
    if settings.method not in READS_FEEDBACK or settings.context.feedback == "none":
        return ""
    template = TEMPLATES[settings.context.template]
    question, told, with_hint = (
        len(policy.chat.prompt(teacher_text(problem, text, template, hint=hint)))
        for text, hint in (("", ""), ("?", ""), ("?", settings.context.hint))
    )
    lacking = policy.window.lacking(question, told)
    if not lacking and (too_long := policy.window.lacking(question, with_hint)):
        return f"the hint does not fit into a prompt with feedback and is left out: {too_long}"
    outcome = "every turn asks the same question" if settings.method == "multi-turn" else "nothing can be learned"
    return f"no feedback fits into a prompt, so {outcome}: {lacking}" if lacking else ""
