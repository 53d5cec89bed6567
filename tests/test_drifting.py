"""What `sdpo-tts drift` concludes from what it has measured."""

from __future__ import annotations

import io
import json
import math

import pytest

from sdpo_tts.cli.results import drift as command
from sdpo_tts.discovery.measure.drift import Drift, Outcome
from sdpo_tts.view import LiveLine
from sdpo_tts.view.measured.drifting import finding

MOVED = "On other text the adapter moves the model by 0.020 nats per token on average; perplexity grows"


@pytest.mark.parametrize(
    ("perplexities", "told"),
    [
        ((9.5, 4.0), " on none of it."),
        ((10.4, 4.0), " by 4.0% at most: the model has hardly changed there."),
        ((10.4, 6.0), " by up to 50.0% (code): the model has become worse there."),
    ],
)
def test_text_is_judged_by_its_worst_passage(perplexities: tuple[float, float], told: str) -> None:
    prose, code = perplexities
    assert finding([Drift("prose", 100, 0.03, 10.0, prose), Drift("code", 50, 0.01, 4.0, code)]) == [MOVED + told]


@pytest.mark.parametrize(
    ("base", "adapted", "told"),
    [
        (2, 40, "the model passes more often with the adapter"),
        (40, 2, "the model passes less often with the adapter"),
        (20, 22, "there is no significant difference with the adapter"),
    ],
)
def test_a_problem_has_an_interval(base: int, adapted: int, told: str) -> None:
    (line,) = finding([Outcome("rle", 64, base, adapted, 90.0, 110.0)])
    assert line.startswith(f"On rle {told} (90 % interval ") and line.endswith(" points).")


def test_a_perplexity_beyond_all_numbers_is_json_too() -> None:
    out, line = io.StringIO(), LiveLine(io.StringIO())
    command._as_json([Drift("prose", 100, math.nan, 10.0, math.inf)], out, line)
    assert json.loads(out.getvalue(), parse_constant=pytest.fail)["adapted_perplexity"] is None
