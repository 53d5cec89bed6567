"""The user's own programs: judged before the next batch, and not counted as attempts of the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sdpo_tts.discovery.attempt import Attempt, Judged, digest_of_outputs
from sdpo_tts.discovery.person.rejection import rejected
from sdpo_tts.discovery.source import Source
from sdpo_tts.discovery.state import SolverState
from sdpo_tts.judge.feedback.text import render
from sdpo_tts.policy.sampler import Sample

UNSAMPLED = Sample((), (), (), truncated=False, base=True)
UNFINISHED = "The program passes all examples, but it has not been accepted."


def judge_own(solver: SolverState, programs: Mapping[str, str]) -> Iterator[tuple[str, Judged]]:
    """Each with its name, in order. Numbers continue from earlier ones. Without held-out tests, one that passes the
    shown tests is not taken for a solution, because then its author would not have submitted it. Raises
    SandboxError."""
    problem = solver.parts.judge.problem
    with solver.parts.judge.queue() as queue:
        for number, program in enumerate(programs.values()):
            queue.submit(number, program)
        found = dict(queue.verdicts())
    for place, (name, program) in enumerate(programs.items()):
        attempt = Attempt(-1 - place - len(solver.started), 0, place, 0, UNSAMPLED, "", program, Source.BASE)
        told = render(found[place], problem, style=solver.settings.style)
        judged = Judged(attempt, found[place], told, digest_of_outputs(found[place]))
        unsure = judged.judgement.solved and not any(problem.held_out)
        yield name, rejected(judged, UNFINISHED) if unsure else judged


def event_of(name: str, judged: Judged) -> dict[str, object]:
    """The fields of `start_judged`."""
    kept = ("verdict", "passed", "total", "seconds", "program_sha", "failing", "detail")
    told = judged.event()
    own = {"number": judged.attempt.number, "name": name, "program": judged.attempt.program}
    return {**own, **{key: told[key] for key in kept if key in told}}
