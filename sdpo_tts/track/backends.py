"""The trackers behind one interface. Each is a separate package, imported only when a run begins."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sdpo_tts.errors import SetupError, UserError

PROJECT = "sdpo-tts"


class Backend(Protocol):
    def log(self, figures: Mapping[str, float], attempts: int) -> None:
        """Metrics after this number of attempts, which never decreases."""
        ...

    def close(self) -> None: ...


class TensorBoard:
    """`place` is a folder; without one, the run's own."""

    def __init__(self, place: str, run: Path, settings: Mapping[str, Any]) -> None:
        from torch.utils.tensorboard import SummaryWriter

        folder = Path(place) / run.parent.name / run.name if place else run / "tensorboard"
        self._writer: Any = SummaryWriter(str(folder))
        lines = (f"    {name}: {value}" for name, value in flat(settings).items())
        self._writer.add_text("settings", "\n".join(lines))

    def log(self, figures: Mapping[str, float], attempts: int) -> None:
        for name, value in figures.items():
            self._writer.add_scalar(name, value, attempts)
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


class WeightsAndBiases:
    """`place` is a project; wandb's own configuration decides where it goes, and whether at all (WANDB_MODE)."""

    def __init__(self, place: str, run: Path, settings: Mapping[str, Any]) -> None:
        import wandb

        self._run: Any = wandb.init(
            project=place or PROJECT, name=run.name, id=run.name, group=run.parent.name, dir=str(run), resume="allow",
            config=flat(settings), settings=wandb.Settings(console="off"),
        )  # fmt: skip

    def log(self, figures: Mapping[str, float], attempts: int) -> None:
        self._run.log({**figures, "attempts": attempts}, step=attempts)

    def close(self) -> None:
        self._run.finish()


class Trackio:
    """`place` is a project; trackio's own configuration decides where it goes."""

    def __init__(self, place: str, run: Path, settings: Mapping[str, Any]) -> None:
        import trackio

        self._run: Any = trackio.init(
            place or PROJECT, name=run.name, group=run.parent.name, resume="allow", config=flat(settings), embed=False
        )

    def log(self, figures: Mapping[str, float], attempts: int) -> None:
        self._run.log(dict(figures), step=attempts)

    def close(self) -> None:
        self._run.finish()


BACKENDS: dict[str, Callable[[str, Path, Mapping[str, Any]], Backend]] = {
    "tensorboard": TensorBoard,
    "wandb": WeightsAndBiases,
    "trackio": Trackio,
}


@dataclass(frozen=True)
class Wanted:
    """A tracker by name, and its folder or project."""

    kind: str
    place: str

    def open(self, run: Path, settings: Mapping[str, Any]) -> Backend:
        return BACKENDS[self.kind](self.place, run, settings)


def parse(text: str, where: str = "--track") -> list[Wanted]:
    """`tensorboard`, `wandb:my-project`, or several with commas between. Raises UserError."""
    found = [Wanted(*one.strip().partition(":")[::2]) for one in text.split(",")]
    for one in found:
        if one.kind not in BACKENDS:
            raise UserError(f"no tracker is called {one.kind!r}", where=where, hint=f"one of {', '.join(BACKENDS)}")
    return found


def wanted(text: str | None) -> list[Wanted]:
    """The same, checking that all packages are installed. Raises UserError, SetupError."""
    found = parse(text) if text else []
    for one in found:
        if importlib.util.find_spec(one.kind) is None:
            hint = f"pip install {one.kind}"
            raise SetupError(f"the package {one.kind} is not installed", where="--track", hint=hint)
    return found


def flat(settings: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Nested settings under names joined by dots."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        inner = isinstance(value, Mapping)
        found |= flat(value, f"{before}{name}.") if inner else {f"{before}{name}": value}
    return found
