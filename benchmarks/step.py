"""Time and memory of one learning step: naive, ours, and sampling the same number of tokens, beside each other. So are
the steps on samples drawn with help: with a pass of the teacher (`imitation`), and with what it said while sampling
(`kept`).

    python benchmarks/step.py                       # the default small model's shape, random weights, 256 tokens
    python benchmarks/step.py --vocabulary 152000 --length 4096 --layers 2 --batch 4

A prompt has 120 to 310 tokens in problems/, and 410 to 900 in the CodeContests problems that the tests read.

The naive step is what one writes first: one sequence at a time, whole prompts, logits of every position of the whole
vocabulary for student and teacher, kept for the backward pass. Each measurement has its own process; memory is the
peak of its resident set above what the weights take.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

HIDDEN, HEADS, GROUPS, INNER = 896, 14, 2, 4864  # Qwen2.5-0.5B
FEEDBACK, ORDER = 250, 40  # tokens: what only the teacher reads, and the end of the prompt, which stands behind it
WAYS = ("naive", "ours", "sampling", "imitation", "kept")


def main() -> None:
    asked = _arguments()
    if asked.way:
        print(json.dumps(_measure(asked)))
        return
    columns = ("vocabulary", "prompt", "length", "batch", "layers")
    print(f"{' '.join(f'{name:>10}' for name in columns)}  {'way':<9} {'seconds':>8} {'peak MiB':>9}")
    for vocabulary, prompt, length in itertools.product(asked.vocabulary, asked.prompt, asked.length):
        _compare(asked, vocabulary, prompt, length)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vocabulary", type=int, nargs="+", default=[49152, 151936])
    parser.add_argument("--prompt", type=int, nargs="+", default=[150, 600])
    parser.add_argument("--length", type=int, nargs="+", default=[256])
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--layers", type=int, default=24)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    return parser.parse_args()


def _compare(asked: argparse.Namespace, vocabulary: int, prompt: int, length: int) -> None:
    found: dict[str, dict[str, float]] = {}
    for way in asked.ways:
        words = [sys.executable, __file__, "--way", way, "--vocabulary", str(vocabulary), "--length", str(length)]
        words += ["--prompt", str(prompt), "--batch", str(asked.batch), "--layers", str(asked.layers)]
        words += ["--device", asked.device]
        done = subprocess.run(words, capture_output=True, text=True)
        numbers = (vocabulary, prompt, length, asked.batch, asked.layers)
        shape = f"{' '.join(f'{number:>10}' for number in numbers)}  {way:<9}"
        if done.returncode:
            print(f"{shape} failed: {(done.stderr.strip().splitlines() or ['killed: out of memory'])[-1]}", flush=True)
            continue
        found[way] = json.loads(done.stdout.splitlines()[-1])
        print(f"{shape} {found[way]['seconds']:>8.1f} {found[way]['peak_mib']:>9.0f}", flush=True)
    if "ours" in found and "naive" in found:
        left = _products(vocabulary, prompt, length, asked.batch, asked.layers)
        print(f"{'':>54}  ours / naive: {left:.2f} of the multiplications", flush=True)
    if ours := found.get("ours"):
        for way in (way for way in ("naive", "sampling") if way in found):
            time_ratio, memory_ratio = (ours[key] / max(found[way][key], 1e-9) for key in ("seconds", "peak_mib"))
            print(f"{'':>54}  ours / {way}: {time_ratio:.2f} of the time, {memory_ratio:.2f} of the memory", flush=True)
    if "kept" in found and "imitation" in found:
        ratio = found["kept"]["seconds"] / found["imitation"]["seconds"]
        print(f"{'':>54}  kept / imitation: {ratio:.2f} of the time", flush=True)


def _products(vocabulary: int, prompt: int, length: int, batch: int, layers: int) -> float:
    """The share of the naive step's multiplications that is left in ours, attention's own left out.

    A pass forward is one product a weight and position; the way back is another, since the base gets no gradient.
    """
    head = HIDDEN // HEADS * GROUPS
    layer = layers * HIDDEN * (2 * HIDDEN + 2 * head + 3 * INNER)
    words = vocabulary * HIDDEN
    taught = prompt + FEEDBACK + length
    naive = batch * (layer + words) * (taught + 2 * (prompt + length))
    question = prompt - ORDER
    teacher = layer * (question + batch * (taught - question))
    student = 2 * layer * (prompt + batch * length)
    return (teacher + student + 3 * words * batch * length) / naive


def _measure(asked: argparse.Namespace) -> dict[str, float]:
    import torch

    network = _network(asked.vocabulary[0], asked.layers, asked.device)
    lessons = _lessons(asked.vocabulary[0], asked.prompt[0], asked.length[0], asked.batch)
    work: dict[str, Callable[[], Any]] = {
        "naive": lambda: _naive(network, lessons),
        "ours": _ours(network, lessons),
        "sampling": lambda: _sampling(network, lessons),
        "imitation": _ours(network, _helped(lessons, asked.vocabulary[0], kept=False)),
        "kept": _ours(network, _helped(lessons, asked.vocabulary[0], kept=True)),
    }
    if asked.device != "cpu":  # kernels are loaded when they are first used
        work[asked.way]()
    torch.manual_seed(0)
    before = _reset_peak(asked.device)
    start = time.perf_counter()
    work[asked.way]()
    if asked.device != "cpu":
        torch.cuda.synchronize()
    return {"seconds": time.perf_counter() - start, "peak_mib": (_peak(asked.device) - before) / 2**20}


def _network(vocabulary: int, layers: int, device: str) -> Any:
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    from sdpo_tts.models.weights import dtype_for
    from sdpo_tts.policy.network import LoraSettings, Network

    config = Qwen2Config(
        vocab_size=vocabulary, hidden_size=HIDDEN, intermediate_size=INNER, num_hidden_layers=layers,
        num_attention_heads=HEADS, num_key_value_heads=GROUPS, max_position_embeddings=8192, tie_word_embeddings=True,
    )  # fmt: skip
    torch.manual_seed(0)
    base = Qwen2ForCausalLM(config).to(getattr(torch, dtype_for(device))).to(device).eval().requires_grad_(False)
    network = Network(base, LoraSettings(), 0)
    for parameter in network.trainable:
        parameter.data.normal_(std=0.01)
    network.version = 1
    return network


def _lessons(vocabulary: int, prompt: int, length: int, batch: int) -> list[Any]:
    import numpy as np

    from sdpo_tts.policy.learning.lesson import Lesson
    from sdpo_tts.policy.sampler import Sample

    rng = np.random.default_rng(0)

    def ids(count: int) -> tuple[int, ...]:
        return tuple(rng.integers(vocabulary, size=count).tolist())

    question, order = ids(prompt - ORDER), ids(ORDER)
    return [
        Lesson(Sample(question + order, ids(length), (0.0,) * length, False), question + ids(FEEDBACK) + order)
        for _ in range(batch)
    ]


def _helped(lessons: Sequence[Any], vocabulary: int, *, kept: bool) -> list[Any]:
    """The same, drawn by the base from the teacher's prompts and learned behind the question."""
    import numpy as np

    from sdpo_tts.policy.learning.lesson import Lesson
    from sdpo_tts.policy.learning.loss import LossSettings
    from sdpo_tts.policy.sampler import Likeliest

    top = LossSettings().top_k
    rng, likely = np.random.default_rng(1), (-1.0 - np.log(top),) * top  # with a tail

    def sample(one: Any) -> Any:
        length = len(one.sample.response)
        ids = tuple(tuple(rng.choice(vocabulary, top, replace=False).tolist()) for _ in range(length) if kept)
        said = Likeliest(ids, (likely,) * length) if kept else None
        return replace(one.sample, prompt=one.teacher_prompt, base=True, likeliest=said)

    return [Lesson(sample(one), None if kept else one.teacher_prompt, question=one.sample.prompt) for one in lessons]


def _naive(network: Any, lessons: Sequence[Any]) -> None:
    import torch

    def logits(prompt: tuple[int, ...], response: tuple[int, ...]) -> Any:
        ids = torch.tensor([prompt + response], device=network.device)
        return network.peft(input_ids=ids, use_cache=False).logits[0, len(prompt) - 1 : -1].float()

    for lesson in lessons:
        with torch.no_grad(), network.without_adapter():
            teacher = logits(lesson.teacher_prompt, lesson.sample.response).log_softmax(-1)
        student = logits(lesson.sample.prompt, lesson.sample.response).log_softmax(-1)
        ((student.exp() * (student - teacher)).sum(-1).mean() / len(lessons)).backward()


def _ours(network: Any, lessons: Sequence[Any]) -> Callable[[], None]:
    from sdpo_tts.policy.learning.learner import Learner, LearnerSettings

    learner = Learner(network, LearnerSettings(max_gap=float("inf")))
    return lambda: learner.gradient(lessons)


def _sampling(network: Any, lessons: Sequence[Any]) -> None:
    import numpy as np

    from sdpo_tts.policy.sampler import TorchSampler

    sampler = TorchSampler(network, [], max_new_tokens=len(lessons[0].sample.response))
    rngs = [np.random.default_rng(i) for i in range(len(lessons))]
    sampler.sample([lesson.sample.prompt for lesson in lessons], rngs)


def _reset_peak(device: str) -> int:
    """Bytes in use now, from where the peak is counted."""
    import torch

    if device != "cpu":
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated()
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _peak(device: str) -> int:
    import torch

    return torch.cuda.max_memory_allocated() if device != "cpu" else _status("VmHWM")


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(name))


if __name__ == "__main__":
    main()
