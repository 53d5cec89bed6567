"""Which weights of a model get an adapter: the linear layers of its text body, except those that choose experts.

Left out are routers and the gates of shared experts, so that a step does not change which experts answer; the output
projection of Mamba, which its fused kernel reads past any adapter; towers for pictures and sound; and layers that no
gradient reaches, such as the indexers of sparse attention. Experts that are stacked in one tensor are adapted on
request.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn


@dataclass(frozen=True)
class Targets:
    """Names within the model: `modules` are linear layers, `experts` tensors of stacked weights, both with an adapter;
    `without` are those of the text body that have none."""

    modules: tuple[str, ...]
    experts: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    def lacking(self, names: Sequence[str]) -> Targets:
        """The same without an adapter on these layers."""
        kept = tuple(name for name in self.modules if name not in names)
        return Targets(kept, self.experts, tuple(sorted({*self.without, *names})))

    def in_short(self) -> list[str]:
        """`without`, with layers of one kind merged."""
        return sorted({re.sub(r"(?<=\.)\d+(?=\.)", "*", name) for name in self.without})


def targets_of(base: Any, body: Any, *, experts: bool = False) -> Targets:
    """`experts`: also the experts, stacked or not."""
    head = base.get_output_embeddings()
    linear = {
        name: module
        for name, module in base.named_modules()
        if is_linear(module) and module is not head and name.startswith(f"{_name_of(base, body)}.")
    }
    excluded = _excluded(body, experts=experts)
    chosen = tuple(name for name, module in linear.items() if id(module) not in excluded)
    stacked = tuple(_stacked(base, body))
    without = set(linear) - set(chosen) | (set() if experts else set(stacked))
    return Targets(chosen, stacked if experts else (), tuple(sorted(without)))


def _name_of(base: Any, body: Any) -> str:
    return next(str(name) for name, module in base.named_modules() if module is body)


def is_linear(module: Any) -> bool:
    """Also the linear layers of GPT-2, which transformers writes in another way."""
    from transformers.pytorch_utils import Conv1D

    return isinstance(module, nn.Linear | Conv1D)


def _excluded(body: Any, *, experts: bool) -> set[int]:
    """The ids of linear modules that get no adapter."""
    found = set()
    for module in body.modules():
        found |= {id(one) for one in _choosers(module)}
        if {"A_log", "D"} <= dict(module.named_parameters(recurse=False)).keys() and hasattr(module, "out_proj"):
            found.add(id(module.out_proj))
        if not experts and (unstacked := _list_of_experts(module)) is not None:
            found |= {id(one) for one in unstacked.modules()}
    return found


def _choosers(module: Any) -> Iterator[Any]:
    """Linear layers of a mixture that output one number per expert, or one for the shared expert."""
    count = _count_of_experts(module)
    if not count:
        return
    for child in module.children():
        for one in child.modules():
            if isinstance(one, nn.Linear) and one.out_features in (count, 1):
                yield one


def _count_of_experts(module: Any) -> int:
    """The number of experts that a module chooses from; 0 if it is not a mixture."""
    if (unstacked := _list_of_experts(module)) is not None:
        return len(unstacked)
    sizes = [len(weight) for child in module.children() for weight in _stacks(child)]
    return sizes[0] if sizes else 0


def _list_of_experts(module: Any) -> nn.ModuleList | None:
    """Experts that are separate modules: a list of equal ones next to a layer that chooses."""
    for child in module.children():
        if isinstance(child, nn.ModuleList) and len(child) > 1 and len(set(map(type, child))) == 1:
            routers = [one for one in module.children() if one is not child for one in one.modules()]
            if any(isinstance(one, nn.Linear) and one.out_features == len(child) for one in routers):
                return child
    return None


def _stacks(module: Any) -> list[nn.Parameter]:
    """Weights of a module that hold a matrix for each of several experts."""
    if isinstance(module, nn.Conv1d):
        return []
    return [weight for weight in module.parameters(recurse=False) if weight.ndim == 3 and min(weight.shape) > 1]


def _stacked(base: Any, body: Any) -> Iterator[str]:
    within = {id(weight) for module in body.modules() for weight in _stacks(module)}
    return (name for name, weight in base.named_parameters() if id(weight) in within)


def short(names: Sequence[str], base: Any) -> list[str]:
    """Names as PEFT matches them, by their endings: only the last part if it is unique in the model."""
    chosen = set(names)
    unclear = {_end(name) for name, _ in base.named_modules() if name not in chosen}
    return sorted({_end(name) for name in names} - unclear) + [name for name in names if _end(name) in unclear]


def _end(name: str) -> str:
    return name.rpartition(".")[2]


def out_of_reach(peft: Any, adapter: str) -> list[str]:
    """Names within the base of adapted layers that the gradient in the adapter did not reach."""
    from peft.tuners.lora import LoraLayer

    found = []
    modules: dict[str, Any] = dict(peft.named_modules())
    for name, layer in modules.items():
        if isinstance(layer, LoraLayer) and isinstance(layer.get_base_layer(), nn.Linear) and adapter in layer.lora_B:
            gradient: Any = layer.lora_B[adapter].weight.grad
            if gradient is None or not torch.count_nonzero(gradient):
                found.append(name.removeprefix("base_model.model."))
    return found
