"""Which of several values holds; and presets, settings that belong together, as data (`presets.toml`)."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from importlib import resources

from sdpo_tts.settings.given import Given

PRESET = "preset"
PRESETS = ("paper", "quick", "thorough", "cpu")


def preset(named: Given) -> list[Given]:
    """The settings of the preset that `named` names, one of PRESETS."""
    text = resources.files(__package__).joinpath("presets.toml").read_text(encoding="utf-8")
    where = f"preset {named.text} ({named.where})"
    return [Given(key, str(value), "preset", where) for key, value in tomllib.loads(text)[named.text].items()]


def winners(layers: Sequence[Sequence[Given]]) -> dict[str, Given]:
    """The value that holds for each key; `layers` come with the weakest first.

    A preset stands just below the layer that names it. Where several layers name one, the strongest layer's counts and
    the others are not looked at: a mixture of two presets is what nobody asked for.
    """
    named = [one for layer in layers for one in layer if one.key == PRESET]
    held: dict[str, Given] = {}
    for layer in layers:
        if named and named[-1] in layer:
            held |= {one.key: one for one in preset(named[-1])}
        held |= {one.key: one for one in layer}
    return held
