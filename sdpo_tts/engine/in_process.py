"""A batch of answers from a vLLM in this process: token ids in and out, reporting each answer as it ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdpo_tts.engine.versions import Adapter
from sdpo_tts.engine.vllm import clear_up
from sdpo_tts.policy.batch import Ids
from sdpo_tts.policy.sampler import Listener, Sample
from sdpo_tts.policy.sampling import PLAIN, Sampling

if TYPE_CHECKING:
    from vllm import LLM, RequestOutput, SamplingParams
    from vllm.lora.request import LoRARequest


@dataclass(frozen=True)
class Request:
    """One answer of at most `max_tokens`, drawn with `seed`; `base`: without the adapter."""

    prompt: Ids
    seed: int
    base: bool
    max_tokens: int
    stop_ids: tuple[int, ...]
    sampling: Sampling = PLAIN


class InProcessEngine:
    """Keeps one adapter in the engine: the one requested last."""

    def __init__(self, llm: LLM) -> None:
        self._engine, self._asked = llm.llm_engine, 0
        self.longest: int = llm.llm_engine.model_config.max_model_len
        self._served: LoRARequest | None = None

    def sample(self, requests: Sequence[Request], adapter: Adapter | None, listener: Listener) -> list[Sample]:
        """One sample per request; those that have not ended when the listener has enough are cancelled."""
        lora = self._serve(adapter) if adapter else None
        answers = [_Answer(request) for request in requests]
        with self._running(answers, lora) as places:
            while self._engine.has_unfinished_requests() and not listener.enough():
                for output in self._engine.step():
                    if (place := places.get(output.request_id)) is None:
                        continue  # from a batch that was cancelled
                    answers[place].add(output)
                    listener.grown(len(output.outputs[0].token_ids))
                    if output.finished:
                        listener.ended(place, answers[place].sample())
        return [answer.sample() for answer in answers]

    def adapters(self) -> set[int]:
        """The numbers of those that the engine has."""
        return set(self._engine.list_loras())

    def close(self) -> None:
        """Stop the engine, so that another can be started in this process."""
        self._engine.engine_core.shutdown()
        clear_up()

    def _serve(self, adapter: Adapter) -> LoRARequest:
        from vllm.lora.request import LoRARequest

        if not self._served or self._served.lora_int_id != adapter.number:
            if self._served:
                self._engine.remove_lora(self._served.lora_int_id)
            self._served = LoRARequest(adapter.name, adapter.number, str(adapter.folder))
            self._engine.add_lora(self._served)
        return self._served

    @contextmanager
    def _running(self, answers: Sequence[_Answer], lora: LoRARequest | None) -> Iterator[dict[str, int]]:
        """Indices in the batch by the engine's names. Those left at the end are cancelled."""
        places: dict[str, int] = {}
        try:
            for place, request in enumerate(answer.request for answer in answers):
                self._asked += 1
                places[name := str(self._asked)] = place
                self._engine.add_request(
                    name, {"prompt_token_ids": list(request.prompt)}, _params(request),
                    lora_request=None if request.base else lora,
                )  # fmt: skip
            yield places
        finally:
            self._engine.abort_request([name for name, place in places.items() if not answers[place].ended])


def _params(request: Request) -> SamplingParams:
    """As requested, with nothing else cut off."""
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    how = request.sampling
    return SamplingParams(
        temperature=how.temperature, top_p=how.top_p, min_p=how.min_p, top_k=0, max_tokens=request.max_tokens,
        seed=request.seed, stop_token_ids=list(request.stop_ids), ignore_eos=True, logprobs=0, detokenize=False,
        output_kind=RequestOutputKind.DELTA,
    )  # fmt: skip


class _Answer:
    """One answer as it grows."""

    def __init__(self, request: Request) -> None:
        self.request, self.ended = request, False
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
        request, tokens = self.request, tuple(self._tokens)
        truncated = self.ended and tokens[-1] not in request.stop_ids
        return Sample(request.prompt, tokens, tuple(self._logprobs), truncated, request.base, not self.ended)
