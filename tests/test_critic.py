"""Remarks on failures: from the model itself, and from an endpoint that speaks the OpenAI protocol."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from sdpo_tts.discovery.critic import EndpointCritic, SelfCritic
from sdpo_tts.errors import SetupError
from tests.fakes import CharacterChat, ScriptedSampler, judged
from tests.test_judge import SUM

BATCH = [judged(1, "print(7)", feedback="expected 8"), judged(2, "print(8)", passed=2), judged(3, "print(9)")]


def test_the_model_is_asked_on_each_failure_and_its_tokens_are_counted() -> None:
    sampler = ScriptedSampler(["  Add, do not guess. ", "Also wrong."])
    told = SelfCritic(SUM, CharacterChat(), sampler, 0).criticise(BATCH)  # type: ignore[arg-type]
    asked = CharacterChat().text(sampler.prompts[0])
    assert "print(7)" in asked and "expected 8" in asked and SUM.statement.strip() in asked
    assert [critique.text for critique in told] == [
        "A reviewer's remarks on that attempt:\n\nAdd, do not guess.", "", "A reviewer's remarks on that attempt:\n\nAlso wrong."
    ]  # fmt: skip
    assert [critique.completion_tokens for critique in told] == [22, 0, 12]
    assert told[0].prompt_tokens == len(asked)
    assert BATCH[0].with_remarks(told[0].text).feedback.text == f"expected 8\n\n{told[0].text}"
    assert BATCH[1].with_remarks(told[1].text) == BATCH[1]


@pytest.fixture
def endpoint() -> Iterator[tuple[str, list[dict[str, Any]], list[bytes]]]:
    """(url, requests seen, answers to give)."""
    seen: list[dict[str, Any]] = []
    answers: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.append({"path": self.path, "key": self.headers["Authorization"], **body})
            self.send_response(200 if answers[0] != b"" else 401)
            self.end_headers()
            self.wfile.write(answers.pop(0))

        def log_message(self, *args: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1", seen, answers
    server.shutdown()
    server.server_close()


def test_an_endpoint_is_asked_and_its_usage_counted(endpoint: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    url, seen, answers = endpoint
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    reply = {"choices": [{"message": {"content": "Off by one."}}], "usage": {"prompt_tokens": 70, "completion_tokens": 5}}
    answers += [json.dumps(reply).encode(), json.dumps({"choices": [{"message": {"content": None}}]}).encode()]
    told = EndpointCritic(SUM, url + "/", "judge-1").criticise(BATCH)
    assert told[0].text.endswith("Off by one.") and (told[0].prompt_tokens, told[0].completion_tokens) == (70, 5)
    assert (told[1].text, told[2].text) == ("", "")
    assert [(one["path"], one["key"], one["model"]) for one in seen] == [
        ("/v1/chat/completions", "Bearer secret", "judge-1")
    ] * 2


@pytest.mark.parametrize("answer", [b"", b"no json", b"[]", b'{"choices": []}'])
def test_an_endpoint_that_answers_nonsense_is_one_error(endpoint: Any, answer: bytes) -> None:
    url, _, answers = endpoint
    answers.append(answer)
    with pytest.raises(SetupError, match="no critique"):
        EndpointCritic(SUM, url, "judge-1").criticise(BATCH)


def test_an_endpoint_that_is_not_there_is_one_error() -> None:
    for url in ("http://127.0.0.1:9/v1", "nonsense"):
        with pytest.raises(SetupError, match="no critique"):
            EndpointCritic(SUM, url, "judge-1").criticise(BATCH)
