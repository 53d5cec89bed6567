"""A sampler that runs out of memory: the same samples, in parts."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from typer.testing import CliRunner

from sdpo_tts.cli.command import app_of, orderly
from sdpo_tts.policy import memory
from sdpo_tts.policy.network import Network
from sdpo_tts.policy.sampler import TorchSampler
from sdpo_tts.policy.split_sampler import SplitSampler
from sdpo_tts.view import heard
from tests.tiny import tiny_network

PROMPTS = [(5, 6, 7 + i % 3) for i in range(9)]


@pytest.fixture
def said() -> Iterator[list[str]]:
    lines: list[str] = []
    with heard(lines.append, "policy"):
        yield lines


def rngs() -> list[np.random.Generator]:
    return [np.random.default_rng([3, i]) for i in range(len(PROMPTS))]


class Small:
    """A network's `hidden` on a device that holds so many rows, and runs out at the given call."""

    def __init__(self, network: Network, rows: int, error: Exception) -> None:
        self._hidden, self._rows, self._error = network.hidden, rows, error
        self.seen: list[int] = []

    def __call__(self, ids: torch.Tensor, **more: Any) -> torch.Tensor:
        self.seen.append(len(ids))
        if len(ids) > self._rows and len(self.seen) > 1:  # not at the first call: some rows have drawn by then
            raise self._error
        return self._hidden(ids, **more)


OUT = [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("DefaultCPUAllocator: can't allocate memory"), MemoryError()]


@pytest.mark.parametrize(
    "said", ["CUDA error: out of memory", "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"]
)
def test_memory_that_a_library_of_cuda_lacks_is_memory(said: str) -> None:
    assert memory.ran_out(RuntimeError(said)) and not memory.ran_out(RuntimeError("CUDA error: device-side assert"))


def test_what_was_computed_is_let_go_before_memory_is_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    network, kept, alive = tiny_network(), list[Any](), list[bool]()
    hidden = network.hidden

    def full(ids: torch.Tensor, **more: Any) -> torch.Tensor:
        computed = hidden(ids, **more)
        if len(ids) > 5:
            kept.append(weakref.ref(computed))
            raise torch.OutOfMemoryError("CUDA out of memory")
        return computed

    monkeypatch.setattr(network, "hidden", full)
    monkeypatch.setattr(memory, "let_go", lambda: alive.append(kept[-1]() is not None))
    SplitSampler(TorchSampler(network, [3], max_new_tokens=2)).sample(PROMPTS, rngs())
    assert alive == [False]


@pytest.mark.long
@pytest.mark.parametrize("error", OUT)
@pytest.mark.parametrize("base", [0, 3, 9])
def test_a_batch_that_does_not_fit_is_sampled_in_parts(
    monkeypatch: pytest.MonkeyPatch, said: list[str], error: Exception, base: int
) -> None:
    network = tiny_network()
    sampler = TorchSampler(network, [3], max_new_tokens=12)
    expected = sampler.sample(PROMPTS, rngs(), base=base)
    small = Small(network, 2, error)
    monkeypatch.setattr(network, "hidden", small)
    halving = SplitSampler(sampler)
    found = halving.sample(PROMPTS, rngs(), base=base)
    assert [(one.response, one.base, one.truncated) for one in found] == [
        (one.response, one.base, one.truncated) for one in expected
    ]
    for one, other in zip(found, expected, strict=True):
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-9)
    assert said[0] == "memory ran out while sampling 9 answers; now 4 at a time"
    assert said[1] == "memory ran out while sampling 4 answers; now 2 at a time"
    small.seen.clear()
    halving.sample(PROMPTS, rngs(), base=base)
    assert max(small.seen) <= 2 and len(said) == 2, "it is not tried again"


def test_long_answers_are_sampled_as_many_at_once_as_memory_holds(monkeypatch: pytest.MonkeyPatch, said: list[str]) -> None:
    """Two layers keep two heads of keys and of values, of eight numbers in double precision each."""
    network = tiny_network()
    sampler = TorchSampler(network, [3], max_new_tokens=12)
    expected = sampler.sample(PROMPTS, rngs())
    rows = memory.SampledRows(network, 12)
    assert rows.bytes(3) == 15 * 2 * 2 * 2 * 8 * 8
    monkeypatch.setattr(memory, "free_bytes", lambda device: 5.1 * rows.bytes(3))
    small = Small(network, 4, OUT[0])
    monkeypatch.setattr(network, "hidden", small)
    found = SplitSampler(sampler, rows.at_once).sample(PROMPTS, rngs())
    assert [one.response for one in found] == [one.response for one in expected]
    assert said == ["there is memory for 4 answers of full length; sampling that many at a time"]
    monkeypatch.setattr(memory, "free_bytes", lambda device: 0)
    assert rows.at_once(3) == 1, "it is tried"


def test_one_row_must_fit_and_other_errors_are_not_hidden(monkeypatch: pytest.MonkeyPatch, said: list[str]) -> None:
    network = tiny_network()
    halving = SplitSampler(TorchSampler(network, [3], max_new_tokens=4))
    monkeypatch.setattr(network, "hidden", Small(network, 0, torch.OutOfMemoryError("CUDA out of memory")))
    with pytest.raises(torch.OutOfMemoryError):
        halving.sample(PROMPTS, rngs())
    assert len(said) == 3

    def sample() -> None:
        with orderly():
            halving.sample(PROMPTS[:1], rngs()[:1])

    result = CliRunner().invoke(app_of(sample, "sample"))
    assert (result.exit_code, result.stderr.split(" (")[0]) == (4, "error: memory ran out, for the model or for a single answer")
    monkeypatch.setattr(network, "hidden", Small(network, 0, RuntimeError("a shape is wrong")))
    with pytest.raises(RuntimeError, match="shape"):
        SplitSampler(TorchSampler(network, [3], max_new_tokens=4)).sample(PROMPTS, rngs())


def test_memory_that_the_c_library_keeps_counts_as_free() -> None:
    """As a thread leaves it that sampled with packed weights."""
    size, count = 2**22, 16  # 16 MiB in float32, which glibc keeps once it has seen such a piece

    def use() -> None:
        torch.empty(size)
        held = [(torch.ones(size), bytes(1000)) for _ in range(count)]
        small.extend(kept for _, kept in held)

    small: list[bytes] = []
    process = psutil.Process()
    before = process.memory_info().rss
    with ThreadPoolExecutor(1) as pool:
        pool.submit(use).result()
        kept = process.memory_info().rss - before
        memory.free_bytes(torch.device("cpu"))
        left = process.memory_info().rss - before
    assert kept > 2**20 * 16 * count / 2 > 4 * left
