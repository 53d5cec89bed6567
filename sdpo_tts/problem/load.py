"""Reads a problem in any format; see docs/formats.md."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sdpo_tts.problem.formats import read_any
from sdpo_tts.problem.model import Problem
from sdpo_tts.problem.native import digest
from sdpo_tts.problem.reading.draft import Reading


def load_problem(path: Path) -> Problem:
    """The problem in a file, a folder or a zip archive; the format is recognised by its content.

    `FILE#ID` names one row of a file of rows. Raises `UserError` with the place, the first mistake and a hint.
    """
    return read_problem(path).problem


def read_problem(path: Path, statement: str = "") -> Reading:
    """As `load_problem`, with notes of what could not be carried over. `statement` replaces the format's own."""
    reading = read_any(path, statement)
    return replace(reading, problem=replace(reading.problem, digest=digest(reading.problem)))
