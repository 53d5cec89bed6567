"""A base in four bits: NF4 of bitsandbytes, a scale for 64 weights, the scales in eight bits (arXiv 2305.14314).

transformers and vLLM's plugin make the same codes and scales of the same weights.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

from sdpo_tts.errors import SetupError

if TYPE_CHECKING:
    from torch import Tensor


def arguments(quantization: str, dtype: str, device: str) -> dict[str, Any]:
    """What `from_pretrained` is told besides; the weights are quantised on `device`. Raises SetupError."""
    if quantization == "none":
        return {}
    if importlib.util.find_spec("bitsandbytes") is None:
        raise SetupError(
            "bitsandbytes is not installed", where="--quantization", hint="pip install 'sdpo-tts[quantization]'"
        )
    from transformers import BitsAndBytesConfig

    config = BitsAndBytesConfig(  # type: ignore[no-untyped-call]
        load_in_4bit=True, bnb_4bit_quant_type=quantization, bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )  # fmt: skip
    return {"quantization_config": config, "device_map": device}


def published(name: str, config: Any, quantization: str) -> dict[str, Any]:
    """What `from_pretrained` is told besides about a checkpoint that others quantised. MXFP4, in which gpt-oss comes,
    is read as the weights that it stands for. Raises SetupError for other kinds: each needs kernels of its own, for
    learner and engine alike."""
    found = getattr(config, "quantization_config", None)
    if not found:
        return {}
    kind = found["quant_method"] if isinstance(found, dict) else found.quant_method
    if kind == "mxfp4" and quantization == "none":
        from transformers.utils.quantization_config import Mxfp4Config

        return {"quantization_config": Mxfp4Config(dequantize=True)}
    hint = "name the model it was made of, with --quantization nf4"
    what = f"the model {name} is published in quantised form ({kind}), which is not supported"
    raise SetupError(what, where="--model", hint="leave --quantization out" if kind == "mxfp4" else hint)


def keep_as_loaded(network: Any) -> None:
    """On a CPU with bfloat16 instructions bitsandbytes would pack a layer anew when it is first sampled from, and round
    its scales: the learner's weights would no longer be those that were published, nor the engine's."""
    for layer in network.modules():
        if hasattr(layer, "support_avx512bf16_for_cpu"):
            layer.support_avx512bf16_for_cpu = False


def scales(parameter: Any) -> Tensor:
    """In fp32, one for 64 weights, of a four-bit parameter."""
    from bitsandbytes.functional import dequantize_blockwise

    state = parameter.quant_state
    if not state.nested:
        return state.absmax  # type: ignore[no-any-return]
    return dequantize_blockwise(state.absmax, state.state2) + state.offset  # type: ignore[no-any-return]
