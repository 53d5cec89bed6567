"""Plans a card's memory when engine and learner share it; refuses a run that does not fit before anything is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sdpo_tts.errors import SetupError
from sdpo_tts.policy.memory_plan import GIB, PROMPT_TOKENS, SHARE, MemoryNeed, memory_needed, size

WORKSPACE = 2 * GIB  # estimated need of the engine on a GPU: captured graphs and buffers of its kernels
SEQUENCES = 64  # sampled by the engine at once, if there is room for their keys and values
SHORTEST = 64


@dataclass(frozen=True)
class Asked:
    """What the run wants. `copies` of the base are still to be loaded onto the device, and `engines` have keys and
    values there. `apart`: the learner has another device."""

    source: str
    dtype: str
    device: str
    max_new_tokens: int
    max_prompt_tokens: int
    copies: int
    engines: int = 1
    apart: bool = False
    quantization: str = "none"
    teacher: str = "ema"  # the one that needs most
    method: str = "sdpo"
    batch_size: int = 1
    experts: bool = False


@dataclass(frozen=True)
class Plan:
    """Bytes, by purpose. `cache` is what is left for one engine's keys and values, up to what is useful."""

    asked: Asked
    need: MemoryNeed
    free: int
    cache: int

    @property
    def fixed(self) -> int:
        workspace = WORKSPACE if self.asked.device.startswith("cuda") else 0
        return self.asked.copies * self.need.weights + self.learner + workspace

    @property
    def learner(self) -> int:
        return 0 if self.asked.apart else self.need.adapter + self.need.work

    @property
    def caches(self) -> int:
        return self.asked.engines * self.cache

    def __str__(self) -> str:
        learner = f"adapter {size(self.need.adapter)}, learner {size(self.need.work)}, " if self.learner else ""
        return (
            f"weights {size(self.asked.copies * self.need.weights)}, {learner}"
            f"keys and values {size(self.caches)}; {size(self.free)} free"
        )


def plan(asked: Asked, free: int, cache: int | None = None) -> Plan:
    """Raises SetupError, with the numbers and the nearest answer length that fits. `cache` overrides the planned size;
    the rest must still fit."""
    made = _plan(asked, free, cache)
    if made.fixed + made.caches > SHARE * free:
        shorter = next((one for one in _shorter(asked) if _fits(_plan(one, free, cache))), None)
        hint = f"--max-new-tokens {shorter.max_new_tokens} fits" if shorter else "a smaller --model, or --engine torch"
        raise SetupError(f"engine and learner do not fit on {asked.device}: {made}", where="--engine vllm", hint=hint)
    return made


def _plan(asked: Asked, free: int, cache: int | None) -> Plan:
    need = memory_needed(asked.source, asked, asked.dtype, checkpointing=asked.device != "cpu")
    per_token = need.cache / (PROMPT_TOKENS + asked.max_new_tokens)
    least = per_token * (asked.max_prompt_tokens + asked.max_new_tokens)
    useful = max(least, per_token * SEQUENCES * (PROMPT_TOKENS + asked.max_new_tokens))
    made = Plan(asked, need, free, int(least))
    left = (SHARE * free - made.fixed) / asked.engines
    return replace(made, cache=cache or int(max(least, min(useful, left))))


def _fits(made: Plan) -> bool:
    return made.fixed + made.caches <= SHARE * made.free


def _shorter(asked: Asked) -> Iterator[Asked]:
    tokens = asked.max_new_tokens // 2
    while tokens >= SHORTEST:
        yield replace(asked, max_new_tokens=tokens)
        tokens //= 2
