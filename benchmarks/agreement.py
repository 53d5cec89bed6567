"""Do sampler and learner agree on this machine, and its GPU with its processor?

    python benchmarks/agreement.py                                    # the default small model
    python benchmarks/agreement.py --engine torch --dtype float32

First through `load_policy`, as a run does it: the distance between the log-probabilities that the engine gave to its
tokens and the learner's, in nats a token, without an adapter and with two, one after the other. An engine that answered
with an old adapter would be far off. Then, where there is a GPU, the learner's gradient in float32 beside the
processor's, for a small network with random weights. Speeds are in sampling.py and step.py.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from sdpo_tts.discovery.assemble import PolicySettings, load_policy
from sdpo_tts.policy.learning.learner import Learner, LearnerSettings
from sdpo_tts.policy.learning.lesson import Lesson
from sdpo_tts.policy.network import LoraSettings, Network
from sdpo_tts.policy.sampler import Sample

TEXT = "Write a Python program that reads two integers and prints their sum. Explain every line."
SIZE = 0.02  # of an adapter's entries, standard deviation: far from the base, and from the adapter before
VOCABULARY = 5000  # of the small network


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="qwen2.5-coder-0.5b")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--answers", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=48)
    asked = parser.parse_args()
    settings = PolicySettings(asked.model, asked.device, asked.dtype, max_new_tokens=asked.tokens, engine=asked.engine)
    gaps(settings, asked.answers)
    if torch.cuda.is_available():
        gradients()


def gaps(settings: PolicySettings, answers: int) -> None:
    with load_policy(settings, 0, print) as policy:
        told = ("name", "engine", "device", "dtype", "base")
        print(", ".join(f"{name} {policy.facts[name]}" for name in told if name in policy.facts))
        learner = Learner(policy.network, LearnerSettings(max_gap=float("inf")))
        prompts = [policy.chat.prompt(TEXT)] * answers
        for adapter in (None, 1, 2):
            if adapter:
                policy.network.restore(_adapter(policy.network, adapter))
            rngs = [np.random.default_rng([adapter or 0, place]) for place in range(answers)]
            distances = _distances(learner, policy.sampler.sample(prompts, rngs))
            name = f"adapter {adapter}" if adapter else "no adapter"
            print(f"gap, {name}: mean {distances.mean():.4f}, largest {distances.max():.4f}, tokens {len(distances)}")


def _adapter(network: Network, seed: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(one.shape, generator=generator) * SIZE for one in network.trainable]


def _distances(learner: Learner, samples: Sequence[Sample]) -> Any:
    """Of every token, in nats: an array."""
    return np.concatenate([np.abs(np.subtract(one.logprobs, learner.logprobs(Lesson(one)))) for one in samples])


def gradients() -> None:
    """The same lessons on both, from the same weights."""
    processor, card = (_gradient(device) for device in ("cpu", "cuda"))
    difference = ((card - processor).norm() / processor.norm()).item()
    print(f"gradient: {difference:.1e} of its length from the processor's")


def _gradient(device: str) -> torch.Tensor:
    rng = np.random.default_rng(0)

    def ids(count: int) -> tuple[int, ...]:
        return tuple(rng.integers(VOCABULARY, size=count).tolist())

    question, order = ids(100), ids(20)
    answers = [ids(length) for length in range(60, 90, 5)]
    samples = [Sample(question + order, answer, (0.0,) * len(answer), False) for answer in answers]
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=VOCABULARY, hidden_size=256, intermediate_size=512, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, initializer_range=0.1,
    )  # fmt: skip
    base: Any = Qwen2ForCausalLM(config)
    network = Network(base.to(device).eval().requires_grad_(False), LoraSettings(), 0)
    network.restore(_adapter(network, 3))
    feedback = ids(50)
    lessons = [Lesson(sample, question + feedback + order) for sample in samples]
    Learner(network, LearnerSettings(max_gap=float("inf"))).gradient(lessons)
    parts = [one.grad for one in network.trainable if one.grad is not None]
    return torch.cat([part.flatten().cpu().double() for part in parts])


if __name__ == "__main__":
    main()
