"""Small generated tests with brute-force answers, for programs that pass the shown tests."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator

from sdpo_tts.errors import UserError
from sdpo_tts.judge.author_programs import AuthorPrograms, Tool, how_it_ended
from sdpo_tts.judge.facts import Facts, size
from sdpo_tts.problem import Problem, Test

PREFIX = "stress-"  # of their names
WORDS_CHARS = 250
MOST_INPUT_BYTES = 1 << 20


class StressTests:
    """Made one by one, when they are first needed, and the same for all programs. Thread-safe.

    Creating it compiles generator and brute force and makes the first test. Raises UserError if one of them fails, and
    ContainerLost; so does iteration.
    """

    def __init__(self, problem: Problem, author_programs: AuthorPrograms) -> None:
        self._problem, self._author_programs, self._lock = problem, author_programs, threading.Lock()
        self._made: list[Test] = []
        self._added: tuple[Test, ...] = ()
        self._counter_examples: set[str] = set()
        if problem.stress:
            self._generator = author_programs.tool("stress.generator", problem.stress.generator)
            self._brute = author_programs.tool("stress.brute", problem.stress.brute, problem.function)
            next(iter(self))

    def __iter__(self) -> Iterator[Test]:
        for index in range(self._problem.stress.cases if self._problem.stress else 0):
            with self._lock:
                if len(self._made) == index:
                    self._made.append(self._make(index + 1))
            yield self._made[index]

    def keep(self, test: Test) -> None:
        """A counter-example: later programs are also tried on it, like the shown tests."""
        with self._lock:
            self._counter_examples.add(test.name)

    def recall(self, names: Iterable[str]) -> None:
        """Keep those of an earlier process, by name."""
        left, tests = {name for name in names if name.startswith(PREFIX)}, iter(self)
        while left and (test := next(tests, None)):
            if test.name in left:
                left.remove(test.name)
                self.keep(test)

    def add(self, test: Test) -> None:
        """A counter-example from outside."""
        with self._lock:
            self._added = (*self._added, test)

    def kept(self) -> tuple[Test, ...]:
        """The counter-examples so far: first those from outside, then the others in the order of generation."""
        with self._lock:
            return (*self._added, *(test for test in self._made if test.name in self._counter_examples))

    def input(self, number: int) -> bytes:
        """The generator's output for a number, which may be above `cases`. Call only if the problem has a generator."""
        given = self._run(self._generator, number, arguments=(str(number),))
        if len(given) > MOST_INPUT_BYTES:
            what = f"`stress.generator` writes more than {size(MOST_INPUT_BYTES)} as test {number}"
            raise UserError(what, where=str(self._problem.path), hint="stress tests are meant to be small")
        return given

    def answer(self, given: bytes) -> tuple[bytes | None, bool]:
        """The brute force's output for any input, None if it fails; and whether it ran into a limit."""
        facts = self._author_programs.run(self._brute, self._brute.command(), {}, given)
        return None if _failed(facts) else facts.stdout, bool(facts.killed or facts.oom_kills)

    def _make(self, number: int) -> Test:
        given = self.input(number)
        answer = self._run(self._brute, number, stdin=given)
        if self._problem.function and not _is_json(answer):
            what = f"`stress.brute` does not print a JSON value on generated test {number}"
            raise UserError(what, where=str(self._problem.path))
        return Test(f"{PREFIX}{number}", given, answer, shown=True)

    def _run(self, tool: Tool, number: int, *, arguments: tuple[str, ...] = (), stdin: bytes = b"") -> bytes:
        facts = self._author_programs.run(tool, tool.command(*arguments), {}, stdin)
        if _failed(facts):
            raise UserError(_complaint(tool, number, facts), where=str(self._problem.path))
        return facts.stdout


def _failed(facts: Facts) -> bool:
    return facts.exit_code != 0 or bool(facts.killed or facts.oom_kills)


def _is_json(answer: bytes) -> bool:
    """Refuses NaN and Infinity, which Python writes but JSON lacks, and which never equal anything."""

    def refuse(name: str) -> None:
        raise ValueError(name)

    try:
        json.loads(answer, parse_int=str, parse_constant=refuse)  # an integer of any length
    except (ValueError, RecursionError):
        return False
    return True


def _complaint(tool: Tool, number: int, facts: Facts) -> str:
    words = " ".join(facts.stderr.decode(errors="replace").split())[-WORDS_CHARS:]
    return f"`{tool.key}` fails on generated test {number}: {how_it_ended(facts)}" + (f": {words}" if words else "")
