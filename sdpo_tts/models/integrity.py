"""Whether the files on disk are a complete model: no pointers in place of files, all weights, finite ones, and a
tokenizer that fits them. transformers loads many incomplete models, and at best says so in a log."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sdpo_tts.errors import SetupError

_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_WORD = "fortytwo"
_WHOLE = "download all files of the model again"


def refuse_pointers(files: Iterable[Path]) -> None:
    """Raises SetupError for a file that a clone without Git LFS left in place of the real one."""
    for path in files:
        if path.is_file() and _begins(path, _LFS_POINTER):
            raise SetupError("a Git LFS pointer, not the file itself", where=str(path), hint="git lfs pull")


def _begins(path: Path, magic: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(magic)) == magic


def missing_shards(folder: Path) -> list[str]:
    """Files of weights that the index of a folder names and that are missing, for example because a download was cut
    short; the index itself if it cannot be read."""
    index = folder / "model.safetensors.index.json"
    if (folder / "model.safetensors").is_file() or not index.is_file():
        return []
    try:
        named = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        return sorted(shard for shard in named if not (folder / shard).is_file())
    except (ValueError, KeyError, TypeError, AttributeError):
        return [index.name]


def refuse_missing(name: str, loading_info: Mapping[str, Any]) -> None:
    """`loading_info` comes from `from_pretrained`. Raises SetupError for layers that would stay random."""
    if missing := sorted(loading_info["missing_keys"]):
        raise SetupError(f"the checkpoint of {name} lacks {some(missing)}", hint=_WHOLE)


def refuse_not_finite(name: str, network: Any) -> None:
    """Raises SetupError for weights that are NaN or infinite."""
    broken = [key for key, weight in network.named_parameters() if not _finite(weight)]
    if broken:
        raise SetupError(f"the checkpoint of {name} has weights that are not finite: {some(broken)}", hint=_WHOLE)


def refuse_foreign_tokenizer(name: str, tokenizer: Any, network: Any) -> None:
    """Raises SetupError for a tokenizer without a vocabulary, which is what transformers makes if its files are
    missing, and for one with ids that the network has no row for.

    Special tokens beyond the rows are allowed: no text becomes them (Gemma 3 has one for pictures).
    """
    if _WORD not in tokenizer.decode(tokenizer(_WORD, add_special_tokens=False)["input_ids"]).replace(" ", ""):
        raise SetupError(f"the model {name} has no tokenizer", hint="its tokenizer.json must be there, complete")
    rows: int = network.get_input_embeddings().weight.shape[0]
    special = {at for at, token in tokenizer.added_tokens_decoder.items() if token.special}
    beyond = sorted(at for at in tokenizer.get_vocab().values() if at >= rows and at not in special)
    if beyond:
        what = f"the tokenizer of {name} has ids up to {beyond[-1]}, but the model has only {rows} rows"
        raise SetupError(what, hint="they belong to different models, or tokens were added to the tokenizer only")


@contextmanager
def packages_of_tokenizer(name: str, folder: Path) -> Iterator[None]:
    """While a tokenizer is loaded: raises SetupError if that needs a package that is not installed."""
    try:
        yield
    except (ImportError, ValueError) as error:
        if package := _lacking(str(error), folder):
            what = f"the tokenizer of {name} needs a package that is not installed: {package}"
            raise SetupError(what, hint=f"pip install {package}") from error
        raise


def _lacking(said: str, folder: Path) -> str:
    """The package that transformers asked for, if it did. Where SentencePiece is not installed, it takes its file for
    one of tiktoken and asks for that."""
    asked = re.search(r"pip install ([\w-]+)", said)
    package = asked[1] if asked else "sentencepiece" if "SentencePiece" in said else ""
    mistaken = package == "tiktoken" and (folder / "tokenizer.model").is_file()
    return "sentencepiece" if mistaken and importlib.util.find_spec("sentencepiece") is None else package


def _finite(weight: Any) -> bool:
    """Always true for what is not a floating-point tensor, such as four-bit codes."""
    import torch

    if not weight.is_floating_point() or not weight.numel():
        return True
    least, most = torch.aminmax(weight)  # unlike isfinite it needs no memory; a NaN becomes the minimum and the maximum
    return bool(torch.isfinite(least) and torch.isfinite(most))


def some(names: list[str], most: int = 3) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
