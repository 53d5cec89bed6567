"""Arms of a comparison as written on the command line: `sdpo,sdpo:feedback=none+teacher=ema,best-of-k`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdpo_tts.cli.options import METHODS, setting
from sdpo_tts.cli.run_options import run_command
from sdpo_tts.cli.settings import settings_of, value_of
from sdpo_tts.cli.values import demand
from sdpo_tts.errors import UserError
from sdpo_tts.settings import PATHS, Given, demand_known, matters

if TYPE_CHECKING:
    from sdpo_tts.comparison.arms import Arm

WHERE = "--methods"
SHARED = frozenset({
    "method", "seed", "model", "max-attempts", "max-tokens", "max-time", "keep-going", "runs", "preset", "track",
    "plain", "endpoint", "endpoint-model", "enough",
})  # fmt: skip
"""Settings that all arms of a comparison share."""
_LONGEST = 200  # an arm's name is part of a folder's


def read_arms(text: str) -> tuple[Arm, ...]:
    """The arms in their order, without duplicates. Raises UserError, naming the arm and what is wrong with it."""
    return tuple(dict.fromkeys(_arm(name) for name in "".join(text.split()).split(",")))


def _arm(name: str) -> Arm:
    from sdpo_tts.comparison.arms import Arm

    method, colon, settings = name.partition(":")
    demand(method, METHODS, WHERE)
    if len(name) > _LONGEST:
        raise UserError(f"{name[:40]!r}... is longer than {_LONGEST} characters", where=WHERE)
    parts = settings.split("+") if colon else []
    changes = dict(_change(part, method) for part in parts)
    if len(changes) < len(parts):
        raise UserError(f"{name!r} sets a setting twice", where=WHERE)
    return Arm(name, method, tuple(changes.items()))


def _change(part: str, method: str) -> tuple[str, object]:
    key, equals, text = part.partition("=")
    if not equals or not text:
        raise UserError(
            f"{part!r} is not a setting", where=WHERE, hint="for example sdpo:feedback=shuffled+teacher=ema"
        )
    known, one = settings_of(run_command()), Given(key, text, "an arm", f"{WHERE}: {key}")
    demand_known(one, known, SHARED)
    if not matters(method, key):
        raise UserError(f"`{key}` has no effect on {method}", where=WHERE)
    return PATHS[key], setting(key, value_of(known[key], one))
