"""Where each setting is in a run's settings, and so in its manifest; and which settings a method uses."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

PATHS = {
    "method": "method",
    "seed": "seed",
    "max-attempts": "budget.max_attempts",
    "max-tokens": "budget.max_tokens",
    "max-time": "budget.max_seconds",
    "keep-going": "solver.keep_going",
    "candidates": "solver.candidates",
    "enough": "solver.enough",
    "model": "policy.model",
    "device": "policy.device",
    "dtype": "policy.dtype",
    "quantization": "policy.quantization",
    "lora-experts": "policy.lora.experts",
    "max-new-tokens": "policy.max_new_tokens",
    "thinking": "policy.thinking.mode",
    "think-tokens": "policy.thinking.tokens",
    "max-prompt-tokens": "policy.max_prompt_tokens",
    "engine": "policy.engine",
    "engine-memory": "policy.engine_memory",
    "cards": "policy.cards",
    "replicas": "policy.replicas",
    "learner-device": "policy.learner_device",
    "endpoint": "policy.endpoint",
    "endpoint-model": "policy.endpoint_model",
    "temperature": "policy.sampling.temperature",
    "top-p": "policy.sampling.top_p",
    "min-p": "policy.sampling.min_p",
    "batch-size": "batch_size",
    "base-samples": "solver.base_samples",
    "learning-rate": "learner.learning_rate",
    "learn-thoughts": "learner.thoughts",
    "updates": "learner.updates",
    "reuse": "learner.reuse",
    "teacher": "learner.teacher.kind",
    "teacher-rate": "learner.teacher.rate",
    "alpha": "learner.loss.alpha",
    "support": "learner.loss.support",
    "top-k": "learner.loss.top_k",
    "grpo-weight": "learner.loss.grpo_weight",
    "sources": "auto.sources",
    "lineage": "auto.lineage",
    "distil": "auto.distil",
    "help-adapter": "auto.help_adapter",
    "imitate": "learner.imitation.samples",
    "imitate-loss": "learner.imitation.loss",
    "imitate-weight": "learner.imitation.weight",
    "imitate-ratio": "learner.imitation.ratio",
    "feedback": "context.feedback",
    "template": "context.template",
    "diagnose": "solver.style",
    "solutions": "context.solutions",
    "both": "context.both",
    "hint": "context.hint",
    "critic": "critic.kind",
    "critic-model": "critic.model",
    "guard-distinct": "guard.distinct",
    "guard-entropy": "guard.entropy",
    "guard-length": "guard.length",
    "guard-leaks": "guard.leaks",
}

_UNTRAINED = frozenset({"endpoint", "endpoint-model", "temperature", "top-p", "min-p"})
"""Only for methods that train nothing."""
_SAMPLING = _UNTRAINED | {
    "device", "dtype", "quantization", "max-new-tokens", "thinking", "think-tokens", "batch-size",
}  # fmt: skip
_CRITIC = frozenset({"critic", "critic-model"})
_TEACHER = frozenset({
    "teacher", "teacher-rate", "alpha", "support", "top-k", "grpo-weight", "feedback", "template", "solutions", "both",
    "max-prompt-tokens", "hint",
})  # fmt: skip

_AUTO = frozenset({
    "sources", "lineage", "distil", "help-adapter", "imitate", "imitate-loss", "imitate-weight", "imitate-ratio",
})  # fmt: skip

T = TypeVar("T")


def changed(settings: T, values: Mapping[str, Any]) -> T:
    """A dataclass of dataclasses with other values at these paths."""
    for path, value in values.items():
        settings = _changed(settings, path, value)
    return settings


def _changed(settings: Any, path: str, value: Any) -> Any:
    name, _, rest = path.partition(".")
    old = getattr(settings, name)
    if rest:
        value = _changed(old, rest, value)
    return dataclasses.replace(settings, **{name: type(old)(value) if isinstance(old, StrEnum) else value})


def matters(method: str, key: str) -> bool:
    """Whether the setting can change what the method does. Not for the settings of every run: seed, model, budget."""
    match method:
        case "auto":
            return True
        case "best-of-k":
            return key in _SAMPLING
        case "multi-turn":
            return key in _SAMPLING | _CRITIC | {"max-prompt-tokens", "hint"}
        case "grpo":
            return key not in _TEACHER | _CRITIC | _AUTO | _UNTRAINED
    return key not in _AUTO | _UNTRAINED
