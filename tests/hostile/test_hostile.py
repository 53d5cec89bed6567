"""Every program of the hostile corpus, on the real engine: its verdict, and what it leaves behind."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.hostile.corpus import FOLDER, Entry, Result, entries, judge_all

ENTRIES = entries()


@pytest.fixture(scope="module")
def results(engine: None) -> Mapping[str, Result]:
    return {result.entry.file: result for result in judge_all(ENTRIES)}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.file)
def test_hostile(entry: Entry, results: Mapping[str, Result]) -> None:
    assert results[entry.file].fault == ""


def test_every_program_is_in_the_table_once() -> None:
    files = [entry.file for entry in ENTRIES]
    assert sorted(files) == sorted(path.name for path in (FOLDER / "programs").iterdir())
