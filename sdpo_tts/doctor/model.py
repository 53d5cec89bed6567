"""Whether the chosen model is here, or can be downloaded."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

from sdpo_tts.doctor.finding import Finding, Subject, failed, passed, warned
from sdpo_tts.doctor.hardware import device_of
from sdpo_tts.engine.endpoint.server import Server
from sdpo_tts.errors import first_line
from sdpo_tts.models import exactness_cache, hub, integrity, weights
from sdpo_tts.models.automatic import Use, choose
from sdpo_tts.models.catalogue import Entry, entries, find
from sdpo_tts.models.fetch import cache_root, sha256_of
from sdpo_tts.policy.memory_plan import size

TIMEOUT_S = 20
NEEDED = ("config.json", "tokenizer_config.json")


def model(subject: Subject) -> Finding:
    """Weights that are here are checked against their checksum; for others some source must answer, as must the server
    of a model that is not loaded here.

    Raises UserError for an unknown name, and SetupError if a server does not answer.
    """
    if subject.endpoint:
        server = Server.at(subject.endpoint, subject.endpoint_model)
        server.demand_model()
        return passed(f"{server.model}, on {server.host}")
    name = _name(subject)
    path = weights.expanded(name)
    if path.is_dir():
        return _folder(path)
    if path.suffix == ".gguf":
        return passed(str(path)) if path.is_file() else failed(f"no such file: {path}", "name another --model")
    if weights.is_path(name):
        return failed(f"no such folder: {path}", "name another --model")
    if repository := weights.of_hub(name):
        return _hub(*repository)
    return _catalogued(find(name))


def weights_here(subject: Subject) -> weights.Weights | None:
    """Where the model's files are, or the hub id of one that is not here. None: its weights are not made yet."""
    name = _name(subject)
    path = weights.expanded(name)
    if path.is_dir():
        return weights.Weights(path.name, str(path))
    if repository := weights.of_hub(name):
        called, repo, revision = repository
        return weights.Weights(called, str(hub.cached(repo, revision) or repo))
    folder = _made(find(name)) if path.suffix != ".gguf" else weights.dequantised_folder(path.stem, sha256_of(path))
    return weights.Weights(path.stem if path.suffix == ".gguf" else name, str(folder)) if folder.is_dir() else None


def exactness(subject: Subject) -> Finding:
    """The paths on which the model is exact, with each engine, as measured when a run loaded it."""
    weights = weights_here(subject)
    found = [str(one) for one in map(exactness_cache.recall, _keys(subject, weights)) if one] if weights else []
    return passed("; or ".join(found) or "measured when a run loads the model for the first time")


def _keys(subject: Subject, located: weights.Weights) -> list[str]:
    """For the available engines; a model from a file of the catalogue is identified by its checksum."""
    device = device_of(subject).partition(":")[0]
    dtype = subject.dtype if subject.dtype != "auto" else weights.dtype_for(device)
    return [
        exactness_cache.key_of(
            located, dtype=f"torch.{dtype}", device=device, quantization=subject.quantization, engine=engine,
            experts=subject.experts,
        )
        for engine in ("torch", "vllm")
    ]  # fmt: skip


def missing_bytes(subject: Subject) -> int:
    """What the model would still take on disk: the weights from a hub; for the catalogue the file, and its weights at
    16 bits, given that the file stores at least 4."""
    name = _name(subject)
    if subject.endpoint:
        return 0
    if repository := weights.of_hub(name):
        _, repo, revision = repository
        return 0 if hub.is_cached(repo, revision) or not hub.answers() else _hub_bytes(repo, revision)
    if name not in entries() or _made(find(name)).is_dir():
        return 0
    entry = find(name)
    return entry.bytes * (0 if (cache_root() / entry.file).is_file() else 1) + 4 * entry.bytes


def cache_of(subject: Subject) -> tuple[Path, str]:
    """The folder that the model's files are in, or would be, and the variable that changes it."""
    from huggingface_hub.constants import HF_HUB_CACHE

    return (Path(HF_HUB_CACHE), "HF_HOME") if weights.of_hub(_name(subject)) else (cache_root(), "SDPO_TTS_CACHE")


def entry_of(subject: Subject) -> Entry | None:
    """The entry of a model of the catalogue: its shape is known before it is here."""
    return entries().get(_name(subject).partition("@")[0])


def _name(subject: Subject) -> str:
    use = Use(subject.max_new_tokens, subject.quantization, subject.dtype)
    return _automatic(device_of(subject), use) if subject.model == "auto" else subject.model


@cache
def _automatic(device: str, use: Use) -> str:
    """Called once: it may have to wait for a hub that does not answer."""
    return choose(device, use)


def _made(entry: Entry) -> Path:
    return weights.dequantised_folder(Path(entry.file).stem, entry.sha256)


def _folder(path: Path) -> Finding:
    lacking = [name for name in NEEDED if not (path / name).is_file()]
    if not any(path.glob("*.safetensors")):
        lacking.append("*.safetensors")
    integrity.refuse_pointers(path.iterdir())
    if lacking:
        return failed(f"{path} lacks {', '.join(lacking)}", "name a folder that save_pretrained wrote")
    if shards := integrity.missing_shards(path):
        return failed(f"{path} lacks {integrity.some(shards)}", "download all files of the model again")
    return passed(str(path))


def _hub(name: str, repo: str, revision: str) -> Finding:
    from huggingface_hub import model_info
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    if hub.is_cached(repo, revision):
        return passed(f"{name}, in the hub's cache")
    hint = "sdpo-tts model list shows models that need no hub"
    if not hub.answers():
        return failed(f"{name} is not here, and the model hub at {hub.endpoint()} does not answer", hint)
    try:
        model_info(repo, revision=revision or None, timeout=TIMEOUT_S)
    except GatedRepoError:
        return failed(
            f"{name} requires you to accept its licence", f"accept it at huggingface.co/{repo}; hf auth login"
        )
    except RepositoryNotFoundError:
        return failed(
            f"the model hub has no {repo}, or you have no access to it", "check the spelling; or: hf auth login"
        )
    except Exception as error:  # the hub's client raises many kinds of errors for one fact: it does not answer
        reason = first_line(error)[:120]
        said = f"{name} is not here, and the model hub does not answer: {reason}"
        return failed(said, hint)
    return warned(f"{name} is on the hub, and will be downloaded by the first run", f"now: sdpo-tts model pull {name}")


def _hub_bytes(repo: str, revision: str) -> int:
    """Size of its weights; 0 if the hub does not say."""
    from huggingface_hub import model_info

    try:
        files = model_info(repo, revision=revision or None, timeout=TIMEOUT_S, files_metadata=True).siblings or []
    except Exception:  # the hub's client raises many kinds of errors for one fact, which the model's own check reports
        return 0
    return sum(file.size or 0 for file in files if file.rfilename.endswith(".safetensors"))


def _catalogued(entry: Entry) -> Finding:
    if _made(entry).is_dir():
        if weights.intact(_made(entry)):
            return passed(f"{entry.title}, here and intact")
        return warned(f"{entry.title} is here, but damaged", f"sdpo-tts model pull {entry.name}")
    if (cache_root() / entry.file).is_file():
        return passed(f"{entry.title}, downloaded; the first run prepares its weights")
    source = _source(entry)
    if source:
        said = f"{entry.title} ({size(entry.bytes)}) will be downloaded from {source} by the first run"
        return warned(said, f"now: sdpo-tts model pull {entry.name}")
    return failed(f"{entry.title} is not here, and no source answers", f"put {entry.file} into {cache_root()}")


def _source(entry: Entry) -> str:
    """The first source that answers; empty if none does."""
    if entry.repo and _hub_has(entry.repo):
        return "the model hub"
    return "the Python package index" if any(_index_has(mirror.requirements()[0]) for mirror in entry.mirrors) else ""


def _hub_has(repo: str) -> bool:
    from huggingface_hub import model_info

    if not hub.answers():
        return False
    try:
        model_info(repo, timeout=TIMEOUT_S)
    except Exception:  # the hub's client raises many kinds of errors for one fact
        return False
    return True


def _index_has(requirement: str) -> bool:
    """Asks the index that pip is configured to use."""
    package, _, version = requirement.partition("==")
    command = [sys.executable, "-m", "pip", "index", "versions", package, "--disable-pip-version-check"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return False
    return version in done.stdout
