"""Sampling with vLLM, in this process: token ids in and out, always under the adapter that the learner has now."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from sdpo_tts.engine.sharing import plain_weights_on_cpu
from sdpo_tts.engine.shelf import Shelf
from sdpo_tts.errors import SetupError, UserError
from sdpo_tts.policy.batch import Ids
from sdpo_tts.policy.network import Network
from sdpo_tts.policy.sampler import NOBODY, Listener, Sample

if TYPE_CHECKING:
    from vllm import LLM, RequestOutput, SamplingParams
    from vllm.lora.request import LoRARequest

RANKS = (8, 16, 32, 64, 128, 256, 320, 512)  # that vLLM has kernels for
ENVIRONMENT = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # one process: the learner sees the engine's weights
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",  # the learner computes with the same threads
}


@dataclass(frozen=True)
class EngineSettings:
    """`sequences` are sampled at once; a prompt with its answer has at most `max_tokens`; `cache_bytes` hold the keys
    and values of all of them. `cards` hold the engine's weights together. `quantization` is none or nf4. `plain`: on a
    CPU too the weights lie as they were published, so that they can be shared."""

    sequences: int = 64
    max_tokens: int = 4096
    cache_bytes: int = 2**30
    cards: int = 1
    quantization: str = "none"
    plain: bool = False


def start(source: str, dtype: str, rank: int, settings: EngineSettings) -> LLM:
    """An engine that has loaded the weights of a folder or hub id. Raises SetupError."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        from vllm import LLM

        if settings.quantization != "none":
            _demand_bitsandbytes(dtype)
        if not torch.cuda.is_available():
            _compile_nothing()
        with _one_adapter_on_cpu(), plain_weights_on_cpu() if settings.plain else nullcontext():
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
                tensor_parallel_size=settings.cards,
                enable_prefix_caching=True,
                logprobs_mode="processed_logprobs",
                generation_config="vllm",  # not the model's own top-p and penalties
                enforce_eager=not torch.cuda.is_available(),
                disable_log_stats=True,
                seed=0,
            )
    except (ImportError, OSError, ValueError, RuntimeError, StopIteration) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise SetupError(
            f"vLLM does not start: {reason}",
            where="--engine",
            hint="logs/engine.log tells more; --engine torch needs no vLLM",
        ) from error


def _demand_bitsandbytes(dtype: str) -> None:
    """Part of vLLM up to 0.27, then a plugin of its own. Raises SetupError."""
    if dtype == "float32":
        hint = "--dtype bfloat16, or --engine torch"
        raise SetupError("vLLM computes with nf4 in 16 bits only", where="--quantization", hint=hint)
    homes = ("vllm_bnb_plugin", "vllm.model_executor.layers.quantization.bitsandbytes")
    if not any(importlib.util.find_spec(home) for home in homes):
        hint = "pip install vllm-bnb-plugin; or --engine torch"
        raise SetupError("this vLLM quantises nothing to nf4", where="--quantization", hint=hint)


def _compile_nothing() -> None:
    """Without a GPU vLLM's sampler would be compiled anew, for seconds, for every size that a batch shrinks to."""
    import torch._dynamo

    torch._dynamo.config.disable = True


class VllmSampler:
    """Every version of the adapter goes to the engine under a name and number of its own, so that neither an older one
    nor a prefix cached under it can be taken for it."""

    name = "vllm"

    def __init__(self, llm: LLM, network: Network, stop_ids: Sequence[int], *, max_new_tokens: int) -> None:
        self.network, self.max_new_tokens = network, max_new_tokens
        self._llm, self._engine, self._stop_ids = llm, llm.llm_engine, sorted(stop_ids)
        self._longest = llm.llm_engine.model_config.max_model_len
        self._shelf, self._asked = Shelf(), 0
        self._served: LoRARequest | None = None
        self._served_state = (0, 0)
        self._numbers = count(1)

    def sample(
        self,
        prompts: Sequence[Ids],
        rngs: Sequence[np.random.Generator],
        *,
        base: int = 0,
        listener: Listener = NOBODY,
    ) -> list[Sample]:
        """As `Sampler.sample`. Raises UserError where a prompt leaves no room for an answer."""
        if (longest := max(map(len, prompts), default=0)) >= self._longest:
            what = f"a prompt of {longest} tokens; engine and model take {self._longest} with the answer"
            raise UserError(what, where="--engine vllm", hint="a shorter statement, or another model")
        adapter = self._adapter()
        answers = [_Answer(tuple(prompt), place < base, self._stop_ids) for place, prompt in enumerate(prompts)]
        with self._requests(answers, rngs, adapter) as places:
            while self._engine.has_unfinished_requests() and not listener.enough():
                for output in self._engine.step():
                    if (place := places.get(output.request_id)) is None:
                        continue  # of a batch that was cancelled
                    answers[place].add(output)
                    if output.finished:
                        listener.ended(place, answers[place].sample())
        return [answer.sample() for answer in answers]

    @property
    def folder(self) -> Path:
        """Where its adapters lie."""
        return self._shelf.folder

    @property
    def served(self) -> int:
        """The number of the adapter that it asked the engine for last; 0: none yet."""
        return self._served.lora_int_id if self._served else 0

    def versions(self) -> set[int]:
        """The numbers of the adapters that the engine has."""
        return set(self._engine.list_loras())

    def close(self) -> None:
        """End the engine: another may be started in this process."""
        from vllm.distributed.parallel_state import cleanup_dist_env_and_memory

        self._shelf.close()
        self._engine.engine_core.shutdown()
        cleanup_dist_env_and_memory()

    @contextmanager
    def _requests(
        self, answers: Sequence[_Answer], rngs: Sequence[np.random.Generator], adapter: LoRARequest | None
    ) -> Iterator[dict[str, int]]:
        """Places in the batch by request. What is left of the requests at the end is cancelled."""
        places: dict[str, int] = {}
        try:
            for place, (answer, rng) in enumerate(zip(answers, rngs, strict=True)):
                self._asked += 1
                places[name := str(self._asked)] = place
                self._engine.add_request(
                    name, {"prompt_token_ids": list(answer.prompt)}, self._params(rng),
                    lora_request=None if answer.base else adapter,
                )  # fmt: skip
            yield places
        finally:
            self._engine.abort_request([name for name, place in places.items() if not answers[place].ended])

    def _params(self, rng: np.random.Generator) -> SamplingParams:
        """The plain distribution: temperature 1 and nothing cut off."""
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        return SamplingParams(
            temperature=1.0, top_p=1.0, top_k=0, max_tokens=self.max_new_tokens, seed=int(rng.integers(2**31)),
            stop_token_ids=self._stop_ids, ignore_eos=True, logprobs=0, detokenize=False,
            output_kind=RequestOutputKind.DELTA,
        )  # fmt: skip

    def _adapter(self) -> LoRARequest | None:
        """The learner's adapter, which the engine has now; None while it still changes nothing."""
        from vllm.lora.request import LoRARequest

        network = self.network
        if not network.version:
            return None
        if self._served_state != (state := (network.renewals, network.version)):
            if self._served:
                self._engine.remove_lora(self._served.lora_int_id)
            number = next(self._numbers)
            folder = self._shelf.put(number, network.save_adapter)
            self._served = LoRARequest(f"{folder.parent.name}-{folder.name}", number, str(folder))
            self._served_state = state
            self._engine.add_lora(self._served)
        return self._served


class _Answer:
    """One answer as it grows."""

    def __init__(self, prompt: Ids, base: bool, stop_ids: Sequence[int]) -> None:
        self.prompt, self.base, self.ended = prompt, base, False
        self._stop_ids = frozenset(stop_ids)
        self._tokens: list[int] = []
        self._logprobs: list[float] = []

    def add(self, output: RequestOutput) -> None:
        """What is new since the last time."""
        (part,) = output.outputs
        assert part.logprobs is not None
        self._tokens += part.token_ids
        self._logprobs += [known[token].logprob for token, known in zip(part.token_ids, part.logprobs, strict=True)]
        self.ended = output.finished

    def sample(self) -> Sample:
        truncated = self.ended and self._tokens[-1] not in self._stop_ids
        return Sample(self.prompt, tuple(self._tokens), tuple(self._logprobs), truncated, self.base, not self.ended)


@contextmanager
def _one_adapter_on_cpu() -> Iterator[None]:
    """On a CPU, while the engine is made: our way of applying the only adapter, instead of one that gathers a copy of
    it for every token."""
    from vllm.platforms import current_platform

    kind = type(current_platform)
    if not current_platform.is_cpu():
        yield
        return
    theirs = kind.__dict__.get("get_punica_wrapper")
    kind.get_punica_wrapper = classmethod(lambda cls: "sdpo_tts.engine.one_adapter.OneAdapter")
    try:
        yield
    finally:
        if theirs:
            kind.get_punica_wrapper = theirs
        else:
            del kind.get_punica_wrapper


def model_of(llm: LLM) -> Any:
    """The engine's network. Only with one card: otherwise it lives in other processes."""
    (model,) = llm.apply_model(lambda model: model)
    return model
