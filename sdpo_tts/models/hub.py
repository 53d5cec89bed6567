"""The model hub: whether it answers, asked briefly.

The hub's own library would retry for a long time if nothing answers. HF_ENDPOINT, HF_HUB_OFFLINE and HF_TOKEN are that
library's variables, and mean the same here.
"""

from __future__ import annotations

import threading
from contextlib import suppress

from sdpo_tts.errors import SetupError

PATIENCE_S = 3.0  # for a name to resolve and a server to answer at all


def endpoint() -> str:
    """The address of the hub."""
    from huggingface_hub import constants

    return constants.ENDPOINT


def answers() -> bool:
    """Whether the hub answers within PATIENCE_S. False if HF_HUB_OFFLINE forbids asking."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return False
    said = threading.Event()
    threading.Thread(target=_ask, args=(constants.ENDPOINT, said), daemon=True).start()
    return said.wait(PATIENCE_S)


def _ask(address: str, said: threading.Event) -> None:
    """In its own thread: no timeout limits name resolution."""
    from huggingface_hub import get_session

    with suppress(Exception):  # from whatever client the hub's library uses: it does not answer
        get_session().head(address, timeout=PATIENCE_S)
        said.set()


def is_cached(name: str) -> bool:
    """Whether the hub's cache has the weights of a model."""
    from huggingface_hub import try_to_load_from_cache

    files = ("model.safetensors", "model.safetensors.index.json")  # only the configuration is there after a look
    return any(isinstance(try_to_load_from_cache(name, file), str) for file in files)


def is_local(name: str) -> bool:
    """Whether a model can only come from the hub's cache, because no hub answers. Raises SetupError if it is not there
    either."""
    if answers():
        return False
    if is_cached(name):
        return True
    what = f"the model {name} is not here, and the model hub at {endpoint()} does not answer"
    raise SetupError(what, hint="sdpo-tts model list shows models that need no hub; is HF_HUB_OFFLINE set?")
