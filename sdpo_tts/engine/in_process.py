"""A batch of answers from a vLLM in this process: token ids in and out, reporting each answer as it ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sdpo_tts.engine.versions import Adapter
from sdpo_tts.engine.vllm import clear_up
from sdpo_tts.policy.batch import Ids
from sdpo_tts.policy.sampler import Likeliest, Listener, Sample
from sdpo_tts.policy.sampling import PLAIN, Sampling
from sdpo_tts.policy.thinking import Thinking, Thought

if TYPE_CHECKING:
    from vllm import LLM, RequestOutput, SamplingParams
    from vllm.logprobs import Logprob
    from vllm.lora.request import LoRARequest


@dataclass(frozen=True)
class Request:
    """One answer of at most `max_tokens`, drawn with `seed`; `base`: without the adapter. The `top` likeliest ids of
    every place are kept."""

    prompt: Ids
    seed: int
    base: bool
    max_tokens: int
    stop_ids: tuple[int, ...]
    sampling: Sampling = PLAIN
    thinking: Thinking | None = None
    top: int = 0


class InProcessEngine:
    """Keeps one adapter in the engine, that of the last request: none if that had none."""

    def __init__(self, llm: LLM) -> None:
        self._engine, self._asked = llm.llm_engine, 0
        self.longest: int = llm.llm_engine.model_config.max_model_len
        self._served: LoRARequest | None = None

    def sample(self, requests: Sequence[Request], adapter: Adapter | None, listener: Listener) -> list[Sample]:
        """One sample per request; those that have not ended when the listener has enough are cancelled."""
        lora = self._serve(adapter)
        answers = [_Answer(request) for request in requests]
        with self._running(answers, lora) as places:
            while self._engine.has_unfinished_requests() and not listener.enough():
                for output in self._engine.step():
                    if (place := places.get(output.request_id)) is None:
                        continue  # of a batch that was cancelled, or of a thought that was closed
                    answer = answers[place]
                    listener.grown(answer.add(output))
                    if answer.interrupted:
                        self._engine.abort_request([output.request_id])
                        del places[output.request_id]
                    if answer.ended:
                        listener.ended(place, answer.sample())
                    elif answer.interrupted:  # what was read so far is in the engine's cache of prefixes
                        places[self._ask(answer, lora)] = place
        return [answer.sample() for answer in answers]

    def adapters(self) -> set[int]:
        """The numbers of those that the engine has."""
        return set(self._engine.list_loras())

    def close(self) -> None:
        """Stop the engine, so that another can be started in this process."""
        self._engine.engine_core.shutdown()
        clear_up()

    def _serve(self, adapter: Adapter | None) -> LoRARequest | None:
        if self._served and (adapter is None or self._served.lora_int_id != adapter.number):
            self._engine.remove_lora(self._served.lora_int_id)
            self._served = None
        if adapter and not self._served:
            from vllm.lora.request import LoRARequest

            self._served = LoRARequest(adapter.name, adapter.number, str(adapter.folder))
            self._engine.add_lora(self._served)
        return self._served

    @contextmanager
    def _running(self, answers: Sequence[_Answer], lora: LoRARequest | None) -> Iterator[dict[str, int]]:
        """Indices in the batch by the engine's names. Those left at the end are cancelled."""
        places: dict[str, int] = {}
        try:
            for place, answer in enumerate(answers):
                places[self._ask(answer, lora)] = place
            yield places
        finally:
            self._engine.abort_request([name for name, place in places.items() if not answers[place].ended])

    def _ask(self, answer: _Answer, lora: LoRARequest | None) -> str:
        """The engine's name for what is still to come of an answer."""
        self._asked += 1
        request = answer.rest()
        self._engine.add_request(
            name := str(self._asked), {"prompt_token_ids": list(request.prompt)}, _params(request),
            lora_request=None if request.base else lora,
        )  # fmt: skip
        return name


def _params(request: Request) -> SamplingParams:
    """As requested, with nothing else cut off."""
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    how = request.sampling
    return SamplingParams(
        temperature=how.temperature, top_p=how.top_p, min_p=how.min_p, top_k=0, max_tokens=request.max_tokens,
        seed=request.seed, stop_token_ids=list(request.stop_ids), ignore_eos=True, logprobs=request.top,
        detokenize=False, output_kind=RequestOutputKind.DELTA,
    )  # fmt: skip


def _likeliest(known: Mapping[int, Logprob], top: int) -> list[tuple[int, float]]:
    """The first `top`: the engine adds the id that was drawn if it is not among them."""
    found = sorted(((token, one.logprob) for token, one in known.items()), key=lambda one: -one[1])
    return found[:top]


class _Answer:
    """One answer as it grows. `interrupted`: its thought was closed, and the engine has to be asked for the rest."""

    def __init__(self, request: Request) -> None:
        self.request, self.ended, self.interrupted = request, False, False
        self._thought, self._stopped = Thought(request.thinking), False
        self._tokens: list[int] = []
        self._logprobs: list[float] = []
        self._likeliest: list[list[tuple[int, float]]] = []  # (id, log-probability)

    def rest(self) -> Request:
        """For what is still to come."""
        self.interrupted = False
        done, request = len(self._tokens), self.request
        prompt = (*request.prompt, *self._tokens)
        return replace(request, prompt=prompt, seed=request.seed + done, max_tokens=request.max_tokens - done)

    def add(self, output: RequestOutput) -> int:
        """What is new since the last time; how many tokens that are."""
        (part,) = output.outputs
        assert part.logprobs is not None
        before, self.ended = len(self._tokens), output.finished
        for token, known in zip(part.token_ids, part.logprobs, strict=True):
            self._tokens.append(token)
            self._logprobs.append(known[token].logprob)
            if self.request.top:
                self._likeliest.append(_likeliest(known, self.request.top))
            self._thought.next(token)
            self._stopped = token in self.request.stop_ids
            if not self._stopped and (closing := self._thought.close(self._room)):
                self._tokens += closing
                self._logprobs += [0.0] * len(closing)
                self._likeliest += self._likeliest[-1:] * len(closing)
                self.interrupted, self.ended = True, not self._room
                break
        return len(self._tokens) - before

    def sample(self) -> Sample:
        request, tokens = self.request, tuple(self._tokens)
        truncated = self.ended and not self._stopped
        return Sample(
            request.prompt, tokens, tuple(self._logprobs), truncated, request.base, not self.ended,
            thought=self._thought.length, forced=self._thought.mask(), likeliest=self._kept(),
        )  # fmt: skip

    def _kept(self) -> Likeliest | None:
        if not self._likeliest:
            return None
        ids = tuple(tuple(token for token, _ in place) for place in self._likeliest)
        return Likeliest(ids, tuple(tuple(logprob for _, logprob in place) for place in self._likeliest))

    @property
    def _room(self) -> int:
        return self.request.max_tokens - len(self._tokens)
