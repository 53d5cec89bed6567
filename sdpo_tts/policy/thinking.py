"""How a model thinks before it answers: the settings of its chat template, the marks around a thought, and where a
thought that goes on for too long is cut off.

Only what follows the last thought of an answer is judged, learned from and quoted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sdpo_tts.errors import UserError
from sdpo_tts.policy.batch import Ids

OFF, ON = "off", "on"
EFFORTS = ("low", "medium", "high")


@dataclass(frozen=True)
class ThinkingSettings:
    """`mode`: off, on, or one of EFFORTS. After `tokens` tokens a thought is closed (None: it ends by itself)."""

    mode: str = OFF
    tokens: int | None = None

    def demand(self, max_new_tokens: int) -> None:
        """Raises UserError for a budget that cannot be kept."""
        if self.tokens is None:
            return
        if self.mode == OFF:
            raise UserError("there are no thoughts to close", where="--think-tokens", hint="--thinking on")
        if self.tokens >= max_new_tokens:
            what = f"{self.tokens} tokens of thought leave no room for an answer: both have {max_new_tokens}"
            raise UserError(what, where="--think-tokens", hint="a longer --max-new-tokens")


@dataclass(frozen=True)
class Marks:
    """What `opens` and `closes` a thought, and the text that closes one whose time is up."""

    opens: str
    closes: str
    closing: str


MARKS = (
    Marks("<think>", "</think>", "\n</think>\n\n"),
    Marks("[THINK]", "[/THINK]", "[/THINK]"),
    Marks("<seed:think>", "</seed:think>", "\n</seed:think>"),
    Marks("<|channel>thought", "<channel|>", "\n<channel|>"),
    Marks(
        "<|channel|>analysis", "<|channel|>final<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"
    ),
)


@dataclass(frozen=True)
class Thinking:
    """A thought as token ids. `opened`: the prompt ends within one. After `tokens` in a thought it is closed by the ids
    `closing`, which hold `closes`."""

    opens: Ids
    closes: Ids
    closing: Ids
    opened: bool
    tokens: int | None = None


class Thought:
    """Follows one answer, token by token, through its thoughts."""

    def __init__(self, thinking: Thinking | None) -> None:
        self._thinking = thinking
        self._open, self._spent = thinking is not None and thinking.opened, 0
        self._length, self._end, self._tail = 0, 0, Ids()
        self._longest = max(len(thinking.opens), len(thinking.closes)) if thinking else 0
        self._due: list[int] = []
        self._forced: list[bool] = []

    def next(self, drawn: int) -> tuple[int, bool]:
        """The next token: the one that was drawn, or the one that is due; and whether it was forced."""
        forced = bool(self._due)
        token = self._due.pop(0) if forced else drawn
        if self._thinking:
            self._follow(token, forced, self._thinking)
        return token, forced

    def close(self, most: int) -> Ids:
        """Everything that is due at once, up to `most`; empty if nothing is."""
        closing = tuple(self._due[:most])
        for token in closing:
            self.next(token)
        return closing

    @property
    def length(self) -> int:
        """Tokens up to the end of the last thought, and of what closed it; all of them while one is open."""
        return self._length if self._open else self._end

    def mask(self) -> tuple[bool, ...]:
        """Which tokens were not drawn; empty if all were."""
        return tuple(self._forced) if any(self._forced) else ()

    def _follow(self, token: int, forced: bool, thinking: Thinking) -> None:
        self._forced.append(forced)
        self._length += 1
        self._tail = (*self._tail, token)[-self._longest :]
        self._spent += self._open and not forced
        if _ends(self._tail, thinking.closes):
            self._open, self._end = False, self._length
        elif _ends(self._tail, thinking.opens):
            self._open = True
        if forced and not self._open:
            self._end = self._length  # what stands behind the mark is not the answer's
        if self._open and not self._due and thinking.tokens is not None and self._spent >= thinking.tokens:
            self._due = list(thinking.closing)


def _ends(ids: Ids, mark: Ids) -> bool:
    return ids[len(ids) - len(mark) :] == mark


def variables(source: str, settings: ThinkingSettings) -> dict[str, Any]:
    """The variables for a chat template with this `source`. A budget is only passed to templates that ask for one."""
    on, has_none = settings.mode != OFF, bool(re.search(r"""(["'])none\1""", source))
    told: dict[str, Any] = {"thinking": on}
    if settings.mode in EFFORTS:
        told["reasoning_effort"] = settings.mode
    elif has_none:
        told["reasoning_effort"] = EFFORTS[-1] if on else "none"
    if not on or settings.tokens is not None:
        told["thinking_budget"] = settings.tokens if on else 0
    known = {name: value for name, value in told.items() if re.search(rf"\b{name}\b", source)}
    return {"enable_thinking": on, **known}


def open_at_end(text: str) -> bool:
    """Whether a text ends within a thought."""
    return any(text.rfind(one.opens) > text.rfind(one.closes) for one in MARKS)


@dataclass(frozen=True)
class Template:
    """A chat template, as far as thinking goes: `render` writes a prompt with some variables, and raises whatever its
    author likes."""

    source: str
    render: Callable[[Mapping[str, Any]], str]

    def written(self, mode: str) -> str:
        """A prompt in a mode; empty if the template fails."""
        try:
            return self.render(variables(self.source, ThinkingSettings(mode)))
        except Exception:  # a template is a program of the model's author: it may raise anything
            return ""

    def refusal(self, mode: str) -> str:
        """Why it does not know a mode; empty if it does."""
        if mode in EFFORTS:
            return "" if self._has_efforts and self.written(mode) else "does not know how hard to think"
        off, on = self.written(OFF), self.written(ON)
        always = off == on and (open_at_end(on) or any(one.opens in on for one in MARKS) or self._has_efforts)
        if mode == OFF:
            return "cannot turn thinking off" if always or open_at_end(off) else ""
        return "" if always or off != on else "does not know of thinking"

    def modes(self) -> list[str]:
        """All that it knows."""
        return [mode for mode in (OFF, ON, *EFFORTS) if not self.refusal(mode)]

    def marks(self, encode: Callable[[str], Sequence[int]], own: Callable[[int], bool]) -> Marks | None:
        """Those that the model thinks between: of the kinds that are tokens of their `own`, the one that the template
        names, else the first."""
        found = [one for one in MARKS if all(own(encode(mark)[0]) for mark in (one.opens, one.closes))]
        told = self.source + self.written(ON)
        return next((one for one in found if one.opens in told), found[0] if found else None)

    @property
    def _has_efforts(self) -> bool:
        return self.written(EFFORTS[0]) != self.written(EFFORTS[-1])


def split(text: str) -> tuple[str, str]:
    """(thought, answer) of a text in which a server left both: the answer is what follows the last closing mark, and
    empty if a thought is not closed."""
    for one in MARKS:
        thought, mark, answer = text.rpartition(one.closes)
        if mark:
            return thought + mark, answer
    return (text, "") if any(text.lstrip().startswith(one.opens) for one in MARKS) else ("", text)
