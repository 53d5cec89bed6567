"""The report: the paper's table 10 back from journals made to it, and what page, files and terminal say."""

from __future__ import annotations

import csv
import dataclasses
import json
import lzma
import math
import os
import shutil
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from sdpo_tts.cli.main import app
from sdpo_tts.errors import UserError
from sdpo_tts.publish import charts, page, terminal
from sdpo_tts.publish.scale import Scale
from sdpo_tts.report import phrases
from sdpo_tts.report.analysis import Analysis, analyse
from sdpo_tts.report.arms import Grid
from sdpo_tts.report.digest import write_digest
from sdpo_tts.report.facts import solutions
from sdpo_tts.report.run import Run
from sdpo_tts.report.runs import load_runs, whole_batches
from sdpo_tts.stats import Observation, Pool, Seeds, bootstrap
from tests.paper import BUDGET, TABLE_10, VERY_HARD, write_runs
from tests.synthetic import events, until, write


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "DRAWS", 300)


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, ...]:
    root = tmp_path_factory.mktemp("paper")
    write_runs(root, tuple(TABLE_10))
    return tuple(load_runs([root]))


def levels(analysis: Analysis) -> dict[str, float]:
    return {row.method: row.discovery for row in analysis.levels if row.axis == "attempts"}


def test_the_headline_numbers_of_the_paper_come_back(paper: tuple[Run, ...]) -> None:
    hard = analyse(Grid(paper), at=BUDGET, shares=(0.67,))
    very_hard = analyse(Grid(tuple(run for run in paper if run.cell[0] in VERY_HARD)), at=BUDGET, shares=(0.22,))
    expected = {"sdpo": 0.532, "best-of-k": 0.415, "multi-turn": 0.356}
    assert levels(very_hard) == pytest.approx(expected, abs=0.0015)
    assert levels(hard) == pytest.approx({"sdpo": 0.78, "best-of-k": 0.723, "multi-turn": 0.684}, abs=0.0015)
    for analysis, times in ((very_hard, 3.0), (hard, 2.4)):
        (ratio,) = (r for r in analysis.ratios if (r.axis, r.other) == ("attempts", "best-of-k"))
        assert ratio.ratio == pytest.approx(times, abs=0.05)
        assert ratio.low < 1.5 < ratio.high
    means = {(row.problem, row.method): row.mean_attempts for row in hard.table}
    for question, row in TABLE_10.items():
        assert [means[question, method] for method in ("sdpo", "best-of-k", "multi-turn")] == pytest.approx(row, abs=1)
    average = [sum(means[q, m] for q in TABLE_10) / 19 for m in ("sdpo", "best-of-k", "multi-turn")]
    assert average == pytest.approx([894, 1145, 1141], abs=1)
    speedups = {row.problem: row.speedup for row in hard.table if row.method == "sdpo"}
    for question, times in (("120", 13.6), ("86", 5.0), ("10", 2.9), ("69", 0.5), ("59", 0.7)):
        assert speedups[question] == pytest.approx(times, abs=0.06)
    (finding,) = (
        phrases.finding(c, very_hard) for c in very_hard.contrasts if (c.axis, c.other) == ("attempts", "best-of-k")
    )
    assert finding.startswith("No significant difference between sdpo and best-of-k at 2,750 attempts: ")
    assert "sdpo minus best-of-k is +11.8 points" in finding
    assert "5 runs per problem are too few to show a difference: if the difference is what it seems, about 18" in finding
    text = page.page(very_hard)
    assert "53.3&nbsp;%" in text and "0 of 2,944" in text and "sdpo: 486" in text and "best-of-k: 1,458" in text


def small(root: Path) -> Path:
    """Two problems; `b` is solved by sdpo alone."""
    for seed, (first, second) in enumerate([(5, 40), (20, None), (33, 17)]):
        write(root, "a", "sdpo", seed, until(first, 48), 48)
        write(root, "b", "sdpo", seed, until(second, 48), 48)
        write(root, "a", "multi-turn", seed, until(first + 9, 48), 48)
        write(root, "b", "multi-turn", seed, until(None, 48), 48)
    write(root, "a", "best-of-k", 0, [i % 20 == 0 for i in range(144)], 144, pooled=True)
    write(root, "b", "best-of-k", 0, [False] * 144, 144, pooled=True)
    return root


def test_runs_and_pools_become_arms_on_four_axes(tmp_path: Path) -> None:
    grid = Grid(tuple(load_runs([small(tmp_path)])))
    assert (grid.methods, grid.common, grid.axes) == (
        ("sdpo", "multi-turn", "best-of-k"), ("a", "b"), ("attempts", "tokens", "seconds", "flops"),
    )  # fmt: skip
    assert grid.arm("a", "sdpo", "attempts") == Seeds((Observation(5, 16), Observation(20, 32), Observation(33, 48)))
    assert grid.arm("a", "sdpo", "seconds") == Seeds((Observation(2, 2), Observation(5, 5), Observation(8, 8)))
    assert grid.arm("a", "best-of-k", "attempts") == Pool(144, 8)
    assert grid.arm("a", "best-of-k", "tokens") == Pool(144, 8, unit=10.0)
    assert getattr(grid.arm("a", "best-of-k", "seconds"), "batch", None) == 16
    assert grid.budget("attempts") == 48
    assert grid.budget("seconds") == 8, "three batches of sdpo, of which two were learned from"


def test_flops_follow_from_tokens_and_the_models_shape(tmp_path: Path) -> None:
    """By hand: N = 1000, 4 L d = 64; prompts of 40, answers of 10, 16 a batch; the teacher reads 80 more."""
    run = load_runs([write(tmp_path, "a", "sdpo", 0, until(20, 48), 48)])[0]
    prompt = 2 * 1000 * 40 + 64 * 40 * 20
    answers = 2 * 1000 * 160 + 64 * 160 * (40 + 5)
    student = 4 * 1000 * (40 + 160) + 3 * 64 * (40 * 20 + 160 * (40 + 5))
    teacher = 2 * 1000 * 90 * 16 + 64 * 90 * 16 * 45
    assert run.spent("flops") == 2 * (prompt + answers) + student + teacher
    turns = load_runs([write(tmp_path, "b", "multi-turn", 0, until(2, 48), 48, batch=2)])[0]
    assert turns.spent("flops") == 2 * (2 * 1000 * 40) + 64 * 80 * 40 + 2 * 1000 * 20 + 64 * 20 * 45


def test_without_the_models_shape_there_is_no_flops_axis(tmp_path: Path) -> None:
    journal = write(tmp_path, "a", "sdpo", 0, until(3, 48), 48) / "events.jsonl"
    journal.write_text(journal.read_text().replace('"parameters": 1000, ', ""))
    assert Grid(tuple(load_runs([tmp_path]))).axes == ("attempts", "tokens", "seconds")


def test_a_failed_run_counts_as_unsolved_unless_told_otherwise(tmp_path: Path) -> None:
    for seed, options in enumerate([{}, {}, {"reason": "error"}, {"reason": "interrupted"}]):
        length = 48 if seed < 2 else 16
        write(tmp_path, "a", "sdpo", seed, until(30 if seed == 0 else None, length), 48, **options)
    runs = tuple(load_runs([tmp_path]))
    assert Grid(runs).arm("a", "sdpo", "attempts").observations[2:] == (Observation(None, 48), Observation(None, 16))
    assert Grid(runs, censor_errors=True).arm("a", "sdpo", "attempts").observations[2] == Observation(None, 16)
    assert "2 runs did not end" not in " ".join(phrases.cautions(analyse(Grid(runs))))
    assert [c for c in phrases.cautions(analyse(Grid(runs))) if "1 run" in c] == [
        "1 run did not end; counted as observed up to the last whole batch.",
        "1 run failed; without --censor-errors, a failed run counts as unsolved.",
    ]


@pytest.mark.parametrize(("after", "attempts"), [(0, 0), (16, 16), (16, 0)])
def test_a_run_that_failed_before_anything_counted_is_not_dropped(tmp_path: Path, after: int, attempts: int) -> None:
    for seed in range(4):
        write(tmp_path, "a", "sdpo", seed, until(20, 48), 48)
    write(tmp_path, "a", "sdpo", 4, [False] * attempts, 48, reason="error")
    write(tmp_path, "a", "grpo", 0, [False] * attempts, 48, reason="error")
    grid = Grid(tuple(run for run in load_runs([tmp_path]) if run.arm == "sdpo"), after=after)
    observed = grid.arm("a", "sdpo", "attempts").observations  # type: ignore[attr-defined]
    assert observed[-1] == Observation(None, 32 - after)
    (level,) = (row for row in analyse(grid).levels if row.axis == "attempts")
    assert level.discovery == 0.8
    assert Grid(tuple(load_runs([tmp_path])), after=after).common == (), "of a method whose runs all failed nothing is known"


def test_a_journal_that_is_being_put_there_is_passed_over(tmp_path: Path) -> None:
    whole = write(tmp_path, "a", "sdpo", 0, until(20, 48), 48)
    (tmp_path / "a" / ".sdpo-s1.part").mkdir()
    (tmp_path / "a" / ".sdpo-s1.part" / "events.jsonl").write_text("{")
    assert [run.path for run in load_runs([tmp_path])] == [whole]


def test_a_torn_batch_is_left_out(tmp_path: Path) -> None:
    whole = list(events("a", "sdpo", 0, until(None, 48), 48))
    cut = whole[: len(whole) - 8]
    kept = whole_batches(cut)
    assert [e["step"] for e in kept if e["type"] == "batch_sampled"] == [0, 1]
    assert sum(e["type"] == "attempt_judged" for e in kept) == 32
    assert whole_batches(whole) == tuple(whole)


def test_merging_counts_a_copy_once_and_of_two_runs_of_a_cell_the_longer(tmp_path: Path) -> None:
    small(tmp_path / "one")
    shutil.copytree(tmp_path / "one" / "a", tmp_path / "two" / "a")
    assert len(load_runs([tmp_path / "one", tmp_path / "two"])) == 14
    write(tmp_path / "three", "a", "sdpo", 1, until(None, 16), 48, reason="interrupted")
    for order in (["one", "three"], ["three", "one"]):
        told: list[str] = []
        runs = load_runs([tmp_path / name for name in order], told.append)
        assert len(runs) == 14
        assert next(run for run in runs if run.cell == ("a", "sdpo", 1)).solved_at == 20
        assert [line.partition(" is left out")[0] for line in told] == [str(tmp_path / "three" / "a" / "sdpo-s1")]
    write(tmp_path / "four", "c", "sdpo", 1, until(None, 16), 48)
    merged = analyse(Grid(tuple(load_runs([tmp_path / "one", tmp_path / "four"]))))
    assert (merged.problems, merged.left_out) == (("a", "b"), ("c",))


NONE, SHUFFLED, REAL = ({"context": {"feedback": word, "both": False}} for word in ("none", "shuffled", "real"))


def test_runs_of_one_method_with_other_settings_are_arms_of_their_own(tmp_path: Path) -> None:
    for problem in ("a", "b"):
        for folder, settings, first in (("real", REAL, 10), ("shuffled", SHUFFLED, 40)):
            for seed in range(2):
                write(tmp_path / folder, problem, "sdpo", seed, until(first, 48), 48, settings=settings)
        write(tmp_path / "pool", problem, "best-of-k", 0, [False] * 48, 48, pooled=True, settings=NONE)
    grid = Grid(tuple(load_runs([tmp_path])))
    assert grid.methods == ("sdpo:feedback=real", "sdpo:feedback=shuffled", "best-of-k")
    assert [arm.restricted_mean(48) for arm in grid.arms("sdpo:feedback=shuffled", "attempts")] == [40, 40]
    waits = [(row.method, row.mean, row.more) for row in analyse(grid).waits if row.axis == "attempts"]
    assert waits[1:] == [("sdpo:feedback=shuffled", 40, 30), ("best-of-k", 48, 38)]
    assert waits[0][:2] == ("sdpo:feedback=real", 10) and math.isnan(waits[0][2])
    assert Grid(tuple(load_runs([tmp_path / "real", tmp_path / "pool"]))).methods == ("sdpo", "best-of-k")
    told = CliRunner().invoke(app, ["report", str(tmp_path), "--methods", "best-of-k,sdpo:feedback=real", "--json"])
    analysis = json.loads(told.stdout)
    assert analysis["methods"] == ["best-of-k", "sdpo:feedback=real"]
    assert {row["method"] for row in analysis["runs"]} == {"best-of-k", "sdpo:feedback=real"}
    wrong = CliRunner().invoke(app, ["report", str(tmp_path), "--methods", "sdpo"]).stderr
    assert wrong == "error: --methods: 'sdpo' is not one of sdpo:feedback=real, sdpo:feedback=shuffled, best-of-k\n"


def test_parts_of_a_pool_are_told_apart_by_what_changes_samples_alone(tmp_path: Path) -> None:
    for seed, settings in enumerate((REAL, NONE, {"learner": {"learning_rate": 1.0}})):
        write(tmp_path, "a", "best-of-k", seed, [False] * 16, 16, pooled=True, settings=settings)
    assert Grid(tuple(load_runs([tmp_path]))).arm("a", "best-of-k", "attempts") == Pool(48, 0)
    for seed, tokens in ((3, 64), (4, 65)):
        settings = {"policy": {"max_new_tokens": tokens}}
        write(tmp_path / "other", "a", "best-of-k", seed, [False] * 16, 16, pooled=True, settings=settings)
    assert Grid(tuple(load_runs([tmp_path / "other"]))).methods == tuple(f"best-of-k:max-new-tokens={n}" for n in (64, 65))


def test_pools_of_one_comparison_keep_the_names_of_their_arms(tmp_path: Path) -> None:
    """They are other comparisons' too, so that only their folders tell."""
    for tokens, folder in ((1024, "best-of-k+max-new-tokens=1024-s0"), (512, "best-of-k-s0")):
        settings = {"policy": {"max_new_tokens": tokens}}
        write(tmp_path, "a", "best-of-k", 0, [False] * 16, 16, pooled=True, settings=settings).rename(tmp_path / "a" / folder)
    grid = Grid(tuple(load_runs([tmp_path])))
    assert (grid.methods, grid.base) == (("best-of-k", "best-of-k:max-new-tokens=1024"), "best-of-k")
    (contrast,) = (c for c in analyse(grid).contrasts if c.axis == "attempts")
    assert phrases.finding(contrast, analyse(grid)).endswith(" The samples of the pools are too few to show a difference.")


def test_a_pool_is_charged_the_batches_that_it_had(tmp_path: Path) -> None:
    """Three parts of 16 samples, of batches that were to have 64."""
    for seed in range(3):
        write(tmp_path, "a", "best-of-k", seed, [True] * 4 + [False] * 12, 16, pooled=True, batch=64)
    pool = Grid(tuple(load_runs([tmp_path]))).arm("a", "best-of-k", "seconds")
    assert (pool.horizon, pool.batch) == (6, 16)  # type: ignore[attr-defined]
    assert pool.discovery(np.array([2.0]))[0] > 0.9


def test_problems_that_are_left_out_do_not_count_as_too_few_runs(tmp_path: Path) -> None:
    for seed in range(5):
        write(tmp_path, "a", "sdpo", seed, until(20, 48), 48)
        write(tmp_path, "a", "multi-turn", seed, until(20, 48), 48)
    write(tmp_path, "b", "sdpo", 0, until(20, 48), 48)
    analysis = analyse(Grid(tuple(load_runs([tmp_path]))))
    assert (phrases.scope(analysis), analysis.left_out) == ("1 problem, 5 runs per problem and method", ("b",))


def test_a_terminal_obeys_no_name(tmp_path: Path) -> None:
    analysis = analyse(Grid(tuple(load_runs([write(tmp_path, "a", "sdpo", 0, until(20, 48), 48)]))))
    row = dataclasses.replace(analysis.table[0], problem="p\x1b[2J")
    told = terminal.text(dataclasses.replace(analysis, table=(row,), left_out=("q\x1b[2J",)))
    assert "\x1b" not in told and "p\\x1b[2J" in told and "q\\x1b[2J" in told


def test_what_a_problem_sets_tells_its_own_runs_apart_alone(tmp_path: Path) -> None:
    def length(tokens: int) -> dict[str, Any]:
        return {"policy": {"max_new_tokens": tokens}, "budget": {"max_attempts": tokens}}

    write(tmp_path, "a", "sdpo", 0, until(3, 48), 48, settings=length(512))
    write(tmp_path, "b", "sdpo", 0, until(3, 48), 48, settings=length(2048))
    assert [run.arm for run in load_runs([tmp_path])] == ["sdpo", "sdpo"]
    write(tmp_path / "more", "a", "sdpo", 1, until(3, 48), 48, settings=length(64))
    assert [run.arm for run in load_runs([tmp_path])] == [f"sdpo:max-new-tokens={n}" for n in (512, 64, 2048)]


def test_named_arms_keep_their_names_and_are_told_apart_where_they_must_be(tmp_path: Path) -> None:
    write(tmp_path / "one", "a", "sdpo", 0, until(3, 48), 48, settings=REAL, arm="sdpo")
    write(tmp_path / "one", "a", "sdpo", 0, until(9, 48), 48, settings=NONE, arm="sdpo:feedback=none")
    assert [run.arm for run in load_runs([tmp_path])] == ["sdpo", "sdpo:feedback=none"]
    faster = {**NONE, "learner": {"learning_rate": 3e-4}}
    write(tmp_path / "two", "a", "sdpo", 0, until(9, 48), 48, settings=faster, arm="sdpo:feedback=none")
    assert [run.arm for run in load_runs([tmp_path])] == [
        "sdpo", "sdpo:feedback=none+learning-rate=0.0001", "sdpo:feedback=none+learning-rate=0.0003",
    ]  # fmt: skip


def test_a_name_that_follows_from_settings_is_no_other_arm_s(tmp_path: Path) -> None:
    slower = {**NONE, "learner": {"learning_rate": 1e-5}}
    write(tmp_path / "one", "a", "sdpo", 0, until(3, 48), 48, settings=REAL, arm="sdpo")
    write(tmp_path / "two", "a", "sdpo", 0, until(9, 48), 48, settings=NONE, arm="sdpo")
    write(tmp_path / "three", "a", "sdpo", 0, until(9, 48), 48, settings=slower, arm="sdpo:feedback=none")
    assert [run.arm for run in load_runs([tmp_path])] == [
        "sdpo:feedback=none+learning-rate=0.0001", "sdpo:feedback=none+learning-rate=1e-05", "sdpo:feedback=real",
    ]  # fmt: skip


def test_arms_have_lines_and_letters_of_their_own(tmp_path: Path) -> None:
    arms = {"sdpo": REAL, "sdpo:feedback=none": NONE, "sdpo:feedback=shuffled": SHUFFLED}
    for arm, settings in arms.items():
        write(tmp_path, "a", "sdpo", 0, until(20, 48), 48, settings=settings, arm=arm)
    analysis = analyse(Grid(tuple(load_runs([tmp_path]))))
    assert terminal.marks(analysis.methods) == {"sdpo": "s", "sdpo:feedback=none": "n", "sdpo:feedback=shuffled": "h"}
    assert list(charts.kinds(analysis.methods).values()) == ["m-sdpo", "m-variant-1", "m-variant-2"]
    assert list(charts.names(analysis.methods).values()) == ["sdpo", "feedback=none", "feedback=shuffled"]
    text = page.page(analysis)
    assert all(f'class="line {kind}"' in text for kind in ("m-sdpo", "m-variant-1", "m-variant-2"))
    assert Inspector(text).open == [] and "<li>" in text and "sdpo:feedback=shuffled" in text
    for name, rows in analysis.tables().items():
        named = {row.method for row in rows if hasattr(row, "method")}
        assert named <= set(arms) and (named == set(arms) or name in ("contrasts", "ratios", "sources")), name


def test_a_digest_gives_the_same_report(tmp_path: Path) -> None:
    small(tmp_path / "runs")
    write(tmp_path / "runs", "a", "sdpo", 3, until(None, 40), 48, reason="interrupted")
    write(tmp_path / "none", "a", "sdpo", 0, until(9, 48), 48, settings=NONE, arm="sdpo:feedback=none")
    write(tmp_path / "faster", "b", "sdpo", 0, until(9, 48), 48, settings={"learner": {"learning_rate": 1.0}})
    folders = [str(tmp_path / name) for name in ("runs", "none", "faster")]
    made = CliRunner().invoke(app, ["report", *folders, "--json", "--digest", str(tmp_path / "out" / "runs.tar.xz")])
    digest = tmp_path / "out" / "runs.tar.xz"
    again = CliRunner().invoke(app, ["report", str(digest), "--json"])
    assert (made.exit_code, again.exit_code) == (0, 0), made.output + again.output
    assert (tmp_path / "out" / "report.html").is_file()
    wanted, found = json.loads(made.stdout), json.loads(again.stdout)
    assert "sdpo:learning-rate=1.0" in wanted["methods"] and "sdpo:feedback=none" in wanted["methods"]
    assert [str(tmp_path) in row.pop("path") for row in wanted["runs"]] == [True] * 17
    assert {row.pop("path").partition("runs.tar.xz/")[2] for row in found["runs"]} >= {"a/sdpo:feedback=none-s0", "b/best-of-k-s0"}
    assert found == wanted
    size = sum(path.stat().st_size for path in tmp_path.rglob("events.jsonl"))
    assert digest.stat().st_size < size / 20
    CliRunner().invoke(app, ["report", str(digest), "--digest", str(tmp_path / "copy.tar.xz")])
    assert (tmp_path / "copy.tar.xz").read_bytes() == digest.read_bytes()


def test_a_digest_tells_no_places(tmp_path: Path) -> None:
    journal = write(tmp_path / "runs", "a", "sdpo", 0, until(3, 48), 48) / "events.jsonl"
    told = journal.read_text()
    journal.write_text(told.replace('"type": "manifest"', '"type": "manifest", "argv": ["/home/me/sdpo-tts"]').replace("p/problem.yaml", "/home/me/p"))
    write_digest(load_runs([tmp_path / "runs"]), tmp_path / "d")
    assert b"/home/me" in journal.read_bytes() and b"/home/me" not in lzma.decompress((tmp_path / "d").read_bytes())


class Inspector(HTMLParser):
    """Tags that are open at the end, and what a self-contained page must not have."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.outside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.open += [] if tag in ("meta",) else [tag]
        told = dict(attributes)
        self.outside += [tag] * (tag in ("script", "link", "img", "iframe"))
        self.outside += [str(told[name]) for name in ("src", "href") if name in told]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_one_whole_file_without_script(tmp_path: Path) -> None:
    write(small(tmp_path), "<b>&", "sdpo", 0, until(3, 48), 48)
    analysis = analyse(Grid(tuple(load_runs([tmp_path]))))
    text = page.page(analysis, "A <comparison>")
    found = Inspector(text)
    assert (found.open, found.outside) == ([], [])
    assert "prefers-color-scheme: dark" in text and 'name="viewport"' in text
    assert "<b>&" not in text and "&lt;b&gt;&amp;" in text and "A &lt;comparison&gt;" in text
    assert text.count("# &lt;found&gt;") == len(analysis.solutions) == 17
    for name in ("Discovery", "Budget ratios", "Problems", "Verdicts over time", "Length of answers", "Learning",
                 "Solutions found", "What was spent", "Settings and hardware"):  # fmt: skip
        assert f"<h2>{name}" in text
    for part in ("learner.learning_rate", "0.0001", "a slow one", "gradient norm", "m-best-of-k"):
        assert part in text
    drawings = [part.partition("</svg>")[0] for part in text.split("<svg ")[1:]]
    assert len([ElementTree.fromstring(f"<svg {drawing}</svg>") for drawing in drawings]) > 12


@pytest.mark.long
def test_files_hold_every_number_and_the_command_writes_them(tmp_path: Path) -> None:
    small(tmp_path / "runs")
    names = [str(tmp_path / "runs"), "--csv", str(tmp_path / "csv"), "--png", str(tmp_path / "curves.png"), "--json"]
    done = CliRunner().invoke(app, ["report", *names, "--shares", "0.4"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    with (tmp_path / "csv" / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["discovery"]) for row in rows] == [row["discovery"] for row in told["table"]]
    assert {path.stem for path in (tmp_path / "csv").iterdir()} == {
        "levels", "waits", "curves", "table", "contrasts", "ratios", "spending", "mix", "lengths", "steps", "solutions", "runs",
    }  # fmt: skip
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "runs" / "report.html").read_text().startswith("<!doctype html>")
    sdpo = next(row for row in told["table"] if (row["problem"], row["method"]) == ("b", "sdpo"))
    assert (sdpo["solved"], sdpo["runs"], sdpo["mean_attempts"]) == (2, 3, pytest.approx((40 + 48 + 17) / 3))
    assert told["ratios"][0]["budget"] == 20
    text = CliRunner().invoke(app, ["report", str(tmp_path / "runs")]).stdout
    assert "s sdpo, m multi-turn, b best-of-k" in text and "48 attempts" in text
    assert max(map(len, text.partition("at equal")[0].splitlines())) <= 80


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none"], "error: none: no run here, nor one of this problem in runs"),
        (["text.tar.xz"], "error: text.tar.xz: not a digest of runs (hint: `sdpo-tts report --digest` makes one)"),
        (["."], "error: .: no run here, nor one of this problem in runs"),
        ([".", "--shares", "2"], "error: --shares: '2' is not a list of shares"),
        ([".", "--png", "curves"], "error: --png: 'curves' does not end in .png"),
    ],
)
def test_wrong_usage_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.tar.xz").write_text("no tar")
    if "--shares" in arguments:
        small(tmp_path)
    result = CliRunner().invoke(app, ["report", *arguments])
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert result.stderr.startswith(message)


def test_what_comes_after_the_first_batch_can_be_told_alone(tmp_path: Path) -> None:
    """From attempt 17 on: one run is left out, one has its first success at 4, one is watched for 32; the pool stays."""
    for seed, first in enumerate((5, 20, None)):
        write(tmp_path, "a", "sdpo", seed, until(first, 48), 48)
    write(tmp_path, "a", "best-of-k", 0, [True, *[False] * 95], 96, pooled=True)
    runs = tuple(load_runs([tmp_path]))
    grid, whole = Grid(runs, after=16), Grid(runs)
    assert grid.arm("a", "sdpo", "attempts").observations == (Observation(4, 16), Observation(None, 32))  # type: ignore[attr-defined]
    tokens = [o.budget for o in whole.arm("a", "sdpo", "tokens").observations]  # type: ignore[attr-defined]
    assert [o.budget for o in grid.arm("a", "sdpo", "tokens").observations] == [t - tokens[0] for t in tokens[1:]]  # type: ignore[attr-defined]
    assert grid.arm("a", "best-of-k", "attempts") == Pool(96, 1) and grid.budget("attempts") == 32
    analysis = analyse(grid)
    assert (analysis.seeds, analysis.after, analysis.solved_before) == ((2, 2), 16, 1)
    assert {row.method: (row.solved, row.runs) for row in analysis.table} == {"sdpo": (1, 2), "best-of-k": (1, 96)}
    assert analysis.spending == analyse(whole).spending and len(analysis.runs) == 4
    assert phrases.cautions(analysis)[0].startswith("Counted from attempt 17 on, as if it were the first, without the 1 run that")

    told = CliRunner().invoke(app, ["report", str(tmp_path), "--after", "16", "--json"])
    assert json.loads(told.stdout)["levels"][0]["budget"] == 32
    told = CliRunner().invoke(app, ["report", str(tmp_path), "--after", "3"])
    assert (told.exit_code, told.stderr) == (2, (
        "error: --after: attempt 3 is not the last of its batch in a run of sdpo on a (hint: batches end at 16)\n"
    ))  # fmt: skip
    told = CliRunner().invoke(app, ["report", str(tmp_path), "--after", "48"])
    assert told.exit_code == 2
    assert told.stderr == "error: --after: no problem has an unsolved run of every method after 48 attempts\n"


def test_models_are_not_mixed(tmp_path: Path) -> None:
    small(tmp_path)
    journal = tmp_path / "a" / "sdpo-s0" / "events.jsonl"
    journal.write_text(journal.read_text().replace('"model": "tiny", "engine"', '"model": "huge", "engine"'))
    with pytest.raises(UserError, match="runs of different models: huge, tiny"):
        Grid(tuple(load_runs([tmp_path])))


def test_what_is_found_is_said_in_words(tmp_path: Path) -> None:
    analysis = analyse(Grid(tuple(load_runs([small(tmp_path)]))))
    contrast: Any = analysis.contrasts[0]
    assert "too few" in phrases.finding(contrast, analysis)
    sure = dataclasses.replace(contrast, low=0.1, high=0.5, wide_low=-0.1, problems=12)
    assert phrases.finding(sure, analysis).endswith(
        "The difference is significant on these problems; for others like these 2 problems are too few: if the "
        "difference is what it seems, about 12 problems would be needed."
    )
    hardly = dataclasses.replace(contrast, difference=1e-5, low=-0.2, high=0.2, seeds=26_015)
    assert "No significant difference" in phrases.finding(hardly, analysis)
    assert phrases.finding(hardly, analysis).endswith("over 10,000 runs per problem and method would be needed.")
    many = dataclasses.replace(analysis, problems=tuple("abcdef"))
    assert phrases.finding(dataclasses.replace(sure, wide_low=0.02), many).endswith("The difference is significant.")
    same = phrases.finding(dataclasses.replace(contrast, difference=0.0, low=-0.2, high=0.2, wide_low=math.nan), analysis)
    assert "No significant difference between sdpo and multi-turn" in same
    assert "sdpo minus multi-turn is 0.0 points (90 % interval -20.0 to" in same
    assert "too few to show a difference" in same, "that is no proof that they are equal"


def test_a_single_run_has_a_report_too(tmp_path: Path) -> None:
    analysis = analyse(Grid(tuple(load_runs([write(tmp_path, "a", "sdpo", 0, until(20, 48), 48)]))))
    assert Inspector(page.page(analysis)).open == []
    assert "a        sdpo    1/1     100.0 %" in terminal.text(analysis)
    assert "like these" not in terminal.text(analysis), "one problem says nothing of others"
    assert not any(word in text for word in ("nan", "n/a") for text in (terminal.text(analysis), page.page(analysis)))
    empty = write(tmp_path, "b", "sdpo", 0, [], 48)
    assert Inspector(page.page(analyse(Grid(tuple(load_runs([empty])))))).open == []


@pytest.mark.parametrize(
    ("low", "high", "log", "ticks"),
    [
        (1, 2750, True, [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000]),
        (1, 1e6, True, [1, 10, 100, 1000, 1e4, 1e5, 1e6]),
        (1, 1e17, True, [10.0**d for d in range(0, 18, 2)]),
        (1, 1e17, True, [10.0**d for d in range(0, 18, 2)]),
        (0, 1, False, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (-0.3, 0.4, False, [-0.2, 0, 0.2, 0.4]),
        (0, 0, False, [0]),
    ],
)
def test_ticks_are_round(low: float, high: float, log: bool, ticks: list[float]) -> None:
    assert Scale(low, high, log, 0, 360).ticks() == pytest.approx(ticks)


def test_a_scale_maps_its_ends() -> None:
    scale = Scale(1, 1000, True, 0, 300)
    assert [scale(value) for value in (1, 10, 1000)] == pytest.approx([0, 100, 300])
    assert math.isfinite(Scale(5, 5, False, 0, 10)(5))


def test_a_run_of_another_model_is_not_left_out_in_silence(tmp_path: Path) -> None:
    """It is of the same problem, method and seed."""
    write(tmp_path / "one", "a", "sdpo", 0, until(None, 48), 48)
    journal = write(tmp_path / "two", "a", "sdpo", 0, until(None, 32), 48) / "events.jsonl"
    journal.write_text(journal.read_text().replace('"model": "tiny", "engine"', '"model": "huge", "engine"'))
    with pytest.raises(UserError, match="runs of different models: huge, tiny"):
        Grid(tuple(load_runs([tmp_path])))


def test_a_problem_that_was_edited_between_its_runs_is_named(tmp_path: Path) -> None:
    for seed, digest in enumerate(("d", "e")):
        for problem, its in (("a", digest), ("b", "d")):
            journal = write(tmp_path, problem, "sdpo", seed, until(None, 16), 16) / "events.jsonl"
            journal.write_text(journal.read_text().replace('"digest": "d"', f'"digest": "{its}"'))
    (told,) = [line for line in phrases.cautions(analyse(Grid(tuple(load_runs([tmp_path]))))) if "Edited" in line]
    assert told == "Edited between runs, all of which are counted together: a."


@pytest.mark.parametrize(
    ("after", "solved_at", "reason"),
    [
        ([], 3, "solved"),
        ([("verdict_given", {"verdict": "AC"})], 3, "solved"),
        ([("verdict_given", {"verdict": "WA"})], None, "rejected"),
        ([("verdict_given", {"verdict": "WA"}), ("resumed", {})], None, "unfinished"),
        ([("verdict_given", {"verdict": "WA"}), ("solved", {"attempt": 5, "tokens": 9, "seconds": 9.0}), ("run_ended", {"reason": "solved"})], 5, "solved"),
        ([("verdict_given", {"verdict": "WA"}), ("resumed", {}), ("run_ended", {"reason": "max_time"})], None, "max_time"),
    ],
)  # fmt: skip
def test_what_a_judge_elsewhere_rejects_is_no_success(
    after: list[tuple[str, dict[str, Any]]], solved_at: int | None, reason: str
) -> None:
    told = [*events("a", "sdpo", 0, until(3, 16), 16), *({"type": kind, "t": 9.0, "attempt": 3, **more} for kind, more in after)]
    run = Run(Path("a"), tuple(told))
    assert (run.solved_at, run.reason) == (solved_at, reason)
    assert [found.attempt for found in solutions([run])] == ([solved_at] if solved_at else [])


def test_runs_behind_links_count_once_each(tmp_path: Path) -> None:
    for seed in range(2):
        write(tmp_path / "runs", "a", "sdpo", seed, until(None, 16), 16)
    chosen = tmp_path / "chosen"
    chosen.mkdir()
    for name, target in (("a", tmp_path / "runs" / "a"), ("again", tmp_path / "runs"), ("circle", chosen)):
        (chosen / name).symlink_to(target)
    told: list[str] = []
    assert ([run.cell[2] for run in load_runs([chosen], told.append)], told) == ([0, 1], [])


def test_a_folder_may_have_a_name_that_is_no_utf_8(tmp_path: Path) -> None:
    write(tmp_path / os.fsdecode(b"\xff"), "a", "sdpo", 0, until(3, 16), 16)
    told = CliRunner().invoke(app, ["report", str(tmp_path), "--json", "--csv", str(tmp_path / "csv")])
    assert told.exit_code == 0 and "\\udcff" in (tmp_path / "csv" / "runs.csv").read_text(encoding="utf-8")
    assert json.loads(told.stdout)["runs"][0]["path"].count("\udcff") == 1


def test_damaged_files_and_places_are_one_line(tmp_path: Path) -> None:
    run = write(tmp_path, "a", "sdpo", 0, until(3, 16), 16)
    lines = (run / "events.jsonl").read_text().splitlines(keepends=True)
    (run / "events.jsonl").write_text("".join(line for line in lines if '"manifest"' not in line))
    (run / "manifest.json").write_text('{"settings": ')
    told = CliRunner().invoke(app, ["report", str(run)])
    assert (told.exit_code, told.stderr) == (
        2, f"error: {run / 'manifest.json'}: not JSON (hint: the file was damaged or edited)\n",
    )  # fmt: skip
    (run / "manifest.json").unlink()
    told = CliRunner().invoke(app, ["report", str(run), "--html", str(run / "events.jsonl" / "report.html")])
    assert told.exit_code == 2 and told.stderr.endswith("(hint: --html writes it elsewhere)\n")
    assert CliRunner().invoke(app, ["report", str(run)], env={"COLUMNS": "9"}).exit_code == 0
