"""The benchmark of consensus: what its table says."""

from __future__ import annotations

import numpy as np

from benchmarks.consensus import paired, report


def test_the_table_has_every_row_and_counts_those_with_a_candidate() -> None:
    row = {"seed": 0, "rests_on": "consensus", "candidates": 4, "agreeing": 3, "brute": "none", "attempts": 8, "seconds": 1.0}
    rows = [
        {**row, "problem": "a", "first": False, "proposed": True},
        {**row, "problem": "b", "first": True, "proposed": True},
        {"seed": 0, "problem": "c", "first": None, "proposed": None, "attempts": 32, "seconds": 2.0},
    ]
    told = report(rows)
    assert "3 rows, 2 of them with a candidate." in told and "| the proposed one | 2 | 2 | 100% (" in told
    assert "Difference: +50.0 points" in told and "| c | 0 | none | none |" in told


def test_the_interval_of_a_paired_difference_covers_it() -> None:
    """Of 1000 experiments with 40 problems each, nine in ten; it is narrower than for unpaired shares where problems
    agree, and it is not empty where all pairs do."""
    rng, held = np.random.default_rng(0), 0
    for _ in range(1000):
        kinds = rng.choice(4, size=40, p=[0.5, 0.2, 0.1, 0.2])
        low, high = paired([kind in (0, 1) for kind in kinds], [kind in (0, 2) for kind in kinds])
        held += low <= 0.1 <= high
    assert 860 <= held <= 950
    same = paired([True] * 20 + [False] * 20, [True] * 20 + [False] * 20)
    assert -0.1 < same.low < 0 < same.high < 0.1
