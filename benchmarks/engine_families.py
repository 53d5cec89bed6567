"""Families of models on vLLM, tiny and random: does the engine follow an adapter, and how far off is it?

    python -m benchmarks.engine_families                      # five; a table in Markdown
    python -m benchmarks.engine_families qwen3_moe gemma2     # others that transformers has

To be run where vLLM is installed. Each model is loaded as `sdpo-solve --engine vllm` loads it, with the same checks, in
a process of its own. Then it answers prompts of several lengths, most of them longer than the sliding window, with an
adapter that is not zero. *Off by* is the distance of the sampled tokens' log-probabilities from one pass of the whole
model for each answer, in nats: the mean and the largest. Weights are fp32, because bf16 is further off than most bugs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.families import distance, families, prompts, stirred, tiny
from benchmarks.report import table
from sdpo_tts.discovery.assemble import PolicySettings, load_policy
from sdpo_tts.policy.network import LoraSettings
from tests.test_prompts import chatml

FAMILIES = ("qwen3", "gemma3_text", "mistral", "smollm3", "seed_oss")
HIDDEN, HEAD_DIM = 128, 32  # a size of heads for which vLLM has kernels
TOKENS, CACHE_GIB = 12, 0.5
HEAD = ("family", "learning", "attention", "adapter moves by", "engine off by", "mean", "largest", "refused")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("families", nargs="*", default=FAMILIES)
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)  # of one family, in this process
    asked = parser.parse_args()
    if asked.into:
        asked.into.write_text(json.dumps(measured(asked.families[0])))
    else:
        print(table(HEAD, []), flush=True)
        for family in asked.families:
            print(table(row(family), []).splitlines()[0], flush=True)


def row(family: str) -> Sequence[object]:
    """What a process of its own finds, or the last line that it says."""
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "found.json"
        command = [sys.executable, "-m", "benchmarks.engine_families", family, "--into", str(found)]
        process = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        if process.returncode == 0:
            return [f"`{family}`", *map(_cell, json.loads(found.read_text()).values()), ""]
    said = process.stdout.strip().splitlines() or [f"exit code {process.returncode}"]
    return [f"`{family}`", "", "", "", "", "", "", said[-1]]


def _cell(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.1g}"


def measured(family: str) -> dict[str, Any]:
    """Paths by name, distances in nats. Raises SetupError if the model is refused."""
    with tempfile.TemporaryDirectory() as folder:
        pictures = dict(families())[family]
        base = tiny(family, pictures=pictures, hidden_size=HIDDEN, head_dim=HEAD_DIM, max_position_embeddings=2048)
        base.save_pretrained(folder)
        chatml().save_pretrained(folder)
        lora = LoraSettings(rank=8, alpha=16)
        settings = PolicySettings(
            folder, "cpu", "float32", engine="vllm", max_new_tokens=TOKENS, lora=lora, engine_memory=CACHE_GIB
        )
        with load_policy(settings, 0, print) as policy:
            network = stirred(policy.network)
            rngs = [np.random.default_rng([7, i]) for i in range(len(prompts()))]
            off = np.concatenate([distance(network, one) for one in policy.sampler.sample(prompts(), rngs)])
            found = policy.facts["exactness"]
    paths, engine = found["paths"], found["engine"]
    return {
        "learning": paths["learning"], "attention": paths["attention"], "moved": engine["moved"], "off": engine["off"],
        "mean": float(off.mean()), "largest": float(off.max()),
    }  # fmt: skip


if __name__ == "__main__":
    main()
