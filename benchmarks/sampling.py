"""Tokens per second of every way to sample, beside each other, each in a process of its own.

    python benchmarks/sampling.py                                  # what is installed: torch, and vLLM where it is
    python benchmarks/sampling.py --models qwen2.5-coder-0.5b --batches 16

`generate` is transformers' own; `ours` the torch engine; both without and with an adapter. `unpacked` is without the
weights that are packed for decoding on a CPU in fp32, as they are for answers of 32 tokens or more. Of vLLM: without an
adapter, with the adapter as we apply it, with vLLM's own code for it (on a CPU), and with weights left unpacked, as
sharing needs them.
Every way samples the same number of tokens: the end of an answer does not stop it.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

TORCH = ("generate", "ours", "ours, unpacked", "generate+adapter", "ours+adapter", "ours+adapter, unpacked")
VLLM = ("vllm", "vllm+adapter", "vllm+adapter, its own", "vllm+adapter, unpacked")
TEXT = "Write a Python program that reads two integers and prints their sum. Explain every line."
REPEATS = 3
LORA_RANK, SIZE = 16, 1e-3  # of an adapter whose numbers do not matter


def main() -> None:
    asked = _arguments()
    if asked.way:
        print(json.dumps(_measure(asked)))
        return
    print(f"{'model':<22}{'batch':>6}  {'way':<24}{'tokens/s':>9}{'to generate':>13}")
    for model in asked.models:
        for batch in asked.batches:
            _compare(asked, model, batch)


def _arguments() -> argparse.Namespace:
    ways = TORCH + (VLLM if importlib.util.find_spec("vllm") else ())
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["smollm2-135m", "qwen2.5-coder-0.5b"])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--ways", nargs="+", choices=ways, default=list(ways))
    parser.add_argument("--way", choices=ways, help=argparse.SUPPRESS)
    return parser.parse_args()


def _compare(asked: argparse.Namespace, model: str, batch: int) -> None:
    plain: dict[bool, float] = {}
    for way in asked.ways:
        words = [sys.executable, __file__, "--way", way, "--models", model, "--batches", str(batch)]
        done = subprocess.run([*words, "--tokens", str(asked.tokens)], capture_output=True, text=True)
        if done.returncode:
            print(f"{model:<22}{batch:>6}  {way:<24} failed: {(done.stderr.strip().splitlines() or ['killed'])[-1]}")
            continue
        rate = json.loads(done.stdout.splitlines()[-1])
        if way.startswith("generate"):
            plain["adapter" in way] = rate
        ratio = f"{rate / plain[adapted]:.2f}x" if (adapted := "adapter" in way) in plain else ""
        print(f"{model:<22}{batch:>6}  {way:<24}{rate:>9.1f}{ratio:>13}", flush=True)


def _measure(asked: argparse.Namespace) -> float:
    """Tokens per second: the best of some repeats, the first of which warms up."""
    sample = _way(asked.way, asked.models[0], asked.batches[0], asked.tokens)
    sample()
    rates = []
    for _ in range(REPEATS):
        start = time.monotonic()
        sample()
        rates.append(asked.batches[0] * asked.tokens / (time.monotonic() - start))
    return max(rates)


def _way(way: str, model: str, batch: int, tokens: int) -> Callable[[], object]:
    import torch

    from sdpo_tts.models import weights
    from sdpo_tts.policy.network import LoraSettings, Network
    from sdpo_tts.policy.prompts import Chat
    from sdpo_tts.policy.sampler import TorchSampler

    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = weights.dtype_for(device)
    located = weights.locate(model)
    base, tokenizer = weights.load(located, dtype, device)
    chat = Chat(tokenizer, base.generation_config)
    prompt = chat.prompt(TEXT)
    rngs = [np.random.default_rng([0, i]) for i in range(batch)]
    if way.startswith("generate"):
        return _generate(_with_adapter(base) if "adapter" in way else base, prompt, batch, tokens)
    if way.startswith("vllm"):
        llm = _engine(way, located.source, dtype, len(prompt) + tokens, batch)
    network = Network(base, LoraSettings(), 0)
    if "adapter" in way:
        network.restore([torch.randn_like(one) * SIZE for one in network.trainable])
    if way.startswith("ours"):
        if way.endswith("unpacked"):
            mock.patch("sdpo_tts.policy.sampler.packed", nullcontext).start()
        sampler: Any = TorchSampler(network, [], max_new_tokens=tokens)
    else:
        from sdpo_tts.engine.in_process import InProcessEngine
        from sdpo_tts.engine.sampler import VllmSampler

        sampler = VllmSampler(InProcessEngine(llm), network, [], max_new_tokens=tokens)
    return lambda: sampler.sample([prompt] * batch, rngs)


def _with_adapter(base: Any) -> Any:
    """As PEFT makes it, without what `Network` changes."""
    from peft import LoraConfig, get_peft_model

    return get_peft_model(base, LoraConfig(r=LORA_RANK, target_modules="all-linear", init_lora_weights=False)).eval()


def _generate(network: Any, prompt: Sequence[int], batch: int, tokens: int) -> Callable[[], object]:
    import torch

    ids = torch.tensor([prompt] * batch, device=network.device)
    lengths = {"min_new_tokens": tokens, "max_new_tokens": tokens}
    return lambda: network.generate(
        input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=True, temperature=1.0, top_p=1.0, top_k=0,
        repetition_penalty=1.0, **lengths,
    )  # fmt: skip


def _engine(way: str, source: str, dtype: str, length: int, batch: int) -> Any:
    from sdpo_tts.engine import vllm

    settings = vllm.EngineSettings(batch, max(length, 256), cache_bytes=2**30, plain=way.endswith("unpacked"))
    theirs = mock.patch.object(vllm, "_one_adapter_on_cpu", nullcontext) if way.endswith("own") else nullcontext()
    with theirs:
        return vllm.start(source, dtype, LORA_RANK, settings)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    main()
