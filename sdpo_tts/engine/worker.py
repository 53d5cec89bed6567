"""One vLLM in its own process: answers batches until the process that started it is gone."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import connection, parent_process
from threading import Thread
from typing import TYPE_CHECKING, Any

from sdpo_tts.errors import SdpoError
from sdpo_tts.policy.sampler import Listener, Sample

if TYPE_CHECKING:
    from sdpo_tts.engine.in_process import InProcessEngine, Request
    from sdpo_tts.engine.versions import Adapter
    from sdpo_tts.engine.vllm import EngineSettings


@dataclass(frozen=True)
class Batch:
    """To a worker: requests, and the adapter to use."""

    requests: Sequence[Request]
    adapter: Adapter | None


@dataclass(frozen=True)
class Cancel:
    """To a worker: stop sampling the current batch."""


@dataclass(frozen=True)
class Ready:
    """From a worker that has started: prompt and answer together have at most `longest` tokens."""

    longest: int


@dataclass(frozen=True)
class Ended:
    """From a worker: one answer, with the index of its request."""

    place: int
    sample: Sample


@dataclass(frozen=True)
class Done:
    """From a worker: all answers of a batch, including the cancelled ones."""

    samples: list[Sample]


@dataclass(frozen=True)
class Failed:
    """From a worker that is about to end."""

    what: str


def serve(talk: Any, source: str, dtype: str, rank: int, settings: EngineSettings) -> None:
    """The whole life of a worker; `talk` is its end of a pipe, `talk.recv()` raises EOFError once the other end is
    gone."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # signals may go to the whole group: the run decides
        signal.signal(number, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()
    try:
        from sdpo_tts.engine.in_process import InProcessEngine
        from sdpo_tts.engine.vllm import start

        rollout = InProcessEngine(start(source, dtype, rank, settings))
        talk.send(Ready(rollout.longest))
        _answer(talk, rollout)
    except (EOFError, BrokenPipeError):
        return
    except Exception as error:
        talk.send(Failed(error.what if isinstance(error, SdpoError) else f"{type(error).__name__}: {error}"))
        raise


def _answer(talk: Any, rollout: InProcessEngine) -> None:
    while True:
        batch = talk.recv()
        if isinstance(batch, Batch):  # otherwise a batch was cancelled just after it had ended
            talk.send(Done(rollout.sample(batch.requests, batch.adapter, _listener(talk))))


def _listener(talk: Any) -> Listener:
    def ended(place: int, sample: Sample) -> None:
        talk.send(Ended(place, sample))

    def enough() -> bool:
        return bool(talk.poll()) and isinstance(talk.recv(), Cancel)

    return Listener(ended, enough)


def _end_with_parent() -> None:
    """At once, whatever it is doing: a killed parent closes nothing."""
    parent = parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os._exit(1)
