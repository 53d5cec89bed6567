"""The judge of one problem: programs in, judgements out."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from types import TracebackType
from typing import Any, TypeVar

from sdpo_tts.errors import SandboxError, UserError
from sdpo_tts.judge.checking.checker import ValidatorError
from sdpo_tts.judge.compiler import COMPILE_LIMITS
from sdpo_tts.judge.containers.calibration import calibrate
from sdpo_tts.judge.containers.container import Command, Container, ContainerLost, engine_errors
from sdpo_tts.judge.containers.engine import answering, answers, connect, demand_limits, languages_in, sandbox_image
from sdpo_tts.judge.containers.outage import Outage
from sdpo_tts.judge.containers.pool import ContainerPool
from sdpo_tts.judge.evaluator import Evaluator
from sdpo_tts.judge.feedback.style import FeedbackStyle
from sdpo_tts.judge.judging_queue import JudgingQueue
from sdpo_tts.judge.resources import open_resources
from sdpo_tts.judge.trial import MOST_FAILURES, Input, Output, Trial
from sdpo_tts.judge.verdict import Judgement, Verdict
from sdpo_tts.problem import Problem, Test
from sdpo_tts.problem.language import Language, languages
from sdpo_tts.problem.language import language as find_language

T = TypeVar("T")
RETRIES = 2


class Judge:
    """Runs programs on a problem's tests in Docker containers; use it as a context manager.

        with Judge(problem) as judge:
            judgement = judge.judge(program)

    Shown tests run first, in order and all of them (feedback chooses among their failures; after two timeouts the
    rest is skipped). If all pass, the problem's stress tests follow, then the held-out tests up to the first failure.
    `all_tests` runs every test whatever happens. At most `workers` programs run at once (default: the number of
    cores). `languages`: further ones besides the problem's own, for `judge(program, language)`. `style`: what feedback
    contains; a failed program may run a second time for it. Without it there is no second run.

    Entering raises SetupError if no Docker engine answers, if it cannot enforce the limits, or if the image cannot be
    built, and UserError if a program of the problem's author fails. Judging raises SandboxError if the sandbox itself
    fails three times in a row on one program, or its engine is gone for too long (`outage`). The verdict is JE if a
    checker or interactor gives none.
    """

    def __init__(
        self,
        problem: Problem,
        workers: int | None = None,
        all_tests: bool = False,
        languages: Iterable[str] = (),
        style: FeedbackStyle | None = None,
    ) -> None:
        self.problem, self.workers, self.all_tests = problem, workers or _cores(), all_tests
        self.style = style or FeedbackStyle.with_parts(())
        self._languages = {problem.language, *problem.author_languages, *languages}

    def __enter__(self) -> Judge:
        self._language(None)  # an unknown language is refused before anything is started
        with ExitStack() as stack:
            self._client = connect()
            stack.callback(self._client.close)
            self._pool = ThreadPoolExecutor(self.workers, thread_name_prefix="judge")
            stack.callback(self._pool.shutdown, cancel_futures=True)
            with answering():
                demand_limits(self._client)
                image = sandbox_image(self._client, self._languages)
                self._available = languages_in(self._client, image)
            self._containers = ContainerPool(self._client, image)
            stack.callback(self._containers.close)
            self._outage = Outage(answers, self._containers.closed)
            self._resources = self._retried(lambda: open_resources(self.problem, self._containers))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._stack.close()

    def judge(self, program: str | None, language: str | None = None) -> Judgement:
        """One program (None: no program in the answer, NC). Raises SandboxError."""
        return self.judge_many([program], language)[0]

    def judge_many(
        self,
        programs: Sequence[str | None],
        language: str | None = None,
        on_judged: Callable[[int, Judgement], None] | None = None,
    ) -> list[Judgement]:
        """All programs, in order; `on_judged` is called with the index of each as it finishes. Raises SandboxError."""
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
        with self.queue(language) as queue:
            for index, program in enumerate(programs):
                queue.submit(index, program)
            yield from queue.verdicts()

    def queue(self, language: str | None = None) -> JudgingQueue:
        """For programs that arrive one by one."""
        known = self._available_language(language)
        evaluator = Evaluator(self.problem, known, self._resources, self.all_tests, self.style)
        total = len(self.problem.tests)
        return JudgingQueue(lambda program: self._pool.submit(self._judged, evaluator, program), total)

    def recall(self, failed: Iterable[str]) -> None:
        """Names of tests that programs failed in an earlier process: new queues try programs on the generated ones
        among them, as if they had been found here. Raises UserError and SandboxError."""
        generated = set(failed) - {test.name for test in self.problem.tests}
        self._beside(lambda: self._resources.stress.recall(generated))

    def add(self, test: Test) -> None:
        """A shown test from outside, for new queues."""
        self._resources.stress.add(test)

    def generated(self, numbers: Sequence[int]) -> list[bytes]:
        """Inputs from the problem's own generator. Raises UserError if it fails, and SandboxError."""
        return [self._beside(partial(self._resources.stress.input, number)) for number in numbers]

    def brute(self, inputs: Sequence[bytes]) -> list[Output]:
        """The answers of the problem's own brute force; none after it ran into a limit twice in a row. Raises
        SandboxError."""
        found: list[Output] = []
        stuck = 0
        for given in inputs:
            asked = partial(self._resources.stress.answer, given)
            answer, limit = (None, True) if stuck >= MOST_FAILURES else self._beside(asked)
            stuck = stuck + 1 if limit else 0
            found.append(Output(answer or b"", Verdict.RE if answer is None else None))
        return found

    def trials(
        self, programs: Sequence[str], inputs: Sequence[Input], language: str | None = None, *, patience: float = 1.0
    ) -> list[list[Output]]:
        """What each program writes for each input, right or wrong, within `patience` times the problem's time limit.
        Without `language` they are submissions; otherwise standalone programs. Raises SandboxError."""
        function = self.problem.function if language is None else None
        known = self._available_language(language)
        trial = Trial(self.problem, known, self._resources, function, patience)
        runs = [self._pool.submit(self._retried, partial(trial.outputs, one, tuple(inputs))) for one in programs]
        return [run.result() for run in runs]

    def alike(self, given: bytes, left: bytes, right: bytes) -> bool:
        """Whether `right` would be accepted if `left` is the answer. Also false if the checker fails on them. Raises
        SandboxError."""
        test, validator = Test("alike", given, left, shown=True), self._resources.validator
        try:
            return left == right or self._beside(lambda: validator.compare(test, right)).ok
        except (ValidatorError, ValueError, RecursionError):  # a program's output need not be JSON
            return False

    def versions(self) -> dict[str, Any]:
        """The image, the engine, the machine's speed, and for each language in use its version and the commands that
        compile and run it. Raises SandboxError."""
        return self._retried(self._versions)

    def _versions(self) -> dict[str, Any]:
        with self._containers.open(COMPILE_LIMITS) as container:
            calibration = str(calibrate(container))
            found = {key: self._version(container, find_language(key)) for key in sorted(self._languages)}
        try:
            engine = str(self._client.version()["Version"])
        except engine_errors() as error:
            raise ContainerLost(f"the engine does not report its version: {error}") from error
        return {
            "image": self._containers.image,
            "docker": engine,
            "calibration": calibration,
            "languages": found,
        }

    def _version(self, container: Container, known: Language) -> dict[str, str]:
        facts = container.run(Command(known.version, 5.0, 10.0, 1 << 16, 1 << 23))
        version = facts.stdout.decode(errors="replace").partition("\n")[0]
        memory = self.problem.limits.memory_bytes
        commands = {"compile": known.compile, "run": known.command(memory, self.problem.function)}
        return {"version": version, **{name: shlex.join(argv) for name, argv in commands.items() if argv}}

    def _available_language(self, key: str | None) -> Language:
        if key is not None and key not in self._available:
            hint = "pass it to Judge(languages=...)" if key in languages() else ""
            raise UserError(f"the sandbox image lacks language '{key}'", hint=hint)
        return self._language(key)

    def _language(self, key: str | None) -> Language:
        chosen = find_language(key or self.problem.language)
        if self.problem.function and not chosen.function:
            raise UserError(f"function mode is not for {chosen.title}", where=self.problem.slug)
        return chosen

    def _judged(self, evaluator: Evaluator, program: str) -> Judgement:
        return self._retried(lambda: evaluator.judge(program))

    def _beside(self, action: Callable[[], T]) -> T:
        """As `_retried`, but not while a program is measured alone."""

        def done() -> T:
            with self._resources.machine.shared():
                return action()

        return self._retried(done)

    def _retried(self, action: Callable[[], T]) -> T:
        """A lost container says nothing about the program, and an outage of the engine is not counted as a try. Raises
        SandboxError."""
        left = RETRIES
        while True:
            try:
                done = action()
            except ContainerLost as error:
                self._containers.drop_idle()
                if self._outage.waited():
                    continue
                if not left:
                    raise SandboxError(
                        str(error), where="judge", hint="check whether `docker info` answers and memory is left"
                    ) from error
                left -= 1
            else:
                self._outage.over()
                return done


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
