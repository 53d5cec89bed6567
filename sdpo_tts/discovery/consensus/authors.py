"""Programs that the model writes about a problem instead of solving it: generators of inputs, and a brute force.

They are sampled from the base, with prompts of their own. They run like submissions, in containers that programs of the
problem's author never share, because they cannot be trusted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sdpo_tts.discovery.state import Parts
from sdpo_tts.policy.program import extract_program
from sdpo_tts.policy.prompts import order, question
from sdpo_tts.problem import Problem

WRITING = 3  # the stream of random numbers for these samples
GENERATORS, BRUTES = 3, 4  # how many of each are requested
EXAMPLES, EXAMPLE_CHARS = 2, 400
SMALL, LARGE = "small", "large"


@dataclass(frozen=True)
class Authored:
    """Answers without a program are left out. Token counts are sums over all answers."""

    generators: tuple[str, ...] = ()
    brutes: tuple[str, ...] = ()
    prompt_tokens: int = 0
    completion_tokens: int = 0


def generator_text(problem: Problem) -> str:
    """The prompt for a generator."""
    quoted = [test.input.decode(errors="replace") for test in problem.shown if problem.may_quote(test)][:EXAMPLES]
    examples = "\n\n".join(f"```\n{text[:EXAMPLE_CHARS].rstrip()}\n```" for text in quoted)
    lead = f"Inputs of this problem look like these:\n\n{examples}\n\n" if quoted else ""
    lines = " Each line is one argument as JSON." if problem.function else ""
    return (
        f"{question(problem)}\n\n{lead}"
        f"Do not solve the problem. Write a Python program that prints one random valid input for it, in exactly this "
        f"format.{lines} It is called with two arguments: sys.argv[1] is a number, use it as the random seed; "
        f"sys.argv[2] is `{SMALL}` (numbers up to 10, at most 6 items) or `{LARGE}` (as large as the limits allow). "
        "It reads nothing and prints only the input. Answer with one ```python block that holds the whole program."
    )


def brute_text(problem: Problem) -> str:
    """The prompt for a brute force."""
    return (
        f"{question(problem)}\n\nWrite the simplest program that is obviously right, even if it is very slow: try all "
        f"possibilities, or follow the statement word by word. Inputs will be tiny, and time does not matter. "
        f"{order(problem)}"
    )


def write(parts: Parts, seed: int, generators: int = GENERATORS, brutes: int = BRUTES) -> Authored:
    """This many of each; none if a prompt would be too long."""
    problem, chat = parts.judge.problem, parts.chat
    asked = [generator_text(problem)] * generators + [brute_text(problem)] * brutes
    prompts = [chat.prompt(text) for text in asked]
    fitting = [i for i, prompt in enumerate(prompts) if len(prompt) <= (parts.most_prompt_tokens or len(prompt))]
    if not fitting:
        return Authored()
    rngs = [np.random.default_rng([seed, WRITING, i]) for i in fitting]
    samples = parts.sampler.sample([prompts[i] for i in fitting], rngs, base=len(fitting))
    programs = {i: extract_program(chat.text(one.answer)) for i, one in zip(fitting, samples, strict=True)}
    return Authored(
        _distinct([programs.get(i) for i in range(generators)]),
        _distinct([programs.get(i) for i in range(generators, len(asked))]),
        sum(one.prompt_tokens for one in samples),
        sum(one.completion_tokens for one in samples),
    )


def _distinct(programs: Sequence[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(program for program in programs if program))
