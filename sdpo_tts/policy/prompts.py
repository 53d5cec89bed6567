"""What the model is asked: the student's prompt, the teacher's, the multi-turn one and a repair.

A prompt is a question and an order (how to answer). Feedback stands between them, or behind both: `sdpo-tts probe`
measures which of the two makes the better teacher.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from sdpo_tts.errors import SetupError, UserError, first_line
from sdpo_tts.policy import thinking as thoughts
from sdpo_tts.policy.batch import Ids
from sdpo_tts.policy.thinking import Thinking, ThinkingSettings
from sdpo_tts.problem import Problem
from sdpo_tts.problem.language import language

SOLUTION_LEAD = "This is a correct solution to this problem:"
FEEDBACK_LEAD = "An earlier attempt at this problem failed. This is the feedback on it:"
MULTI_TURN_LEAD = "Earlier attempts at this problem failed. This is the feedback on them, oldest first:"
REPAIR_LEAD = "This program fails:"
PROGRAM_FEEDBACK_LEAD = "This is the feedback on it:"
HINT_LEAD = "A hint from somebody who knows the problem:"
AGAIN = "Solve the original problem correctly."


@dataclass(frozen=True)
class Template:
    """`feedback_first`: the feedback stands before the closing order; otherwise behind it."""

    name: str
    feedback_first: bool


TEMPLATES = {template.name: template for template in (Template("before-order", True), Template("after-order", False))}
DEFAULT_TEMPLATE = "before-order"
MAX_PROMPT_TOKENS = 8192
_QUESTION, _ANSWER = "fortytwo", "seventeen"  # for trying a template
_TODAY = re.compile(r"""\bstrftime_now\(\s*(["'])(.*?)\1\s*\)""")  # in a chat template


def question(problem: Problem) -> str:
    """Title, statement, starter code and limits."""
    parts = [f"# {problem.title}", problem.statement.strip()]
    if problem.function and problem.function.starter_code:
        tag, code = language(problem.language).tag, problem.function.starter_code.rstrip()
        parts.append(f"Starter code:\n```{tag}\n{code}\n```")
    limits = problem.limits
    parts.append(f"Time limit: {limits.time_s:g} s. Memory limit: {limits.memory_bytes / 2**20:g} MiB.")
    return "\n\n".join(parts)


def order(problem: Problem) -> str:
    """What the answer must be."""
    known = language(problem.language)
    block = f"one ```{known.tag} block that holds the whole program: no comments, no explanation."
    return f"{_task(problem, known.title)} Answer with {block}"


def _task(problem: Problem, name: str) -> str:
    if problem.function:
        ends = "returns the result"
        if problem.function.in_place:
            ends = f"changes its argument number {problem.function.in_place} in place"
        return f"Write the function `{problem.function.name}` in {name}. It {ends} and prints nothing."
    if problem.interactor:
        return (
            f"Write a {name} program that talks with the judge over standard input and standard output. "
            "It prints only what the problem asks for, and flushes the output after every line."
        )
    return f"Write a {name} program that reads from standard input and prints only the answer to standard output."


def student_text(problem: Problem) -> str:
    return f"{question(problem)}\n\n{order(problem)}"


def teacher_text(
    problem: Problem, feedback: str, template: Template = TEMPLATES[DEFAULT_TEMPLATE], *, solution: str = "",
    hint: str = "",
) -> str:  # fmt: skip
    """The student's text with a user's hint, a sibling's correct program, feedback on one attempt, or some of them.

    The attempt itself is not in it (paper, table 6). With none it is the student's text.
    """
    tag = language(problem.language).tag
    sections = _hint(hint)
    if solution:
        sections.append(f"{SOLUTION_LEAD}\n\n```{tag}\n{solution.rstrip()}\n```")
    if feedback:
        sections.append(f"{FEEDBACK_LEAD}\n\n{feedback.strip()}")
    return _with_section(problem, "\n\n".join(sections), template) if sections else student_text(problem)


def multi_turn_text(problem: Problem, feedbacks: Sequence[str], hint: str = "") -> str:
    """The student's text with the feedback on all attempts so far, and no attempts (paper, appendix D.3)."""
    told = [MULTI_TURN_LEAD, *(feedback.strip() for feedback in feedbacks)] if feedbacks else []
    section = "\n\n".join([*_hint(hint), *told])
    return _with_section(problem, section, TEMPLATES[DEFAULT_TEMPLATE]) if section else student_text(problem)


def repair_text(
    problem: Problem, program: str, feedback: str, template: Template = TEMPLATES[DEFAULT_TEMPLATE], hint: str = ""
) -> str:
    """The student's text with a program that failed and the feedback on it."""
    tag = language(problem.language).tag
    parts = [*_hint(hint), REPAIR_LEAD, f"```{tag}\n{program.rstrip()}\n```"]
    if feedback:
        parts += [PROGRAM_FEEDBACK_LEAD, feedback.strip()]
    return _with_section(problem, "\n\n".join(parts), template)


def _hint(hint: str) -> list[str]:
    return [f"{HINT_LEAD}\n\n{hint.strip()}"] if hint else []


def _with_section(problem: Problem, section: str, template: Template) -> str:
    if template.feedback_first:
        return f"{question(problem)}\n\n{section}\n\n{AGAIN} {order(problem)}"
    return f"{student_text(problem)}\n\n{section}\n\n{AGAIN}"


def critique_text(problem: Problem, program: str, feedback: str) -> str:
    """What a critic is asked on one failed attempt; it sees the program, which the teacher does not."""
    tag = language(problem.language).tag
    return "\n\n".join(
        [
            question(problem),
            f"This program fails:\n\n```{tag}\n{program.rstrip()}\n```",
            f"{FEEDBACK_LEAD}\n\n{feedback.strip()}",
            "Say in at most three sentences what is wrong and how to put it right. Write no program.",
        ]
    )


def _instruct(name: str) -> str:
    """Which model to name instead of one that was not trained to answer."""
    if name.count("/") == 1 and "instruct" not in name.lower():
        return f"it is a base model; use the instruction-tuned variant, usually {name}-Instruct"
    return "it is a base model; use the Instruct variant, with its chat_template.jinja or tokenizer_config.json"


def _dated(template: Any, date: str) -> dict[str, str]:
    """The replacement for a template that writes today's date, because transformers passes none of our functions to
    one."""
    if not isinstance(template, str) or not _TODAY.search(template):
        return {}
    moment = datetime.fromisoformat(date)
    return {"chat_template": _TODAY.sub(lambda found: repr(moment.strftime(found[2])), template)}


class Chat:
    """The tokenizer's side: chat template, generation prompt, stop tokens, decoding. A template that writes the date
    gets `date` (ISO 8601) for today's, so that a run that is resumed asks as it did."""

    def __init__(
        self, tokenizer: Any, generation_config: Any, date: str = "", thinking: ThinkingSettings | None = None
    ) -> None:
        self._tokenizer, self._thinking = tokenizer, thinking or ThinkingSettings()
        template = getattr(tokenizer, "chat_template", None)
        self._more = _dated(template, date) if date else {}
        self._told = thoughts.variables(str(template), self._thinking)
        special = [str(token) for token in tokenizer.added_tokens_decoder.values() if token.special]
        if self._thinking.mode != thoughts.OFF:
            special += [mark for one in thoughts.MARKS for mark in (one.opens, one.closes)]
        self._special = re.compile("|".join(map(re.escape, sorted(special, key=len, reverse=True))) or "(?!)")
        self._in_parts = False
        self._in_parts = not self._asks() and self._asks_in_parts()
        ends = generation_config.eos_token_id
        stops = {tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends]), self._end_of_turn()}
        self.stop_ids: tuple[int, ...] = tuple(sorted(stops - {None}))

    def prompt(self, text: str) -> Ids:
        """Ids of one user turn and the header of the answer; student and teacher think, or not, alike."""
        encoded = self._tokenizer.apply_chat_template(
            [self._turn("user", self._harmless(text))], add_generation_prompt=True, return_dict=True,
            **self._told, **self._more,
        )  # fmt: skip
        return tuple(encoded["input_ids"])

    @cached_property
    def thinking(self) -> Thinking | None:
        """Where thoughts of answers begin and end; None if thinking is off, or the model has no marks for it."""
        marks = self._template.marks(self.plain, lambda token: token in self._tokenizer.added_tokens_decoder)
        if self._thinking.mode == thoughts.OFF or marks is None:
            return None
        opens, closes, closing = map(self.plain, (marks.opens, marks.closes, marks.closing))
        opened = thoughts.open_at_end(self._template.render(self._told))
        return Thinking(opens, closes, closing, opened, self._thinking.tokens)

    @property
    def _template(self) -> thoughts.Template:
        def render(told: Mapping[str, Any]) -> str:
            turns = [self._turn("user", _QUESTION)]
            written = self._tokenizer.apply_chat_template(
                turns, add_generation_prompt=True, tokenize=False, **told, **self._more
            )
            return str(written)

        return thoughts.Template(str(getattr(self._tokenizer, "chat_template", None)), render)

    def demand_thinking(self, name: str) -> None:
        """Raises UserError if the model called `name` cannot think as it is asked to, or cannot help it."""
        template, mode = self._template, self._thinking.mode
        known = template.modes()
        if refusal := template.refusal(mode):
            hint = f"--thinking {' or '.join(known)}" if known else "another --model"
            raise UserError(f"the chat template of {name} {refusal}", where=f"--thinking {mode}", hint=hint)
        if mode != thoughts.OFF and self.thinking is None:
            what = f"the tokens that open and close a thought of {name} are not known"
            raise UserError(what, where=f"--thinking {mode}", hint="another --model")

    def _turn(self, role: str, text: str) -> dict[str, Any]:
        """Templates of models that take pictures too may want the parts of a turn in a list."""
        return {"role": role, "content": [{"type": "text", "text": text}] if self._in_parts else text}

    def _asks(self) -> bool:
        """Whether the question is in the prompt."""
        with suppress(Exception):  # a template is a program of the model's author: it may raise anything
            return _QUESTION in self.text(self.prompt(_QUESTION))
        return False

    def _asks_in_parts(self) -> bool:
        self._in_parts = True
        return self._asks()

    def _end_of_turn(self) -> int | None:
        """The token that the template puts behind an assistant's turn; None if it puts none."""
        turns = [self._turn("user", _QUESTION), self._turn("assistant", _ANSWER)]
        with suppress(Exception):  # of a template that does not know of answers
            told = self._tokenizer.apply_chat_template(turns, tokenize=False, **self._told, **self._more)
            _, found, behind = str(told).rpartition(_ANSWER)
            first = self.plain(behind.lstrip())[:1] if found else ()
            return next((one for one in first if one in self._tokenizer.added_tokens_decoder), None)
        return None

    def demand_template(self, name: str, rows: int) -> None:
        """Raises SetupError if the model called `name` cannot be asked: it has no chat template, or one that fails,
        leaves the question out, or writes tokens beyond the `rows` of the embedding; or no token ends an answer."""
        hint = "choose another model, or repair its chat_template.jinja"
        try:
            ids = self.prompt(_QUESTION)
        except Exception as error:  # a template is a program of the model's author: it may raise anything
            if not getattr(self._tokenizer, "chat_template", None):
                raise SetupError(f"the model {name} has no chat template", hint=_instruct(name)) from None
            raise SetupError(f"the chat template of {name} fails: {first_line(error)}", hint=hint) from None
        if _QUESTION not in self.text(ids):
            raise SetupError(f"the chat template of {name} leaves the question out", hint=hint)
        if max(ids) >= rows:
            what = f"the chat template of {name} writes token {max(ids)}, but the model has {rows} rows"
            raise SetupError(what, hint=hint)
        if not self.stop_ids:
            told = "add an eos_token_id to its generation_config.json"
            raise SetupError(f"the model {name} has no token that ends an answer", hint=told)

    def _harmless(self, text: str) -> str:
        """`<|im_end|>` as `< |im_end|>`: what a program prints, or a statement contains, must not end the turn. Halves
        of surrogate pairs, which a statement in JSON may contain, become `?`: tokenizers reject them."""
        text = text.encode(errors="replace").decode()
        return self._special.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text)

    def text(self, ids: Sequence[int]) -> str:
        """Without special tokens. Blanks are kept, which transformers before 5.4 strips for Llama 3 and others."""
        plain = self._tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return str(plain)

    def plain(self, text: str) -> Ids:
        """Ids of a text outside any conversation."""
        return tuple(self._tokenizer(text, add_special_tokens=False)["input_ids"])
