"""What runs need of memory, by model and length of answers: the tables of docs/choosing-a-model.md.

    python benchmarks/memory.py            prints them
    python benchmarks/memory.py --write    puts them into the page, and the numbers of the catalogue into its file

The numbers are `sdpo-tts doctor`'s (`sdpo_tts/policy/memory_plan.py`), in bfloat16 on a GPU, but for one column.
Shapes are those of each model's published config.json.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from transformers import PretrainedConfig, Qwen2Config, Qwen3Config

from sdpo_tts.doctor.finding import Subject
from sdpo_tts.models import catalogue
from sdpo_tts.models.catalogue import AT_ONCE, Entry, entries, find
from sdpo_tts.policy.memory_plan import GIB, card_for, memory_of, parameters_of

CATALOGUE = Path(__file__).parents[1] / "sdpo_tts" / "models" / "catalogue.toml"
PAGE = Path(__file__).parents[1] / "docs" / "choosing-a-model.md"
BEGIN, END = "<!-- table: python benchmarks/memory.py --write -->\n", "<!-- end of table -->\n"
NAMES = "<!-- table: the catalogue; python benchmarks/memory.py --write -->\n"
LENGTHS = (512, 2048, 8192)


def qwen2(hidden: int, inner: int, layers: int, heads: int, kv: int, vocabulary: int, *, tied: bool) -> Qwen2Config:
    return Qwen2Config(
        vocab_size=vocabulary, hidden_size=hidden, intermediate_size=inner, num_hidden_layers=layers,
        num_attention_heads=heads, num_key_value_heads=kv, tie_word_embeddings=tied,
    )  # fmt: skip


def qwen3(hidden: int, inner: int, layers: int, heads: int, *, tied: bool) -> Qwen3Config:
    return Qwen3Config(
        vocab_size=151936, hidden_size=hidden, intermediate_size=inner, num_hidden_layers=layers,
        num_attention_heads=heads, num_key_value_heads=8, head_dim=128, tie_word_embeddings=tied,
    )  # fmt: skip


MODELS: dict[str, PretrainedConfig] = {
    "Qwen2.5-Coder-0.5B": find("qwen2.5-coder-0.5b").configuration(),
    "Qwen2.5-Coder-1.5B": find("qwen2.5-coder-1.5b").configuration(),
    "Qwen2.5-Coder-3B": qwen2(2048, 11008, 36, 16, 2, 151936, tied=True),
    "Qwen3-4B": qwen3(2560, 9728, 36, 32, tied=True),
    "Qwen2.5-Coder-7B": qwen2(3584, 18944, 28, 28, 4, 152064, tied=False),
    "Qwen3-8B": qwen3(4096, 12288, 36, 32, tied=False),
    "Qwen2.5-Coder-14B": qwen2(5120, 13824, 48, 40, 8, 152064, tied=False),
}


def table() -> str:
    """In Markdown."""
    head = " | ".join(f"{tokens} tokens" for tokens in LENGTHS)
    lines = [
        f"| model | weights | {head} | card | without a GPU, 512 tokens | a run on disk |",
        "|---|---|" + "---|" * (len(LENGTHS) + 3),
    ]
    return "\n".join([*lines, *rows()]) + "\n"


def rows() -> Iterator[str]:
    for name, config in MODELS.items():
        needs = [
            memory_of(config, Subject(max_new_tokens=tokens), "bfloat16", checkpointing=True) for tokens in LENGTHS
        ]
        sizes = [needs[0].weights, *(need.total for need in needs)]
        told = " | ".join(f"{size / GIB:.1f} GiB" for size in sizes)
        # On disk lie as many copies: adapter/last; adapter and moments, of now and of the best batch.
        cpu = memory_of(config, Subject(max_new_tokens=LENGTHS[0]), "float32", checkpointing=False).total
        yield (
            f"| {name} | {told} | {_card(card_for(needs[1].total))} | {cpu / GIB:.1f} GiB | "
            f"{needs[0].adapter / GIB:.1f} GiB |"
        )


def _card(size: int | None) -> str:
    return f"{size} GB" if size else "-"


def names() -> str:
    """The catalogue, in Markdown."""
    head = ["| name | model | family | card | card with nf4 | licence | thinking |", "|---|---|---|---|---|---|---|"]
    return "\n".join([*head, *map(_named, entries().values())]) + "\n"


def _named(entry: Entry) -> str:
    model = f"[{entry.title}](https://huggingface.co/{entry.repo})" if entry.repo else entry.title
    cards = f"{_card(entry.card('bfloat16'))} | {_card(entry.card('nf4'))}"
    return f"| `{entry.name}` | {model} | `{entry.family}` | {cards} | {entry.licence} | {entry.thinking} |"


def derived(entry: Entry) -> str:
    """The lines of the catalogue's file that follow from an entry's shape."""
    config = entry.configuration()
    kinds = {"bfloat16": "none", "nf4": "nf4"} if entry.nf4 else {"bfloat16": "none"}
    told = ", ".join(f"{kind} = {_gib(config, quantization)}" for kind, quantization in kinds.items())
    return f"parameters = {parameters_of(config)}\nmemory = {{ {told} }}\n"


def _gib(config: PretrainedConfig, quantization: str) -> list[float]:
    subjects = (
        Subject(max_new_tokens=tokens, quantization=quantization, batch_size=AT_ONCE) for tokens in catalogue.LENGTHS
    )
    return [round(memory_of(config, one, "bfloat16", checkpointing=True).total / GIB, 2) for one in subjects]


def write() -> None:
    text = CATALOGUE.read_text(encoding="utf-8")
    for entry in entries().values():
        before, name, after = text.partition(f'["{entry.name}"]\n')
        text = before + name + re.sub(r"parameters = .*\nmemory = .*\n", derived(entry), after, count=1)
    CATALOGUE.write_text(text, encoding="utf-8")
    entries.cache_clear()
    page = PAGE.read_text(encoding="utf-8")
    for begin, made in ((BEGIN, table()), (NAMES, names())):
        before, _, rest = page.partition(begin)
        page = before + begin + made + END + rest.partition(END)[2]
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    write() if "--write" in sys.argv[1:] else print(table(), names(), sep="\n", end="")
