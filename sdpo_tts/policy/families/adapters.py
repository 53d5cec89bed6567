"""LoRA adapters as PEFT makes and saves them, on exactly the chosen weights."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sdpo_tts.errors import SetupError, first_line
from sdpo_tts.policy.families.targets import Targets, short


def wrapped(base: Any, targets: Targets, *, rank: int, alpha: int) -> Any:
    """`base` with an adapter, in fp32. Raises SetupError if PEFT cannot adapt it."""
    from peft import LoraConfig, get_peft_model

    if not targets.modules and not targets.experts:
        raise SetupError(f"{type(base).__name__} has no linear layers to adapt", hint="choose another --model")
    config = LoraConfig(
        r=rank, lora_alpha=alpha, target_modules=short(targets.modules, base), lora_dropout=0.0,
        target_parameters=list(targets.experts) or None,
    )  # fmt: skip
    try:
        with as_given():
            return get_peft_model(base, config, autocast_adapter_dtype=True)
    except (ValueError, TypeError, RuntimeError, NotImplementedError) as error:
        what = f"PEFT cannot adapt {type(base).__name__}: {first_line(error)}"
        raise SetupError(what, hint="choose another --model") from error


def like(config: Any, *, rank: int, alpha: int) -> Any:
    """A configuration for another adapter on the same weights."""
    other = copy.copy(config)
    other.r, other.lora_alpha = rank, alpha
    return other


@contextmanager
def as_given() -> Iterator[None]:
    """While an adapter is made: PEFT takes gate_proj, up_proj and down_proj of mixtures for experts as they were stored
    before transformers 5, and would adapt those instead of the shared expert and the dense layers."""
    from peft.utils import transformers_weight_conversion as conversion

    theirs = conversion.convert_peft_config_for_transformers
    conversion.convert_peft_config_for_transformers = lambda *args, **kwargs: None
    try:
        yield
    finally:
        conversion.convert_peft_config_for_transformers = theirs


def factors(layer: Any, name: str) -> list[tuple[Any, Any]]:
    """(B, A) of an adapter on a layer, as views of its tensors: one pair for each expert that the layer stacks."""
    factor_B, factor_A = layer.lora_B[name].weight.data, layer.lora_A[name].weight.data
    experts = getattr(layer, "num_experts", 1)
    if experts == 1:
        return [(factor_B, factor_A)]
    stacked_B = factor_B.view(len(factor_B), -1, experts)
    stacked_A = factor_A.view(experts, -1, factor_A.shape[-1])
    return [(stacked_B[:, :, one], stacked_A[one]) for one in range(experts)]


def save(peft: Any, name: str, folder: Path, targets: Targets) -> None:
    """Write an adapter so that PEFT loads it: weights that it would take for experts are named individually."""
    from peft.utils.transformers_weight_conversion import convert_peft_config_for_transformers

    peft.save_pretrained(str(folder), selected_adapters=[name])
    read = copy.deepcopy(peft.peft_config[name])
    convert_peft_config_for_transformers(read, model=peft.get_base_model(), conversions=None)
    if not (mistaken := set(peft.peft_config[name].target_modules) - set(read.target_modules)):
        return
    path = folder / "adapter_config.json"
    told = json.loads(path.read_text(encoding="utf-8"))
    told["target_modules"] = sorted(set(told["target_modules"]) - mistaken)
    told["target_parameters"] = [*(told["target_parameters"] or []), *_weights(mistaken, targets.modules)]
    path.write_text(json.dumps(told, indent=2, sort_keys=True), encoding="utf-8")


def _weights(ends: set[str], names: Sequence[str]) -> list[str]:
    return [f"{name}.weight" for name in names if name in ends or name.rpartition(".")[2] in ends]
