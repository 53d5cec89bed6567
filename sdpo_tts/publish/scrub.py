"""Takes out of a record what tells where and by whom it was made: folders, user and host names, hosts in addresses."""

from __future__ import annotations

import getpass
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdpo_tts.models.catalogue import entries

# What the model and the problem's author wrote is no trace of a machine, and is kept to the letter.
KEPT = frozenset({"title", "program"})
# Where a name of a machine or a user may stand on its own. Elsewhere it is a word: a user may be called `sdpo`.
NAMING = frozenset({"argv", "path", "model", "name", "kind", "reason", "message", "run"})
# Beginning after a space, a quote, `=` or the like; `//` begins the host of an address.
ABSOLUTE = re.compile(r"(?<![\w.~/:-])~?/(?:[^\s'\"`,;:()<>|/]+/)*([^\s'\"`,;:()<>|/]*)/?")
HOST = re.compile(r"(\w+://)[^/\s'\"]+")


@dataclass(frozen=True)
class Scrubber:
    """`folders` are known by their whole names, which may hold blanks; `names` are those of users and hosts."""

    folders: tuple[str, ...]
    names: tuple[str, ...]

    @classmethod
    def of(cls, *folders: Path) -> Scrubber:
        """For these folders, the current one and the home folder, and for the user and the host there are now."""
        places = {str(place.absolute()) for place in (*folders, Path.cwd(), Path.home())} - {"/"}
        return cls(tuple(sorted(places, key=len, reverse=True)), tuple(_names()))

    def data(self, value: Any, key: str = "") -> Any:
        """The same data with every string in it scrubbed; of an absolute path its last part is left."""
        if isinstance(value, dict):
            return {name: self.data(item, name) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.data(item, key) for item in value]
        return self.text(value, naming=key in NAMING) if isinstance(value, str) and key not in KEPT else value

    def text(self, text: str, *, naming: bool) -> str:
        if any(text in (one.name, one.repo) for one in entries().values()):
            return text  # a published model is nobody's secret, and a user may be called `coder`
        text = text.replace("file://", "")
        for folder in self.folders:
            text = re.sub(rf"{re.escape(folder)}(?=/|$|\W)", "/x", text)
        text = HOST.sub(r"\1host", ABSOLUTE.sub(_last_part, text))
        if naming:
            for name in self.names:
                text = re.sub(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", "someone", text)
        return text


def _last_part(path: re.Match[str]) -> str:
    """A lone slash is a division."""
    return path[1] or ("." if path[0].strip("/") else path[0])


def _names() -> Iterable[str]:
    host = socket.gethostname()
    yield from dict.fromkeys(filter(None, (host, host.partition(".")[0], _user(), Path.home().name)))


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no name for this number
        return ""
