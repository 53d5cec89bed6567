"""A borrowed container with one program in it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import islice
from types import TracebackType

from sdpo_tts.judge.containers.container import (
    SETTLE_S,
    Command,
    Container,
    ContainerLimits,
    ContainerLost,
    ContainerOutOfMemory,
)
from sdpo_tts.judge.containers.pool import ContainerPool
from sdpo_tts.judge.facts import Facts, out_of_memory
from sdpo_tts.judge.verdict import CompileError

AHEAD_S, MOST_AHEAD = 0.02, 16


class Session:
    """A borrowed container with the program in it; it is replaced when a test has spoiled it."""

    def __init__(self, containers: ContainerPool, container_limits: ContainerLimits, files: dict[str, bytes]) -> None:
        self._containers, self._container_limits, self._files = containers, container_limits, files
        self._container: Container | None = None
        self._coming: deque[bytes] = deque()
        self._last_s = AHEAD_S  # how long the last run took

    def __enter__(self) -> Session:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        if kind is None or issubclass(kind, CompileError):
            self.settle(SETTLE_S)
        else:
            self._drop()
        if self._container is not None:
            self._containers.give_back(self._container_limits, self._container)

    def expect(self, inputs: Iterable[bytes]) -> None:
        """The inputs of the next runs, in order: each is started while earlier answers are still being compared."""
        self._coming = deque(inputs)

    def prepare(self) -> None:
        """Get the container ready, so that a run starts at once. If the program does not fit into one, the run reports
        that. Raises ContainerLost."""
        with suppress(ContainerOutOfMemory):
            self._standing_by()

    def run(self, command: Command, stdin: bytes = b"") -> Facts:
        """Raises ContainerLost."""
        ahead = self._ahead(stdin)
        if self._container is not None and not self._container.has_begun(command, stdin):
            self.settle(command.patience_s)
        try:
            facts = self._use(lambda container: container.run(command, stdin, ahead))
        except ContainerOutOfMemory:
            # It may be the fault of a run started after it, before the answer to this one was sent.
            facts = self._survived(lambda container: container.run(command, stdin)) if ahead else out_of_memory()
        self._last_s = facts.wall_s
        return facts

    def converse(self, command: Command, talk: Callable[[Container], Facts]) -> Facts:
        """The result of a `talk` that runs `command`, with nothing else started before or during it. Raises
        ContainerLost."""
        self.settle(command.patience_s)
        return self._survived(talk)

    def _survived(self, action: Callable[[Container], Facts]) -> Facts:
        """A run that takes its container down ran out of memory. Raises ContainerLost."""
        try:
            return self._use(action)
        except ContainerOutOfMemory:
            return out_of_memory()

    def _use(self, action: Callable[[Container], Facts]) -> Facts:
        container = self._standing_by()
        try:
            facts = action(container)
        except ContainerOutOfMemory:
            self._drop()
            raise
        # After an out-of-memory kill the engine reports any later loss of the container as another one.
        if facts.dirty or facts.oom_kills:
            self._drop()
        return facts

    def _standing_by(self) -> Container:
        """Its container, a new one if necessary. Raises as `_loaded`."""
        if self._container is None:
            self._container = self._loaded()
        return self._container

    def _loaded(self) -> Container:
        """A container with the program in it. Raises ContainerOutOfMemory if the program does not fit into a new one; a
        used one proves nothing."""
        container = self._containers.borrow(self._container_limits)
        try:
            container.load(self._files)
        except (ContainerLost, ContainerOutOfMemory) as error:
            self._containers.remove(container)
            if container.uses > 1:
                raise ContainerLost(str(error)) from error
            raise
        return container

    def _ahead(self, stdin: bytes) -> Sequence[bytes]:
        """The inputs to start before the answer is here: few enough that little time is lost if they are not wanted."""
        if not self._coming or self._coming[0] is not stdin:
            return ()
        self._coming.popleft()
        count = int(AHEAD_S / max(self._last_s, AHEAD_S / MOST_AHEAD))
        return tuple(islice(self._coming, max(1, count)))

    def settle(self, patience_s: float) -> None:
        """Afterwards nothing is running: unwanted runs have ended well, or the container is gone."""
        if self._container is not None:
            try:
                self._container.settle(patience_s)
            except (ContainerLost, ContainerOutOfMemory):
                self._drop()

    def _drop(self) -> None:
        if self._container is not None:
            self._containers.remove(self._container)
            self._container = None
