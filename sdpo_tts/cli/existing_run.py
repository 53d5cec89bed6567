"""An existing run, as the commands that look back at one need it."""

from __future__ import annotations

import glob
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdpo_tts.cli.values import larger_budget
from sdpo_tts.errors import UserError

if TYPE_CHECKING:
    import typer

    from sdpo_tts.discovery.assemble import Policy
    from sdpo_tts.discovery.budget import Budget
    from sdpo_tts.models.progress import Report
    from sdpo_tts.problem import Problem
    from sdpo_tts.record import Event, RunDir


class _Manifest(dict[str, Any]):
    """A JSON object of a manifest. Raises UserError instead of KeyError."""

    def __init__(self, told: dict[str, Any], file: Path) -> None:
        super().__init__(told)
        self.file = file

    def __missing__(self, key: str) -> Any:
        raise UserError(f"the run's manifest lacks `{key}`", where=str(self.file))


@dataclass(frozen=True)
class ExistingRun:
    """The run directory and its manifest."""

    run: RunDir
    manifest: dict[str, Any]

    @classmethod
    def open(cls, folder: Path) -> ExistingRun:
        """Raises UserError if there is no run, or if it never wrote its manifest."""
        from sdpo_tts.record import RunDir

        run = RunDir.existing(folder)
        try:
            told = json.loads(run.manifest.read_bytes(), object_hook=lambda told: _Manifest(told, run.manifest))
        except (OSError, ValueError, RecursionError):
            told = None
        parts = ("problem", "settings")
        if not isinstance(told, dict) or not all(isinstance(told.get(part, {}), dict) for part in parts):
            raise UserError("the run's manifest is missing or damaged", where=str(run.manifest))
        return cls(run, told)

    @property
    def settings(self) -> dict[str, Any]:
        """The run's settings, with the budget that it was given last."""
        resumed = [event for event in self._events() if event["type"] == "resumed" and "max_seconds" in event]
        kept = self.manifest["settings"]
        solver = {"candidates": 1, **kept.get("solver", {})}  # runs made before there was a choice
        own = {event["name"]: event["program"] for event in self._events() if event["type"] == "start_judged"}
        solver |= {"start": solver.get("start", {}) | own} if own else {}
        policy = self._policy(kept.get("policy", {}))
        budget = {name: resumed[-1][name] for name in kept["budget"]} if resumed else None
        now = {**kept, "solver": solver, "policy": policy, **({"budget": budget} if budget else {})}
        return _Manifest(now, self.run.manifest)

    def _policy(self, asked: dict[str, Any]) -> dict[str, Any]:
        """With the model that the run began with: what `auto` chose then, and the commit that a hub had."""
        loaded = self.manifest.get("model", {})
        thinking = {"mode": "on" if loaded.get("thinks") else "off"}  # runs made before there was a choice
        asked = {"thinking": thinking, **asked}
        if loaded.get("revision"):
            return {**asked, "model": f"{loaded['name']}@{loaded['revision']}"}
        chose = asked.get("model") == "auto" and not asked.get("endpoint") and "name" in loaded
        return {**asked, "model": loaded["name"]} if chose else asked

    @property
    def seed(self) -> int:
        return int(self.settings["seed"])

    @property
    def proposed(self) -> Event | None:
        """The event of the success that stands. None if there is none, or if an external judge has given its verdict on
        it."""
        told = [event for event in self._events() if event["type"] in ("solved", "verdict_given")]
        return told[-1] if told and told[-1]["type"] == "solved" else None

    @property
    def awaits_verdict(self) -> bool:
        """Whether the run has proposed a program that only an external judge can decide on."""
        return self.proposed is not None and self.proposed.get("rests_on") in ("consensus", "samples")

    @property
    def solved(self) -> bool:
        told = [event for event in self._events() if event["type"] in ("solved", "verdict_given")]
        return bool(told) and (told[-1]["type"] == "solved" or told[-1]["verdict"] == "AC")

    @property
    def rejected(self) -> bool:
        """Whether an external judge has rejected what the run proposed last."""
        told = [event for event in self._events() if event["type"] in ("solved", "verdict_given")]
        return bool(told) and told[-1]["type"] == "verdict_given" and told[-1]["verdict"] != "AC"

    @property
    def finished(self) -> bool:
        """Whether the run came to its own end: solved, or budget spent."""
        told = [event for event in self._events() if event["type"] in ("run_ended", "resumed", "verdict_given")]
        return bool(told) and told[-1].get("reason", "interrupted") not in ("interrupted", "error")

    def refuse_spent(self, budget: Budget) -> None:
        """Raises UserError if the run has already spent all of `budget`."""
        from sdpo_tts.discovery.budget import Spending
        from sdpo_tts.view import RunState

        if not self.finished:
            return
        state, spent = RunState.of(self._events()), Spending()
        spent.restore(state.cost.attempts, state.cost.tokens, {}, state.elapsed(0.0))
        if limit := spent.reached(budget):
            hint = f"give it a larger one: {larger_budget(limit, state)}"
            raise UserError("the run has spent its budget", where=str(self.run.path), hint=hint)

    def _events(self) -> list[Event]:
        from sdpo_tts.record import read_events

        return read_events(self.run.events)

    def same_model(self, facts: Mapping[str, Any]) -> None:
        """Raises UserError if the loaded model is not the run's."""
        before = self.manifest["model"]
        for key in ("name", "sha256", "dtype", "revision"):
            if facts.get(key) != before.get(key, facts.get(key)):  # older runs have no revision
                raise UserError(f"the model's {key} was {before[key]} and is {facts[key]}", where=str(self.run.path))

    def problem(self) -> Problem:
        """The run's problem. Raises UserError if it has changed since."""
        from sdpo_tts.problem import load_problem

        told = self.manifest["problem"]
        problem = load_problem(Path(told["path"]))
        if problem.digest != told["digest"]:
            raise UserError("the problem has changed since the run", where=str(problem.path))
        return problem

    def adapter(self, *, solved: bool) -> Path:
        """The adapter that solved the problem, or the last one. Raises UserError if there is none."""
        folder = self.run.solved_adapter if solved else self.run.last_adapter
        if not folder.is_dir():
            what = "the run has no solved adapter" if solved else "the run has no adapter: it has taken no step"
            raise UserError(what, where=str(self.run.path))
        return folder

    def policy(self, device: str, report: Report) -> Policy:
        """The run's model as it was before the run. Raises UserError if it was on a server."""
        from sdpo_tts.discovery.assemble import PolicySettings, load_policy
        from sdpo_tts.policy.network import LoraSettings
        from sdpo_tts.policy.thinking import ThinkingSettings

        chosen = self.settings["policy"]
        if chosen.get("endpoint"):
            what = "the run's model is on a server: this command needs it on this machine"
            raise UserError(what, where=str(self.run.path))
        kept = {name: chosen[name] for name in ("model", "dtype", "max_new_tokens")}
        kept["quantization"] = chosen.get("quantization", "none")  # runs made before this setting existed
        kept |= {"date": chosen["date"]} if "date" in chosen else {}
        kept["thinking"] = ThinkingSettings(**chosen["thinking"])
        settings = PolicySettings(**kept, device=device, engine="torch", lora=LoraSettings(**chosen["lora"]))
        return load_policy(settings, self.seed, report)


def find_run(given: Path, context: typer.Context) -> Path:
    """The folder that RUN means: a run's own folder, or the newest run of `last`, of a problem's folder or file, or of
    a folder of runs, or a run's name. Raises UserError if there is none."""
    from sdpo_tts.cli.settings import settled
    from sdpo_tts.record import RunDir

    if RunDir(given).events.is_file():
        return given if given.name not in ("", "..") else given.resolve()  # trackers and result.json need its name
    root = settled(context, every=True)["runs"]
    found = newest(root) if str(given) == "last" else [*newest(given, "*/events.jsonl"), *_called(given, root)]
    if not found:
        known = f"the newest run is {newest(root)[0].path}" if newest(root) else "sdpo-solve makes runs"
        raise UserError(f"no run here, nor one of this problem in {root}", where=str(given), hint=known)
    return found[0].path


def newest(root: Path, journals: str = "*/*/events.jsonl") -> list[RunDir]:
    """The runs that have begun below a folder of runs, most recently active first."""
    from sdpo_tts.record import RunDir

    found = [RunDir(journal.parent) for journal in root.glob(journals)]
    return sorted((run for run in found if run.begun), key=lambda run: _moment(run.events), reverse=True)


def _called(given: Path, root: Path) -> list[RunDir]:
    """Runs of a problem at the path `given` or with that name; or a run of that name."""
    from sdpo_tts.problem import read_problem

    if given.exists():
        with suppress(UserError):
            return newest(root, f"{glob.escape(read_problem(given).problem.slug)}/*/events.jsonl")
    name = glob.escape(given.name)
    return [*newest(root, f"{name}/*/events.jsonl"), *newest(root, f"*/{name}/events.jsonl")] if name else []


def unfinished(runs: Path, problem: Problem) -> Iterator[Path]:
    """The last run of exactly this problem that could be continued, if there is one."""
    for folder in sorted((runs / problem.slug).glob("*"), key=_moment, reverse=True)[:5]:
        with suppress(UserError, OSError):
            past = ExistingRun.open(folder)
            same = past.manifest["problem"]["digest"] == problem.digest
            if same and past.run.checkpoint.exists() and not past.finished and not past.run.locked:
                yield folder
                return


def _moment(path: Path) -> float:
    """When a file was last changed; long ago if it is gone or a dangling link."""
    with suppress(OSError):
        return path.stat().st_mtime
    return 0.0
