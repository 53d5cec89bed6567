"""Python and its packages: installed, new enough, and working."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sdpo_tts.doctor.finding import Finding, Subject, failed, passed, warned

PACKAGE = "sdpo-tts"
OLDEST = (3, 11)
REINSTALL = f"{sys.executable} -m pip install --upgrade {PACKAGE}"
VLLM_PROBE = "import vllm; from vllm.lora.request import LoRARequest; print(vllm.__version__)"
VLLM_TIMEOUT_S = 120


def python(_: Subject) -> Finding:
    """Version and path."""
    said = f"Python {platform.python_version()}, {sys.executable}"
    if sys.version_info < OLDEST:
        return failed(said, "install Python 3.11 or newer, and make a new virtual environment with it")
    return passed(said)


def packages(subject: Subject) -> Finding:
    """All our requirements in the required versions, and those of the run's options."""
    try:
        wrong = list(_unmet())
    except importlib.metadata.PackageNotFoundError:
        source = Path(__file__).parents[2]
        said = f"{PACKAGE} runs from {source} without being installed: its requirements are unknown"
        return failed(said, f"{sys.executable} -m pip install -e {shlex.quote(str(source))}")
    if subject.quantization != "none" and importlib.util.find_spec("bitsandbytes") is None:
        return failed("bitsandbytes is not installed", f"pip install '{PACKAGE}[quantization]'")
    if wrong:
        return failed("; ".join(wrong), REINSTALL)
    return passed(f"{PACKAGE} {importlib.metadata.version(PACKAGE)} and all its requirements")


def _unmet() -> Iterator[str]:
    from packaging.requirements import Requirement

    for text in importlib.metadata.requires(PACKAGE) or []:
        need = Requirement(text)
        if need.marker and not need.marker.evaluate({"extra": ""}):
            continue
        try:
            have = importlib.metadata.version(need.name)
        except importlib.metadata.PackageNotFoundError:
            yield f"{need.name} is missing"
            continue
        if not need.specifier.contains(have, prereleases=True):
            yield f"{need.name} is {have}, not {need.specifier}"


def torch(_: Subject) -> Finding:
    """It loads and multiplies."""
    try:
        import torch
    except (ImportError, OSError) as error:  # OSError: a shared library is missing
        return failed(f"torch cannot be loaded: {str(error).splitlines()[0]}", "pip install --force-reinstall torch")
    one = torch.ones(8, 8)
    if not torch.equal(one @ one, torch.full((8, 8), 8.0)):
        return failed("torch multiplies incorrectly", "pip install --force-reinstall torch")
    build = f"CUDA {torch.version.cuda}" if torch.version.cuda else "CPU build"
    return passed(f"torch {torch.__version__}, {build}, {torch.get_num_threads()} threads")


def lora(subject: Subject) -> Finding:
    """One learning step of a LoRA adapter on a two-layer network, on the run's device."""
    from sdpo_tts.doctor.hardware import device_of

    device = device_of(subject)
    before, after = _one_step(device)
    if not after < before:
        return failed(f"a LoRA step on {device} did not lower the loss ({before} to {after})", REINSTALL)
    version = importlib.metadata.version("peft")
    return passed(f"peft {version}: a step on {device} lowered the loss from {before:.3f} to {after:.3f}")


def _one_step(device: str) -> tuple[float, float]:
    """The loss of one sequence before and after."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    from sdpo_tts.policy.network import LoraSettings, Network

    config = Qwen2Config(
        vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=64, tie_word_embeddings=False,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        base: Any = Qwen2ForCausalLM(config)
        base.to(device).eval().requires_grad_(False)
        network = Network(base, LoraSettings(rank=4, alpha=8), seed=0)
    optimiser = torch.optim.AdamW(network.trainable, lr=1e-2)
    ids = torch.arange(16, device=device)[None]

    def loss() -> torch.Tensor:
        return torch.nn.functional.cross_entropy(network.logits(network.whole(ids))[0, :-1], ids[0, 1:])

    first = loss()
    first.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    return float(first.detach()), float(loss().detach())


def vllm(_: Subject) -> Finding:
    """Optional. Imported in a separate process, because it loads slowly, prints, and may crash its process."""
    if importlib.util.find_spec("vllm") is None:
        return passed("not installed; torch samples")
    remedy = "reinstall it to fit this torch, or pip uninstall vllm: torch samples without it"
    try:
        done = subprocess.run(
            [sys.executable, "-c", VLLM_PROBE], capture_output=True, text=True, timeout=VLLM_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return warned(f"vllm did not load in {VLLM_TIMEOUT_S} s", remedy)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1][:200]
        return warned(f"vllm does not load: {last}", remedy)
    return passed(f"vllm {done.stdout.split()[-1]}, with LoRA")
