"""Remarks on failures: from the model itself, and from an endpoint that speaks the OpenAI protocol."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from sdpo_tts.discovery.critic import EndpointCritic, SelfCritic, demand
from sdpo_tts.engine.endpoint.sampler import Patience
from sdpo_tts.engine.endpoint.server import Server
from sdpo_tts.errors import SetupError, UserError
from tests.fakes import CharacterChat, ScriptedSampler, judged
from tests.served import COMPLETION_TOKENS, KEY, MODEL, PROMPT_TOKENS, serving
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


PATIENCE = Patience(first=30.0, between=5.0, least=0.02, most=0.1, give_up=30.0)


def test_a_server_is_asked_again_until_it_answers_and_its_tokens_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On two of the three attempts: the one that passed is not criticised."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving(tmp_path, "503", "killed", "", "reasoning", answer="<think>Hm.</think> Off by one. ") as served:
        told = EndpointCritic(SUM, Server.at(served.url + "/", MODEL, "--critic"), PATIENCE).criticise(BATCH)
    remark = "A reviewer's remarks on that attempt:\n\nOff by one."
    assert [critique.text for critique in told] == [remark, "", remark]
    counted = [(critique.prompt_tokens, critique.completion_tokens) for critique in told]
    assert counted == [(PROMPT_TOKENS, COMPLETION_TOKENS), (0, 0), (PROMPT_TOKENS, COMPLETION_TOKENS)]
    asked = served.requests()
    assert len(asked) == 4 and {one["key"] for one in asked} == {f"Bearer {KEY}"}
    assert all("expected 8" in one["messages"][0]["content"] for one in asked if "print(7)" in str(one["messages"]))


def test_a_server_that_stays_silent_ends_the_run_in_one_line() -> None:
    silent = replace(PATIENCE, give_up=0.2)
    with pytest.raises(SetupError, match=r"no answer for .*--resume continues once the server answers"):
        EndpointCritic(SUM, Server.at("http://127.0.0.1:9/v1", "m", "--critic"), silent).criticise(BATCH)


def test_a_critic_that_is_not_there_is_told_before_anything_slow(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        demand("none", ""), demand("self", ""), demand(served.url, MODEL)
        for url, model, where in (
            (served.url, "other", "--critic-model: the server has no model 'other'"),
            (served.url, "", "--critic-model: which model?"),
            ("nonsense", MODEL, "--critic: 'nonsense' is not an address"),
        ):
            with pytest.raises(UserError, match=re.escape(where)):
                demand(url, model)
    with pytest.raises(SetupError, match="no answer"):
        demand("http://127.0.0.1:9/v1", MODEL)
