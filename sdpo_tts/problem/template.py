"""A new problem file, with comments about its optional keys."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from sdpo_tts.problem.model import Checker, Limits
from sdpo_tts.problem.native import FORMAT
from sdpo_tts.problem.writer import Block, checker_as_text, dump, limits_as_text

USUAL, TOKENS = Limits(), Checker()

_LANGUAGE = """\
language: python3           # or pypy3, cpp17, cpp20, cpp23, c, rust, java, go
"""
_LIMITS = """\
# limits:                   # per test; units are mandatory
#   time: 2s                # CPU time: ms, s
#   memory: 256MiB
#   output: 16MiB
"""
_CHECKER = """\
# checker: tokens           # tokens, exact, lines, unordered, floats 1e-6, kattis, or a program of your own
"""
_FEEDBACK = """\
# feedback: shown           # whose inputs and outputs the model may see: shown, all, none
"""
_HELD_OUT = """\
  # held_out:               # never shown to the model; solved means that these pass too. Samples alone are few:
  #   - input: "..."        # a program that has learned them by heart would pass.
  #     output: "..."
  #   - files: tests/*.in   # each NAME.in needs a NAME.out or NAME.ans beside it
"""


def template(
    title: str, statement: str, samples: Sequence[tuple[str, str]], limits: Limits = USUAL, checker: Checker = TOKENS
) -> str:
    """The text of a problem.yaml; `samples` are inputs and outputs, shown to the model."""
    known = "" if limits == USUAL else dump({"limits": limits_as_text(limits)})
    known += "" if checker == TOKENS else dump({"checker": checker_as_text(checker)})
    head = {"format": FORMAT, "title": title, "statement": Block(f"{statement.strip()}\n")}
    shown = [{"input": Block(given), "output": Block(wanted)} for given, wanted in samples]
    tests = textwrap.indent(dump({"shown": shown}), "  ", lambda line: bool(line.strip()))
    comments = _LANGUAGE + (_LIMITS if limits == USUAL else "") + (_CHECKER if checker == TOKENS else "") + _FEEDBACK
    return f"# What the keys mean: docs/problem-format.md\n{dump(head)}{known}{comments}tests:\n{tests}{_HELD_OUT}"
