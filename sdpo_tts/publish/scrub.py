"""Removes traces of the machine and the user from a record: folders, user and host names, hosts in addresses."""

from __future__ import annotations

import getpass
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdpo_tts.models.catalogue import entries

# What the model and the problem's author wrote contains no trace of a machine, so it is kept unchanged.
KEPT = frozenset({"title", "program"})
# Where a machine or user name may appear by itself. Elsewhere it is an ordinary word: a user may be called `sdpo`.
NAMING = frozenset({"argv", "path", "model", "name", "kind", "reason", "message", "run"})
# Beginning after a space, a quote, `=` or the like; `//` begins the host of an address.
ABSOLUTE = re.compile(r"(?<![\w.~/:-])~?/(?:[^\s'\"`,;:()<>|/]+/)*([^\s'\"`,;:()<>|/]*)/?")
HOST = re.compile(r"(\w+://)[^/\s'\"]+")


@dataclass(frozen=True)
class Scrubber:
    """`folders` are matched by their full names, which may contain spaces; `names` are those of users and hosts."""

    folders: tuple[str, ...]
    names: tuple[str, ...]

    @classmethod
    def of(cls, *folders: Path) -> Scrubber:
        """For these folders, the current folder and the home folder, and for the current user and host."""
        places = {str(place.absolute()) for place in (*folders, Path.cwd(), Path.home())} - {"/"}
        return cls(tuple(sorted(places, key=len, reverse=True)), tuple(_names()))

    def data(self, value: Any, key: str = "") -> Any:
        """The same data with every string scrubbed; of an absolute path only the last part is kept."""
        if isinstance(value, dict):
            return {name: self.data(item, name) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.data(item, key) for item in value]
        return self.text(value, naming=key in NAMING) if isinstance(value, str) and key not in KEPT else value

    def text(self, text: str, *, naming: bool) -> str:
        if any(text in (one.name, one.repo) for one in entries().values()):
            return text  # a published model is not a secret, and a user may be called `coder`
        text = text.replace("file://", "")
        for folder in self.folders:
            text = re.sub(rf"{re.escape(folder)}(?=/|$|\W)", "/x", text)
        text = HOST.sub(r"\1host", ABSOLUTE.sub(_last_part, text))
        if naming:
            for name in self.names:
                text = re.sub(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", "someone", text)
        return text


def _last_part(path: re.Match[str]) -> str:
    """A lone slash is a division sign."""
    return path[1] or ("." if path[0].strip("/") else path[0])


def _names() -> Iterable[str]:
    host = socket.gethostname()
    yield from dict.fromkeys(filter(None, (host, host.partition(".")[0], _user(), Path.home().name)))


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # this number has no name
        return ""
