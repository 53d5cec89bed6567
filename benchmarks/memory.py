"""What runs need of memory, by model and length of answers: the table of docs/choosing-a-model.md.

    python benchmarks/memory.py            prints it
    python benchmarks/memory.py --write    puts it into the page

The numbers are `sdpo-tts doctor`'s (`sdpo_tts/policy/memory_plan.py`), in bfloat16 on a GPU, but for one column.
Shapes are those of each model's published config.json.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from transformers import PretrainedConfig, Qwen2Config, Qwen3Config

from sdpo_tts.doctor.finding import Subject
from sdpo_tts.policy.memory_plan import memory_needed

PAGE = Path(__file__).parents[1] / "docs" / "choosing-a-model.md"
BEGIN, END = "<!-- table: python benchmarks/memory.py --write -->\n", "<!-- end of table -->\n"
LENGTHS = (512, 2048, 8192)
CARDS = (8, 12, 16, 24, 32, 48, 80, 96, 141)
RESERVE = 0.9  # of a card: the driver and torch's allocator take the rest


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
    "Qwen2.5-Coder-0.5B": qwen2(896, 4864, 24, 14, 2, 151936, tied=True),
    "Qwen2.5-Coder-1.5B": qwen2(1536, 8960, 28, 12, 2, 151936, tied=True),
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
    with tempfile.TemporaryDirectory() as folder:
        for name, config in MODELS.items():
            config.save_pretrained(folder)
            needs = [
                memory_needed(folder, Subject(max_new_tokens=tokens), "bfloat16", checkpointing=True)
                for tokens in LENGTHS
            ]
            sizes = [needs[0].weights, *(need.total for need in needs)]
            told = " | ".join(f"{size / 2**30:.1f} GiB" for size in sizes)
            # On disk lie as many copies: adapter/last; adapter and moments, of now and of the best batch.
            cpu = memory_needed(folder, Subject(max_new_tokens=LENGTHS[0]), "float32", checkpointing=False).total
            yield (
                f"| {name} | {told} | {_card(needs[1].total)} | {cpu / 2**30:.1f} GiB | "
                f"{needs[0].adapter / 2**30:.1f} GiB |"
            )


def _card(need: int) -> str:
    """The smallest usual one for answers of the middle length."""
    return next((f"{card} GB" for card in CARDS if need < RESERVE * card * 2**30), "-")


def write() -> None:
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(before + BEGIN + table() + END + rest.partition(END)[2], encoding="utf-8")


if __name__ == "__main__":
    write() if "--write" in sys.argv[1:] else print(table(), end="")
