"""Comparisons: with a policy that answers by chance and a judge that knows one word, killed and resumed."""

from __future__ import annotations

import gc
import gzip
import json
import math
import multiprocessing
import os
import random
import shutil
import signal
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sdpo_tts.cli.arms import read_arms
from sdpo_tts.cli.main import app
from sdpo_tts.cli.solving import compare
from sdpo_tts.comparison import probe
from sdpo_tts.comparison.arms import Arm
from sdpo_tts.comparison.cells import claimed, ending
from sdpo_tts.comparison.ids import PAPER, chosen
from sdpo_tts.comparison.job import Makers
from sdpo_tts.comparison.plan import Choices, Plan, distinct
from sdpo_tts.comparison.policy_cache import PolicyCache
from sdpo_tts.comparison.pool import parts
from sdpo_tts.comparison.probe import BaseRate, Probe
from sdpo_tts.comparison.run import Comparison, Pace, Tally
from sdpo_tts.discovery.assemble import Policy, PolicySettings, RunSettings
from sdpo_tts.discovery.budget import Budget
from sdpo_tts.discovery.methods.context import ContextSettings
from sdpo_tts.discovery.methods.strategy import Strategy
from sdpo_tts.errors import SandboxError, UserError
from sdpo_tts.problem import Problem
from sdpo_tts.record import Event, RunDir, read_events
from sdpo_tts.report.analysis import analyse
from sdpo_tts.report.arms import Grid
from sdpo_tts.report.run import Run
from sdpo_tts.report.runs import load_runs
from sdpo_tts.stats import bootstrap, pass_at_k
from tests.coins import PROBLEMS, coin_policy, makers, strategy
from tests.conftest import ROOT
from tests.fakes import WordJudge
from tests.synthetic import write
from tests.test_judge import SUM

METHODS = ("sdpo", "best-of-k", "multi-turn")
ARMS = "sdpo,best-of-k,sdpo:feedback=none,sdpo:feedback=shuffled+learning-rate=3e-4"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGKILL leaves the kernel's copy of a file whole, so nothing here hangs on the disk."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    monkeypatch.setattr(bootstrap, "DRAWS", 100)


def plan(folder: Path, methods: tuple[str, ...] = METHODS, seeds: int = 3, **changes: Any) -> Plan:
    """`changes` are of the settings that all arms share."""
    settings = replace(RunSettings(budget=Budget(max_attempts=12)), **changes)
    choices = Choices(read_arms(",".join(methods)), seeds, settings, batch_sizes={"best-of-k": 4})
    return Plan(folder / "comparison", folder / "pools", PROBLEMS, choices)


class Lines(list[str]):
    """What is told; does something when it is a certain line."""

    def when(self, line: str, action: Callable[[], object]) -> None:
        self._actions = {line: action}

    def append(self, line: str) -> None:
        super().append(line)
        self._actions.pop(line, lambda: None)()


def run(asked: Plan, made: Makers | None = None) -> tuple[Tally, list[str]]:
    lines: list[str] = []
    return Comparison(asked, made or makers(), lines.append).run(), lines


def finished(folder: Path) -> dict[Path, bytes]:
    """Journals of cells and parts of pools that came to their end; not of a run that is just being linked there."""
    journals = {path.relative_to(folder): path for path in folder.rglob("events.jsonl") if ending(path.parent)}
    return {
        name: path.read_bytes() for name, path in journals.items() if not any(part.startswith(".") for part in name.parts)
    }


def outcomes(folder: Path) -> dict[Path, list[tuple[int, str]]]:
    return {
        path: [(e["attempt"], e["verdict"]) for e in read_events(folder / path) if e["type"] == "attempt_judged"]
        for path in finished(folder)
    }


def test_killed_at_ten_random_moments_it_ends_with_the_same_cells_none_run_twice(tmp_path: Path) -> None:
    draws = random.Random(6)
    for _ in range(10):
        before = finished(tmp_path / "killed")
        kill_a_process_that_runs(plan(tmp_path / "killed"), after=draws.randint(1, 40), delay=draws.uniform(0, 0.01))
        after = finished(tmp_path / "killed")
        assert {path: after[path] for path in before} == before, "a finished cell was touched"
    before = finished(tmp_path / "killed")
    assert before, "ten lives got something done"
    tally, lines = run(plan(tmp_path / "killed"))
    after = finished(tmp_path / "killed")
    assert {path: after[path] for path in before} == before
    assert (tally.cells, tally.finished, tally.failed, tally.busy) == (27, 27, [], [])
    assert lines[0].endswith("of 27 cells are finished already") and lines[-1].startswith("[27/27] ")
    run(plan(tmp_path / "whole"))
    assert outcomes(tmp_path / "killed") == outcomes(tmp_path / "whole")
    assert all(journal.count(b'"run_started"') == 1 for journal in after.values())


def test_it_goes_on_another_day_with_the_date_that_it_was_begun_on(tmp_path: Path) -> None:
    first, second = (plan(tmp_path, methods=("sdpo",), policy=PolicySettings(date=day)) for day in ("2026-11-28", "2026-11-29"))
    assert [asked.open().choices.settings.policy.date for asked in (first, second, second)] == ["2026-11-28"] * 3


def kill_a_process_that_runs(asked: Plan, after: int, delay: float) -> None:
    """SIGKILL, shortly after its `after`-th event."""
    left = after

    def heard(event: Event) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            threading.Timer(delay, os.kill, (os.getpid(), signal.SIGKILL)).start()

    process = multiprocessing.get_context("fork").Process(target=run, args=(asked, makers(heard, delay_s=0.002)))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL


def test_a_pool_is_sampled_once_and_serves_more_seeds_and_other_comparisons(tmp_path: Path) -> None:
    run(plan(tmp_path, methods=("best-of-k",)))
    first = finished(tmp_path / "pools")
    assert len(first) == 9 and all(read_events(tmp_path / "pools" / p)[-1]["attempts"] == 12 for p in first)
    other = replace(plan(tmp_path, methods=("best-of-k",), seeds=4), folder=tmp_path / "other")
    fewer = replace(other.choices.settings, budget=Budget(max_attempts=10))
    tally, _ = run(replace(other, choices=replace(other.choices, settings=fewer)))
    after = finished(tmp_path / "pools")
    assert tally.finished == 12, "36 samples were there, 4 of 40 were missing"
    assert {path: after[path] for path in first} == first
    assert sorted(read_events(tmp_path / "pools" / p)[-1]["attempts"] for p in after.keys() - first.keys()) == [4] * 3
    run(plan(tmp_path / "elsewhere", methods=("best-of-k",), policy=PolicySettings(max_new_tokens=9)))
    here, (arm,) = plan(tmp_path, methods=("best-of-k",)), read_arms("best-of-k")
    assert here.pool(SUM, arm) != plan(tmp_path, policy=PolicySettings(max_new_tokens=9)).pool(SUM, arm)
    assert here.pool(SUM, arm) != here.pool(SUM, read_arms("best-of-k:max-new-tokens=9")[0])
    assert here.pool(SUM, arm) == plan(tmp_path, context=ContextSettings(feedback="none")).pool(SUM, arm)


def test_what_a_killed_process_left_of_a_link_goes(tmp_path: Path) -> None:
    asked = plan(tmp_path, ("best-of-k",))
    cell = next(asked.cells())
    asked.open()
    left = cell.home.with_name(f".{cell.home.name}.part")
    (left / "logs").mkdir(parents=True)
    (left / "events.jsonl").write_text("torn")
    run(asked)
    assert not left.exists() and ending(cell.home)


def test_a_part_that_ran_out_of_time_is_not_asked_for_again(tmp_path: Path) -> None:
    write(tmp_path, "easy", "best-of-k", 0, [False] * 8, 12, pooled=True, reason="max_time")
    write(tmp_path, "easy", "best-of-k", 2, [False] * 12, 12, pooled=True)
    found = [(part.seed, part.samples, part.finished) for part in parts((tmp_path / "easy").iterdir(), 40, 12)]
    assert found == [(0, 12, True), (2, 12, True), (1, 12, False), (3, 4, False)]


def test_a_copy_of_a_part_is_no_part(tmp_path: Path) -> None:
    first = write(tmp_path, "easy", "best-of-k", 0, [False] * 12, 12, pooled=True)
    shutil.copytree(first, first.with_name("best-of-k-s0 (copy)"))
    assert [part.seed for part in parts((tmp_path / "easy").iterdir(), 24, 12)] == [0, 1]
    assert len(list(probe._passed(tmp_path / "easy"))) == 12


def test_a_cell_at_work_is_locked_as_any_run(tmp_path: Path) -> None:
    asked = plan(tmp_path, ("sdpo", "best-of-k"), seeds=1)
    locked: list[bool] = []

    def looking(settings: RunSettings, problem: Problem, policy: Policy) -> Strategy:
        locked.append(any(RunDir(asked.place(cell)).locked for cell in asked.cells() if cell.problem == problem))
        return strategy(settings, problem, policy)

    run(asked, replace(makers(), strategy=looking))
    assert locked == [True] * 6


def test_a_cell_that_is_being_resumed_by_hand_is_not_cleared(tmp_path: Path) -> None:
    asked = plan(tmp_path, ("sdpo",), seeds=1)
    asked.open()
    cell = next(iter(asked.cells()))
    (mark := RunDir.at(cell.home).logs / "mark").touch()
    with RunDir(cell.home).lock():
        tally, _ = run(asked)
    assert [str(error).endswith(": another process is working on this run") for _, error in tally.failed] == [True]
    assert mark.exists()


def test_a_damaged_plan_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "comparison").mkdir()
    (tmp_path / "comparison" / "comparison.json").write_bytes(b"")
    with pytest.raises(UserError, match=r"comparison.json: not JSON \(hint: the file was damaged or edited\)"):
        plan(tmp_path).open()


def test_a_pool_goes_on_after_a_success_and_tells_of_it_once(tmp_path: Path) -> None:
    run(plan(tmp_path, methods=("best-of-k",)))
    runs = load_runs([tmp_path / "comparison"])
    assert all(one.pooled and len(one.judged) == 12 for one in runs)
    rich = next(one for one in runs if one.correct > 1)
    assert [e["program"] for e in rich.events if e["type"] == "solved"] == ["right\n"]
    assert (rich.path / "solution.py").read_text() == "right\n"


def test_a_failing_cell_is_reported_and_the_rest_goes_on(tmp_path: Path) -> None:
    class Broken(WordJudge):
        def judge_each(self, programs: Any) -> Any:
            if self.problem.slug == "hard":
                raise SandboxError("the engine is gone", where="judge")
            return super().judge_each(programs)

    tally, lines = run(plan(tmp_path), makers(judge=Broken))
    assert (tally.finished, len(tally.failed)) == (18, 9)
    assert sum("FAILED: judge: the engine is gone" in line for line in lines) == 9
    assert "SandboxError" in (tmp_path / "comparison/hard/sdpo-s0/logs/error.txt").read_text()
    before = finished(tmp_path)
    tally, lines = run(plan(tmp_path))
    assert (tally.finished, tally.failed) == (27, []) and lines[0].startswith("18 of 27")
    assert before.items() <= finished(tmp_path).items()


class Loads:
    """Policies of chance, and which of them were loaded and closed, in order."""

    def __init__(self) -> None:
        self.loaded: list[Policy] = []
        self.closed: list[Policy] = []

    def __call__(self, settings: PolicySettings, seed: int, report: object) -> Policy:
        policy = coin_policy()
        policy.sampler.close = lambda: self.closed.append(policy)  # type: ignore[method-assign]
        self.loaded.append(policy)
        return policy


def test_a_model_is_loaded_once_and_each_cell_draws_its_own_adapter(tmp_path: Path) -> None:
    kept = PolicyCache(loads := Loads())
    run(plan(tmp_path, ("sdpo",), seeds=2), replace(makers(), policy=kept.policy))
    (policy,) = loads.loaded
    assert policy.network.renewed == [0, 0, 1, 1, 1], "the first cell has it as it was loaded"  # type: ignore[attr-defined]
    assert not loads.closed
    kept.close()
    kept.close()
    assert loads.closed == [policy]
    before = outcomes(tmp_path)
    run(plan(tmp_path / "anew", ("sdpo",), seeds=2))
    assert outcomes(tmp_path / "anew") == before


def test_other_settings_and_a_failed_cell_cost_the_loaded_model(tmp_path: Path) -> None:
    def sometimes(settings: RunSettings, problem: Problem, policy: Policy) -> Strategy:
        if problem.slug == "middling":
            raise SandboxError("gone")
        return strategy(settings, problem, policy)

    kept = PolicyCache(loads := Loads())
    made = replace(makers(), policy=kept.policy, strategy=sometimes)
    run(plan(tmp_path / "one", ("sdpo",), seeds=1), made)
    assert len(loads.loaded) == 2 and loads.closed == loads.loaded[:1], "easy and middling had one, hard another"
    run(plan(tmp_path / "two", ("sdpo",), seeds=1, policy=PolicySettings(max_new_tokens=64)), made)
    assert len(loads.loaded) == 4 and loads.closed == loads.loaded[:3]


def test_a_failed_cell_keeps_no_model_in_memory(tmp_path: Path) -> None:
    """Its error is kept to be told at the end, but not the frames with all that was in them."""
    seen: list[weakref.ref[Policy]] = []

    def failing(settings: RunSettings, problem: Problem, policy: Policy) -> Strategy:
        seen.append(weakref.ref(policy))
        try:
            raise KeyError("the cause")
        except KeyError as cause:
            raise SandboxError("gone") from cause

    kept = PolicyCache(lambda settings, seed, report: coin_policy())
    tally, _ = run(plan(tmp_path, ("sdpo",), seeds=1), replace(makers(), policy=kept.policy, strategy=failing))
    gc.collect()
    assert len(tally.failed) == 3 and [reference() for reference in seen] == [None] * 3
    assert "the cause" in (tmp_path / "comparison" / "easy" / "sdpo-s0" / "logs" / "error.txt").read_text()


def test_seeds_may_begin_at_another_number(tmp_path: Path) -> None:
    asked = plan(tmp_path, ("sdpo", "best-of-k"), seeds=2)
    later = replace(asked, choices=replace(asked.choices, first_seed=100))
    names = {(cell.arm.name, cell.seed) for cell in later.cells()}
    assert names == {("sdpo", 100), ("sdpo", 101), ("best-of-k", 0), ("best-of-k", 1)}


def test_a_cell_claimed_by_another_process_is_left_to_it(tmp_path: Path) -> None:
    with claimed(tmp_path / "comparison" / "easy" / "sdpo-s1") as mine:
        assert mine
        with pytest.raises(UserError, match="not empty and holds no comparison"):
            run(plan(tmp_path))
    plan(tmp_path / "b").open()
    other, lines = ExitStack(), Lines()
    other.enter_context(claimed(tmp_path / "b" / "comparison" / "easy" / "sdpo-s1"))
    lines.when("waiting for cells of other processes: 1", other.close)
    tally = Comparison(plan(tmp_path / "b"), makers(), lines.append).run()
    assert (tally.cells, tally.finished, tally.busy) == (27, 27, [])
    *_, again, waiting, last = lines
    assert again == "[27/27] easy sdpo seed 1: is being run by another process"
    assert waiting.startswith("waiting") and last.startswith("[27/27] easy sdpo seed 1: ")


def test_of_a_smaller_part_of_another_comparison_the_pool_is_filled_up(tmp_path: Path) -> None:
    """The other one samples 12 while this one, which asks for 24 at once, waits."""
    ours = plan(tmp_path / "ours", ("best-of-k",), seeds=1, budget=Budget(max_attempts=24))
    ours = replace(ours, pools=tmp_path / "pools")
    theirs = replace(plan(tmp_path / "theirs", ("best-of-k",), seeds=1), pools=tmp_path / "pools")
    other, lines = ExitStack(), Lines()

    def sample() -> None:
        other.close()
        run(theirs)

    for cell in theirs.cells():
        other.enter_context(claimed(theirs.place(cell)))
    lines.when("waiting for cells of other processes: 3", sample)
    tally = Comparison(ours, makers(), lines.append).run()
    assert (tally.cells, tally.finished) == (6, 6)
    samples = Counter(run.cell[0] for run in load_runs([ours.folder]) for _ in run.judged)
    assert set(samples.values()) == {24}


def test_a_cell_of_a_process_that_died_is_run_after_the_others(tmp_path: Path) -> None:
    asked = plan(tmp_path, ("sdpo",), seeds=3)
    asked.open()
    other = ExitStack()
    taken = next(cell for cell in asked.cells() if (cell.problem.slug, cell.seed) == ("easy", 1))
    other.enter_context(claimed(taken.home))

    def strategy_until_it_dies(settings: RunSettings, problem: Problem, policy: Policy) -> Strategy:
        if (problem.slug, settings.seed) == ("hard", 2):
            other.close()
        return strategy(settings, problem, policy)

    tally, lines = run(asked, replace(makers(), strategy=strategy_until_it_dies))
    assert (tally.finished, tally.busy) == (9, []) and ending(taken.home)
    told = [line for line in lines if str(taken) in line]
    assert "is being run by another process" in told[0] and told[1].startswith("[9/9]") and len(told) == 2


def test_a_finished_cell_is_not_put_into_its_home_again(tmp_path: Path) -> None:
    """Whoever is reading it there would find nothing for a moment."""
    asked = plan(tmp_path, ("best-of-k",))
    run(asked)
    comparison = Comparison(asked, makers(), lambda line: None)
    comparison.left = [cell := next(iter(asked.cells()))]
    (cell.home / "mark").touch()
    comparison.settle(cell)
    assert comparison.tally.finished == 1 and (cell.home / "mark").exists()


def test_what_others_do_counts_in_the_estimate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pace, "left", lambda pace, cells, at_once: f"; {len(cells)} left, {at_once:g} at once")
    asked = replace(plan(tmp_path, ("sdpo",), seeds=4), problems=PROBLEMS[:1])
    asked.open()
    other, lines = ExitStack(), Lines()
    other.enter_context(claimed(list(asked.cells())[1].home))
    lines.when("waiting for cells of other processes: 1", other.close)
    Comparison(asked, makers(), lines.append).run()
    assert [line.partition("; ")[2] for line in lines[:4]] == [
        "3 left, 1 at once", "2 left, 2 at once", "1 left, 1.5 at once", f"0 left, {4 / 3:g} at once",
    ]  # fmt: skip


def test_other_settings_are_another_comparison(tmp_path: Path) -> None:
    plan(tmp_path).open()
    plan(tmp_path, seeds=9, methods=("sdpo",)).open()
    with pytest.raises(UserError, match=r"budget.max_attempts was 12 and is 32; max_new_tokens was 512 and is 64"):
        plan(tmp_path, budget=Budget(32), policy=PolicySettings(max_new_tokens=64)).open()
    changed = replace(plan(tmp_path), problems=(replace(PROBLEMS[0], digest="new"),))
    with pytest.raises(UserError, match="the problem easy has changed"):
        changed.open()
    with pytest.raises(UserError, match="two problems are called easy"):
        distinct([PROBLEMS[0], replace(PROBLEMS[0], path=Path("other"))])


def test_the_estimate_is_the_mean_of_what_ended(tmp_path: Path) -> None:
    pace, cells = Pace(), list(plan(tmp_path).cells())
    assert pace.left(cells) == ""
    by = {method: [cell for cell in cells if cell.arm.name == method] for method in METHODS}
    pace.learn(by["sdpo"][0], 100.0)
    pace.learn(by["sdpo"][1], 200.0)
    pace.learn(by["best-of-k"][0], 60.0)
    assert pace.left(by["sdpo"][:2]) == "; about 5:00 left"
    assert pace.left(by["multi-turn"][:1]) == "; about 2:00 left", "as slow as the others on average"
    assert pace.left([]) == ""


def test_statistics_live_are_statistics_replayed(tmp_path: Path) -> None:
    heard: list[list[Event]] = []

    def hear(event: Event) -> None:
        if event["type"] == "manifest":
            heard.append([])
        heard[-1].append(event)

    run(plan(tmp_path), makers(hear))
    replayed = load_runs([tmp_path / "comparison"])
    by_cell = {run.cell: run for run in (Run(Path(), tuple(events)) for events in heard)}
    live = tuple(replace(by_cell[run.cell], path=run.path) for run in replayed)
    assert analyse(Grid(live)) == analyse(Grid(tuple(replayed)))


def probing(asked: Plan, samples: int, rule: str, made: Makers | None = None) -> Probe:
    return Probe(asked, samples, rule, lambda plan: Comparison(plan, made or makers(), lambda line: None))


def test_the_rule_is_the_papers() -> None:
    def rate(planned: int, correct: int) -> BaseRate:
        return BaseRate(SUM, planned, correct, planned)

    assert [rate(128, c).keeps("hard") for c in (0, 1, 2)] == [True, False, False]
    assert [rate(128, c).keeps("very-hard") for c in (0, 1)] == [True, False]
    assert [rate(2944, c).keeps("unsolved") for c in (0, 1)] == [True, False]
    assert [rate(2944, c).keeps("very-hard") for c in (1, 2)] == [True, False]
    assert [rate(256, c).keeps("hard") for c in (2, 3)] == [True, False]
    assert [rate(128, c).keeps("reachable") for c in (0, 1, 8, 9)] == [False, True, True, False]
    assert BaseRate(SUM, 32, 0, 128).may_keep("reachable") and not BaseRate(SUM, 32, 9, 128).may_keep("reachable")
    assert str(rate(128, 1)) == "sum: 1 of 128 samples passed; pass@64 0.500 [0.025, 0.908]"
    assert str(BaseRate(SUM, 32, 2, 128)) == "sum: 2 of 32 samples passed; pass@64 at least 0.752"


def test_a_probe_samples_no_more_than_decides(tmp_path: Path) -> None:
    """Two problems that a seventh of all answers solve, and one between them that none does."""

    class Hard(WordJudge):
        def __init__(self, problem: Problem, settings: object) -> None:
            super().__init__(problem, settings)
            self.word = "never" if problem.slug == "middling" else "right"

    asked = plan(tmp_path, methods=("best-of-k",))
    made = makers(judge=Hard)
    rates = probing(asked, 200, "hard", made).rates()
    assert [(rate.samples, rate.planned, rate.keeps("hard")) for rate in rates] == [(32, 224, False), (224, 224, True), (32, 224, False)]
    told = json.loads((tmp_path / "comparison-probe" / "rates.json").read_bytes())
    assert [(one["problem"], one["samples"], one["correct"]) for one in told] == [
        (rate.problem.slug, rate.samples, rate.correct) for rate in rates
    ]  # fmt: skip
    before = finished(tmp_path)
    assert probing(asked, 200, "hard", made).rates() == rates and finished(tmp_path) == before, "nothing is sampled again"
    again = probing(asked, 64, "hard", made).rates()
    assert [(one.samples, one.planned, one.pass_at) for one in again[1:2]] == [(224, 224, 0.0)], "all that there are"
    assert [one.pass_at for one in again] == pytest.approx([pass_at_k(max(64, r.samples), r.correct, 64) for r in rates])
    few = probing(replace(asked, folder=tmp_path / "few"), 64, "hard", made)
    assert [rate.problem.slug for rate in few.rates(take=1)] == ["easy", "middling"], "the last one is not needed"
    seldom = probing(replace(asked, folder=tmp_path / "seldom"), 200, "reachable", made).rates()
    assert [rate.samples for rate in seldom] == [128, 224, 128] and not any(rate.keeps("reachable") for rate in seldom)


def test_a_probe_is_shared_by_all_who_run_it(tmp_path: Path) -> None:
    """Each waits for the others' parts, since those tell what comes next; a dead one's part is taken over."""
    begun: list[str] = []

    class Slow(WordJudge):
        def __init__(self, problem: Problem, settings: object) -> None:
            super().__init__(problem, settings)
            self.word = "never" if problem.slug == "middling" else "right"
            begun.append(problem.slug)
            time.sleep(0.05)

    asked, made = plan(tmp_path, methods=("best-of-k",)), makers(judge=Slow)
    with ThreadPoolExecutor(3) as pool:
        asking = [pool.submit(probing(asked, 256, "hard", made).rates) for _ in range(3)]
        first, *others = (one.result(timeout=60) for one in asking)
    assert others == [first, first]
    assert len(begun) == len(finished(tmp_path / "pools")) == sum(rate.samples // 32 for rate in first) == 10


def test_the_part_of_a_process_that_dies_is_taken_over(tmp_path: Path) -> None:
    whole = probing(plan(tmp_path / "whole", methods=("best-of-k",)), 64, "hard").rates()
    asked = plan(tmp_path / "shared", methods=("best-of-k",))
    first = next(path.parent for path in (tmp_path / "whole" / "pools").rglob("events.jsonl"))
    claim = claimed(tmp_path / "shared" / first.relative_to(tmp_path / "whole"))
    with ThreadPoolExecutor(1) as pool:
        with claim:
            probe = pool.submit(probing(asked, 64, "hard").rates)
            with pytest.raises(TimeoutError):
                probe.result(timeout=2)
        assert [rate.correct for rate in probe.result(timeout=60)] == [rate.correct for rate in whole]


def test_the_samples_of_a_probe_are_in_no_comparison(tmp_path: Path) -> None:
    asked = plan(tmp_path, methods=("best-of-k",))
    probing(asked, 64, "hard").rates()
    before = finished(tmp_path / "pools")
    run(asked)
    others = finished(tmp_path / "pools").keys() - before.keys()
    assert len(others) == 9 and {path.parent.name for path in others} == {f"best-of-k-s{i}" for i in range(3)}
    assert len(load_runs([tmp_path / "comparison"])) == 9, "the report is made of these alone"


def test_the_papers_lists_name_rows_of_livecodebench(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    days = ["2025-01-31T00:00:00"] * 3 + ["2025-02-01T00:00:00"] * 100 + ["2025-04-30T00:00:00"] * 31 + ["2025-05-01"]
    rows = [{"question_id": f"q{i}", "contest_date": day} for i, day in enumerate(days)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    very_hard = chosen(file, "paper-very-hard")
    assert very_hard[:3] == ["q6", "q13", "q49"]
    assert len(very_hard) == 9 and set(very_hard) < set(chosen(file, "paper-hard")) and len(PAPER["paper-hard"]) == 19
    assert chosen(file, "a, b") == ["a", "b"]
    file.write_text(json.dumps(rows[5]) + "\n")
    with pytest.raises(UserError, match="numbers 131 problems from 2025-02-01 to 2025-05-01; this file has 1 of them"):
        chosen(file, "paper-hard")
    (cut := tmp_path / "rows.jsonl.gz").write_bytes(gzip.compress(file.read_bytes())[:-9])
    with pytest.raises(UserError, match=r"rows.jsonl.gz: cannot be read: "):
        chosen(cut, "paper-hard")
    file.write_text('{"question_id": 1}\n[]\n')
    with pytest.raises(UserError, match=r"rows.jsonl:2: not a row of LiveCodeBench"):
        chosen(file, "paper-hard")


def test_arms_are_cells_of_their_own_with_settings_of_their_own(tmp_path: Path) -> None:
    asked = plan(tmp_path, methods=tuple(ARMS.split(",")), seeds=2, context=ContextSettings(template="after-order"))
    got: dict[str, RunSettings] = {}

    def listening(settings: RunSettings, problem: Problem, policy: Policy) -> Strategy:
        got[f"{settings.method} {settings.context.feedback} {settings.learner.learning_rate:g}"] = settings
        return strategy(settings, problem, policy)

    tally, lines = run(asked, replace(makers(), strategy=listening))
    assert (tally.finished, tally.failed) == (24, [])
    assert "[2/24] easy best-of-k seed 0: " in lines[1] and "] hard sdpo:feedback=none seed 1: " in "\n".join(lines)
    assert set(got) == {"sdpo real 0.0001", "best-of-k real 0.0001", "sdpo none 0.0001", "sdpo shuffled 0.0003"}
    assert {settings.context.template for settings in got.values()} == {"after-order"}
    assert {path.name for path in (tmp_path / "comparison" / "easy").iterdir() if path.is_dir()} == {
        f"{arm}-s{seed}" for seed in (0, 1) for arm in (
            "sdpo", "best-of-k", "sdpo+feedback=none", "sdpo+feedback=shuffled+learning-rate=3e-4",
        )
    }  # fmt: skip
    arms = read_arms("sdpo:feedback=none,sdpo:teacher=ema")
    again, _ = run(replace(asked, choices=replace(asked.choices, arms=arms)))
    assert again.finished == 12, "six were there, another arm is no other comparison"
    analysis = analyse(Grid(tuple(load_runs([tmp_path / "comparison"])), order=("sdpo", "sdpo:teacher=ema")))
    assert analysis.methods == (
        "sdpo", "sdpo:teacher=ema", "sdpo:feedback=none", "sdpo:feedback=shuffled+learning-rate=3e-4", "best-of-k",
    )  # fmt: skip
    assert [c.other for c in analysis.contrasts if c.axis == "attempts"] == [*analysis.methods[1:]]
    assert all(math.isfinite(row.speedup) for row in analysis.table)
    with pytest.raises(UserError, match=r"context.template was after-order and is before-order"):
        plan(tmp_path, methods=("sdpo:teacher=ema",)).open()


def test_what_all_arms_share_may_stand_in_files_and_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    got: list[Plan] = []
    modes: list[str | None] = []
    monkeypatch.setattr(compare, "_here", lambda mode: modes.append(mode) or nullcontext())
    monkeypatch.setattr(compare, "_with_model", lambda settings: settings)
    monkeypatch.setattr(compare, "_compare", lambda plan, begin, **rest: got.append(plan) or Tally())
    monkeypatch.chdir(tmp_path)
    Path("sdpo-tts.toml").write_text("teacher = 'ema'\nalpha = 0.5\nbatch-size = 3\nkeep-going = true\nmethod = 'grpo'\nseed = 9\nplain = true\n")
    monkeypatch.setenv("SDPO_TTS_MAX_ATTEMPTS", "32")
    arguments = ["compare", str(ROOT / "problems" / "rle"), "--methods", "sdpo,sdpo:alpha=1.0,grpo,best-of-k", "--max-new-tokens", "64"]
    result = CliRunner().invoke(app, [*arguments, "--batch-size", "sdpo=8", "--preset", "quick"])
    assert result.exit_code == 0, result.output
    choices = got[0].choices
    assert modes == ["plain"]
    runs = {arm.name: choices.run_settings(arm, 1, 32) for arm in choices.arms}
    assert [one.learner.loss.alpha for one in runs.values()] == [0.5, 1.0, 0.5, 0.5]
    assert [one.batch_size for one in runs.values()] == [8, 8, None, None]
    assert [one.solver.keep_going for one in runs.values()] == [False, False, False, True]
    assert [one.learner.loss.grpo_weight for one in runs.values()] == [0, 0, 1, 0]
    assert {(one.seed, one.learner.teacher.kind, one.policy.max_new_tokens) for one in runs.values()} == {(1, "ema", 64)}
    assert (choices.attempts, choices.settings.budget.max_seconds) == (64, 900.0), "the flag's preset beats the variable"


def test_a_folder_s_name_tells_arms_apart() -> None:
    names = ("sdpo", "sdpo:critic=http://a/b_c", "sdpo:critic=http://a/b c", "sdpo:critic=http://a/b%20c")
    folders = [Arm(name, "sdpo").folder for name in names]
    assert len(set(folders)) == 4 and not any("/" in one or ":" in one for one in folders)


def test_a_comparison_that_knew_fewer_settings_goes_on(tmp_path: Path) -> None:
    plan(tmp_path).open()
    file = tmp_path / "comparison" / "comparison.json"
    told = json.loads(file.read_bytes())
    del told["settings"]["context.feedback"]
    file.write_text(json.dumps(told))
    with pytest.raises(UserError, match=r"context.feedback was real and is none"):
        plan(tmp_path, context=ContextSettings(feedback="none")).open()
    plan(tmp_path).open()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--methods", "sdpo,magic"], "error: --methods: 'magic' is not one of "),
        (
            ["--methods", "sdpo:fedback=none"],
            "error: --methods: fedback: unknown setting `fedback` (hint: did you mean `feedback`?)",
        ),
        (["--methods", "sdpo:feedback=nil"], "error: --methods: feedback: 'nil' is not one of real, shuffled, none"),
        (["--methods", "sdpo:top-k=0"], "error: --methods: top-k: '0' is less than 1"),
        (["--methods", "sdpo:top-k"], "error: --methods: 'top-k' is not a setting (hint: for example "),
        (["--methods", "sdpo:"], "error: --methods: '' is not a setting (hint: for example "),
        (["--methods", "sdpo:top-k=5+top-k=6"], "error: --methods: 'sdpo:top-k=5+top-k=6' sets a setting twice"),
        (["--methods", "sdpo:seed=3"], "error: --methods: seed: `seed` may not be set by an arm"),
        (["--methods", "best-of-k:feedback=none"], "error: --methods: `feedback` has no effect on best-of-k"),
        (["--methods", "sdpo:critic-model=" + 200 * "m"], "error: --methods: 'sdpo:critic-model=mmmm"),
        (["--on", "moon"], "error: --on: 'moon' is not one of local, ray"),
        (["--batch-size", "sdpo=²"], "error: --batch-size: 'sdpo=²' is not METHOD=N"),
        (["--batch-size", "sdpo"], "error: --batch-size: 'sdpo' is not METHOD=N (hint: for example best-of-k=64)"),
        (["--max-time", "soon"], "error: --max-time: 'soon' is not a duration"),
        (["--model", "smollm2-135m", "none"], "error: none: "),
    ],
)
def test_wrong_usage_is_one_line(tmp_path: Path, options: list[str], message: str) -> None:
    arguments = ["compare", str(ROOT / "problems" / "sum-line"), "--out", str(tmp_path / "c"), *options]
    result = CliRunner().invoke(app, arguments)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert result.stderr.startswith(message)
