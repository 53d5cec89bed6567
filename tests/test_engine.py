"""What stands beside vLLM and needs none: the choice of an engine, the plan of the memory, the shelf of adapters."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pydantic
import pytest
import torch
from transformers import Qwen2Config, Qwen3Config

from sdpo_tts.discovery import assemble
from sdpo_tts.discovery.assemble import PolicySettings
from sdpo_tts.engine import replicas, selection, sharing, start_time, vllm
from sdpo_tts.engine.adapter_store import PREFIX, AdapterStore, leftovers
from sdpo_tts.engine.plan import SHARE, Asked, plan
from sdpo_tts.engine.vllm import EngineSettings
from sdpo_tts.errors import SetupError, UserError
from sdpo_tts.policy.memory_plan import GIB


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


@pytest.mark.long
def test_the_plan_adds_up(model: str) -> None:
    made = plan(asked(model), 80 * GIB)
    assert made.need.weights == 2 * 8_190_735_360, "the published number of parameters"
    per_token = 2 * 36 * 8 * 128 * 2
    assert 16384 * per_token <= made.cache <= SHARE * 80 * GIB - made.fixed
    twice = plan(asked(model, copies=2), 80 * GIB)
    assert twice.fixed - made.fixed == made.need.weights


@pytest.mark.long
def test_the_cache_is_no_larger_than_is_of_use(model: str) -> None:
    made = plan(asked(model, tokens=512), 640 * GIB)
    assert made.cache == 64 * (1024 + 512) * 2 * 36 * 8 * 128 * 2
    assert plan(asked(model, tokens=512), 640 * GIB, cache=3 * GIB).cache == 3 * GIB


@pytest.mark.long
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


@pytest.mark.long
def test_a_learner_elsewhere_takes_nothing_of_the_engine_s_card(model: str) -> None:
    together, apart = (plan(replace(asked(model, tokens=64), apart=value), 80 * GIB) for value in (False, True))
    assert together.fixed - apart.fixed == together.need.adapter + together.need.work
    assert "learner" in str(together) and "learner" not in str(apart)
    assert plan(replace(asked(model, tokens=2048), apart=True), 24 * GIB).cache > 0
    with pytest.raises(SetupError):
        plan(asked(model, tokens=2048), 24 * GIB)


def test_a_card_is_one_by_either_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [assemble._card(device) for device in ("cuda", "cuda:0", "cuda:1", "cpu")] == ["cuda:0", "cuda:0", "cuda:1", "cpu"]
    monkeypatch.setattr("sdpo_tts.models.weights.locate", lambda *_: pytest.fail("nothing is loaded before that"))
    with pytest.raises(UserError, match="this machine has no device 'cuda:99'") as refused:
        assemble.load_policy(PolicySettings(device="cpu", learner_device="cuda:99"), 0, print)
    assert refused.value.where == "--learner-device"


def test_the_engine_is_chosen_by_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection.importlib.util, "find_spec", lambda name: object())
    assert [selection.choose("auto", device) for device in ("cpu", "cuda", "cuda:1")] == ["torch", "vllm", "vllm"]
    assert selection.choose("torch", "cuda") == "torch" and selection.choose("vllm", "cpu") == "vllm"
    monkeypatch.setattr(selection.importlib.util, "find_spec", lambda name: None)
    assert selection.choose("auto", "cuda") == "torch"
    with pytest.raises(SetupError, match="vLLM is not installed"):
        selection.choose("vllm", "cuda")


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[Any, ...]]:
    """Two of them, and what replicas were started with."""
    started: list[tuple[Any, ...]] = []
    monkeypatch.setenv("SDPO_TTS_CACHE", str(tmp_path))
    monkeypatch.setattr(selection, "free_bytes", lambda device: 80 * GIB)
    monkeypatch.setattr(selection, "Replicas", lambda *args: started.append(args))
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda device: "card")
    return started


def learner_s_base() -> Any:
    base = torch.nn.Module()
    base.config = Qwen2Config(max_position_embeddings=4096)  # type: ignore[assignment]
    return base


@pytest.mark.long
@pytest.mark.parametrize(
    ("device", "cards", "apart", "why"),
    [("cpu", 1, False, "on a CPU vLLM packs"), ("cuda", 2, False, "on several cards"), ("cuda", 1, True, "a card of its own")],
)
def test_a_base_that_is_held_twice_is_called_that(
    monkeypatch: pytest.MonkeyPatch, begun: object, model: str, device: str, cards: int, apart: bool, why: str
) -> None:
    llm = SimpleNamespace(llm_engine=SimpleNamespace(model_config=SimpleNamespace(max_model_len=64)))
    monkeypatch.setattr("sdpo_tts.engine.vllm.start", lambda *args: llm)
    base, told = learner_s_base(), list[str]()
    wanted = selection.Wanted(model, "bfloat16", device, max_new_tokens=64, rank=16, cards=cards, apart=apart)
    engine = selection.beside(base, wanted, told.append)
    assert engine.facts["base"].startswith("held twice: ") and why in engine.facts["base"]
    assert told[-1] == f"the base is {engine.facts['base']}"
    assert f"weights {30.5 if cards == 2 else 15.3} GiB" in told[0]


@pytest.mark.long
def test_replicas_are_planned_and_told_of(model: str, begun: list[tuple[Any, ...]]) -> None:
    base, told = SimpleNamespace(config=Qwen2Config(max_position_embeddings=4096)), list[str]()
    wanted = selection.Wanted(model, "bfloat16", "cuda", max_new_tokens=64, rank=16, replicas=2)
    engine = selection.beside(base, wanted, told.append)
    assert engine.facts["base"] == "held 3 times: the engines run in their own processes"
    assert begun[0][0] == ["cuda:0", "cuda:1"]
    assert "weights 30.5 GiB" in told[0], "the first card has the learner's besides"
    selection.beside(base, replace(wanted, device="cpu"), told.append)
    assert begun[1][0] == ["cpu", "cpu"] and "weights 30.5 GiB" in told[2], "all in one memory"
    many = re.search(r"values ([\d.]+) GiB", told[2])
    one = re.search(r"values ([\d.]+) GiB", told[0])
    assert many and one and float(many[1]) == pytest.approx(2 * float(one[1]), abs=0.2)
    with pytest.raises(UserError, match="3 replicas from cuda on need that many cards; this machine has 2"):
        selection.beside(base, replace(wanted, replicas=3), told.append)


def test_what_has_no_replicas_says_so() -> None:
    for name, several in (("torch", 1), ("vllm", 2)):
        with pytest.raises(UserError, match="replicas"):
            selection.refuse_cards(name, "cuda", several, 2)
    selection.refuse_cards("torch", "cuda", 2, 1)


def test_a_card_that_vllm_would_not_take_is_refused() -> None:
    for name, device in (("vllm", "cuda:0"), ("vllm", "cuda"), ("vllm", "cpu"), ("torch", "cuda:1")):
        selection.refuse_cards(name, device, 1, 1)
    selection.refuse_cards("vllm", "cuda:1", 1, 2)
    with pytest.raises(UserError, match="CUDA_VISIBLE_DEVICES=3 before the command") as refused:
        selection.refuse_cards("vllm", "cuda:3", 1, 1)
    assert refused.value.where == "--device"


def test_vllm_demands_no_more_of_a_card_than_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert vllm._least_free(GIB) == {}, "nothing is told on a CPU"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (3 * GIB, 24 * GIB))
    for cache, share in ((6 * GIB, 0.25), (2**20, 0.01), (24 * GIB, 0.92)):
        assert vllm._least_free(cache) == {"gpu_memory_utilization": share}


def test_each_replica_has_a_card_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert replicas._of_gpu("cuda:1") == {"CUDA_VISIBLE_DEVICES": "1"}
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    with replicas._environment(replicas._of_gpu("cuda:1")):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "7"
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "4,7"


def test_auto_falls_back_to_torch_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise SetupError("vLLM does not start: no kernels", where="--engine")

    told: list[str] = []
    monkeypatch.setattr(selection, "beside", refuse)
    assert assemble._vllm(PolicySettings(), None, "", "bfloat16", "cuda", False, told.append) is None
    assert told == ["vLLM does not start: no kernels; sampling with torch instead"]
    with pytest.raises(SetupError, match="no kernels"):
        assemble._vllm(PolicySettings(engine="vllm"), None, "", "bfloat16", "cuda", False, told.append)


def test_torch_says_what_it_does_not_heed(bundled_model: object) -> None:
    assert assemble._for_vllm(PolicySettings(replicas=2)) == []
    settings = PolicySettings("smollm2-135m", "cpu", engine="torch", engine_memory=2.0, cards=2, learner_device="cpu")
    told: list[str] = []
    with assemble.load_policy(settings, 0, told.append):
        assert "--engine-memory, --cards, --learner-device: only for vLLM, no effect with torch" in told


def test_the_shelf_holds_the_newest_version(tmp_path: Path) -> None:
    one, other = AdapterStore(tmp_path), AdapterStore(tmp_path)
    for version in (1, 2):
        folder = one.put(version, lambda path: (path.mkdir(), (path / "adapter").write_text("x"))[0])
        assert [path.name for path in one.folder.iterdir() if path.is_dir()] == [folder.name] == [f"v{version}"]
    assert leftovers(tmp_path) == [], "both live"
    one.close()
    other.close()
    assert list(tmp_path.iterdir()) == []


def test_a_killed_process_s_shelf_is_cleared_by_the_next(tmp_path: Path) -> None:
    code = f"from pathlib import Path; from sdpo_tts.engine.adapter_store import AdapterStore; shelf = AdapterStore(Path({str(tmp_path)!r}))\nprint('on', flush=True); input()"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout and process.stdout.readline()
    (found,) = tmp_path.glob(f"{PREFIX}*")
    assert leftovers(tmp_path) == []
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert leftovers(tmp_path) == [found]
    AdapterStore(tmp_path).close()
    assert list(tmp_path.iterdir()) == []


def test_a_start_tells_how_long_the_last_ones_took(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SDPO_TTS_CACHE", str(tmp_path))
    lines: list[str] = []
    for seconds in (1.0, 0.1):
        with start_time.told("small on cpu", "weights 1 GiB", lines.append, first_s=0.2):
            time.sleep(seconds)
    assert lines[0] == "starting vLLM: weights 1 GiB" and re.fullmatch(r"starting vLLM: \d s", lines[1])
    assert len(lines[1:-1]) <= 4, "ever more seldom"
    last = next(line for line in lines if "weights" in line and "about" in line)
    assert re.fullmatch(r"starting vLLM \(about \d s\): weights 1 GiB", last)
    took = start_time.estimate("small on cpu")
    assert took and took >= 0.5 and start_time.estimate("large on cpu") is None
    with pytest.raises(SetupError), start_time.told("large on cpu", "", lines.append):
        raise SetupError("no kernels")
    assert start_time.estimate("large on cpu") is None, "a start that failed"


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_an_estimate_is_worth_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str) -> None:
    monkeypatch.setenv("SDPO_TTS_CACHE", str(tmp_path))
    (tmp_path / "engine-starts.json").write_text(text)
    with start_time.told("small", "", lambda line: None):
        pass
    assert start_time.estimate("small") is not None


def test_what_the_engine_fuses_in_a_gated_delta_net_is_shared() -> None:
    """Of a vision-language model, whose text part is called so in the engine."""

    def named(sizes: dict[str, int], prefix: str) -> tuple[dict[str, torch.nn.Parameter], Any]:
        found = {f"{prefix}model.layers.0.linear_attn.{name}.weight": torch.rand(size, 4) for name, size in sizes.items()}
        kept = {name: torch.nn.Parameter(tensor, requires_grad=False) for name, tensor in found.items()}
        return kept, SimpleNamespace(named_parameters=kept.items)

    ours, base = named({"in_proj_qkv": 6, "in_proj_z": 2, "in_proj_b": 3, "in_proj_a": 3, "out_proj": 4}, "")
    theirs, engine = named({"in_proj_qkvz.base_layer": 8, "in_proj_ba": 6, "out_proj": 4}, "language_model.")
    qkv, z, b, a, out = ours.values()
    for whole, parts in zip(theirs.values(), ((qkv, z), (b, a), (out,)), strict=True):
        whole.data.copy_(torch.cat(parts))
    sharing.share(base, engine)
    storages = {one.untyped_storage().data_ptr() for one in theirs.values()}
    assert all(one.untyped_storage().data_ptr() in storages for one in ours.values())
    assert torch.equal(a, theirs["language_model.model.layers.0.linear_attn.in_proj_ba.weight"][3:])


def test_a_class_that_vllm_rewrites_is_still_the_learner_s() -> None:
    """As its Transformers backend does it: bases, constructor and call are those of a compiled module then."""

    class Decoder(torch.nn.Module):
        def forward(self, number: int) -> int:
            return number + 1

    class Compiled:
        pass

    def created() -> torch.nn.Module:
        plain = Decoder.__init__

        def __init__(self: Any, *, config: int) -> None:
            plain(self)
            self.config = config

        Decoder.__bases__ += (Compiled,)
        Decoder.__init__, Decoder.__call__ = __init__, lambda self, number: self.config  # type: ignore[assignment, method-assign]
        return torch.nn.Sequential(Decoder(config=7))  # type: ignore[call-arg]

    base = torch.nn.Sequential(Decoder())
    with vllm.classes_kept(base, lambda: engine):
        engine = created()
    assert engine(1) == 7 and isinstance(engine[0], Decoder) and isinstance(engine[0], Compiled)
    assert base(1) == torch.nn.Sequential(Decoder())(1) == 2
    assert Decoder.__bases__ == (torch.nn.Module,) and "__init__" not in vars(Decoder)
    with pytest.raises(RuntimeError), vllm.classes_kept(base, lambda: engine):
        created()
        raise RuntimeError("no memory for the cache")
    assert Decoder()(1) == 2 and engine(1) == 7


def test_of_a_configuration_that_vllm_refuses_the_reason_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first line is only '1 validation error for VllmConfig'."""

    class VllmConfig(pydantic.BaseModel):
        @pydantic.model_validator(mode="after")
        def refuse(self) -> VllmConfig:
            raise ValueError("prefix caching needs chunked prefill")

    def create(**settings: object) -> None:
        VllmConfig()

    monkeypatch.setitem(sys.modules, "vllm", SimpleNamespace(LLM=create))
    monkeypatch.setattr(vllm, "_prompts", lambda source: {})
    monkeypatch.setattr(vllm, "_one_adapter_on_cpu", nullcontext)
    with pytest.raises(SetupError, match=r"^--engine: vLLM does not start: prefix caching needs chunked prefill "):
        vllm.start("model", "float32", 8, EngineSettings())
