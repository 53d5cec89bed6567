"""Settings in layers, before their meaning is known: a key, its text, and where it was given."""

from sdpo_tts.settings.given import Given, demand_known, spelt
from sdpo_tts.settings.paths import PATHS, changed, matters
from sdpo_tts.settings.presets import PRESETS, winners
from sdpo_tts.settings.sources import config_file, environment, project_file, user_file, user_path

__all__ = [
    "PATHS", "PRESETS", "Given", "changed", "config_file", "demand_known", "environment", "matters", "project_file",
    "spelt", "user_file", "user_path", "winners",
]  # fmt: skip
