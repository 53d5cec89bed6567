"""Every family of models that the installed transformers has, tiny and random: does it run, and is it exact?

    python -m benchmarks.families                  # all; prints a table in Markdown
    python -m benchmarks.families qwen3_5 gemma4   # some
    python -m benchmarks.families --json           # a line for each as it is done
    python -m benchmarks.families --write [FILE]   # into docs/families.md, from such lines if a file of them is given

*Exact* is measured apart from the program's own check: the sampler's log-probabilities and the gradient of a batch,
with an adapter that is not zero, against one pass of the whole model for each answer, without a cache. A family that
transformers cannot build in a small size is left out, and said.
"""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import json
import logging
import sys
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.report import table as markdown
from benchmarks.report import write
from sdpo_tts.errors import SetupError
from sdpo_tts.policy.families.exactness import exact
from sdpo_tts.policy.learning.learner import Learner, LearnerSettings
from sdpo_tts.policy.learning.lesson import Lesson
from sdpo_tts.policy.learning.loss import LossSettings
from sdpo_tts.policy.network import LoraSettings, Network
from sdpo_tts.policy.sampler import Sample, TorchSampler

WINDOW, VOCABULARY = 16, 264
SMALL: dict[str, Any] = {
    "vocab_size": VOCABULARY, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 4,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 512,
    "sliding_window": WINDOW, "tie_word_embeddings": False, "initializer_range": 0.15, "pad_token_id": 0,
    "bos_token_id": 1, "eos_token_id": 2,
    # mixtures of experts
    "num_experts": 8, "num_local_experts": 8, "n_routed_experts": 8, "moe_num_experts": 8, "num_experts_per_tok": 2,
    "moe_intermediate_size": 32, "shared_expert_intermediate_size": 32, "moe_topk": 2, "moe_k": 2, "n_group": 1,
    "topk_group": 1, "first_k_dense_replace": 1, "num_shared_experts": 1, "n_shared_experts": 1, "top_k_experts": 2,
    "expert_ffn_hidden_size": 32, "ffn_hidden_size": 96, "zero_expert_num": 2, "num_expert_groups": 1,
    # latent attention
    "q_lora_rank": 24, "kv_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 12,
    "qk_head_dim": 16, "index_head_dim": 16, "index_n_heads": 2, "index_topk": 32,
    # linear attention, state spaces, convolutions
    "linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_key_head_dim": 16, "linear_value_head_dim": 16,
    "mamba_n_heads": 8, "mamba_d_head": 16, "mamba_d_state": 16, "mamba_n_groups": 1, "mamba_chunk_size": 16,
    "mamba_num_heads": 8, "mamba_head_dim": 16, "ssm_state_size": 16, "n_groups": 1, "chunk_size": 16, "state_size": 16,
    "num_heads": 8, "mamba_expand": 2, "expand": 2, "time_step_rank": 8, "mamba_dt_rank": 8, "conv_L_cache": 3,
    "mamba_d_ssm": 128, "lru_width": 64, "attention_window_size": WINDOW,
    # names of other days
    "n_embd": 64, "n_layer": 4, "n_head": 4, "n_positions": 512, "n_inner": 96, "d_model": 64, "n_layers": 4,
    "n_heads": 4, "max_seq_len": 512, "ffn_dim": 96, "word_embed_proj_dim": 64, "num_layers": 4, "rotary_dim": 8,
    "num_kv_heads": 2, "attention_heads": 4, "dim_feedforward": 96, "n_ctx": 512, "decoder_layers": 4,
    "decoder_attention_heads": 4, "decoder_ffn_dim": 96, "vocab_size_per_layer_input": VOCABULARY,
    "hidden_size_per_layer_input": 8, "attention_chunk_size": 32, "num_hidden_groups": 1,
}  # fmt: skip
_TWO = ["linear_attention", "full_attention"]
MIXED: dict[str, dict[str, Any]] = {
    "bamba": {"attn_layer_indices": [1, 3]},
    "granitemoehybrid": {"layer_types": 2 * _TWO, "shared_intermediate_size": 48},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1, "expert_layer_period": 2, "expert_layer_offset": 1},
    "lfm2": {"layer_types": 2 * ["conv", "full_attention"]},
    "lfm2_moe": {"layer_types": 2 * ["conv", "full_attention"], "num_dense_layers": 2},
    "gpt_neo": {"attention_types": [[["global", "local"], 2]], "window_size": WINDOW},
    "gemma3_text": {"layer_types": 2 * ["sliding_attention", "full_attention"]},
    "gemma4_text": {"layer_types": 2 * ["sliding_attention", "full_attention"]},
    "olmo_hybrid": {"layer_types": 2 * _TWO},
}
"""Layers of both kinds where a small model would have one."""
VISION: dict[str, Any] = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "depth": 2, "num_attention_heads": 2,
    "num_heads": 2, "image_size": 28, "patch_size": 14, "out_hidden_size": 64, "head_dim": 16, "num_key_value_heads": 2,
}  # fmt: skip
PROMPTS = ((40, 0), (40, 0), (31, 3), (57, 0))  # tokens of prompts that share their first 20, but for some at the end
MOST_WORDS = 160  # letters of a reason in the table
LARGEST = 30_000_000  # parameters of what counts as tiny
ENCODERS = (
    "bert", "electra", "git", "camembert", "roberta", "rembert", "xmod", "megatron", "roformer", "roc_bert", "data2vec",
    "big_bird", "bigbird", "xlm", "xlnet", "mbart", "bart", "blenderbot", "marian", "mvp", "pegasus", "plbart",
    "prophetnet", "trocr", "whisper", "musicgen", "reformer", "ctrl", "cpmant", "openai-gpt",
)  # fmt: skip
"""How kinds begin that read in both directions, hear, or translate; and those of before chats."""


@dataclass
class Row:
    """What came of one family. Distances are the sampler's, in nats, and the gradient's, relative."""

    family: str
    model: str = ""
    loads: bool = False
    sampling: str = ""
    learning: str = ""
    attention: str = ""
    logprobs: float | None = None
    gradient: float | None = None
    targets: int = 0
    without: int = 0
    refusal: str = ""
    traceback: str = ""

    @property
    def is_exact(self) -> bool:
        return self.logprobs is not None and self.logprobs < 1e-3 and self.gradient is not None and self.gradient < 1e-3


def families() -> Iterator[tuple[str, bool]]:
    """(model type, whether it takes pictures too) of decoders that transformers can make."""
    from transformers.models.auto import modeling_auto as auto

    causal = [name for name in auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES if not name.startswith(ENCODERS)]
    yield from ((name, False) for name in causal)
    yield from ((name, True) for name in auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES if name not in causal)


def tiny(family: str, *, pictures: bool = False, seed: int = 0, **more: Any) -> Any:
    """A random model of the family, in float32. Raises whatever transformers raises."""
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

    kind = AutoModelForImageTextToText if pictures else AutoModelForCausalLM
    config = tiny_config(family, **more)
    with torch.device("meta"):
        size = kind.from_config(config).num_parameters()  # type: ignore[no-untyped-call]
    if size > LARGEST:
        raise ValueError(f"{size / 1e6:.0f} million parameters at the smallest")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        base: Any = kind.from_config(config).float().eval().requires_grad_(False)  # type: ignore[no-untyped-call]
        _stir(base)
    return base


def _stir(base: Any) -> None:
    """Parameters that start at zero or one would hide what they are for: sinks, biases, gates, norms."""
    for parameter in base.parameters():
        if parameter.is_floating_point() and (parameter == parameter.flatten()[0]).all():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)


def tiny_config(family: str, **more: Any) -> Any:
    from transformers import CONFIG_MAPPING

    kind = CONFIG_MAPPING[family]
    known = _fields(kind)
    parts = getattr(kind, "sub_configs", {})
    told = {name: value for name, value in SMALL.items() if name in known}
    told |= _heads_of_their_own(told) | MIXED.get(family, {})
    for name, part in parts.items():
        if name in ("text_config", "decoder", "llm_config"):
            told[name] = _part(part, SMALL, kind, name) | MIXED.get(f"{family}_text", {}) | more
        elif name in known:
            told[name] = _part(part, VISION, kind, name)
    return kind(**(told if "text_config" in parts else told | more))


def _heads_of_their_own(told: dict[str, Any]) -> dict[str, Any]:
    """With latent attention every head has keys of its own."""
    return {"num_key_value_heads": 4} if {"kv_lora_rank", "num_key_value_heads"} <= told.keys() else {}


def _part(part: Any, small: dict[str, Any], kind: Any, name: str) -> dict[str, Any]:
    from transformers import CONFIG_MAPPING, AutoConfig

    made = part
    if part is AutoConfig or part is None:
        made = type(getattr(kind(), name))
    found = {key: value for key, value in small.items() if key in _fields(made)}
    found |= _heads_of_their_own(found)
    model_type = getattr(made, "model_type", "")
    mixed = MIXED.get(model_type, {})
    return {**({"model_type": model_type} if model_type in CONFIG_MAPPING else {}), **found, **mixed}


def _fields(kind: Any) -> set[str]:
    """Names that a configuration takes, each once where it has others for the same."""
    names = {field.name for field in dataclasses.fields(kind)} if dataclasses.is_dataclass(kind) else set()
    names |= set(inspect.signature(kind.__init__).parameters)
    renamed: dict[str, str] = getattr(kind, "attribute_map", {})
    return (names | set(renamed.values())) - set(renamed)


def prompts() -> list[tuple[int, ...]]:
    rng = np.random.default_rng(5)
    ids = rng.integers(3, VOCABULARY - 8, 200).tolist()
    return [tuple(ids[:20] + ids[20 + skip :][: size - 20]) for size, skip in PROMPTS]


def distances(network: Network) -> tuple[float, float]:
    """(largest distance in nats of a sampled token, relative distance of the gradient) from one pass an answer."""
    far, drawn = sampled(network)
    return far, _gradient_off(network, drawn)


def sampled(network: Network) -> tuple[float, list[Sample]]:
    """(largest distance in nats of a sampled token from one pass an answer, answers to prompts of several lengths)."""
    sampler, asked = TorchSampler(network, [2], max_new_tokens=12), prompts()
    rngs = [[np.random.default_rng([7, i]) for i in range(len(asked))] for _ in range(2)]
    alike, ragged = sampler.sample(asked[:2], rngs[0][:2]), sampler.sample(asked, rngs[1])
    return max(float(distance(network, sample).max()) for sample in [*alike, *ragged]), ragged


@torch.no_grad()
def distance(network: Network, sample: Sample) -> Tensor:
    """Of each token's log-probability, in nats, from one pass of the whole model."""
    return (_logprobs(network, sample) - torch.tensor(sample.logprobs)).abs()


def _logprobs(network: Network, sample: Sample) -> Tensor:
    """One pass of the whole model, without a cache."""
    ids = torch.tensor([sample.prompt + sample.response[:-1]])
    logits_T_V = network.peft(input_ids=ids, use_cache=False).logits[0, len(sample.prompt) - 1 :]
    return logits_T_V.log_softmax(-1).gather(-1, torch.tensor(sample.response)[:, None]).squeeze(-1)


def _gradient_off(network: Network, samples: Sequence[Sample]) -> float:
    by_reward = LossSettings(grpo_weight=1.0, max_ratio=1e9)
    learner = Learner(network, LearnerSettings(micro_tokens=64, loss=by_reward))
    lessons = [Lesson(sample, advantage=number - 1.5) for number, sample in enumerate(samples)]
    learner.gradient(lessons)
    ours = _taken(network)
    for lesson in lessons:
        loss = -lesson.advantage * _logprobs(network, lesson.sample).mean() / len(lessons)
        loss.backward()  # type: ignore[no-untyped-call]
    theirs = _taken(network)
    return float((ours - theirs).norm() / theirs.norm())


def _taken(network: Network) -> Tensor:
    found = [p.grad.flatten() if p.grad is not None else torch.zeros(p.numel()) for p in network.trainable]
    for parameter in network.trainable:
        parameter.grad = None
    return torch.cat(found)


def stirred(network: Network) -> Network:
    """With an adapter that changes something."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        for name, parameter in network.peft.named_parameters():
            if parameter.requires_grad and "lora_B" in name:
                parameter.data.normal_(std=0.05)
    network.version = 1
    return network


def examine(family: str, *, pictures: bool) -> Row:
    row = Row(family)
    try:
        base = tiny(family, pictures=pictures)
    except Exception as error:  # it is transformers that cannot make it
        row.refusal = f"not built: {type(error).__name__}: {(str(error).splitlines() or [''])[0][:90]}"
        return row
    row.model, row.loads = type(base).__name__, True
    try:
        network, found = exact(base, LoraSettings(rank=4, alpha=8), 0, tuple(range(3, VOCABULARY - 8)))
        row.sampling, row.learning, row.attention = found.paths.sampling, found.paths.learning, found.paths.attention
        row.targets, row.without = len(network.targets.modules), len(network.targets.without)
        row.logprobs, row.gradient = distances(stirred(network))
    except SetupError as error:
        row.refusal = str(error)
    except Exception as error:  # what must not be
        row.traceback = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:120]}"
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("families", nargs="*")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", nargs="?", const="", metavar="FILE")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    kept = Path(asked.write) if asked.write else None
    rows = [Row(**json.loads(line)) for line in kept.read_text().splitlines()] if kept else list(_examined(asked))
    if asked.write is not None:
        write("../docs/families.md", "families", table(rows))
    elif not asked.json:
        print(table(rows))


def _examined(asked: argparse.Namespace) -> Iterator[Row]:
    for family, pictures in families():
        if not asked.families or family in asked.families:
            row = examine(family, pictures=pictures)
            print(json.dumps(asdict(row)), file=sys.stdout if asked.json else sys.stderr, flush=True)
            yield row


def table(rows: Sequence[Row]) -> str:
    """In Markdown: exact families first."""
    head = ("family", "sampling", "learning", "attention", "off by", "adapters", "without", "refused because")
    ordered = sorted(rows, key=lambda row: (not row.is_exact, bool(row.refusal), row.family))
    return markdown(head, map(_cells, ordered))


def _cells(row: Row) -> list[object]:
    far = "" if row.logprobs is None or row.gradient is None else f"{row.logprobs:.0e}, {row.gradient:.0e}"
    counts = (row.targets, row.without) if row.targets else ("", "")
    told = (row.refusal or row.traceback).removesuffix(" (hint: choose another --model)")
    why = textwrap.shorten(told, MOST_WORDS, placeholder=" …").replace("|", "\\|")
    return [f"`{row.family}`", row.sampling, row.learning, row.attention, far, *counts, why]


if __name__ == "__main__":
    main()
