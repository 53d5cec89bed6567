"""Chooses among several values; and presets, groups of settings, as data (`presets.toml`)."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from importlib import resources

from sdpo_tts.settings.given import Given

PRESET = "preset"
PRESETS = ("paper", "quick", "thorough", "cpu")


def preset(named: Given) -> list[Given]:
    """The settings of the preset that `named` gives, one of PRESETS."""
    text = resources.files(__package__).joinpath("presets.toml").read_text(encoding="utf-8")
    where = f"preset {named.text} ({named.where})"
    return [Given(key, str(value), "preset", where) for key, value in tomllib.loads(text)[named.text].items()]


def winners(layers: Sequence[Sequence[Given]]) -> dict[str, Given]:
    """The value that counts for each key; `layers` come weakest first.

    A preset counts just below the layer that names it. If several layers name one, only the strongest layer's counts,
    because a mixture of two presets makes no sense.
    """
    named = [one for layer in layers for one in layer if one.key == PRESET]
    held: dict[str, Given] = {}
    for layer in layers:
        if named and named[-1] in layer:
            held |= {one.key: one for one in preset(named[-1])}
        held |= {one.key: one for one in layer}
    return held
