"""A base in four bits: NF4 of bitsandbytes, one scale for 64 weights, the scales in eight bits (arXiv 2305.14314).

transformers and vLLM's plugin make the same codes and scales from the same weights.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

from sdpo_tts.errors import SetupError

if TYPE_CHECKING:
    from torch import Tensor


def arguments(quantization: str, dtype: str, device: str) -> dict[str, Any]:
    """Further arguments for `from_pretrained`; the weights are quantised on `device`. Raises SetupError."""
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
    """Further arguments of `from_pretrained` for a checkpoint that is already quantised. MXFP4, in which gpt-oss is
    published, is expanded to the weights that it stands for. Raises SetupError for other kinds, each of which needs its
    own kernels for learner and engine."""
    found = getattr(config, "quantization_config", None)
    if not found:
        return {}
    kind = found["quant_method"] if isinstance(found, dict) else found.quant_method
    if kind == "mxfp4" and quantization == "none":
        from transformers.utils.quantization_config import Mxfp4Config

        return {"quantization_config": Mxfp4Config(dequantize=True)}
    hint = "name the model that it was made from, with --quantization nf4"
    what = f"the model {name} is published in quantised form ({kind}), which is not supported"
    raise SetupError(what, where="--model", hint="leave --quantization out" if kind == "mxfp4" else hint)


def keep_as_loaded(network: Any) -> None:
    """On a CPU with bfloat16 instructions bitsandbytes would repack a layer when it is first sampled from, and round
    its scales. The learner's weights would then differ from the published ones, and from the engine's."""
    for layer in network.modules():
        if hasattr(layer, "support_avx512bf16_for_cpu"):
            layer.support_avx512bf16_for_cpu = False


def scales(parameter: Any) -> Tensor:
    """Of a four-bit parameter, in fp32, one for 64 weights."""
    from bitsandbytes.functional import dequantize_blockwise

    state = parameter.quant_state
    if not state.nested:
        return state.absmax  # type: ignore[no-any-return]
    return dequantize_blockwise(state.absmax, state.state2) + state.offset  # type: ignore[no-any-return]
