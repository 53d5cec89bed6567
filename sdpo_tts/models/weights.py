"""From a model's name to a network and a tokenizer: hub id, local folder, GGUF file or catalogue name."""

from __future__ import annotations

import errno
import fcntl
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdpo_tts.errors import SetupError, UserError, first_line
from sdpo_tts.models import automatic, hub, integrity
from sdpo_tts.models import quantization as quantised
from sdpo_tts.models.automatic import Use
from sdpo_tts.models.catalogue import Entry, entries, find
from sdpo_tts.models.fetch import cache_root, fetch, sha256_of
from sdpo_tts.models.progress import Report, unheard

# Increase this when a change here makes other weights from the same file.
_DEQUANTISED = "dequantised-1"
# As the hub's client demands: it raises its own error for any other, even where nothing is asked of the hub.
HUB_ID = re.compile(r"(?!.*(--|\.\.))\b[\w.-]{1,96}\b/\b[\w.-]{1,96}\b(?<!\.git)", re.ASCII)


@dataclass(frozen=True)
class Weights:
    """A local folder that `transformers` loads. `sha256` of the published file, if it was made from one; `repo` and
    commit `revision`, if it came from a hub."""

    name: str
    source: str
    sha256: str = ""
    repo: str = ""
    revision: str = ""


def locate(spec: str, report: Report = unheard, device: str = "auto", use: Use | None = None) -> Weights:
    """Resolve `spec` and bring the weights here; `auto` is for `device` and `use`. Raises UserError (no such model) or
    SetupError (it cannot be fetched)."""
    if spec == "auto":
        return _auto(report, device, use or Use())
    demand(spec)
    path = expanded(spec)
    if path.is_dir():
        return Weights(path.name, str(path))
    if path.suffix == ".gguf":
        integrity.refuse_pointers([path])
        sha256 = sha256_of(path)
        return Weights(path.stem, str(dequantised(path.stem, sha256, lambda: path, report)), sha256)
    if repository := of_hub(spec):
        return _fetched(*repository, report)
    entry = find(spec)
    folder = dequantised(Path(entry.file).stem, entry.sha256, lambda: fetch(entry, report), report)
    return Weights(entry.name, str(folder), entry.sha256)


def of_hub(spec: str) -> tuple[str, str, str] | None:
    """(name, repository, revision) of a model that is a repository of a hub; None for any other. The revision is the
    one after an `@`, otherwise the catalogue's, otherwise empty: the newest."""
    if (path := expanded(spec)).is_dir() or path.suffix == ".gguf":
        return None
    name, _, revision = spec.partition("@")
    if name in entries():
        entry = entries()[name]
        return None if entry.file else (name, entry.repo, revision or entry.revision)
    return (name, name, revision) if HUB_ID.fullmatch(name) and not is_path(spec) else None


def is_here(entry: Entry) -> bool:
    """Whether it can be loaded without fetching anything."""
    if not entry.file:
        return hub.is_cached(entry.repo, entry.revision)
    made = dequantised_folder(Path(entry.file).stem, entry.sha256)
    return made.is_dir() or (cache_root() / entry.file).is_file()


def _fetched(name: str, repo: str, revision: str, report: Report) -> Weights:
    folder = hub.fetch(repo, revision, report)
    return Weights(name, str(folder), repo=repo, revision=folder.name)


def demand(spec: str) -> None:
    """Raises UserError if `spec` names no model: it is neither a folder nor a file, and no hub or catalogue could have
    it."""
    path = expanded(spec)
    if spec == "auto" or path.is_dir() or path.is_file():
        return
    if path.suffix == ".gguf":
        raise UserError("no such GGUF file", where=spec)
    if is_path(spec):
        raise UserError("no such folder", where=spec, hint="--model takes a folder, a GGUF file, a hub id or a name")
    name, at, revision = spec.partition("@")
    if "/" not in name and find(name).file and at:
        raise UserError(f"{name} is a file, which has no revisions", where="--model", hint=f"--model {name}")
    if "/" in name and not HUB_ID.fullmatch(name):
        raise UserError(f"{name!r} is not a model hub id", where="--model", hint="as in Qwen/Qwen3-4B")
    if at and not revision:
        raise UserError(f"no revision after the @ of {spec}", where="--model", hint="a commit or a branch")


def is_path(spec: str) -> bool:
    """Whether it can only mean the path of a folder or file."""
    return spec.startswith((".", "/", "~")) or spec.count("/") > 1


def expanded(spec: str) -> Path:
    """A path with `~` and `~user` resolved. Raises UserError if there is no such user."""
    try:
        return Path(spec).expanduser()
    except RuntimeError:
        raise UserError("no such user", where=spec) from None


def load(weights: Weights, dtype: str, device: str, quantization: str = "none") -> tuple[Any, Any]:
    """(network, tokenizer), the network in `dtype` on `device`, in evaluation mode. Raises SetupError, also for an
    incomplete model."""
    import torch
    from transformers import AutoConfig, AutoTokenizer
    from transformers.utils.logging import disable_progress_bar

    from sdpo_tts.policy.families.anatomy import text_model

    disable_progress_bar()  # type: ignore[no-untyped-call]  # progress is the caller's to show
    more = quantised.arguments(quantization, dtype, device)
    asked: dict[str, Any] = {"trust_remote_code": False}
    integrity.refuse_pointers(Path(weights.source).iterdir())
    hint = "sdpo-tts model list shows models that need no hub"
    with _readable(f"the model {weights.name} could not be loaded", hint):
        config = AutoConfig.from_pretrained(weights.source, **asked)
        more |= quantised.published(weights.name, config, quantization)
    with (
        _readable(f"the tokenizer of {weights.name} could not be loaded", "is its tokenizer.json complete?"),
        integrity.packages_of_tokenizer(weights.name, Path(weights.source)),
    ):
        tokenizer = AutoTokenizer.from_pretrained(weights.source, **asked)
    with _readable(f"the model {weights.name} could not be loaded", hint):
        loaded: Any = text_model(config).from_pretrained(
            weights.source, dtype=getattr(torch, dtype), output_loading_info=True, **asked, **more
        )
    network, told = loaded
    integrity.refuse_missing(weights.name, told)
    integrity.refuse_foreign_tokenizer(weights.name, tokenizer, network)
    network.name_or_path = weights.repo or weights.source  # what adapters call their base
    network.to(device).eval().requires_grad_(False)
    integrity.refuse_not_finite(weights.name, network)
    quantised.keep_as_loaded(network)
    return network, tokenizer


@contextmanager
def _readable(what: str, hint: str, where: str = "") -> Iterator[None]:
    """Raises SetupError for any of the many errors that transformers raises for files that it cannot read. Lack of
    memory or of disk space is passed on."""
    from sdpo_tts.policy.memory import ran_out

    try:
        yield
    except SetupError:
        raise
    except Exception as error:
        if ran_out(error) or (isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)):
            raise
        why = f"{what}: {first_line(error)}"
        raise SetupError(why, where=where, hint=hint) from error


def dequantised(stem: str, sha256: str, bring: Callable[[], Path], report: Report = unheard) -> Path:
    """A folder with a GGUF file's weights as bfloat16 safetensors: made once, written atomically, checked.

    `bring` gets the file, and is called only if the folder is missing or damaged. If several processes need it, one
    makes it and the others wait. Raises SetupError if the file holds no such weights.
    """
    folder = dequantised_folder(stem, sha256)
    if intact(folder):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f".{folder.name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not intact(folder):
            _make(folder, bring(), report)
    return folder


def _make(folder: Path, gguf: Path, report: Report) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    report(f"de-quantising {gguf.name} (once, about a minute)")
    # it was renamed away once complete, so there may be nothing left to clean up
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".part-", ignore_cleanup_errors=True) as part:
        hint = "it may be cut short: download it again, or name another file, or the folder of the original model"
        with _readable("the model could not be read", hint, str(gguf)):
            _dequantise(gguf, Path(part))
        sums = {file.name: sha256_of(file) for file in Path(part).iterdir()}
        (Path(part) / "sums.json").write_text(json.dumps(sums), encoding="utf-8")
        Path(part).rename(folder)


def dequantised_folder(stem: str, sha256: str) -> Path:
    """Where `dequantised` stores the weights of a file."""
    return cache_root() / f"{stem}-{sha256[:12]}-{_DEQUANTISED}"


def _auto(report: Report, device: str, use: Use) -> Weights:
    """Raises SetupError if nothing can be fetched."""
    name = automatic.choose(device, use, report)
    for smaller in automatic.fallbacks(name):
        try:
            return locate(name, report)
        except SetupError as error:
            poor = ", which rarely solves anything" if smaller == automatic.LAST else ""
            report(f"{error.what}; falling back to {smaller}{poor}")
            name = smaller
    return locate(name, report)


def _dequantise(gguf: Path, out: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    where = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name}
    loaded: Any = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.bfloat16, output_loading_info=True)
    network, told = loaded
    integrity.refuse_missing(gguf.name, told)
    network.hf_quantizer = None  # otherwise save_pretrained refuses: GGUF itself cannot be serialised
    del network.config.quantization_config
    network.save_pretrained(out)
    AutoTokenizer.from_pretrained(**where).save_pretrained(out)


def intact(folder: Path) -> bool:
    """Whether every file of the folder has the checksum written with it."""
    try:
        sums = json.loads((folder / "sums.json").read_text(encoding="utf-8"))
        return bool(sums) and all(sha256_of(folder / name) == value for name, value in sums.items())
    except (OSError, ValueError):
        return False


def dtype_for(device: str) -> str:
    """bfloat16 if the processor computes in it, otherwise float32."""
    if device.startswith("cuda"):
        return "bfloat16"
    return "bfloat16" if "avx512_bf16" in _cpu_flags() else "float32"


def _cpu_flags() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    return cpuinfo.read_text() if cpuinfo.exists() else ""
