"""A comparison whose cells are tasks of a Ray cluster. They run on any machine with room, without a shared disk.

A task runs one cell in a folder of its own machine and sends it back, packed; only this process writes into the
comparison. If a machine is lost, Ray runs its tasks again elsewhere, from their seeds.
"""

from __future__ import annotations

import io
import logging
import os
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import sdpo_tts
from sdpo_tts.comparison.cells import Cell, ending
from sdpo_tts.comparison.job import Job, Makers, perform
from sdpo_tts.comparison.plan import Plan
from sdpo_tts.comparison.run import Comparison
from sdpo_tts.discovery.assemble import RunSettings
from sdpo_tts.errors import SdpoError, SetupError
from sdpo_tts.problem import Problem
from sdpo_tts.record import RunDir

RETRIES = 5
MOST_AT_ONCE = 256
NOT_SENT = ("checkpoint", "lock")
"""A cell is run to its end or again from its seed, and an optimiser's state is large."""


@dataclass(frozen=True)
class Share:
    """What one cell needs from a machine, in Ray's terms. Ray does not know about the sandbox's containers."""

    cpus: float = 1.0
    gpus: float = 0.0


@dataclass(frozen=True)
class Parcel:
    """A packed run directory; if the cell failed, with the `error` and its `exit_code`."""

    content: bytes
    error: str = ""
    exit_code: int = 0


class RemoteError(SdpoError):
    """A cell failed on its machine."""

    def __init__(self, what: str, exit_code: int) -> None:
        super().__init__(what)
        self.exit_code = exit_code


@contextmanager
def connected() -> Iterator[None]:
    """To the cluster that RAY_ADDRESS names, or that this machine belongs to. Ray's messages about lost machines go to
    stderr instead of being mixed with the results. Raises SetupError."""
    try:
        import ray
    except ImportError:
        raise SetupError("Ray is not installed", hint="pip install 'sdpo-tts[ray]', on every machine") from None
    try:
        ray.init(os.environ.get("RAY_ADDRESS", "auto"), log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError, RuntimeError) as error:
        what = f"no Ray cluster answers: {str(error).partition(chr(10))[0]}"
        raise SetupError(what, hint="`ray start --head` there, RAY_ADDRESS=HOST:PORT here") from None
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        ray.shutdown()


def share_of(device: str, cpus: float) -> Share:
    """One GPU per cell if the cell asks for one, or if `auto` finds one."""
    import ray

    wanted = device.startswith("cuda") or (device == "auto" and ray.cluster_resources().get("GPU", 0) >= 1)
    return Share(cpus, 1.0 if wanted else 0.0)


class ClusterComparison(Comparison):
    """Use while `connected`. Each machine calls `makers` itself: what it makes is never sent."""

    def __init__(self, plan: Plan, makers: Callable[[], Makers], tell: Callable[[str], None], share: Share) -> None:
        import ray

        super().__init__(plan, makers(), tell)
        self._ray, self._lock, self._stopped = ray, Lock(), True
        self._makers = ray.put(makers)
        self._problems = {problem.slug: ray.put(problem) for problem in plan.problems}
        options = ray.remote(num_cpus=share.cpus, num_gpus=share.gpus, max_retries=RETRIES)
        self._task = options(run_packed)
        self.at_once = self._room(share)

    def work(self, cells: Sequence[Cell]) -> None:
        """One thread waits for each cell; Ray decides how many run at once."""
        pool, self._stopped = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="cell"), False
        try:
            for one in [pool.submit(self.settle, cell) for cell in cells]:
                one.result()
        finally:
            self._stopped = True
            pool.shutdown(wait=False, cancel_futures=True)

    def perform(self, cell: Cell, place: Path) -> float:
        job, problem = self.plan.job(cell), self._problems[cell.problem.slug]
        task = self._task.remote(problem, job.settings, job.arm, job.argv, self._makers, sdpo_tts.__version__)
        try:
            parcel: Parcel = self._ray.get(task)
        except self._ray.exceptions.RayError as error:
            raise SetupError(f"the cluster cannot run it: {_reason(error)}", where="ray") from None
        unpack(parcel.content, place)
        if parcel.error:
            raise RemoteError(parcel.error, parcel.exit_code)
        end = ending(place)
        return float(end["seconds"]) if end else 0.0

    def record(self, cell: Cell, mine: bool, error: Exception | None) -> None:
        with self._lock:
            if not self._stopped:  # cells of an interrupted comparison have not failed
                super().record(cell, mine, error)

    def _room(self, share: Share) -> int:
        there = self._ray.cluster_resources()
        rooms = [there.get("CPU", 0) / share.cpus] if share.cpus else []
        rooms += [there.get("GPU", 0) / share.gpus] if share.gpus else []
        room = int(min(rooms, default=1))
        self.tell(f"the cluster has {len(self._ray.nodes())} machines and room for {room} runs at once")
        return max(1, min(room, MOST_AT_ONCE))


def run_packed(
    problem: Problem, settings: RunSettings, arm: str, argv: tuple[str, ...], makers: Callable[[], Makers], version: str
) -> Parcel:
    """The task: returns what a cell leaves behind, even if it fails."""
    if version != sdpo_tts.__version__:
        what = f"the cluster has sdpo-tts {sdpo_tts.__version__}, this machine {version}"
        raise SetupError(what, hint="install the same on all")
    with tempfile.TemporaryDirectory(prefix="sdpo-tts-") as folder:
        run = RunDir.at(Path(folder) / "run")
        try:
            perform(Job(problem, settings, arm, argv), makers(), run)
        except Exception as error:  # this is the first machine to report it
            return Parcel(pack(run.path), str(error) or type(error).__name__, getattr(error, "exit_code", 1))
        return Parcel(pack(run.path))


def pack(run: Path) -> bytes:
    """The files of a run directory, except NOT_SENT."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for file in sorted(path for path in run.rglob("*") if path.is_file()):
            name = file.relative_to(run)
            if name.parts[0] not in NOT_SENT:
                archive.write(file, name)
    return content.getvalue()


def unpack(content: bytes, place: Path) -> None:
    """Make it a run directory at `place`, completely or not at all; nothing must exist there yet."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".unpack-", ignore_cleanup_errors=True) as part:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            archive.extractall(Path(part) / "run")
        (Path(part) / "run").rename(place)


def _reason(error: Exception) -> str:
    """The error raised on the machine, or the first line of Ray's own."""
    told = str(getattr(error, "cause", None) or error)
    return next((line.strip() for line in told.splitlines() if line.strip()), type(error).__name__)
