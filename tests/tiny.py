"""A real transformer small enough for exact comparisons: random weights, two layers, in double precision."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from sdpo_tts.policy.network import LoraSettings, Network

VOCABULARY = 64


def tiny_network(seed: int = 0, dtype: torch.dtype = torch.float64) -> Network:
    """Its adapter already changes something: B is not zero, so that the gradient reaches A too."""
    config = Qwen2Config(
        vocab_size=VOCABULARY, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=256, tie_word_embeddings=False, initializer_range=0.3,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        base = Qwen2ForCausalLM(config).to(dtype).eval().requires_grad_(False)
        network = Network(base, LoraSettings(rank=4, alpha=8), seed)
        for name, parameter in network.peft.named_parameters():
            if parameter.requires_grad:
                parameter.data = parameter.data.to(dtype)
                if "lora_B" in name:
                    parameter.data.normal_(std=0.05)
    network.version = 1
    return network


SWITCHED = "{% if enable_thinking %}<think>\n{% else %}<think>\n\n</think>\n\n{% endif %}"
"""The end of a chat template that opens a thought, or closes an empty one."""


def thinker(end: str = SWITCHED, marks: Sequence[str] = ("<think>", "</think>")) -> PreTrainedTokenizerFast:
    """A tokenizer of bytes whose chat template ends like this, with the marks as tokens of their own."""
    from tests.test_prompts import chatml

    tokenizer = chatml()
    tokenizer.add_tokens(list(marks))
    tokenizer.chat_template += end
    return tokenizer


def save_tiny_model(folder: Path, tokenizer: PreTrainedTokenizerFast | None = None) -> Path:
    """With a tokenizer of bytes and a chat template. Heads of a size that vLLM has kernels for, and answers that are
    neither noise nor always the same."""
    from tests.test_prompts import chatml

    tokenizer = tokenizer or chatml()
    config = Qwen2Config(
        vocab_size=len(tokenizer), hidden_size=128, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=8192, eos_token_id=tokenizer.eos_token_id, initializer_range=0.15,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        Qwen2ForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)  # as models are published
    tokenizer.save_pretrained(folder)
    return folder
