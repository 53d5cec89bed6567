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
from sdpo_tts.models import hub, integrity
from sdpo_tts.models import quantization as quantised
from sdpo_tts.models.catalogue import entries, find
from sdpo_tts.models.fetch import Report, cache_root, fetch, sha256_of

# Increase this when a change here makes other weights from the same file.
_DEQUANTISED = "dequantised-1"
HUB_ID = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}", re.ASCII)
OF_A_MODEL = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja")
"""The files of a hub's repository that loading needs; others are copies of the weights."""


@dataclass(frozen=True)
class Weights:
    """Something `transformers` loads: a local folder or a hub id; `sha256` of the published file where one is known."""

    name: str
    source: str
    sha256: str = ""


def choose(device: str, report: Report = lambda _: None) -> str:
    """What `--model auto` means here: the largest model of the catalogue's family that `device` trains well."""
    memory = _card_gb(device)
    if memory >= 20 and hub.answers():
        name = "Qwen/Qwen3-8B" if memory >= 40 else "Qwen/Qwen3-4B"
        report(f"model: {name}, since the GPU has {memory:.0f} GB and the model hub answers")
        return name
    name = "qwen2.5-coder-0.5b" if memory < 8 else "qwen2.5-coder-1.5b"
    why = f"the GPU has {memory:.0f} GB" if memory else "no GPU is used"
    report(f"model: {name}, since {why}" + ("" if memory < 20 else " but no model hub answers"))
    return name


def _card_gb(device: str) -> float:
    """As cards are sold, in units of 10^9 bytes; 0 if it is not a card. `auto` is the first card, if there is one."""
    import torch

    kind, _, number = device.partition(":")
    if kind not in ("auto", "cuda") or int(number or 0) >= torch.cuda.device_count():
        return 0.0
    return torch.cuda.get_device_properties(int(number or 0)).total_memory / 1e9


def locate(spec: str, report: Report = lambda _: None, device: str = "auto") -> Weights:
    """Resolve `spec` and bring the weights here, all but those of a hub id; `auto` is for `device`. Raises UserError
    (no such model) or SetupError (not to be had)."""
    if spec == "auto":
        return _auto(report, device)
    demand(spec)
    path = expanded(spec)
    if path.is_dir():
        return Weights(path.name, str(path))
    if path.suffix == ".gguf":
        integrity.refuse_pointers([path])
        sha256 = sha256_of(path)
        return Weights(path.stem, str(dequantised(path.stem, sha256, lambda: path, report)), sha256)
    if spec not in entries() and spec.count("/") == 1:
        return Weights(spec, spec)
    entry = find(spec)
    folder = dequantised(Path(entry.file).stem, entry.sha256, lambda: fetch(entry, report), report)
    return Weights(entry.name, str(folder), entry.sha256)


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
    if "/" not in spec:
        find(spec)
    elif not HUB_ID.fullmatch(spec):
        raise UserError(f"{spec!r} is not a model hub id", where="--model", hint="as in Qwen/Qwen3-4B")


def is_path(spec: str) -> bool:
    """Whether it can only mean the path of a folder or file."""
    return spec.startswith((".", "/", "~")) or spec.count("/") > 1


def expanded(spec: str) -> Path:
    """A path with `~` and `~user` resolved. Raises UserError if there is no such user."""
    try:
        return Path(spec).expanduser()
    except RuntimeError:
        raise UserError("no such user", where=spec) from None


def downloaded(weights: Weights) -> Path:
    """The folder of the weights; those of a hub id are fetched where they are not here. Raises SetupError."""
    if Path(weights.source).is_dir():
        return Path(weights.source)
    from huggingface_hub import snapshot_download

    local = hub.is_local(weights.source)
    try:
        return Path(snapshot_download(weights.source, allow_patterns=list(OF_A_MODEL), local_files_only=local))
    except Exception as error:  # the hub's client raises many kinds of errors for one fact: it is not available
        what = f"the model {weights.name} could not be fetched: {first_line(error)}"
        raise SetupError(what, hint="sdpo-tts model list shows models that need no hub") from None


def load(weights: Weights, dtype: str, device: str, quantization: str = "none") -> tuple[Any, Any]:
    """(network, tokenizer), the network in `dtype` on `device`, in evaluation mode. Raises SetupError, also for a model
    that is not whole."""
    import torch
    from transformers import AutoConfig, AutoTokenizer
    from transformers.utils.logging import disable_progress_bar

    from sdpo_tts.policy.families.anatomy import text_model

    disable_progress_bar()  # type: ignore[no-untyped-call]  # progress is the caller's to show
    more = quantised.arguments(quantization, dtype, device)
    asked: dict[str, Any] = {"trust_remote_code": False}
    if Path(weights.source).is_dir():
        integrity.refuse_pointers(Path(weights.source).iterdir())
    else:
        asked["local_files_only"] = hub.is_local(weights.source)
    hint = "sdpo-tts model list shows models that need no hub"
    with _readable(f"the model {weights.name} could not be loaded", hint):
        config = AutoConfig.from_pretrained(weights.source, **asked)
        more |= quantised.published(weights.name, config, quantization)
    with _readable(f"the tokenizer of {weights.name} could not be loaded", "is its tokenizer.json complete?"):
        tokenizer = AutoTokenizer.from_pretrained(weights.source, **asked)
    with _readable(f"the model {weights.name} could not be loaded", hint):
        loaded: Any = text_model(config).from_pretrained(
            weights.source, dtype=getattr(torch, dtype), output_loading_info=True, **asked, **more
        )
    network, told = loaded
    integrity.refuse_missing(weights.name, told)
    integrity.refuse_foreign_tokenizer(weights.name, tokenizer, network)
    network.to(device).eval().requires_grad_(False)
    integrity.refuse_not_finite(weights.name, network)
    quantised.keep_as_loaded(network)
    return network, tokenizer


@contextmanager
def _readable(what: str, hint: str, where: str = "") -> Iterator[None]:
    """Raises SetupError for whatever transformers raises over files that it cannot read: there are many kinds. Lack of
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


def dequantised(stem: str, sha256: str, bring: Callable[[], Path], report: Report = lambda _: None) -> Path:
    """A folder with a GGUF file's weights as bfloat16 safetensors: made once, written atomically, checked.

    `bring` gets the file, and is called only where the folder is missing or damaged. Of several processes one makes it
    and the others wait. Raises SetupError if the file holds no such weights.
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
        hint = "it may be cut short: download it again, or name another, or the folder of the model it was made from"
        with _readable("no model that could be read", hint, str(gguf)):
            _dequantise(gguf, Path(part))
        sums = {file.name: sha256_of(file) for file in Path(part).iterdir()}
        (Path(part) / "sums.json").write_text(json.dumps(sums), encoding="utf-8")
        Path(part).rename(folder)


def dequantised_folder(stem: str, sha256: str) -> Path:
    """Where `dequantised` stores the weights of a file."""
    return cache_root() / f"{stem}-{sha256[:12]}-{_DEQUANTISED}"


def _auto(report: Report, device: str) -> Weights:
    name = choose(device, report)
    try:
        return locate(name, report)
    except SetupError as error:
        report(f"{error.what}; falling back to smollm2-135m, which rarely solves anything")
        return locate("smollm2-135m", report)


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
