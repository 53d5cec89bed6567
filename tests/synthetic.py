"""Journals of runs that never were: their attempts' outcomes are given, the rest follows by simple rules."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

BATCH = {"sdpo": 16, "grpo": 16, "multi-turn": 1, "best-of-k": 16}
SHAPE = {"parameters": 1000, "layers": 2, "width": 8}
TOKENS, PROMPT = 10, 40
MANIFEST: dict[str, Any] = {
    "problem": {"slug": "p", "digest": "d", "path": "p/problem.yaml"}, "model": {"name": "tiny"},
    "settings": {"max_new_tokens": 64, "learner": {"learning_rate": 1e-4}}, "versions": {"python": "3.11"},
    "machine": {"cpu": "a slow one", "cores": 2},
}  # fmt: skip
REST = {
    "title": "A problem", "model": "tiny", "engine": "scripted", "device": "cpu", "tests": 4, "max_tokens": None,
    "max_seconds": None,
}  # fmt: skip


def until(first: int | None, budget: int) -> list[bool]:
    """Outcomes of a run that stops at its first success, or at its budget."""
    return [False] * budget if first is None else [False] * (first - 1) + [True]


def events(problem: str, method: str, seed: int, outcomes: Sequence[bool], budget: int, *, pooled: bool = False,
           reason: str | None = None, batch: int | None = None, settings: dict[str, Any] | None = None,
           arm: str = "") -> Iterator[dict[str, Any]]:  # fmt: skip
    """Every answer has TOKENS tokens; a batch takes a second to sample and one to judge, a step one to learn.

    A success in the middle of a batch is followed by failures up to its end. The manifest tells of more `settings`.
    """
    batch, told, clock, at = batch or BATCH[method], list(outcomes), 0.0, 0
    if not pooled and any(told):
        told += [False] * min(-len(told) % batch, budget - len(told))

    def event(type: str, **fields: Any) -> dict[str, Any]:
        return {"type": type, "t": clock, **fields}

    yield event("manifest", **{**MANIFEST, "settings": {**MANIFEST["settings"], **(settings or {})}})
    yield event("run_started", problem=problem, method=method, seed=seed, batch_size=batch, max_attempts=budget,
                pooled=pooled, **REST, **SHAPE, **({"arm": arm} if arm else {}))  # fmt: skip
    for step, start in enumerate(range(0, len(told), batch)):
        rows = told[start : start + batch]
        clock += 1.0
        yield event("batch_sampled", step=step, attempts=len(rows), prompt_tokens=PROMPT * len(rows), adapter=step,
                    completion_tokens=TOKENS * len(rows), truncated=0, seconds=1.0)  # fmt: skip
        clock += 1.0
        for at, solved in enumerate(rows, start + 1):
            yield event("attempt_judged", attempt=at, step=step, verdict="AC" if solved else "WA", total=4,
                        passed=4 if solved else 1, completion_tokens=TOKENS, truncated=False, seconds=0.1,
                        program_sha="0" * 12, feedback_kind="wrong_answer")  # fmt: skip
        won = any(rows)
        if won:
            first = start + 1 + rows.index(True)
            yield event("solved", attempt=first, step=step, adapter=step, tokens=TOKENS * at, seconds=clock,
                        program=f"print({first})  # <found>\n")  # fmt: skip
        if method == "sdpo" and not won:
            clock += 1.0
            yield event("step_taken", step=step, adapter=step + 1, loss=1 / (step + 1), kl=0.1, entropy=0.5,
                        grad_norm=1.0, gap_mean=0.001, gap_max=0.01, trained=len(rows), trained_tokens=TOKENS * len(rows),
                        teacher_tokens=(TOKENS + 2 * PROMPT) * len(rows), seconds=1.0)  # fmt: skip
    ended = reason or ("solved" if any(told) and not pooled else "max_attempts")
    yield event("run_ended", reason=ended, attempts=len(told), tokens=TOKENS * len(told), seconds=clock,
                sampling_seconds=1.0, judging_seconds=1.0, learning_seconds=1.0)  # fmt: skip


def write(
    root: Path, problem: str, method: str, seed: int, outcomes: Sequence[bool], budget: int, **options: Any
) -> Path:
    folder = root / problem / f"{options.get('arm') or method}-s{seed}"
    folder.mkdir(parents=True)
    told = events(problem, method, seed, outcomes, budget, **options)
    lines = (json.dumps({"v": 1, "seq": i, **event}) for i, event in enumerate(told))
    (folder / "events.jsonl").write_text("\n".join(lines) + "\n")
    return folder
