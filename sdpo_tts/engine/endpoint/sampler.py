"""Samples from a server: all answers of a batch at once, each requested again until it is complete."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import httpx2
import numpy as np

from sdpo_tts.engine.endpoint.server import Piece, Server, TroubleError
from sdpo_tts.engine.endpoint.text_chat import TextChat
from sdpo_tts.errors import SetupError
from sdpo_tts.policy.batch import Ids
from sdpo_tts.policy.sampler import NOBODY, Listener, Sample
from sdpo_tts.policy.sampling import PLAIN, Sampling
from sdpo_tts.policy.thinking import EFFORTS, OFF, split

LOG = logging.getLogger(__name__)
POLL_S = 0.2


@dataclass(frozen=True)
class Patience:
    """In seconds. A request is broken off if `between` passes without another piece of its answer; or, before its first
    piece, if `first` passes without a piece on any request, because a server may answer one after the other. After
    trouble it waits `least`, then twice as long each time, at most `most`. After `give_up` without anything the run
    ends, and if the same answer breaks off `breaks` times: each time may cost as much as a whole answer."""

    first: float = 600.0
    between: float = 120.0
    least: float = 1.0
    most: float = 60.0
    give_up: float = 900.0
    breaks: int = 10


class EndpointSampler:
    """A `Sampler` over a server. The server uses its own random numbers: the same seed gives other answers. The tokens
    of a broken answer are not counted, because the server does not report them."""

    name = "endpoint"

    def __init__(
        self, server: Server, *, max_new_tokens: int, sampling: Sampling = PLAIN, patience: Patience | None = None,
        thinking: str = OFF,
    ) -> None:  # fmt: skip
        """`thinking` off asks for nothing: then it is the server's business whether its model thinks."""
        self._server, self._chat, self._patience = server, TextChat(), patience or Patience()
        self._asked: dict[str, Any] = {"max_tokens": max_new_tokens}
        self._asked |= {"temperature": sampling.temperature, "top_p": sampling.top_p}
        if sampling.min_p:  # not in the protocol: some servers refuse it
            self._asked["min_p"] = sampling.min_p
        if thinking != OFF:  # the first is the protocol's, the other one what most servers hand on to a chat template
            self._asked |= {"reasoning_effort": thinking} if thinking in EFFORTS else {}
            self._asked["chat_template_kwargs"] = {"enable_thinking": True, "thinking": True}

    def sample(
        self,
        prompts: Sequence[Ids],
        rngs: Sequence[np.random.Generator],
        *,
        base: int = 0,
        top: int = 0,
        listener: Listener = NOBODY,
    ) -> list[Sample]:
        """As `Sampler.sample`, but nothing is kept (`top`). Raises UserError or SetupError if the server refuses, or
        does not answer for a long time."""
        answers = [_Answer(tuple(prompt), self._chat, place < base) for place, prompt in enumerate(prompts)]
        asyncio.run(_Batch(self._server, self._patience, listener).run(answers, self._asked))
        return [answer.sample() for answer in answers]

    def close(self) -> None:
        """Nothing to give back."""


class _Answer:
    """One answer as it grows. If the server does not count tokens, its pieces are counted."""

    def __init__(self, prompt: Ids, chat: TextChat, base: bool) -> None:
        self.prompt, self._chat, self._base = prompt, chat, base
        self.clear()

    def clear(self) -> None:
        """Discard what a broken answer had."""
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self._usage: tuple[int, int] | None = None
        self._cut = self.begun = self.complete = self.ended = False

    def add(self, piece: Piece) -> None:
        self.begun, self.complete = True, self.complete or piece.ended
        if piece.text:
            self._texts.append(piece.text)
        if piece.thought:
            self._thoughts.append(piece.thought)
        self._cut, self._usage = self._cut or piece.cut, piece.usage or self._usage

    def message(self) -> dict[str, str]:
        return {"role": "user", "content": self._chat.text(self.prompt)}

    def sample(self) -> Sample:
        within, answer = split("".join(self._texts))
        thought, answered = (self._chat.plain(text) for text in ("".join(self._thoughts) + within, answer))
        served = self._usage or (len(self.prompt), len(self._texts) + len(self._thoughts))
        return Sample(
            self.prompt, thought + answered, (), self._cut, self._base, not self.ended, served, len(thought)
        )


class _Batch:
    """`_heard`: when something last came from the server."""

    def __init__(self, server: Server, patience: Patience, listener: Listener) -> None:
        self._server, self._patience, self._listener = server, patience, listener
        self._heard, self._in_trouble = time.monotonic(), False

    async def run(self, answers: Sequence[_Answer], asked: Mapping[str, Any]) -> None:
        """Until all have ended, one fails for good, or the listener has enough; the others are cancelled then."""
        async with self._server.client() as client:
            tasks = [
                asyncio.ensure_future(self._whole(client, place, answer, {**asked, "messages": [answer.message()]}))
                for place, answer in enumerate(answers)
            ]
            try:
                while any(not task.done() for task in tasks) and not self._listener.enough():
                    done, _ = await asyncio.wait(tasks, timeout=POLL_S, return_when=asyncio.FIRST_EXCEPTION)
                    for task in done:
                        task.result()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _whole(self, client: httpx2.AsyncClient, place: int, answer: _Answer, request: dict[str, Any]) -> None:
        """Request the answer until it is complete."""
        wait, breaks = self._patience.least, 0
        while not answer.ended:
            try:
                await self._try(client, answer, request)
            except TroubleError as trouble:
                breaks += answer.begun
                answer.clear()
                self._trouble(trouble, breaks)
                await asyncio.sleep(min(trouble.wait_s or wait, self._patience.most))
                wait *= 2
        self._listener.ended(place, answer.sample())

    async def _try(self, client: httpx2.AsyncClient, answer: _Answer, request: dict[str, Any]) -> None:
        try:
            async with aclosing(self._server.ask(client, request)) as pieces:
                while (piece := await self._next(pieces, first=not answer.begun)) is not None:
                    self._relief()
                    answer.add(piece)
                    if piece.text or piece.thought:
                        self._listener.grown(1)
        except TroubleError:
            if not answer.complete:  # else only the server's count of tokens may be missing
                raise
        answer.ended = True

    async def _next(self, pieces: AsyncGenerator[Piece], *, first: bool) -> Piece | None:
        """None at the end. Raises TroubleError if nothing comes."""
        coming, since = asyncio.ensure_future(anext(pieces, None)), time.monotonic()
        most = self._patience.first if first else self._patience.between
        try:
            while not (await asyncio.wait({coming}, timeout=POLL_S))[0]:
                if time.monotonic() - (max(since, self._heard) if first else since) > most:
                    raise TroubleError(f"nothing arrived for {most:g} s")
            return coming.result()
        finally:
            coming.cancel()
            await asyncio.wait({coming})

    def _trouble(self, trouble: TroubleError, breaks: int) -> None:
        """Reports it once. Raises SetupError if the server has not answered for too long, or keeps breaking off."""
        if breaks >= self._patience.breaks:
            what = f"an answer broke off {breaks} times: {trouble}"
            raise SetupError(what, where=self._server.url, hint="--resume continues once the server answers")
        if (silent := time.monotonic() - self._heard) > self._patience.give_up:
            what = f"no answer for {silent / 60:.0f} minutes: {trouble}"
            raise SetupError(what, where=self._server.url, hint="--resume continues once the server answers")
        if not self._in_trouble:
            LOG.warning("%s: %s; trying again", self._server.url, trouble)
        self._in_trouble = True

    def _relief(self) -> None:
        if self._in_trouble:
            LOG.info("%s answers again", self._server.url)
        self._heard, self._in_trouble = time.monotonic(), False
