"""How likely the student finds programs that are known to pass: a measure that hardly depends on luck.

A pass rate of 48 samples says little where the student passes once in a hundred. The same programs' log-probability
under the bare question moves with every step.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from sdpo_tts.discovery.assemble import Policy
from sdpo_tts.discovery.attempt import Judged
from sdpo_tts.policy.batch import Ids, Pair, reading
from sdpo_tts.policy.families.truth import answered

FILE = Path(__file__).parent / "passing.jsonl"
AT_ONCE = 8


def keep(batch: Iterable[Judged], of: dict[str, Any]) -> None:
    """The answers that pass, as token ids of the model that drew them."""
    with FILE.open("a", encoding="utf-8") as lines:
        for judged in batch:
            if judged.judgement.solved:
                lines.write(json.dumps({**of, "answer": list(judged.attempt.sample.response)}) + "\n")


def known(problem: str, model: str) -> list[Ids]:
    rows = map(json.loads, FILE.read_text(encoding="utf-8").splitlines()) if FILE.exists() else ()
    return sorted({tuple(row["answer"]) for row in rows if (row["problem"], row["model"]) == (problem, model)})


@torch.no_grad()
def likelihood(policy: Policy, question: Ids, answers: Sequence[Ids]) -> list[float]:
    """The student's log-probability of each answer after a prompt, in nats; nothing if there are no answers."""
    network, found = policy.network, list[float]()
    if not answers:
        return found
    prefix = reading(network, [question] * 2, grad=False)
    for start in range(0, len(answers), AT_ONCE):
        pairs = [Pair(question, answer) for answer in answers[start : start + AT_ONCE]]
        for hidden_T_D, pair in zip(prefix.response_hidden(pairs), pairs, strict=True):
            found.append(float(answered(network.logits(hidden_T_D), pair).sum()))
    return found


def growth(likelihoods: Sequence[Sequence[float]]) -> list[float]:
    """In nats per answer since the first time, a mean for each later time; empty if there are no answers."""
    before, *later = likelihoods
    return [round(fmean(now) - fmean(before), 2) for now in later] if before else []
