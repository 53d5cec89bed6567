"""Judges programs while others are still being written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, as_completed
from types import TracebackType

from sdpo_tts.judge.verdict import Judgement, Verdict


class JudgingQueue:
    """Takes programs one by one and judges each at once. A context manager: leaving it drops programs that wait.

    `start` begins to judge a program. Equal programs are judged once. `total` is the number of the problem's tests.
    """

    def __init__(self, start: Callable[[str], Future[Judgement]], total: int) -> None:
        self._start, self._nothing = start, Judgement(Verdict.NC, (), total)
        self._running: dict[str, Future[Judgement]] = {}
        self._places: dict[str | None, list[int]] = {}

    def __enter__(self) -> JudgingQueue:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        for future in self._running.values():
            future.cancel()

    def submit(self, index: int, program: str | None) -> None:
        """None: no program in the answer, NC."""
        self._places.setdefault(program, []).append(index)
        if program is not None and program not in self._running:
            self._running[program] = self._start(program)

    def solved(self) -> bool:
        """Whether some program is known to pass everything. Does not wait, and never raises."""
        done = (future for future in self._running.values() if future.done() and not future.cancelled())
        return any(not future.exception() and future.result().solved for future in done)

    def verdicts(self) -> Iterator[tuple[int, Judgement]]:
        """Pairs of index and judgement of everything submitted, as they finish. Raises SandboxError."""
        yield from ((index, self._nothing) for index in self._places.get(None, []))
        programs = {future: program for program, future in self._running.items()}
        for done in as_completed(programs):
            judgement = done.result()
            yield from ((index, judgement) for index in self._places[programs[done]])
