"""From runs to estimates: which runs count for one method, or one arm of it, on one problem, on each axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from sdpo_tts.errors import UserError
from sdpo_tts.report.run import Run, method_of, rank
from sdpo_tts.stats import AXES, Arm, Axis, Observation, Pool, Seeds, known


@dataclass(frozen=True)
class Grid:
    """Runs by problem and method; a method with its own settings (`sdpo:feedback=none`) counts as a separate one.

    `censor_errors`: a failed run is censored where it stopped. Otherwise it counts as unsolved for as long as any other
    run of its arm was observed (intention to treat), since whatever made it fail may also have made it hopeless.
    `order` lists the methods to put first: the first one is compared with each of the others. `after`: budgets are
    counted from the attempt after these, without the runs that they solved. A pool's samples are not changed by it.
    """

    runs: tuple[Run, ...]
    censor_errors: bool = False
    order: tuple[str, ...] = ()
    after: int = 0

    def __post_init__(self) -> None:
        models = {run.started["model"] for run in self.runs}
        if len(models) > 1:
            raise UserError(
                f"runs of different models: {', '.join(sorted(models))}", hint="report on one model at a time"
            )
        for run in self.runs if self.after else ():
            if not run.pooled and run.is_within_a_batch(self.after):
                what = f"attempt {self.after} is not the last of its batch in a run of {run.arm} on {run.cell[0]}"
                ends = ", ".join(map(str, run.batch_ends[:3]))
                raise UserError(what, where="--after", hint=f"batches end at {ends}")

    @cached_property
    def methods(self) -> tuple[str, ...]:
        there = sorted({run.arm for run in self.runs}, key=rank)
        return tuple(dict.fromkeys([*(name for name in self.order if name in there), *there]))

    @cached_property
    def base(self) -> str | None:
        """The one best-of-k that others are compared with; None if there is none, or several."""
        pooled = [name for name in self.methods if method_of(name) == "best-of-k"]
        return "best-of-k" if "best-of-k" in pooled else pooled[0] if len(pooled) == 1 else None

    @cached_property
    def problems(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(run.cell[0] for run in self.runs))

    @cached_property
    def common(self) -> tuple[str, ...]:
        """The problems on which every method has runs: only these can be averaged and compared."""
        return tuple(p for p in self.problems if all(self.of(p, method) for method in self.methods))

    @cached_property
    def axes(self) -> tuple[Axis, ...]:
        """Those for which the journals have the data."""
        return tuple(axis for axis in AXES if all(known(run.costs, axis) for run in self.runs))

    def of(self, problem: str, method: str) -> tuple[Run, ...]:
        """Runs with at least one judged attempt that counts; if there are any, also those that failed before it."""
        runs = [run for run in self.runs if run.cell[:2] == (problem, method) and not self.solved_before(run)]
        watched = any(map(self._watched, runs))
        return tuple(run for run in runs if self._watched(run) or (watched and self._hopeless(run)))

    def _watched(self, run: Run) -> bool:
        return len(run.judged) > (0 if run.pooled else self.after)

    def solved_before(self, run: Run) -> bool:
        """Whether the attempts that are not counted solved it, so that it is left out."""
        return not run.pooled and run.solved_at is not None and run.solved_at <= self.after

    @cached_property
    def _arms(self) -> dict[tuple[str, str, Axis], Arm]:
        places = [(p, m) for p in self.problems for m in self.methods if self.of(p, m)]
        return {(p, m, axis): self._arm(self.of(p, m), axis) for p, m in places for axis in self.axes}

    def arm(self, problem: str, method: str, axis: Axis) -> Arm:
        return self._arms[problem, method, axis]

    def _arm(self, runs: Sequence[Run], axis: Axis) -> Arm:
        if all(run.pooled for run in runs):
            return _pool(runs, axis)
        observed = [run.observed(axis, self.after) for run in runs]
        longest = max(observation.budget for observation in observed)
        return Seeds(tuple(
            Observation(None, longest) if self._hopeless(run) else observation
            for run, observation in zip(runs, observed, strict=True)
        ))  # fmt: skip

    def arms(self, method: str, axis: Axis) -> list[Arm]:
        """One for each of the common problems, in their order."""
        return [self.arm(problem, method, axis) for problem in self.common]

    def reach(self, method: str, axis: Axis) -> float:
        """The budget up to which the method's mean is known: the least horizon of its arms, or its spending if all
        succeeded."""
        horizon = min((arm.horizon for arm in self.arms(method, axis)), default=0.0)
        spent = max((self.spent(run, axis) for p in self.common for run in self.of(p, method)), default=0.0)
        return horizon if math.isfinite(horizon) else spent

    def spent(self, run: Run, axis: Axis) -> float:
        """On the attempts that count."""
        return run.spent(axis) if run.pooled else run.observed(axis, self.after).budget

    def budget(self, axis: Axis) -> float:
        """The largest at which every method is known: methods are compared there. Needs common problems."""
        least = min(arm.horizon for method in self.methods for arm in self.arms(method, axis))
        return least if math.isfinite(least) else max(self.reach(method, axis) for method in self.methods)

    def _hopeless(self, run: Run) -> bool:
        failed = run.reason == "error" and run.solved_at is None and not run.pooled
        return failed and not self.censor_errors


def _pool(runs: Sequence[Run], axis: Axis) -> Pool:
    samples = sum(len(run.judged) for run in runs)
    correct = sum(run.correct for run in runs)
    if axis == "attempts":
        return Pool(samples, correct)
    unit = math.fsum(run.spent(axis) for run in runs) / samples
    # Its samples do not depend on their batch, whose size only saves time; otherwise batches of one would be best.
    return Pool(samples, correct, unit, batch=max(run.largest_batch for run in runs) if axis == "seconds" else 1)
