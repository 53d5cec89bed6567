"""How long a prompt may be: limited by the setting, and by the positions that the model leaves beside an answer."""

from __future__ import annotations

from dataclasses import dataclass

from sdpo_tts.errors import UserError
from sdpo_tts.policy.prompts import MAX_PROMPT_TOKENS

# For hints: feedback of usual length, and the least that is useful; a shorter answer holds no program.
FEEDBACK_TOKENS, LEAST_FEEDBACK, LEAST_ANSWER = 1024, 256, 64


@dataclass(frozen=True)
class ContextWindow:
    """In tokens: the model's `positions` (None: it names no limit), and what the settings allow a `prompt` and an
    `answer`. `fixed`: the engine was started for no more than both together."""

    positions: int | None = None
    prompt: int = MAX_PROMPT_TOKENS
    answer: int = 0
    fixed: bool = False

    @property
    def limit(self) -> int:
        """The most tokens of a prompt with feedback."""
        return self.prompt if self.positions is None else min(self.prompt, self.positions - self.answer)

    @property
    def longest(self) -> int:
        """The most tokens of a prompt and its answer together."""
        return min(self.prompt + self.answer, self.positions or self.prompt + self.answer)

    def demand(self, question: int) -> None:
        """Raises UserError if a prompt of this many tokens, the question alone, cannot be answered."""
        if self.positions is not None and question + self.answer > self.positions:
            both = f"the question ({question} tokens) and the longest answer ({self.answer})"
            what = f"{both} exceed the model's {self.positions} positions"
            raise UserError(what, where="--max-new-tokens", hint=self._shorter_answers(question))
        if self.fixed and question > self.prompt:
            what = f"the question has {question} tokens, but the engine takes prompts of at most {self.prompt}"
            raise UserError(what, where="--max-prompt-tokens", hint=self._more_room(question))

    def lacking(self, question: int, told: int) -> str:
        """Why no feedback can be read, and what helps; empty if it can. `told`: tokens of the prompt with the shortest
        feedback."""
        if told <= self.limit:
            return ""
        room = f"with the shortest feedback {told}, but at most {self.limit} fit (hint: {self._more_room(told)})"
        return f"the question has {question} tokens, {room}"

    def _more_room(self, told: int) -> str:
        rounded = -(-(told + FEEDBACK_TOKENS) // 1024) * 1024
        for wanted in (rounded, told + LEAST_FEEDBACK):
            if self.positions is None or wanted + self.answer <= self.positions:
                return f"--max-prompt-tokens {wanted}"
        more = f" --max-prompt-tokens {wanted}" if wanted > self.prompt else ""
        return self._shorter_answers(wanted, more)

    def _shorter_answers(self, prompt: int, more: str = "") -> str:
        assert self.positions is not None
        if self.positions - prompt >= LEAST_ANSWER:
            return f"--max-new-tokens {self.positions - prompt}{more}"
        return "a shorter statement, or a model with more positions"
