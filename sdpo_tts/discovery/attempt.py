"""One attempt, from the sampled tokens to the feedback on it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from sdpo_tts.discovery.source import Source
from sdpo_tts.judge import Judgement, Verdict
from sdpo_tts.judge.feedback.text import Feedback
from sdpo_tts.policy.sampler import Sample
from sdpo_tts.record import AttemptRecord, summarise


@dataclass(frozen=True)
class Attempt:
    """`number` counts from 1 in generation order; `chain` is its place in the batch; `parent` is the number of the
    attempt that its prompt describes. `text` is the answer, `thought` the thought before it."""

    number: int
    step: int
    chain: int
    adapter: int
    sample: Sample
    text: str
    program: str | None
    source: Source = Source.STUDENT
    parent: int | None = None
    thought: str = ""


@dataclass(frozen=True)
class Judged:
    """An attempt with its judgement and what the model may read about it. `outputs` is a digest of what its program did
    on the shown tests: equal digests mean equal behaviour. `hard_coded`: it contains their answers."""

    attempt: Attempt
    judgement: Judgement
    feedback: Feedback
    outputs: str = ""
    hard_coded: bool = False

    @property
    def reward(self) -> float | None:
        """1 if it passes all tests, 0 if not; None if the judge could not tell."""
        return None if self.judgement.verdict is Verdict.JE else float(self.judgement.solved)

    def with_remarks(self, remarks: str) -> Judged:
        """The same attempt with a critic's remarks after the feedback."""
        if not remarks:
            return self
        return replace(self, feedback=replace(self.feedback, text=f"{self.feedback.text}\n\n{remarks}"))

    def event(self) -> dict[str, object]:
        """The fields of `attempt_judged`."""
        program = self.attempt.program
        return {
            "attempt": self.attempt.number,
            "step": self.attempt.step,
            "verdict": str(self.judgement.verdict),
            "passed": self.judgement.passed,
            "total": self.judgement.total,
            "completion_tokens": self.attempt.sample.completion_tokens,
            "truncated": self.attempt.sample.truncated,
            "seconds": round(self.judgement.seconds, 4),
            "program_sha": program and hashlib.sha256(program.encode()).hexdigest()[:12],
            "feedback_kind": self.feedback.kind,
            "source": str(self.attempt.source),
            "parent": self.attempt.parent,
            "outputs": self.outputs,
            **({} if self.judgement.points is None else {"points": self.judgement.points}),
            **({"hard_coded": True} if self.hard_coded else {}),
            **self._failing(),
        }

    def _failing(self) -> dict[str, object]:
        """The first test that failed; what it expected only if it is shown."""
        failed = next((one for one in self.judgement.outcomes if one.verdict is not Verdict.AC), None)
        if failed is None:
            return {}
        return {"failing": failed.test.name, "detail": failed.detail if failed.test.shown else ""}

    def record(self) -> AttemptRecord:
        """The attempt as the run directory stores it."""
        return AttemptRecord(
            attempt=self.attempt.number,
            step=self.attempt.step,
            adapter=self.attempt.adapter,
            text=self.attempt.text,
            program=self.attempt.program,
            feedback=self.feedback.text,
            verdict=self.judgement.verdict,
            token_ids=() if self.attempt.sample.served else self.attempt.sample.response,
            logprobs=self.attempt.sample.logprobs,
            outcomes=summarise(self.judgement),
            thought=self.attempt.thought,
            thought_tokens=self.attempt.sample.thought,
        )


def digest_of_outputs(judgement: Judgement) -> str:
    """12 hex digits of the verdicts and outputs on the shown tests; if the program did not run, of the reason."""
    shown = [outcome for outcome in judgement.outcomes if outcome.test.shown]
    told = [(outcome.test.name, str(outcome.verdict), outcome.stdout.hex()) for outcome in shown]
    text = repr(told or (str(judgement.verdict), judgement.compile_output))
    return hashlib.sha256(text.encode()).hexdigest()[:12]
