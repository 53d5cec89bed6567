"""What is checked, and what one check found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

GIB = 2**30


class Level(StrEnum):
    """A run may work despite a warning; a failure prevents it."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Subject:
    """The run that the machine is checked for. `device`, `dtype` and `model` may be auto. With the URL of an `endpoint`
    no model is loaded here."""

    model: str = "auto"
    device: str = "auto"
    dtype: str = "auto"
    quantization: str = "none"
    batch_size: int = 16
    max_new_tokens: int = 512
    teacher: str = "frozen"
    method: str = "sdpo"
    experts: bool = False
    runs: Path = Path("runs")
    endpoint: str = ""
    endpoint_model: str = ""


@dataclass(frozen=True)
class Finding:
    """What was seen, in one line; if something is wrong, what to do, in another."""

    level: Level
    said: str
    remedy: str = ""


@dataclass(frozen=True)
class Report:
    """A finding under the name of its check."""

    check: str
    finding: Finding
    seconds: float


def passed(said: str) -> Finding:
    return Finding(Level.PASS, said)


def warned(said: str, remedy: str) -> Finding:
    return Finding(Level.WARN, said, remedy)


def failed(said: str, remedy: str) -> Finding:
    return Finding(Level.FAIL, said, remedy)
