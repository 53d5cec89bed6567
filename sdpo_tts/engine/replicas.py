"""Several vLLMs that divide a batch among them, each in its own process and on its own card."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import connection
from typing import Any

from sdpo_tts.engine.in_process import Request
from sdpo_tts.engine.versions import Adapter
from sdpo_tts.engine.vllm import EngineSettings
from sdpo_tts.engine.worker import Batch, Cancel, Done, Ended, Failed, Ready, serve
from sdpo_tts.errors import SetupError
from sdpo_tts.policy.sampler import Listener, Sample

TICK_S = 0.05  # how often to check whether there is enough
HINT = "see logs/engine.log; --resume continues a run that had begun"
GRACE_S = 10.0  # for a process to end by itself


class Replica:
    """One process, seen from outside. Every method raises SetupError once it is gone."""

    def __init__(self, name: str, process: Any, talk: Any) -> None:
        self.name, self.process, self.talk = name, process, talk

    def send(self, message: Batch | Cancel) -> None:
        try:
            self.talk.send(message)
        except OSError:
            raise self._lost() from None

    def receive(self) -> Any:
        try:
            message = self.talk.recv()
        except (EOFError, OSError):
            raise self._lost() from None
        if isinstance(message, Failed):
            raise SetupError(f"vLLM on {self.name} failed: {message.what}", where="--replicas", hint=HINT)
        return message

    def ready(self) -> Ready:
        """Waits until its engine has started."""
        told: Ready = self.receive()
        return told

    def _lost(self) -> SetupError:
        self.process.join(GRACE_S)
        how = f"exit code {self.process.exitcode}"
        return SetupError(f"vLLM on {self.name} is gone ({how})", where="--replicas", hint=HINT)


class Replicas:
    """The processes. Once constructed, they have loaded their weights."""

    def __init__(self, devices: Sequence[str], source: str, dtype: str, rank: int, settings: EngineSettings) -> None:
        """One on each device: `cuda:N`, or `cpu` several times. If one does not start, raises SetupError and leaves
        none."""
        self._all: list[Replica] = []
        self._busy: list[Replica] = []
        try:
            for place, device in enumerate(devices):
                self._all.append(_begun(place, device, len(devices), source, dtype, rank, settings))
            self.longest = min([one.ready().longest for one in self._all])
        except BaseException:
            self.close()
            raise

    def sample(self, requests: Sequence[Request], adapter: Adapter | None, listener: Listener) -> list[Sample]:
        """As `InProcessEngine.sample`: requests are dealt out in turn, and cancelled together."""
        self._finish()
        found, wanted = dict[int, Sample](), True
        places = {one: range(start, len(requests), len(self._all)) for start, one in enumerate(self._all)}
        try:
            for one in (one for one in self._all if places[one]):
                one.send(Batch([requests[place] for place in places[one]], adapter))
                self._busy.append(one)
            while self._busy:
                for one, told in _told(self._busy):
                    if isinstance(told, Ended):
                        listener.ended(places[one][told.place], told.sample)
                        listener.grown(told.sample.completion_tokens)
                    else:
                        found.update(zip(places[one], told.samples, strict=True))
                        self._busy.remove(one)
                if wanted and listener.enough():
                    wanted = False
                    self._cancel()
        except BaseException:
            self._cancel()
            raise
        return [found[place] for place in range(len(requests))]

    def _cancel(self) -> None:
        for one in self._busy:
            with suppress(SetupError):  # a process that is gone samples nothing
                one.send(Cancel())

    def _finish(self) -> None:
        """Read the rest of a batch that was abandoned."""
        while self._busy:
            if isinstance(self._busy[0].receive(), Done):
                self._busy.pop(0)

    def close(self) -> None:
        """They end as soon as their pipes are closed."""
        for one in self._all:
            one.talk.close()
        for one in self._all:
            one.process.join(GRACE_S)
            one.process.kill()
            one.process.join()


def _told(busy: Sequence[Replica]) -> Iterator[tuple[Replica, Ended | Done]]:
    """The next messages; none after a timeout."""
    speaking = connection.wait([one.talk for one in busy], TICK_S)
    for one in [one for one in busy if one.talk in speaking]:
        yield one, one.receive()


def _begun(place: int, device: str, count: int, *asked: Any) -> Replica:
    """A process that starts an engine, with a card or its share of the cores to itself."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, *asked), daemon=True)
    with _environment(_of_gpu(device) if device.startswith("cuda") else _of_cores(count)):
        process.start()
    theirs.close()
    return Replica(f"{device} ({place + 1} of {count})", process, ours)


def _of_gpu(device: str) -> dict[str, str]:
    """The process sees only this card, and calls it cuda:0."""
    number, visible = int(device.partition(":")[2]), os.environ.get("CUDA_VISIBLE_DEVICES")
    return {"CUDA_VISIBLE_DEVICES": visible.split(",")[number] if visible else str(number)}


def _of_cores(count: int) -> dict[str, str]:
    return {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // count)))}


@contextmanager
def _environment(changes: Mapping[str, str]) -> Iterator[None]:
    """For a process that starts inside the block."""
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
