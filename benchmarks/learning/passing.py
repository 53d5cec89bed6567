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
    """The student's log-probability of each answer after a prompt, in nats."""
    network, found = policy.network, []
    prefix = reading(network, [question] * 2, grad=False)
    for start in range(0, len(answers), AT_ONCE):
        pairs = [Pair(question, answer) for answer in answers[start : start + AT_ONCE]]
        for hidden_T_D, pair in zip(prefix.response_hidden(pairs), pairs, strict=True):
            logp_T_V = network.logits(hidden_T_D).log_softmax(-1)
            found.append(float(logp_T_V.gather(-1, torch.tensor(pair.response)[:, None]).sum()))
    return found


def gain(before: Sequence[float], now: Sequence[float]) -> float:
    """Mean growth in nats per answer."""
    return round(fmean(b - a for a, b in zip(before, now, strict=True)), 2)
