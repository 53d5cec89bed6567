"""What stands beside vLLM and needs none: the choice of an engine, the plan of the memory, the shelf of adapters."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from transformers import Qwen3Config

from sdpo_tts.discovery import assemble
from sdpo_tts.discovery.assemble import PolicySettings
from sdpo_tts.engine import choice
from sdpo_tts.engine.plan import SHARE, Asked, plan
from sdpo_tts.engine.shelf import PREFIX, Shelf, leftovers
from sdpo_tts.errors import SetupError
from sdpo_tts.policy.need import GIB


@pytest.fixture
def model(tmp_path: Path) -> str:
    """The shape of Qwen3-8B."""
    Qwen3Config(
        vocab_size=151936, hidden_size=4096, intermediate_size=12288, num_hidden_layers=36, num_attention_heads=32,
        num_key_value_heads=8, head_dim=128, tie_word_embeddings=False,
    ).save_pretrained(tmp_path)  # fmt: skip
    return str(tmp_path)


def asked(model: str, *, tokens: int = 8192, copies: int = 1) -> Asked:
    return Asked(model, "bfloat16", "cuda", tokens, 8192, copies)


def test_the_plan_adds_up(model: str) -> None:
    made = plan(asked(model), 80 * GIB)
    assert made.need.weights == 2 * 8_190_735_360, "the published number of parameters"
    per_token = 2 * 36 * 8 * 128 * 2
    assert 16384 * per_token <= made.cache <= SHARE * 80 * GIB - made.fixed
    twice = plan(asked(model, copies=2), 80 * GIB)
    assert twice.fixed - made.fixed == made.need.weights


def test_the_cache_is_no_larger_than_is_of_use(model: str) -> None:
    made = plan(asked(model, tokens=512), 640 * GIB)
    assert made.cache == 64 * (1024 + 512) * 2 * 36 * 8 * 128 * 2
    assert plan(asked(model, tokens=512), 640 * GIB, cache=3 * GIB).cache == 3 * GIB


def test_what_does_not_fit_is_refused_with_numbers_and_what_would_fit(model: str) -> None:
    with pytest.raises(SetupError) as refused:
        plan(asked(model), 26 * GIB)
    told = str(refused.value)
    assert "weights 15.3 GiB, adapter" in told and "26.0 GiB free" in told
    shorter = re.search(r"--max-new-tokens (\d+) fits", told)
    assert shorter and plan(asked(model, tokens=int(shorter[1])), 26 * GIB).cache > 0
    with pytest.raises(SetupError, match="a smaller --model"):
        plan(asked(model), 12 * GIB)
    with pytest.raises(SetupError, match=r"keys and values 30\.0 GiB"):
        plan(asked(model), 26 * GIB, cache=30 * GIB)


def test_the_engine_is_chosen_by_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice.importlib.util, "find_spec", lambda name: object())
    assert [choice.choose("auto", device) for device in ("cpu", "cuda", "cuda:1")] == ["torch", "vllm", "vllm"]
    assert choice.choose("torch", "cuda") == "torch" and choice.choose("vllm", "cpu") == "vllm"
    monkeypatch.setattr(choice.importlib.util, "find_spec", lambda name: None)
    assert choice.choose("auto", "cuda") == "torch"
    with pytest.raises(SetupError, match="vLLM is not installed"):
        choice.choose("vllm", "cuda")


@pytest.mark.parametrize(
    ("device", "cards", "apart", "why"),
    [("cpu", 1, False, "on a CPU vLLM packs"), ("cuda", 2, False, "on several cards"), ("cuda", 1, True, "a card of its own")],
)
def test_a_base_that_is_held_twice_is_called_that(
    monkeypatch: pytest.MonkeyPatch, model: str, device: str, cards: int, apart: bool, why: str
) -> None:
    llm = SimpleNamespace(llm_engine=SimpleNamespace(model_config=SimpleNamespace(max_model_len=64)))
    monkeypatch.setattr(choice, "free_bytes", lambda device: 80 * GIB)
    monkeypatch.setattr("sdpo_tts.engine.vllm.start", lambda *args: llm)
    base, told = SimpleNamespace(config=SimpleNamespace(max_position_embeddings=4096)), list[str]()
    wanted = choice.Wanted(model, "bfloat16", device, max_new_tokens=64, rank=16, cards=cards, apart=apart)
    engine = choice.beside(base, wanted, told.append)
    assert engine.facts["base"].startswith("held twice: ") and why in engine.facts["base"]
    assert told[-1] == f"the base is {engine.facts['base']}"
    assert f"weights {30.5 if cards == 2 else 15.3} GiB" in told[0]


def test_auto_falls_back_to_torch_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise SetupError("vLLM does not start: no kernels", where="--engine")

    told: list[str] = []
    monkeypatch.setattr(choice, "beside", refuse)
    assert assemble._vllm(PolicySettings(), None, "", "bfloat16", "cuda", told.append) is None
    assert told == ["vLLM does not start: no kernels; sampling with torch instead"]
    with pytest.raises(SetupError, match="no kernels"):
        assemble._vllm(PolicySettings(engine="vllm"), None, "", "bfloat16", "cuda", told.append)


def test_the_shelf_holds_the_newest_version(tmp_path: Path) -> None:
    one, other = Shelf(tmp_path), Shelf(tmp_path)
    for version in (1, 2):
        folder = one.put(version, lambda path: (path.mkdir(), (path / "adapter").write_text("x"))[0])
        assert [path.name for path in one.folder.iterdir() if path.is_dir()] == [folder.name] == [f"v{version}"]
    assert leftovers(tmp_path) == [], "both live"
    one.close()
    other.close()
    assert list(tmp_path.iterdir()) == []


def test_a_killed_process_s_shelf_is_cleared_by_the_next(tmp_path: Path) -> None:
    code = f"from pathlib import Path; from sdpo_tts.engine.shelf import Shelf; shelf = Shelf(Path({str(tmp_path)!r}))\nprint('on', flush=True); input()"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout and process.stdout.readline()
    (found,) = tmp_path.glob(f"{PREFIX}*")
    assert leftovers(tmp_path) == []
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert leftovers(tmp_path) == [found]
    Shelf(tmp_path).close()
    assert list(tmp_path.iterdir()) == []
