"""The templates of the pages. Everything inserted into them is escaped, unless it already is markup."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup, escape

from sdpo_tts.report.phrases import NOTHING


def render(name: str, **values: Any) -> str:
    return _environment().get_template(name).render(**values)


def text(name: str) -> str:
    """Of a file beside this one. Raises FileNotFoundError."""
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FunctionLoader(text), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters["unbroken"] = unbroken
    made.globals["nothing"] = NOTHING
    made.globals["style"] = lambda name: Markup(text(name))
    return made


def unbroken(cell: str) -> Markup:
    """Keeps a unit with its number, and an interval in one piece, when a narrow column wraps."""
    whole = re.sub(r"(?<=\d) (?=[%MGTPE](?![a-z]))", "&nbsp;", str(escape(cell)))
    return Markup(re.sub(r"\([^()]{1,24}\)", lambda found: found[0].replace(" ", "&nbsp;"), whole))
