"""Measures what a run's adapter changed on everything else (the paper's section 6, at this scale).

The adapter was trained on one problem. The model with it is compared with the base on unrelated text and code, and on
other problems.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources

import numpy as np
import torch

from sdpo_tts.discovery.assemble import Policy
from sdpo_tts.discovery.measure.telling import Tell, nobody, teller
from sdpo_tts.judge import Judge
from sdpo_tts.policy import prompts
from sdpo_tts.policy.batch import Ids, pad
from sdpo_tts.policy.network import Network
from sdpo_tts.policy.program import extract_program
from sdpo_tts.policy.sampler import Listener, Sample

FORGETTING = 12  # the stream of random numbers for the samples
BATCH = 16


@dataclass(frozen=True)
class Drift:
    """One passage. `kl` is KL(base || adapted) in nats per token; perplexities are per token of the passage."""

    passage: str
    tokens: int
    kl: float
    base_perplexity: float
    adapted_perplexity: float


@dataclass(frozen=True)
class Outcome:
    """One problem: `passed` of `samples` and the mean tokens per answer, with the base and with the adapter."""

    problem: str
    samples: int
    base_passed: int
    adapted_passed: int
    base_tokens: float
    adapted_tokens: float


def passages() -> list[tuple[str, str]]:
    """(name, text) of the prose and code that come with the package for this purpose."""
    folder = resources.files("sdpo_tts.discovery.measure") / "held_out"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".txt")), key=lambda file: file.name)
    return [(file.name.removesuffix(".txt"), file.read_text(encoding="utf-8")) for file in files]


def drift(network: Network, name: str, ids: Ids) -> Drift:
    """How far the adapter moved the distribution of each next token of a passage."""
    with torch.inference_mode():
        adapted_T_V = _logp(network, ids)
        with network.without_adapter():
            base_T_V = _logp(network, ids)
    following = torch.tensor(ids[1:], device=network.device)[:, None]
    loss = {key: -float(logp.gather(-1, following).mean()) for key, logp in (("base", base_T_V), ("new", adapted_T_V))}
    kl = float((base_T_V.exp() * (base_T_V - adapted_T_V)).sum(-1).mean())
    return Drift(name, len(ids), kl, float(np.exp(loss["base"])), float(np.exp(loss["new"])))


def _logp(network: Network, ids: Ids) -> torch.Tensor:
    """Log-probabilities_T_V of what follows each of the first T = len(ids) - 1 tokens."""
    rows, _ = pad([ids[:-1]], left=False, device=network.device)
    return network.logits(network.whole(rows)[0]).log_softmax(-1)


class Comparison:
    """Samples a problem with the base and with the adapter, using the same random numbers."""

    def __init__(self, policy: Policy, seed: int, tell: Tell = nobody) -> None:
        self.policy, self.seed, self.tell = policy, seed, tell

    def outcome(self, judge: Judge, samples: int) -> Outcome:
        prompt = self.policy.chat.prompt(prompts.student_text(judge.problem))
        self.policy.window.demand(len(prompt))
        base_passed, base_tokens = self._try(judge, [prompt] * samples, base=True)
        passed, tokens = self._try(judge, [prompt] * samples, base=False)
        return Outcome(judge.problem.slug, samples, base_passed, passed, base_tokens, tokens)

    def _try(self, judge: Judge, asked: Sequence[Ids], *, base: bool) -> tuple[int, float]:
        who = f"{judge.problem.slug}, {'without' if base else 'with'} the adapter"
        listener = teller(self.tell, who, len(asked))
        drawn = [sample for part in self._batches(asked) for sample in self._sample(part, listener, base=base)]
        judged = judge.judge_many([extract_program(self.policy.chat.text(sample.answer)) for sample in drawn])
        return sum(one.solved for one in judged), float(np.mean([sample.completion_tokens for sample in drawn]))

    def _batches(self, asked: Sequence[Ids]) -> Iterator[list[tuple[int, Ids]]]:
        numbered = list(enumerate(asked))
        for start in range(0, len(asked), BATCH):
            yield numbered[start : start + BATCH]

    def _sample(self, batch: Sequence[tuple[int, Ids]], listener: Listener, *, base: bool) -> list[Sample]:
        rngs = [np.random.default_rng([self.seed, FORGETTING, i]) for i, _ in batch]
        asked = [prompt for _, prompt in batch]
        return self.policy.sampler.sample(asked, rngs, base=len(asked) if base else 0, listener=listener)
