"""The model hub: whether it answers, asked briefly.

The hub's own library would retry for a long time if nothing answers. HF_ENDPOINT, HF_HUB_OFFLINE and HF_TOKEN are that
library's variables, and mean the same here.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from sdpo_tts.errors import SetupError, first_line
from sdpo_tts.models.integrity import missing_shards
from sdpo_tts.models.progress import Report, told

NEEDED = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja")
TWICE = ("*/*", "consolidated*")
"""What a repository holds besides the files that loading needs: the weights once more, in other forms."""
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


def is_cached(name: str, revision: str = "") -> bool:
    """Whether the hub's cache has all weights of a model, as of a revision or the newest that was seen."""
    return cached(name, revision) is not None


def cached(name: str, revision: str = "") -> Path | None:
    """The folder of the hub's cache with all weights of a model."""
    from huggingface_hub import try_to_load_from_cache

    files = ("model.safetensors", "model.safetensors.index.json")  # only the configuration is there after a look
    found = (try_to_load_from_cache(name, file, revision=revision or None) for file in files)
    folder = next((Path(file).parent for file in found if isinstance(file, str)), None)
    return folder if folder and not missing_shards(folder) else None


def is_local(name: str, revision: str = "") -> bool:
    """Whether a model can only come from the hub's cache, because no hub answers. Raises SetupError if it is not there
    either."""
    if answers():
        return False
    if is_cached(name, revision):
        return True
    what = f"the model {name} is not here, and the model hub at {endpoint()} does not answer"
    raise SetupError(what, hint="sdpo-tts model list shows models that need no hub; is HF_HUB_OFFLINE set?")


def fetch(name: str, revision: str, report: Report) -> Path:
    """The folder with the files of a model, downloaded if necessary. Its name is their commit: that of `revision`, or
    the newest if that is empty. Raises SetupError."""
    from huggingface_hub import snapshot_download

    local = is_local(name, revision)
    files: Any = {"revision": revision or None, "allow_patterns": list(NEEDED), "ignore_patterns": list(TWICE)}
    try:
        with nullcontext() if is_cached(name, revision) else _told(name, files, report):
            folder = snapshot_download(name, local_files_only=local, **files)
    except Exception as error:  # the hub's client raises many kinds of errors if it cannot be fetched
        what = f"the model {name} could not be fetched: {first_line(error)}"
        raise SetupError(what, hint=_remedy(error, name)) from None
    return Path(folder)


@contextmanager
def _told(name: str, files: dict[str, Any], report: Report) -> Iterator[None]:
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.file_download import repo_folder_name

    wanted: Any = snapshot_download(name, dry_run=True, **files)
    total = sum(file.file_size for file in wanted if file.will_download)
    folder = Path(constants.HF_HUB_CACHE, repo_folder_name(repo_id=name, repo_type="model"))
    with told(f"downloading {name} ({total / 1e6:,.0f} MB) from {endpoint()}", folder, total, report):
        yield


def _remedy(error: Exception, name: str) -> str:
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    match error:
        case GatedRepoError():
            return f"accept its licence at {endpoint()}/{name}, then hf auth login, or set HF_TOKEN"
        case RepositoryNotFoundError():
            return "check the spelling; for one that is private: hf auth login, or HF_TOKEN"
        case RevisionNotFoundError():
            return f"the newest one is --model {name}"
    return "sdpo-tts model list shows models that need no hub"
