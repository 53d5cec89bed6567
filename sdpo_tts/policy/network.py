"""The policy as a network: a frozen base with a LoRA adapter on the linear layers of its text body."""

from __future__ import annotations

import copy
import functools
import inspect
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sdpo_tts.errors import UserError, first_line
from sdpo_tts.policy import attention
from sdpo_tts.policy.families import adapters, anatomy
from sdpo_tts.policy.families.paths import PLAIN, Paths
from sdpo_tts.policy.families.targets import targets_of

POLICY = "default"  # PEFT's name for the trained adapter
FRESH = "fresh"


@dataclass(frozen=True)
class LoraSettings:
    """`alpha / rank` scales the adapter's output. The adapter is kept in fp32 whatever the base is in. `experts`: those
    of a mixture are adapted too."""

    rank: int = 16
    alpha: int = 32
    experts: bool = False


class Network:
    """Base, adapter and output layer. `version` counts the adapter's states: 0 is the base itself (B = 0). `renewals`
    counts the adapters before this one. `paths` are the ways in which it is sampled and learned.

    With `checkpointing` a layer's activations are computed again for the backward pass instead of being kept.
    Raises SetupError for a model that has no parts to work with.
    """

    def __init__(self, base: Any, lora: LoraSettings, seed: int, unreached: Sequence[str] = ()) -> None:
        self.body, self._embeddings = anatomy.body_of(base), base.get_input_embeddings()
        self._own_attention = self.body.config._attn_implementation
        self._take_attention(PLAIN.attention)
        self.head = anatomy.Head(base, self.body)
        self.vocabulary: int = self.head.vocabulary
        self.targets = targets_of(base, self.body, experts=lora.experts).lacking(unreached)
        with _drawing(seed):
            self.peft = adapters.wrapped(base, self.targets, rank=lora.rank, alpha=lora.alpha)
        self.peft.eval()
        self.paths = PLAIN
        self.version, self.renewals, self.checkpointing = 0, 0, False
        self._cache_name = anatomy.cache_name(self.body)
        self._takes_positions = "position_ids" in inspect.signature(self.body.forward).parameters
        for layer in anatomy.layers_of(self.body):
            layer.forward = self._checkpointed(layer.forward)

    def take(self, paths: Paths) -> None:
        """Go these ways from here on."""
        if paths.attention != self.paths.attention:
            self._take_attention(paths.attention)
        self.paths = paths

    def _take_attention(self, name: str) -> None:
        if name == "own":
            self.body.set_attn_implementation(self._own_attention)
        else:
            attention.install(self.body)

    def renew(self, seed: int) -> None:
        """Replace all adapters by one drawn from `seed`, as in a new network."""
        from peft.tuners.lora import LoraLayer

        for name in set(self.peft.peft_config) - {POLICY}:
            self.peft.delete_adapter(name)
        with _drawing(seed), adapters.as_given():
            self.peft.add_adapter(FRESH, copy.copy(self.peft.peft_config[POLICY]))
        with torch.no_grad():
            layers: list[Any] = [module for module in self.peft.modules() if isinstance(module, LoraLayer)]
            for factor in (factor for layer in layers for factor in (layer.lora_A, layer.lora_B)):
                factor[POLICY].weight.copy_(factor[FRESH].weight)
        self.peft.delete_adapter(FRESH)
        self.peft.eval()
        for parameter in self.peft.parameters():
            parameter.grad = None
        self.version, self.renewals, self.checkpointing = 0, self.renewals + 1, False

    def _checkpointed(self, forward: Callable[..., Any]) -> Callable[..., Any]:
        from torch.utils.checkpoint import checkpoint

        @functools.wraps(forward)
        def maybe(*args: Any, **kwargs: Any) -> Any:
            if self.checkpointing and torch.is_grad_enabled():
                return checkpoint(forward, *args, use_reentrant=False, preserve_rng_state=False, **kwargs)
            return forward(*args, **kwargs)

        return maybe

    @property
    def device(self) -> torch.device:
        return self._embeddings.weight.device  # type: ignore[no-any-return]

    @property
    def trainable(self) -> list[torch.nn.Parameter]:
        return [parameter for parameter in self.peft.parameters() if parameter.requires_grad]

    def without_adapter(self) -> AbstractContextManager[None]:
        """The base alone: the frozen teacher, at no cost in memory."""
        return self.peft.disable_adapter()  # type: ignore[no-any-return]

    @contextmanager
    def bare_at_version_zero(self) -> Iterator[None]:
        """Skip an adapter that still changes nothing: B is zero until the first step."""
        if self.version:
            yield
        else:
            with self.without_adapter():
                yield

    def hidden(self, ids_B_S: Tensor, *, mask_B_L: Tensor, positions_B_S: Tensor, cache: Any) -> Tensor:
        """Last hidden states_B_S_D of ids after what `cache` holds, which grows by S; `mask` covers both (L)."""
        output = self.body(
            input_ids=ids_B_S,
            attention_mask=mask_B_L,
            position_ids=positions_B_S,
            use_cache=cache is not None,
            **{self._cache_name: cache},
        )
        return output.last_hidden_state  # type: ignore[no-any-return]

    def whole(self, ids_B_S: Tensor) -> Tensor:
        """Last hidden states_B_S_D of rows from their first token on, without a cache; they may be padded on the right,
        because no token sees what comes after it."""
        return self.body(input_ids=ids_B_S, use_cache=False).last_hidden_state  # type: ignore[no-any-return]

    def read(self, ids_B_S: Tensor, cache: Any = None, before: int = 0) -> tuple[Tensor, Any]:
        """(last hidden states_B_S_D, the model's own cache) of ids after the `before` tokens that the cache holds."""
        told = {self._cache_name: cache} if cache is not None else {}
        if self._takes_positions:  # some count from 0 again if no positions are given
            told["position_ids"] = torch.arange(before, before + ids_B_S.shape[1], device=self.device)[None]
        output = self.body(input_ids=ids_B_S, use_cache=True, **told)
        return output.last_hidden_state, output[self._cache_name]

    def logits(self, hidden: Tensor) -> Tensor:
        """Logits over the whole vocabulary, in fp32 at least; `hidden` may have any leading axes."""
        return precise(self.scores(hidden))

    def scores(self, hidden: Tensor) -> Tensor:
        """The same as computed by the output layer, in the base's precision."""
        return self.head(hidden)

    def save_adapter(self, folder: Path) -> None:
        """Write the adapter in PEFT's format."""
        adapters.save(self.peft, POLICY, folder, self.targets)

    def load_adapter(self, folder: Path) -> None:
        """Load an adapter that `save_adapter` wrote. Raises UserError if there is none that fits."""
        from peft import load_peft_weights, set_peft_model_state_dict
        from safetensors import SafetensorError

        try:
            saved = load_peft_weights(str(folder), device=str(self.device))
            result: Any = set_peft_model_state_dict(self.peft, saved, adapter_name=POLICY)
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            reason = first_line(error)
            raise UserError(f"no adapter that fits this model: {reason}", where=str(folder)) from None
        if result.unexpected_keys or not saved:
            raise UserError(f"the adapter belongs to another model: {result.unexpected_keys[:1]}", where=str(folder))
        self.version += 1

    def state(self) -> list[Tensor]:
        """A copy of the adapter."""
        return [parameter.detach().clone() for parameter in self.trainable]

    def restore(self, state: list[Tensor]) -> None:
        """Go back to a copy, under a new version number: no version ever means two adapters."""
        for parameter, saved in zip(self.trainable, state, strict=True):
            parameter.data.copy_(saved)
        self.version += 1


@contextmanager
def _drawing(seed: int) -> Iterator[None]:
    """While PEFT makes an adapter: its initial values depend on the seed alone."""
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        torch.manual_seed(seed)
        # PEFT uses a deprecated name of transformers
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        yield


def precise(scores: Tensor) -> Tensor:
    """In fp32 at least."""
    return scores.to(torch.promote_types(scores.dtype, torch.float32))
