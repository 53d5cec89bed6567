"""Runs made to the paper's table 10 (arXiv 2601.20802): 19 questions, budget 2750, five seeds, pools of 2944.

The mean attempts of every cell, cut at the budget, are the table's; how many seeds succeeded is not in the paper but
follows from its headline numbers (24 and 16 of 45 on very hard questions, 74 and 65 of 95 on all); the times between
are chosen so that the curves cross 22 % and 67 % where the paper says.
"""

from __future__ import annotations

from pathlib import Path

from tests.synthetic import until, write

BUDGET, POOL = 2750, 2944
VERY_HARD = ("3", "10", "46", "74", "91", "92", "95", "103", "125")

# Question: mean attempts of SDPO, best-of-k and multi-turn.
TABLE_10 = {
    "1": (104, 98, 59), "3": (1987, 2750, 2750), "10": (938, 2750, 1706), "43": (111, 109, 111),
    "46": (1852, 1466, 1315), "59": (172, 123, 76), "69": (280, 134, 134), "74": (1948, 1466, 2405),
    "86": (85, 421, 335), "91": (1360, 2750, 2384), "92": (1575, 2750, 2203), "95": (1948, 1466, 1794),
    "100": (277, 294, 1596), "103": (2246, 2750, 2210), "111": (85, 95, 39), "120": (24, 327, 70),
    "125": (1795, 1466, 2320), "127": (28, 368, 61), "129": (168, 173, 104),
}  # fmt: skip

# Attempts at which the successful seeds of the very hard questions succeed; the other seeds of the five do not.
SDPO = {
    "3": (321, 1364), "10": (150, 400, 900, 1200, 2040), "46": (250, 760), "74": (300, 1190),
    "91": (200, 700, 1350, 1800), "92": (350, 852, 1173), "95": (500, 990), "103": (486, 2494), "125": (240, 485),
}  # fmt: skip
MULTI_TURN = {
    "3": (), "10": (300, 1000, 1730), "46": (60, 500, 1265, 2000), "74": (1025,), "91": (920,), "92": (500, 2265),
    "95": (120, 600), "103": (200, 2600), "125": (600,), "100": (130, 1000, 1600, 2500),
}  # fmt: skip


def write_runs(root: Path, questions: tuple[str, ...]) -> None:
    for question in questions:
        sdpo, pool, turns = TABLE_10[question]
        _write_seeds(root, question, "sdpo", SDPO.get(question, _around(sdpo)))
        _write_seeds(root, question, "multi-turn", MULTI_TURN.get(question, _around(turns)))
        # The mean of min(T, budget) is near (n + 1) / (c + 1) with c correct samples of n.
        correct = 0 if pool == BUDGET else round((POOL + 1) / pool - 1)
        outcomes = [i < correct for i in range(POOL)]
        write(root, question, "best-of-k", 0, outcomes, POOL, pooled=True)


def _around(mean: int) -> tuple[int, ...]:
    """Five times with this mean."""
    half = mean // 2
    return (mean - half, mean - half // 2, mean, mean + half // 2, mean + half)


def _write_seeds(root: Path, question: str, method: str, times: tuple[int, ...]) -> None:
    for seed, first in enumerate([*times, *[None] * (5 - len(times))]):
        write(root, question, method, seed, until(first, BUDGET), BUDGET, batch=16)
