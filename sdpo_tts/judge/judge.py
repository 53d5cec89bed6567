"""The judge of one problem: programs in, judgements out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from types import TracebackType

from sdpo_tts.errors import SandboxError, UserError
from sdpo_tts.judge.calibration import calibrate
from sdpo_tts.judge.container import Command, ContainerLost, Fleet
from sdpo_tts.judge.engine import connect, sandbox_image
from sdpo_tts.judge.gate import Gate
from sdpo_tts.judge.language import language as find_language
from sdpo_tts.judge.language import languages
from sdpo_tts.judge.trial import COMPILE_CAGE, Trial
from sdpo_tts.judge.verdict import Judgement, Verdict
from sdpo_tts.problem import Problem

RETRIES = 2


class Judge:
    """Runs programs on a problem's tests in Docker containers; use it as a context manager.

        with Judge(problem) as judge:
            judgement = judge.judge(program)

    Shown tests run first, in order and all of them (feedback picks among their failures; after two time-outs the
    rest is left out). Held-out tests run, up to the first failure, only when all shown ones pass. `all_tests`
    runs every test whatever happens. At most `workers` containers run at once (default: the cores).

    Entering raises SetupError when no Docker engine answers or the image cannot be built. Judging raises
    SandboxError when the sandbox itself fails three times in a row on one program (JE never gets out).
    """

    def __init__(self, problem: Problem, workers: int | None = None, all_tests: bool = False) -> None:
        self.problem, self.workers, self.all_tests = problem, workers or _cores(), all_tests
        self._gate = Gate()

    def __enter__(self) -> Judge:
        self._trial(None)  # an unknown language is refused before anything is started
        self._client = connect()
        try:
            self._fleet = Fleet(self._client, sandbox_image(self._client))
        except BaseException:
            self._client.close()
            raise
        self._pool = ThreadPoolExecutor(self.workers, thread_name_prefix="judge")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._fleet.close()
        self._pool.shutdown(cancel_futures=True)
        self._client.close()

    def judge(self, program: str | None, language: str | None = None) -> Judgement:
        """One program (None: no program in the answer, NC). Raises SandboxError."""
        return self.judge_many([program], language)[0]

    def judge_many(
        self,
        programs: Sequence[str | None],
        language: str | None = None,
        on_judged: Callable[[int, Judgement], None] | None = None,
    ) -> list[Judgement]:
        """All programs, in order; `on_judged` hears of each, by index, as it finishes. Raises SandboxError."""
        found: dict[int, Judgement] = {}
        for index, judgement in self.judge_each(programs, language):
            found[index] = judgement
            if on_judged:
                on_judged(index, judgement)
        return [found[index] for index in range(len(programs))]

    def judge_each(
        self, programs: Sequence[str | None], language: str | None = None
    ) -> Iterator[tuple[int, Judgement]]:
        """Pairs of index and judgement as they finish. Equal programs are judged once. Raises SandboxError."""
        trial = self._trial(language)
        places: dict[str | None, list[int]] = {}
        for index, program in enumerate(programs):
            places.setdefault(program, []).append(index)
        nothing = Judgement(Verdict.NC, (), len(self.problem.tests))
        yield from ((index, nothing) for index in places.pop(None, []))
        programs_left = ((text, spots) for text, spots in places.items() if text is not None)
        running = {self._pool.submit(_retried, trial, text): spots for text, spots in programs_left}
        try:
            for done in as_completed(running):
                judgement = done.result()
                yield from ((index, judgement) for index in running[done])
        finally:
            _cancel(running)

    def versions(self) -> dict[str, str]:
        """The image, the engine, the machine's speed, and the first line of each language's version."""
        found = {"image": self._fleet.image, "docker": str(self._client.version()["Version"])}
        with self._fleet.open(COMPILE_CAGE) as container:
            found["calibration"] = str(calibrate(container))
            for key, known in languages().items():
                facts = container.run(Command(known.version, 5.0, 10.0, 1 << 16, 1 << 23))
                found[key] = facts.stdout.decode(errors="replace").partition("\n")[0]
        return found

    def _trial(self, language: str | None) -> Trial:
        chosen = find_language(language or self.problem.language)
        if self.problem.function and not chosen.function:
            raise UserError(f"function mode is not for {chosen.title}", where=self.problem.slug)
        fleet: Fleet | None = getattr(self, "_fleet", None)
        return Trial(self.problem, chosen, fleet, self._gate, self.all_tests)  # type: ignore[arg-type]


def _retried(trial: Trial, program: str) -> Judgement:
    """A lost container says nothing about the program. Raises SandboxError."""
    for left in reversed(range(RETRIES + 1)):
        try:
            return trial.judge(program)
        except ContainerLost as error:
            trial.fleet.drop_idle()
            if not left:
                raise SandboxError(
                    str(error), where="judge", hint="see whether `docker info` answers and memory is left"
                ) from error
    raise AssertionError("unreachable")


def _cancel(running: dict[Future[Judgement], list[int]]) -> None:
    for future in running:
        future.cancel()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
