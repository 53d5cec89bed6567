"""One attempt as it is stored: what the model wrote, with token ids, and how it was judged."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

from sdpo_tts.errors import UserError
from sdpo_tts.judge.verdict import Judgement, TestOutcome, Verdict
from sdpo_tts.problem import Test
from sdpo_tts.record.atomic import read_json, write_json


@dataclass(frozen=True)
class OutcomeSummary:
    """One test's outcome without its output. Times in seconds, memory in bytes."""

    test: str
    shown: bool
    verdict: Verdict
    cpu_s: float
    wall_s: float
    peak_bytes: int
    exit_code: int | None
    signal: int | None
    detail: str

    @classmethod
    def of(cls, outcome: TestOutcome) -> Self:
        return cls(
            test=outcome.test.name,
            shown=outcome.test.shown,
            verdict=outcome.verdict,
            cpu_s=outcome.cpu_s,
            wall_s=outcome.wall_s,
            peak_bytes=outcome.peak_bytes,
            exit_code=outcome.exit_code,
            signal=outcome.signal,
            detail=outcome.detail,
        )

    def outcome(self, test: Test | None) -> TestOutcome:
        """The outcome again, without its output; `test` None: a generated test, of which only the name is stored."""
        told = {field.name: getattr(self, field.name) for field in fields(self) if field.name not in ("test", "shown")}
        return TestOutcome(test=test or Test(self.test, b"", b"", self.shown), stdout=b"", stderr=b"", **told)


def summarise(judgement: Judgement) -> tuple[OutcomeSummary, ...]:
    return tuple(OutcomeSummary.of(outcome) for outcome in judgement.outcomes)


@dataclass(frozen=True)
class AttemptRecord:
    """One sampled program. `attempt` counts from 1; `logprobs` are natural logarithms, the sampler's, one per token id.
    `text` is the answer; the `thought` before it is the first `thought_tokens` of the ids, some of which may not be
    drawn.

    A server sends only text, so its samples have neither. `adapter` is the version that sampled it; `program` is None
    if the answer contained none.
    """

    attempt: int
    step: int
    adapter: int
    text: str
    program: str | None
    feedback: str
    verdict: Verdict
    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    outcomes: tuple[OutcomeSummary, ...]
    thought: str = ""
    thought_tokens: int = 0

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        outcomes = tuple(
            OutcomeSummary(**{**outcome, "verdict": Verdict(outcome["verdict"])}) for outcome in data["outcomes"]
        )
        tuples = {name: tuple(data[name]) for name in ("token_ids", "logprobs")}
        return cls(**{**data, **tuples, "verdict": Verdict(data["verdict"]), "outcomes": outcomes})

    def save(self, path: Path) -> None:
        """Write it as JSON, completely or not at all."""
        write_json(path, self.to_dict())

    @classmethod
    def load(cls, path: Path) -> Self:
        """Raises UserError if the file is missing or damaged."""
        told = read_json(path)
        try:
            return cls.from_dict(told)
        except (ValueError, KeyError, TypeError):
            raise UserError("not an attempt", where=str(path), hint="the file was damaged or edited") from None
