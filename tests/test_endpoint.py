"""Sampling from a server of the OpenAI protocol: a real process, whose connections break, stall and refuse."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from sdpo_tts.cli.solving.solve import app
from sdpo_tts.discovery import checkpoint
from sdpo_tts.discovery.assemble import (
    AutoSettings,
    Policy,
    PolicySettings,
    RunSettings,
    load_policy,
    make_strategy,
    refuse_untrainable,
)
from sdpo_tts.discovery.budget import Budget
from sdpo_tts.discovery.solve import Solver
from sdpo_tts.discovery.state import Parts
from sdpo_tts.engine.endpoint.sampler import EndpointSampler, Patience
from sdpo_tts.engine.endpoint.server import Piece, Server, TroubleError, _piece
from sdpo_tts.engine.endpoint.text_chat import TextChat
from sdpo_tts.errors import SdpoError, SetupError, UserError
from sdpo_tts.policy.learning.imitation import ImitationSettings
from sdpo_tts.policy.learning.learner import LearnerSettings
from sdpo_tts.policy.sampler import Listener, Sample
from sdpo_tts.policy.sampling import Sampling
from sdpo_tts.record import Journal, RunDir, read_events
from sdpo_tts.record.events import missing_fields
from sdpo_tts.record.kept_answers import KeptAnswers
from tests.conftest import ROOT
from tests.fakes import WordJudge
from tests.served import COMPLETION_TOKENS, KEY, MODEL, PROMPT_TOKENS, Served, serving
from tests.test_judge import RIGHT, SUM

QUICK = Patience(first=5.0, between=0.5, least=0.05, most=0.2, give_up=20.0)
CHAT = TextChat()


def sampler(served: Served, patience: Patience = QUICK, **how: float) -> EndpointSampler:
    server = Server.at(served.url, MODEL)
    return EndpointSampler(server, max_new_tokens=64, sampling=Sampling(**how), patience=patience)


def rngs(count: int) -> list[np.random.Generator]:
    return [np.random.default_rng([5, i]) for i in range(count)]


@given(st.text(max_size=40))
def test_text_comes_back_as_it_was(text: str) -> None:
    assert CHAT.text(CHAT.prompt(text)) == text.encode(errors="replace").decode()
    assert len(CHAT.prompt(text)) == -(-len(text) // 3)


def test_no_attempt_is_lost_to_a_server_in_trouble(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A killed connection, a 429, a 500, a stalled stream, an error in a stream, one that ends before its answer does."""
    faults = ("killed", "429", "500", "stalled", "broken", "cut off")
    heard: dict[int, Sample] = {}

    def ended(place: int, sample: Sample) -> None:
        assert heard.setdefault(place, sample) is sample, "each answer is heard of once"

    with serving(tmp_path, *faults) as served, caplog.at_level(logging.INFO, "sdpo_tts"):
        prompts = [CHAT.prompt(f"question {i}") for i in range(4)]
        found = sampler(served).sample(prompts, rngs(4), base=1, listener=Listener(ended))
        requests = served.requests()
    assert [heard[place] for place in range(4)] == found
    assert [one.prompt for one in found] == prompts and [one.base for one in found] == [True, False, False, False]
    texts = {CHAT.text(one.response) for one in found}
    assert len(texts) == 4 and all(text.startswith("```python\nprint(") and text.endswith("\n```") for text in texts)
    assert {(one.prompt_tokens, one.completion_tokens, one.cancelled) for one in found} == {(PROMPT_TOKENS, COMPLETION_TOKENS, False)}
    assert len(requests) == 4 + len(faults)
    assert "trying again" in caplog.text and "answers again" in caplog.text


def test_an_answer_that_is_complete_is_not_requested_again(tmp_path: Path) -> None:
    """Whatever the server leaves out at its end."""
    faults = ("no reason", "half counted", "hangs at the end")
    with serving(tmp_path, *faults) as served:
        found = [sampler(served).sample([CHAT.prompt("?")], rngs(1))[0] for _ in faults]
        assert len(served.requests()) == len(faults)
    assert all(CHAT.text(one.response).endswith(f"print({number})\n```") for number, one in enumerate(found, start=1))
    assert [one.completion_tokens for one in found] == [COMPLETION_TOKENS, 2, 2]


def test_a_server_that_breaks_off_every_answer_is_not_paid_forever(tmp_path: Path) -> None:
    with serving(tmp_path, *["cut off"] * 99) as served:
        with pytest.raises(SetupError, match="broke off 10 times"):
            sampler(served, Patience(least=0.01, most=0.02)).sample([CHAT.prompt("?")], rngs(1))
        assert len(served.requests()) == 10


def test_pieces_of_other_servers() -> None:
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "so"}]}, {"type": "text", "text": "print"}]
    assert _piece(json.dumps({"choices": [{"delta": {"content": parts}}]})) == Piece("print", thought="so")
    for broken in ("[]", "3", "null", '{"choices": [null]}', '{"choices": [{"delta": {"content": ["a"]}}]}', '{"error": "x"}'):
        with pytest.raises(TroubleError):
            _piece(broken)


@pytest.mark.parametrize("url", ["http://[::1", "http://here:abc/v1", "http://here:99999/v1", f"http://{'a' * 70}.org", "http:///v1"])
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(UserError, match="is not an address"):
        Server.at(url, MODEL)
    assert Server.at("http://[::1]:8000/v1", MODEL).host == "[::1]:8000"


def test_a_key_with_a_newline_is_the_key_and_a_strange_one_is_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", f"{KEY}\r\n")
    with serving(tmp_path) as served:
        sampler(served).sample([CHAT.prompt("?")], rngs(1))
        assert served.requests()[0]["key"] == f"Bearer {KEY}"
    monkeypatch.setenv("OPENAI_API_KEY", "schl\u00fcssel")
    with pytest.raises(SetupError, match="OPENAI_API_KEY: the key has") as raised:
        Server.at("http://127.0.0.1:9/v1", MODEL).demand_model()
    assert "schl" not in str(raised.value)


def test_what_is_asked_and_how_an_answer_may_end(tmp_path: Path) -> None:
    with serving(tmp_path, "long", "uncounted") as served:
        long, uncounted = (
            sampler(served, temperature=0.6, top_p=0.9, min_p=0.05).sample([CHAT.prompt("Why?")], rngs(1))[0] for _ in "12"
        )
        sampler(served).sample([CHAT.prompt("Why?")], rngs(1))
        first, _, plain = served.requests()
    assert (long.truncated, uncounted.truncated, uncounted.completion_tokens) == (True, False, 2)
    assert first["messages"] == [{"role": "user", "content": "Why?"}] and first["path"] == "/v1/chat/completions"
    assert (first["max_tokens"], first["temperature"], first["top_p"], first["min_p"]) == (64, 0.6, 0.9, 0.05)
    assert (plain["temperature"], plain["top_p"]) == (1.0, 1.0)
    assert not {"min_p", "reasoning_effort", "chat_template_kwargs"} & plain.keys()


@pytest.mark.parametrize("kind", ["reasoning_content", "reasoning", "within the text"])
def test_a_server_s_thought_is_no_part_of_the_answer(kind: str, tmp_path: Path) -> None:
    draft, answer = "```python\ndraft\n```", "```python\nprint(1)\n```"
    within = f"<think>{draft}</think>" if kind == "within the text" else ""
    with serving(tmp_path, kind, answer=within + answer) as served:
        server = Server.at(served.url, MODEL)
        (found,) = EndpointSampler(server, max_new_tokens=64, thinking="low").sample([CHAT.prompt("Why?")], rngs(1))
        (asked,) = served.requests()
    assert CHAT.text(found.answer) == answer and CHAT.text(found.response[: found.thought]) == (within or draft)
    assert not found.cut["only_thought"] and found.completion_tokens == COMPLETION_TOKENS
    assert (asked["reasoning_effort"], asked["chat_template_kwargs"]) == ("low", {"enable_thinking": True, "thinking": True})


def test_a_batch_is_cancelled_where_enough_is_known(tmp_path: Path) -> None:
    with serving(tmp_path, "", "stalled") as served:
        ended: list[int] = []
        listener = Listener(lambda place, sample: ended.append(place), lambda: bool(ended))
        start = time.monotonic()
        found = sampler(served, Patience()).sample([CHAT.prompt("?")] * 2, rngs(2), listener=listener)
    assert time.monotonic() - start < 10
    cut = found[1 - ended[0]]
    assert cut.cancelled and CHAT.text(cut.response).startswith("```")


def test_a_server_that_stays_away_ends_the_run(tmp_path: Path) -> None:
    gone = Patience(least=0.05, most=0.1, give_up=0.3)
    with serving(tmp_path, *["500"] * 99) as served, pytest.raises(SetupError, match=r"no answer for 0 minutes.*trouble 500"):
        sampler(served, gone).sample([CHAT.prompt("?")], rngs(1))


def settings(served: Served, **more: Any) -> RunSettings:
    policy = PolicySettings(endpoint=served.url, endpoint_model=MODEL, max_new_tokens=64)
    return RunSettings(policy=policy, **more)


def solver(run: RunDir, journal: Journal, chosen: RunSettings, sampling: Any = None) -> Solver:
    policy: Policy = load_policy(chosen.policy, 0, print)
    judge: Any = WordJudge(SUM, None)
    judge.recall = lambda failed: None
    parts = Parts(
        policy.network, policy.chat, KeptAnswers(policy.sampler, run.answers), judge, journal, run,
        **({"sampling": sampling} if sampling else {}),
    )  # fmt: skip
    return Solver(parts, make_strategy(SUM, policy, chosen), chosen.budget, chosen.seed, chosen.solver)


UNTRAINED = {
    "best-of-k": {},
    "multi-turn": {},
    "auto": {"auto": AutoSettings(distil=False), "learner": LearnerSettings(imitation=ImitationSettings(samples="none"))},
}


@pytest.mark.parametrize("method", UNTRAINED)
def test_methods_that_train_nothing_run_on_it(tmp_path: Path, method: str) -> None:
    with serving(tmp_path / "served") as served:
        chosen = settings(served, method=method, batch_size=4, budget=Budget(max_attempts=12), **UNTRAINED[method])
        run = RunDir.at(tmp_path / "run")
        with Journal(run.events) as journal:
            assert solver(run, journal, chosen).run() is None
        events = read_events(run.events)
        asked = [request["messages"][0]["content"] for request in served.requests()]
    judged = [event for event in events if event["type"] == "attempt_judged"]
    assert sorted(event["attempt"] for event in judged) == list(range(1, 13))
    assert not any(missing_fields(event) for event in events)
    sampled = [event for event in events if event["type"] == "batch_sampled"]
    assert [event["completion_tokens"] for event in sampled] == [4 * COMPLETION_TOKENS] * 3
    assert [event["prompt_tokens"] for event in sampled] == [4 * PROMPT_TOKENS] * 3
    assert len(asked) == 12 and ("This is the feedback" in "".join(asked)) is (method != "best-of-k")
    record = json.loads(run.attempt(1).read_text())
    assert (record["token_ids"], record["logprobs"]) == ([], []) and "print(" in record["program"]


def test_a_killed_run_asks_only_for_what_it_has_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    class Killed(BaseException):
        pass

    def kill(tokens: int, complete: int, asked: int) -> None:
        if complete >= 3:
            raise Killed

    with serving(tmp_path / "served", "", "", "", "", "slow") as served:
        chosen = settings(served, method="best-of-k", batch_size=5, budget=Budget(max_attempts=10))
        run = RunDir.at(tmp_path / "run")
        with Journal(run.events) as journal, pytest.raises(Killed):
            solver(run, journal, chosen, kill).run()
        kept = len(list(run.answers.iterdir()))
        assert 3 <= kept < 5
        with Journal(run.events) as journal:
            again = solver(run, journal, chosen)
            checkpoint.resume(again)
            assert again.run() is None
        requests = served.requests()
    assert len(requests) == 5 + (5 - kept) + 5 and all(one["key"] == f"Bearer {KEY}" for one in requests)
    judged = sorted(event["attempt"] for event in read_events(run.events) if event["type"] == "attempt_judged")
    assert judged == list(range(1, 11))
    programs = [json.loads(run.attempt(number).read_text())["program"] for number in judged]
    assert len(set(programs)) == 10
    written = b"".join(file.read_bytes() for file in run.path.rglob("*") if file.is_file())
    assert KEY.encode() not in written


LEARNING = {
    "sdpo": {}, "grpo": {}, "auto": {},
    "auto, imitating": {"auto": AutoSettings(distil=False)},
}  # fmt: skip


@pytest.mark.parametrize("method", LEARNING)
@pytest.mark.parametrize(
    "policy", [PolicySettings(endpoint="http://here"), PolicySettings(sampling=Sampling(temperature=0.6)), PolicySettings(sampling=Sampling(min_p=0.1))]
)
def test_what_learns_needs_samples_of_its_own(method: str, policy: PolicySettings) -> None:
    with pytest.raises(UserError, match=r"(sdpo|grpo|auto) (trains|learns).*--method best-of-k or multi-turn"):
        refuse_untrainable(RunSettings(method=method.partition(",")[0], policy=policy, **LEARNING[method]))
    for name, rest in UNTRAINED.items():
        refuse_untrainable(RunSettings(method=name, policy=policy, **rest))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ((), 2, "error: --endpoint: sdpo trains its model, and a model on a server cannot be trained (hint: --method "),
        (("--method", "best-of-k", "--endpoint-model", "coder"), 2, "error: --endpoint-model: the server has no model 'coder' (hint: it has coder:7b, small:latest)\n"),
        (("--method", "best-of-k"), 2, "error: --endpoint-model: which model? (hint: it has coder:7b, small:latest)\n"),
        (("--method", "best-of-k", "--endpoint", "localhost:11434"), 2, "error: --endpoint: 'localhost:11434' is not an address (hint: for example "),
        (("--method", "best-of-k", "--endpoint", f"http://me:{KEY}@localhost/v1"), 2, "error: --endpoint: the address contains a key, and a run records its address (hint: "),
        (("--method", "best-of-k", "--endpoint", "http://127.0.0.1:9/v1"), 4, "error: http://127.0.0.1:9/v1: no answer: "),
        (("--method", "best-of-k", "--top-p", "2"), 2, "error: --top-p: '2' is more than 1"),
    ],
)  # fmt: skip
def test_mistakes_are_told_before_anything_starts(
    tmp_path: Path, options: Sequence[str], code: int, message: str
) -> None:
    with serving(tmp_path / "served") as served:
        words = [str(ROOT / "problems" / "sum-line"), "--runs", str(tmp_path / "runs"), "--endpoint", served.url, *options]
        done = CliRunner().invoke(app, words)
    assert (done.exit_code, done.stderr[: len(message)], done.stderr.count("\n")) == (code, message, 1)
    assert KEY not in done.stderr and not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("url", "model", "key", "kind", "message"),
    [
        ("/v1", "other", "", UserError, "does not know this address or 'other': 404: model 'other' not found"),
        ("/v1", MODEL, "sk-wrong", SetupError, "does not accept the key: 401: Incorrect API key provided: "),
    ],
)
def test_a_refusal_is_one_error_and_keeps_the_key_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, model: str, key: str, kind: type[SdpoError], message: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with serving(tmp_path) as served, pytest.raises(kind) as raised:
        EndpointSampler(Server.at(served.url, model), max_new_tokens=4, patience=QUICK).sample([CHAT.prompt("?")], rngs(1))
    assert message in str(raised.value)
    assert not key or key not in str(raised.value)


def test_the_whole_command(tmp_path: Path, engine: None) -> None:
    """Solves with a server's program, keeps no key, and loads no model."""
    with serving(tmp_path / "served", "", "500", answer=f"Here:\n```python\n{RIGHT}# {{n}}\n```") as served:
        command = [
            sys.executable, "-c", "from sdpo_tts.cli.solving.solve import main; main()", str(ROOT / "problems" / "sum-line"),
            "--method", "best-of-k", "--endpoint", served.url, "--endpoint-model", MODEL, "--temperature", "0.7",
            "--batch-size", "2", "--runs", str(tmp_path / "runs"), "--json",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, env={**os.environ, "OPENAI_API_KEY": KEY})
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    run = Path(result["run"])
    assert result["solved"] and RIGHT in (run / "solution.py").read_text()
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["model"]["name"] == MODEL and manifest["settings"]["policy"]["sampling"]["temperature"] == 0.7
    written = b"".join(file.read_bytes() for file in run.rglob("*") if file.is_file())
    assert KEY.encode() not in written and not (run / "adapter").exists()
