"""Whether a run computes what the model itself computes: measured at load, for every model, against the model itself.

Sampling and learning must agree with the model within a small multiple of its own noise. A path that does not is
replaced by the next slower one; a model without an exact path is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from sdpo_tts.errors import SetupError, first_line
from sdpo_tts.policy import memory
from sdpo_tts.policy.batch import Ids, Pair, reading
from sdpo_tts.policy.families.decoding import begun, together
from sdpo_tts.policy.families.packing import packed
from sdpo_tts.policy.families.paths import ATTENTION, LEARNING, SAMPLING, Exactness, Paths
from sdpo_tts.policy.families.targets import out_of_reach
from sdpo_tts.policy.families.truth import ANSWER, SHORT, Truth, answered, readable
from sdpo_tts.policy.network import POLICY, LoraSettings, Network

TEXT = "".join(
    f"def f{n}(x, y):\n    # {n * n % 97}: the {word} of {n + 3} and {7 * n % 31}\n    return {word}(x, {n}) - y\n\n"
    for n, word in enumerate(("sum", "largest", "product", "rest", "least", "mean", "first", "sign", "square", "half"))
)
"""The text that models are compared on, which no model has memorised."""


def exact(base: Any, lora: LoraSettings, seed: int, text: Ids, *, samples: bool = True) -> tuple[Network, Exactness]:
    """A network on its fastest exact paths, tried on `text`. `samples`: False if another engine samples. Raises
    SetupError for a model without exact paths."""
    truth = Truth.of(base, text)
    with readable(base, "given an adapter"):
        network = Network(base, lora, seed)
    found = _choose(network, truth, samples=samples)
    with readable(base, "learned from"):
        unreached = _unreached(network, truth)
    if unreached:
        network.peft.unload()
        network, found = Network(base, lora, seed, unreached), replace(found, unreached=tuple(unreached))
    network.take(found.paths)
    return network, found


def known(base: Any, lora: LoraSettings, seed: int, found: Exactness) -> Network:
    """The network that `exact` found before."""
    network = Network(base, lora, seed, found.unreached)
    network.take(found.paths)
    return network


def _choose(network: Network, truth: Truth, *, samples: bool) -> Exactness:
    """The first kind of attention with which both parts have an exact path. Raises SetupError."""
    kinds = ATTENTION if network.body._supports_sdpa else ATTENTION[1:]
    why = [] if len(kinds) == len(ATTENTION) else ["attention own: the model's has parts that PyTorch's lacks"]
    for attention in kinds:
        search = _Search(network, truth, Paths(attention))
        whole = search.finds("learning", LEARNING) and (not samples or search.finds("sampling", SAMPLING))
        why += search.why
        if whole:
            return Exactness(search.paths, truth.noise, truth.tolerance, search.distance, tuple(why))
    model = type(network.peft.get_base_model()).__name__
    told = f"{'; '.join(why)}; {truth.tolerance:.1g} nats per token are allowed"
    raise SetupError(f"no path computes {model} as the model itself does: {told}", hint="choose another --model")


class _Search:
    """For the fastest exact paths with one kind of attention."""

    def __init__(self, network: Network, truth: Truth, paths: Paths) -> None:
        self.network, self.truth, self.paths = network, truth, paths
        self.why: list[str] = []
        self.distance: dict[str, float] = {}

    def finds(self, part: str, names: Sequence[str]) -> bool:
        """Whether one of the ways called `names` is exact; the first such way is used."""
        for name in names:
            self.paths = replace(self.paths, **{part: name})
            self.network.take(self.paths)
            reason = self._wrong(part, name)
            if not reason:
                return True
            self.why.append(f"{part} not {name}: {reason}")
        return False

    def _wrong(self, part: str, name: str) -> str:
        """Why a way cannot be used; empty if it can."""
        fits = self.truth.keys_and_values if part == "learning" else self.truth.plain_cache
        if name == "shared-prefix" and not fits:
            return "layers keep something other than the keys and values of all tokens"
        measure = {"learning": _learnt, "sampling": _sampled}[part]
        try:
            distance = self.distance[part] = measure(self.network, self.truth)
        except Exception as error:  # the model's code is its authors', and may not be made for this
            if memory.ran_out(error):
                raise
            return f"{type(error).__name__}: {first_line(error)[:120]}"
        return "" if distance <= self.truth.tolerance else f"{distance:.2g} nats per token off"


def _learnt(network: Network, truth: Truth) -> float:
    """How far the learner's log-probabilities are off, over two micro-batches."""
    grad = max(map(len, truth.prompts)) <= SHORT
    prefix = reading(network, truth.prompts, grad=grad)
    hidden = [*prefix.response_hidden(truth.pairs[:3]), *prefix.response_hidden(truth.pairs[3:])]
    with torch.no_grad():
        return truth.distance([answered(network.scores(h), p) for h, p in zip(hidden, truth.pairs, strict=True)])


@torch.inference_mode()
def _sampled(network: Network, truth: Truth) -> float:
    """How far the sampler's are off: for equal prompts, and for prompts of different lengths."""
    with packed(network):
        return max(truth.distance(_decoded(network, pairs)) for pairs in (truth.pairs[:2], truth.pairs))


def _decoded(network: Network, pairs: Sequence[Pair]) -> list[Tensor]:
    found: dict[int, list[Tensor]] = {}
    for group in together(network, [pair.prompt for pair in pairs]):
        _decode(network, pairs, group, found)
    return [torch.stack(found[place]) for place in range(len(pairs))]


def _decode(network: Network, pairs: Sequence[Pair], alive: list[int], found: dict[int, list[Tensor]]) -> None:
    """Given answers, token by token; the last of several rows ends early, as happens in a batch."""
    decoding = begun(network, [pairs[place].prompt for place in alive])
    for step in range(ANSWER):
        tokens_B = torch.tensor([pairs[place].response[step] for place in alive], device=network.device)
        logp_B = decoding.logits().log_softmax(-1).gather(-1, tokens_B[:, None]).squeeze(-1)
        for place, logp in zip(alive, logp_B, strict=True):
            found.setdefault(place, []).append(logp)
        if step == ANSWER // 2 and len(alive) > 1:
            alive = alive[:-1]
            decoding.select(torch.arange(len(alive), device=network.device))
        decoding.append(tokens_B[: len(alive)])


def _unreached(network: Network, truth: Truth) -> list[str]:
    """Adapted layers on which the log-probability of a text does not depend, or only through parts without a
    gradient."""
    ids = torch.tensor([truth.prompts[0][:SHORT]], device=network.device)
    with torch.enable_grad():
        logp_T_V = network.logits(network.whole(ids)[0, :-1]).log_softmax(-1)
        logp_T_V.gather(-1, ids[0, 1:, None]).sum().backward()  # type: ignore[no-untyped-call]
    found = out_of_reach(network.peft, POLICY)
    for parameter in network.trainable:
        parameter.grad = None
    return found
