"""vLLM's own server, as a process: what `--endpoint` makes of a server that others wrote."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import numpy as np
import pytest

pytest.importorskip("vllm")

from sdpo_tts.engine.endpoint.sampler import EndpointSampler
from sdpo_tts.engine.endpoint.server import Server
from sdpo_tts.engine.endpoint.text_chat import TextChat
from sdpo_tts.engine.in_process import Request, _params
from sdpo_tts.engine.vllm import ENVIRONMENT
from sdpo_tts.errors import UserError
from sdpo_tts.policy.sampler import Listener
from sdpo_tts.policy.sampling import Sampling
from sdpo_tts.record import read_events
from tests.conftest import ROOT

NAME, START_S, TOKENS = "small", 300, 12


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("vllm") / "server.log"
    command = [
        sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(tiny_model), "--served-model-name", NAME,
        "--host", "127.0.0.1", "--port", str(port), "--dtype", "float32", "--max-model-len", "2048",
        "--enforce-eager", "--kv-cache-memory-bytes", str(2**29),
    ]  # fmt: skip
    environment = {**os.environ, **ENVIRONMENT, "VLLM_CPU_KVCACHE_SPACE": "1"}
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment, start_new_session=True)
    try:
        _wait(process, f"http://127.0.0.1:{port}/health", log)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        os.killpg(process.pid, 9)
        process.wait()


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx2.get(url).status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.5)
    pytest.fail(f"the server does not start: {log.read_text()[-3000:]}")


def test_answers_are_counted_as_the_server_does(url: str) -> None:
    chat, server = TextChat(), Server.at(url, NAME)
    server.demand_model()
    with pytest.raises(UserError, match=r"the server has no model 'large' .*it has small"):
        Server.at(url, "large").demand_model()
    prompts, rngs = [chat.prompt("Count to a hundred.")] * 3, [np.random.default_rng(i) for i in range(3)]
    grown: list[int] = []
    sampler = EndpointSampler(server, max_new_tokens=TOKENS, sampling=Sampling(0.0, 0.9, 0.05))
    found = sampler.sample(prompts, rngs, listener=Listener(grown=grown.append))
    assert {(one.completion_tokens, one.truncated, one.cancelled) for one in found} == {(TOKENS, True, False)}
    assert len({one.response for one in found}) == 1, "at temperature 0 all are the same"
    assert 5 < found[0].prompt_tokens < 60 and 3 < sum(grown) <= 3 * TOKENS


def test_a_run_on_it(url: str, tmp_path: Path, engine: None) -> None:
    command = [
        sys.executable, "-c", "from sdpo_tts.cli.solving.solve import main; main()", str(ROOT / "problems" / "sum-line"),
        "--method", "multi-turn", "--endpoint", url, "--endpoint-model", NAME, "--max-attempts", "4", "--batch-size", "2",
        "--max-new-tokens", "32", "--top-p", "0.9", "--runs", str(tmp_path), "--json",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode in (0, 3), done.stderr
    events = read_events(Path(json.loads(done.stdout)["run"]) / "events.jsonl")
    assert len([event for event in events if event["type"] == "attempt_judged"]) in (2, 4)
    assert all(0 < event["completion_tokens"] <= 64 for event in events if event["type"] == "batch_sampled")


def test_the_engine_in_this_process_is_asked_for_the_same() -> None:
    how = _params(Request((1,), 0, True, 4, (2,), Sampling(0.6, 0.9, 0.05)))
    assert (how.temperature, how.top_p, how.min_p, how.top_k) == (0.6, 0.9, 0.05, 0)
