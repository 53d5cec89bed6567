"""vLLM in this process: how it is started."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pydantic
import torch

from sdpo_tts.engine.sharing import plain_weights_on_cpu
from sdpo_tts.errors import SetupError, first_line

if TYPE_CHECKING:
    from vllm import LLM

RANKS = (8, 16, 32, 64, 128, 256, 320, 512)  # that vLLM has kernels for
ENVIRONMENT = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # one process: the learner sees the engine's weights
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",  # the learner computes with the same threads
}


@dataclass(frozen=True)
class EngineSettings:
    """`sequences` are sampled at once; a prompt with its answer has at most `max_tokens`; `cache_bytes` hold the keys
    and values of all of them. `cards` together hold the engine's weights. `quantization` is none or nf4. `plain`: even
    on a CPU the weights keep their published layout, so that they can be shared."""

    sequences: int = 64
    max_tokens: int = 4096
    cache_bytes: int = 2**30
    cards: int = 1
    quantization: str = "none"
    plain: bool = False


def start(source: str, dtype: str, rank: int, settings: EngineSettings) -> LLM:
    """An engine that has loaded the weights from a folder or hub id. Raises SetupError."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        from vllm import LLM

        if settings.quantization != "none":
            _demand_bitsandbytes(dtype)
        if not torch.cuda.is_available():
            _compile_nothing()
        with _threads_kept(), _one_adapter_on_cpu(), plain_weights_on_cpu() if settings.plain else nullcontext():
            return LLM(
                model=source,
                dtype=dtype,
                quantization=None if settings.quantization == "none" else "bitsandbytes",
                enable_lora=True,
                max_loras=1,
                max_lora_rank=next(size for size in RANKS if size >= rank),
                max_model_len=settings.max_tokens,
                max_num_seqs=settings.sequences,
                kv_cache_memory_bytes=settings.cache_bytes,
                **_least_free(settings.cache_bytes),
                tensor_parallel_size=settings.cards,
                language_model_only=True,
                **_prompts(source),
                logprobs_mode="processed_logprobs",
                max_logprobs=-1,  # by default 20, and --top-k may be larger
                generation_config="vllm",  # not the model's own top-p and penalties
                enforce_eager=not torch.cuda.is_available(),
                disable_log_stats=True,
                seed=0,
            )
    except SetupError:
        raise
    except Exception as error:  # whatever it raises for a family or a machine that it does not know
        with suppress(ImportError, OSError, RuntimeError):  # from a vLLM that is completely broken
            clear_up()
        raise SetupError(
            f"vLLM does not start: {_reason(error)}",
            where="--engine",
            hint="see logs/engine.log; --engine torch needs no vLLM",
        ) from error


@contextmanager
def classes_kept(base: Any, engine: Callable[[], Any]) -> Iterator[None]:
    """While the engine is created. vLLM's Transformers backend rewrites the class of the decoder that it builds, which
    is the learner's class too: the learner's could no longer be called, nor another be built. Afterwards the class is
    as it was, and the engine's modules have one of their own, with what vLLM has changed."""
    before = {kind: (kind.__bases__, dict(kind.__dict__)) for kind in {type(module) for module in base.modules()}}
    try:
        yield
    finally:  # another engine may be tried
        owns = {kind: _restored(kind, *was) for kind, was in before.items() if kind.__bases__ != was[0]}
    for module in engine().modules() if owns else ():
        if own := owns.get(type(module)):
            module.__class__ = own


def _restored(kind: Any, bases: tuple[type, ...], names: Mapping[str, Any]) -> type:
    """A class that is as `kind` was changed, while `kind` gets back its bases and names."""
    added = tuple(base for base in kind.__bases__ if base not in bases)
    changed = {name: value for name, value in kind.__dict__.items() if names.get(name) is not value}
    kind.__bases__ = bases
    for name in changed:
        if name in names:
            setattr(kind, name, names[name])
        else:
            delattr(kind, name)
    own: type = type(kind)(kind.__name__, (kind, *added), {**changed, "__module__": kind.__module__})
    return own


def clear_up() -> None:
    """End the process groups that vLLM leaves in this process: torch would warn about them at exit."""
    from vllm.distributed.parallel_state import cleanup_dist_env_and_memory

    cleanup_dist_env_and_memory()


def _least_free(cache_bytes: int) -> dict[str, float]:
    """On a GPU vLLM refuses to start unless this share of the card is free (0.92 by default), whatever it is asked to
    use. With a screen or a second run on the card it would not start. The plan has already checked that everything
    fits."""
    if not torch.cuda.is_available():
        return {}
    _, there = torch.cuda.mem_get_info()
    return {"gpu_memory_utilization": min(0.92, max(0.01, cache_bytes / there))}


def _reason(error: Exception) -> str:
    """Of a configuration that vLLM refuses, what its validators said; else the first line."""
    if isinstance(error, pydantic.ValidationError):
        return "; ".join(found["msg"].removeprefix("Value error, ") for found in error.errors())
    return first_line(error)


def _prompts(source: str) -> dict[str, bool]:
    """What a batch's prompts share is read once. On a CPU no prompt is read in parts, as happens when those of a batch
    are long: each part but the last draws a token, and vLLM then resets its random numbers, but only generators on a
    GPU can be reset. Models that keep a state beside keys and values can then share nothing."""
    if torch.cuda.is_available():
        return {"enable_prefix_caching": True}
    from vllm.engine.arg_utils import EngineArgs

    hybrid = EngineArgs(model=source).create_model_config().is_hybrid
    return {"enable_prefix_caching": not hybrid, "enable_chunked_prefill": False}


def _demand_bitsandbytes(dtype: str) -> None:
    """Part of vLLM up to 0.27, a separate plugin since. Raises SetupError."""
    if dtype == "float32":
        hint = "--dtype bfloat16, or --engine torch"
        raise SetupError("with nf4 vLLM computes in 16 bits only", where="--quantization", hint=hint)
    homes = ("vllm_bnb_plugin", "vllm.model_executor.layers.quantization.bitsandbytes")
    if not any(importlib.util.find_spec(home) for home in homes):
        hint = "pip install vllm-bnb-plugin; or --engine torch"
        raise SetupError("this vLLM cannot quantise to nf4", where="--quantization", hint=hint)


def _compile_nothing() -> None:
    """Without a GPU vLLM's sampler would be recompiled, which takes seconds, for every size that a batch shrinks to."""
    import torch._dynamo

    torch._dynamo.config.disable = True


@contextmanager
def _threads_kept() -> Iterator[None]:
    """Keep torch's threads: vLLM would leave it a single one and, on a CPU, no way to get more, but the learner needs
    them all. vLLM's own CPU kernels have separate threads."""
    set_number, told = torch.set_num_threads, os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = str(torch.get_num_threads())
    try:
        yield
    finally:
        torch.set_num_threads = set_number
        if told is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = told


@contextmanager
def _one_adapter_on_cpu() -> Iterator[None]:
    """On a CPU, while the engine is created: use our way of applying the only adapter, instead of one that gathers a
    copy of it for every token."""
    from vllm.platforms import current_platform

    kind = type(current_platform)
    if not current_platform.is_cpu():
        yield
        return
    theirs = kind.__dict__.get("get_punica_wrapper")
    kind.get_punica_wrapper = classmethod(lambda cls: "sdpo_tts.engine.cpu_lora.SingleAdapterLora")
    try:
        yield
    finally:
        if theirs:
            kind.get_punica_wrapper = theirs
        else:
            del kind.get_punica_wrapper


def model_of(llm: LLM) -> Any:
    """The engine's network. Only with one card: otherwise it is in other processes."""
    (model,) = llm.apply_model(lambda model: model)
    return model
