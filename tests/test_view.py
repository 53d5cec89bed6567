"""What the views make of one hand-written journal: the fold, the lines, the panel's size, and a clean terminal."""

from __future__ import annotations

import io
import logging
import os
import pty
import re
import signal
import subprocess
import sys
import tempfile
import termios
import textwrap
import time
import warnings
from collections.abc import Iterator
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from sdpo_tts.view import LiveLine, RunState, advice, captured_logs, make_view, results_alone, summary
from sdpo_tts.view.attempt_text import AttemptText, section
from sdpo_tts.view.curve import columns, sparkline, step_curve
from sdpo_tts.view.live import Dashboard, panel
from sdpo_tts.view.plain import Plain, Quiet
from sdpo_tts.view.progress import Batch, Best, Learning, Phase


def event(type: str, t: float, **fields: Any) -> dict[str, Any]:
    return {"v": 1, "seq": 0, "type": type, "t": t, **fields}


def judged(t: float, attempt: int, step: int, verdict: str, passed: int) -> dict[str, Any]:
    total = 0 if verdict in ("CE", "NC") else 10
    return event("attempt_judged", t, attempt=attempt, step=step, verdict=verdict, passed=passed, total=total)


def sampled(t: float, step: int) -> dict[str, Any]:
    counts = {"attempts": 3, "prompt_tokens": 90, "completion_tokens": 1200, "truncated": 1, "adapter": step - 1}
    return event("batch_sampled", t, step=step, seconds=10.0, **counts)


STARTED = event(
    "run_started",
    100.0,
    method="sdpo",
    problem="sum-line",
    title="Sum of two numbers",
    seed=7,
    model="Qwen2.5-Coder-0.5B-Instruct",
    engine="torch",
    device="cpu",
    tests=10,
    batch_size=3,
    max_attempts=12,
    max_tokens=None,
    max_seconds=3600.0,
)
STEP = event(
    "step_taken",
    119.0,
    **{"step": 1, "adapter": 1, "loss": 0.25, "kl": None, "entropy": 0.6123, "grad_norm": 1.0},
    **{"gap_mean": 0.001, "gap_max": 0.0123, "trained": 3, "trained_tokens": 1200, "teacher_tokens": 3000},
    seconds=7.0,
)
EVENTS = [
    STARTED,
    sampled(110.0, 1),
    judged(111.0, 1, 1, "WA", 4),
    judged(111.5, 2, 1, "CE", 0),
    judged(112.0, 3, 1, "WA", 4),
    STEP,
    sampled(129.0, 2),
    judged(130.0, 4, 2, "TLE", 6),
    judged(131.0, 5, 2, "AC", 10),
]
REST = [
    judged(132.0, 6, 2, "WA", 5),
    event("solved", 132.0, attempt=5, step=2, adapter=1, tokens=2400, seconds=32.0),
    event(
        "run_ended",
        132.5,
        **{"reason": "solved", "attempts": 6, "tokens": 2400, "seconds": 32.5},
        **{"sampling_seconds": 20.0, "judging_seconds": 5.0, "learning_seconds": 7.0},
    ),
]


def test_the_fold_of_a_run_under_way() -> None:
    state = RunState.of(EVENTS)
    assert (state.title, state.seed, state.max_attempts, state.max_tokens) == ("Sum of two numbers", 7, 12, None)
    assert state.phase is Phase.JUDGING
    assert state.batch == Batch(2, 4, 3, 120.0, ((4, "TLE"), (5, "AC")))
    assert dict(state.verdicts) == {"WA": 2, "CE": 1, "TLE": 1, "AC": 1}
    assert state.best == Best(attempt=5, passed=10, verdict="AC")
    assert state.best_shares == (0.4, 0.4, 0.4, 0.6, 1.0)
    assert state.steps == (Learning(1, 1, 0.25, None),)
    assert (state.truncated, state.solved_at, state.reason) == (2, 5, None)
    assert (state.cost.attempts, state.cost.tokens) == (5, 2400)
    spent = state.cost.sampling_seconds, state.cost.judging_seconds, state.cost.learning_seconds
    assert spent == (20.0, 4.0, 7.0)
    assert state.elapsed(140.0) == 40.0


def test_the_fold_of_a_run_that_ended() -> None:
    state = RunState.of([*EVENTS, *REST])
    assert (state.phase, state.reason, state.solved_at) == (Phase.ENDED, "solved", 5)
    assert state.elapsed(999.0) == 32.5
    assert state.cost.judging_seconds == 5.0


def test_the_time_that_a_run_lay_stopped_is_not_counted() -> None:
    """Journals of older programs do not tell what was spent: then the pause is left out."""
    for told, elapsed in (({"seconds": 45.0, "max_attempts": 24}, 55.0), ({}, 41.0)):
        state = RunState.of([*EVENTS, event("resumed", 2000.0, step=2, attempts=2, **told)])
        assert state.elapsed(2010.0) == elapsed
        assert state.max_attempts == told.get("max_attempts", 12)


def test_phases_follow_the_events() -> None:
    phases = [RunState.of(EVENTS[:n]).phase.value for n in range(7)]
    assert phases == ["starting", "sampling", "judging", "judging", "judging", "learning", "sampling"]
    best_of_k = RunState.of([{**STARTED, "method": "best-of-k"}, *EVENTS[1:5]])
    assert best_of_k.phase is Phase.SAMPLING
    skipped = best_of_k.after(event("step_skipped", 113.0, step=1, reason="no feedback"))
    assert (skipped.skipped, skipped.phase) == ("no feedback", Phase.SAMPLING)


def test_verdicts_may_come_in_any_order() -> None:
    late = judged(131.5, 4, 2, "AC", 10)
    state = RunState.of([*EVENTS[:7], judged(130.0, 6, 2, "WA", 10 - 1), EVENTS[8], late])
    assert (state.solved_at, state.best) == (4, Best(4, 10, "AC"))
    assert "batch 2   AC  AC  WA" in "\n".join(drawn([*EVENTS[:7], REST[0], EVENTS[8], late], 80, 24))
    assert "batch 2   ·   AC  WA" in "\n".join(drawn([*EVENTS[:7], REST[0], EVENTS[8]], 80, 24))


def test_an_unknown_event_is_passed_over() -> None:
    state = RunState.of(EVENTS)
    later = state.after(event("checkpoint_saved", 150.0))
    assert later.cost.moment == 150.0
    assert (later.batch, later.best, later.phase) == (state.batch, state.best, state.phase)


def test_plain_lines() -> None:
    file = io.StringIO()
    with Plain(file, clock=iter([98.0, 98.0, 99.0]).__next__) as view:
        view.status("loading model")
        view.status("loading model")
        view.status("starting sandbox")
        for told in [*EVENTS, *REST]:
            view.event(told)
        view.event(event("step_skipped", 3798.0, step=3, reason="no feedback"))
    assert file.getvalue() == textwrap.dedent(
        """\
        [0:00] loading model
        [0:01] starting sandbox
        [0:02] sum-line: sdpo, seed 7, Qwen2.5-Coder-0.5B-Instruct (torch on cpu), 10 tests
        [0:14] batch 1: WA 2 CE 1; attempts 3/12; best 4 of 10 tests passed (attempt 1); 120 tokens/s
        [0:21] step 1: loss 0.25, kl n/a, entropy 0.612, gap_max 0.0123; learned from 3 attempts in 7.0 s
        [0:34] batch 2: TLE 1 AC 1 WA 1; attempts 6/12; best 10 of 10 tests passed (attempt 5); 120 tokens/s; 0:19 a batch
        [0:34] solved: attempt 5
        [0:34] ended: solved, after 6 attempts
        [1:01:40] step 3 skipped: no feedback
        """
    )


def test_the_summary_of_a_solved_run() -> None:
    assert summary(RunState.of([*EVENTS, *REST]), Path("runs/a"), Path("runs/a/solution.py")) == (
        "Solved: attempt 5 passed all tests (10).\n"
        "  spent    6 attempts, 1 step, 2,400 tokens, 0:32\n"
        "  time     sampling 0:20, judging 0:05, learning 0:07\n"
        "  program  runs/a/solution.py\n"
        "  run      runs/a"
    )


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("max_attempts", "the budget of 12 attempts is spent"),
        ("max_tokens", "the budget of 1,200 tokens is spent"),
        ("max_time", "the time limit of 1:00:00 is reached"),
        ("interrupted", "interrupted"),
        ("error", "stopped by an error"),
    ],
)
def test_the_summary_of_an_unsolved_run(reason: str, words: str) -> None:
    ended = {**REST[-1], "reason": reason, "attempts": 3, "tokens": 1200}
    console = Console(file=io.StringIO(), width=80, height=24, force_terminal=True)
    view, plain = Dashboard(console, clock=lambda: 140.0), Plain(file := io.StringIO(), clock=lambda: 98.0)
    for told in [*EVENTS[:6], ended]:
        view.event(told), plain.event(told)
    assert f"ended: {words}" in shown(console, view) and f"ended: {words}, after 3 attempts" in file.getvalue()
    assert summary(RunState.of([*EVENTS[:6], ended]), Path("runs/a")) == (
        f"Not solved: {words}.\n"
        "  spent    3 attempts, 1 step, 1,200 tokens, 0:32\n"
        "  time     sampling 0:20, judging 0:05, learning 0:07\n"
        "  best     4 of 10 tests passed (attempt 1)\n"
        "  verdicts WA 2 CE 1\n"
        "  run      runs/a"
    )


def test_the_summary_of_a_run_that_did_not_begin() -> None:
    assert summary(RunState(), Path("runs/a")).startswith("Not solved: the run did not begin.\n")


def drawn(events: list[dict[str, Any]], width: int, height: int, doing: str = "judging 0:01") -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, record=True)
    console.print(panel(RunState.of(events), doing, 140.0, width, height))
    return console.export_text().splitlines()


def watched(t: float, step: int, score: float, length: float, entropy: float | None) -> dict[str, Any]:
    told = {"score": score, "length": length, "entropy": entropy, "distinct": 1.0, "leaks": 0.0}
    return event("batch_watched", t, step=step, **told)


LEARNT = [
    *EVENTS[:5],
    watched(112.0, 1, 0.27, 400.2, None),
    STEP,
    EVENTS[6],
    {**judged(130.0, 4, 2, "WA", 7), "failing": "03-big", "detail": "line 1: expected\n\x1b[31m7"},
    judged(131.0, 5, 2, "WA", 6),
    judged(132.0, 6, 2, "WA", 5),
    watched(132.0, 2, 0.6, 300.0, 0.5),
    {**STEP, "t": 141.0, "step": 2, "adapter": 2},
]


def test_pace_failing_test_and_change_are_told() -> None:
    state = RunState.of(LEARNT)
    assert state.paces == (19.0, 20.0) and state.batch_seconds == 19.5
    assert state.seconds_left(141.0) == 39.0, "six attempts, three a batch"
    assert state.seconds_left(100.0 + 3590.0) == 10.0, "the time limit comes first"
    assert RunState.of(EVENTS[:5]).seconds_left(140.0) == 3560.0
    text = "\n".join(drawn(LEARNT, 100, 30))
    for shown in (
        "judging 0:01 · 0:19 a batch · 0:39 left", r"failing   WA on 03-big: line 1: expected\n\x1b[31m7",
        "changed   passed 27%→60%, tokens 400→300, distinct 100%→100%",
    ):  # fmt: skip
        assert shown in text, shown
    file = io.StringIO()
    view = Plain(file, clock=lambda: 98.0)
    for told in LEARNT:
        view.event(told)
    assert "[0:34] the last step changed: passed 27% to 60%, tokens 400 to 300, distinct 100%" in file.getvalue()
    assert "  failing  WA on 03-big: line 1: expected" in summary(state, Path("runs/a"))


BEST = AttemptText(5, "n = int(input())\n\tprint(n)\x1b[2J\n" * 6, "Wrong answer on 03-big.\nExpected: 7")


@pytest.mark.parametrize("size", [(80, 24), (100, 34), (120, 40), (160, 45), (80, 60)])
def test_the_best_program_and_its_feedback_are_shown_where_there_is_room(size: tuple[int, int]) -> None:
    width, height = size
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, record=True)
    console.print(panel(RunState.of(LEARNT), "judging", 140.0, width, height, BEST))
    text = console.export_text()
    lines = text.splitlines()
    assert len(lines) < height and {len(line) for line in lines} == {width} and "\x1b" not in text
    for shown in ("best program, attempt 5", "n = int(input())", r"    print(n)\x1b[2J"):
        assert shown in text, shown
    for shown in ("feedback on it", "Wrong answer on 03-big."):
        assert (shown in text) == (height > 24), shown
    assert (" │ Wrong answer" in text) == (width >= 100)
    assert ("tests passed, best so far" in text) == (height > 24), "the program comes before the curve"


def test_what_is_beside_the_program_leaves_it_the_columns_that_it_needs() -> None:
    wide, narrow = "x" * 70, "y" * 20
    for program, feedback in ((wide, narrow), (narrow, wide)):
        _, row = section(AttemptText(1, program, feedback), 110, 6)
        assert wide in row.plain and narrow in row.plain and len(row) <= 110
    head, row = section(AttemptText(1, wide, wide), 110, 6)
    assert row.plain.index("│") == 54, "each has half"
    assert head.plain.startswith("best program, attempt 1 ")
    assert "feedback" in section(AttemptText(1, "", "Incorrect format"), 110, 6)[0].plain, "an empty answer"
    assert section(AttemptText(1, wide, wide, is_program=False), 110, 6)[0].plain.startswith("best answer, attempt 1 ")


def test_below_a_program_there_is_no_second_empty_line() -> None:
    console = Console(file=io.StringIO(), width=80, height=24, force_terminal=True, record=True)
    console.print(panel(RunState.of(EVENTS), "judging", 140.0, 80, 24, BEST))
    lines = [line.strip("│ \n") for line in console.export_text().splitlines()]
    assert all(first or second for first, second in pairwise(lines)) and "best program, attempt 5" in lines


def test_what_became_of_the_user_s_own_programs_stays_in_view() -> None:
    mine = [event("start_judged", 101.0, name=name, verdict=verdict, passed=passed, total=10)
            for name, verdict, passed in (("mine.py", "WA", 3), ("old\x1b.py", "CE", 0))]  # fmt: skip
    for events in ([STARTED, *mine], [STARTED, *mine, *EVENTS[1:]]):
        assert r"yours     mine.py WA, 3 of 10 tests · old\x1b.py CE, 0 of 10 tests" in "\n".join(drawn(events, 80, 24))
    assert "yours" not in "\n".join(drawn(EVENTS, 80, 24))


def test_before_the_first_verdict_nothing_empty_is_drawn() -> None:
    assert len(drawn([], 80, 24)) == 4, "what goes on, alone"
    text = "\n".join(drawn([STARTED], 80, 24))
    assert "tests passed" not in text and "verdicts" not in text and "attempts" in text


def test_a_batch_that_is_being_sampled_is_counted() -> None:
    console = Console(file=io.StringIO(), width=80, height=24, force_terminal=True)
    view = Dashboard(console, clock=lambda: 140.0, read=lambda attempt: BEST)
    view.event(STARTED)
    view.sampling(1234, 3, 16)
    assert "sampling: 1,234 tokens, 3 of 16 answers · 0:00" in shown(console, view)
    view.event(sampled(110.0, 1))
    assert "of 16 answers" not in shown(console, view) and "judging" in shown(console, view)
    for number in range(1, 4):
        view.event(judged(112.0, number, 1, "WA", 4))
    view.learning(3, 16)
    assert "learning: 3 of 16 answers · 0:00" in shown(console, view)
    view.event(STEP)
    assert "of 16 answers" not in shown(console, view)
    file = io.StringIO()
    plain = Plain(file, clock=iter([0.0, 29.0, 31.0, 32.0]).__next__)
    for tokens in (10, 20, 30):
        plain.sampling(tokens, 0, 1)
    assert file.getvalue() == "[0:31] sampling: 20 tokens, 0 of 1 answer\n", "a line in half a minute"
    plain = Plain(file := io.StringIO(), clock=iter([0.0, 29.0, 31.0]).__next__)
    for done in (4, 8):
        plain.learning(done, 16)
    assert file.getvalue() == "[0:31] learning: 8 of 16 answers\n"


def shown(console: Console, view: Dashboard) -> str:
    with console.capture() as capture:
        console.print(view._render())
    return capture.get()


def verdicts_of(*verdicts: str, truncated: int = 0, passed: int = 1, method: str = "sdpo") -> RunState:
    batch = {**sampled(110.0, 1), "attempts": len(verdicts), "truncated": truncated}
    told = [judged(111.0, i, 1, verdict, passed) for i, verdict in enumerate(verdicts, 1)]
    return RunState.of([{**STARTED, "method": method}, batch, *told, {**REST[-1], "reason": "max_attempts"}])


def unfinished(engine: str) -> RunState:
    """Of thoughts that were cut off."""
    batch = {**sampled(110.0, 1), "attempts": 2, "truncated": 2}
    told = [{**judged(111.0, i, 1, "NC", 0), "feedback_kind": "only_thought"} for i in (1, 2)]
    return RunState.of([{**STARTED, "engine": engine}, batch, *told, {**REST[-1], "reason": "max_attempts"}])


@pytest.mark.parametrize(
    ("state", "cause", "further"),
    [
        (verdicts_of("NC", "NC", "NC", "WA"), "no program in a code block", "sdpo-tts probe p"),
        (verdicts_of("NC", "WA", truncated=2), "2 of 2 answers were cut off: raise --max-new-tokens", "sdpo-tts probe p"),
        (unfinished("torch"), "2 of 2 answers ended before their thought did: close thoughts with --think-tokens", "probe p"),
        (unfinished("endpoint"), "before their thought did: raise --max-new-tokens", "sdpo-tts probe p"),
        (verdicts_of("CE", "CE", "WA"), "do not compile", "sdpo-tts probe p"),
        (verdicts_of("TLE", "MLE", "WA"), "too much time or memory", "sdpo-tts probe p"),
        (verdicts_of("WA", "RE", passed=0), "No program passed any test", "sdpo-tts probe p"),
        (verdicts_of("WA", "WA", passed=4, method="best-of-k"), "the best passes 4 of 10 tests", "--method sdpo"),
    ],
)
def test_an_unsolved_run_ends_with_advice(state: RunState, cause: str, further: str) -> None:
    seen, rest = advice(state, "p")
    assert cause in seen and further in rest and max(len(seen), len(rest)) < 110
    assert advice(RunState.of([*EVENTS, *REST]), "p") == advice(RunState(), "p") == []


def test_a_live_line_is_rewritten_on_a_terminal_and_rare_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "0")
    file = io.StringIO()
    now = iter([0.0, 0.0, 0.0, 29.0, 31.0, 31.0, 31.0, 40.0]).__next__
    with LiveLine(file, clock=now) as line:
        for complete in range(3):
            line.show("student", f"{complete} of 3")
    assert file.getvalue() in ("student: 1 of 3\n", "student: 2 of 3\n")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "30")
    terminal = io.StringIO()
    with LiveLine(terminal, clock=lambda: 0.0) as line:
        line.show("student", "1 of 3 answers complete, and so on")
        line.say("loading")
        with line.aside():
            print("a row", file=terminal)
    seen = terminal.getvalue()
    assert "loading\n" in seen and "a row\n" in seen and "student: 1 of 3 answers compl…" in seen


def test_every_view_tells_how_far_a_download_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time counts from the beginning of the download; a log gets a line after half a minute."""
    monkeypatch.setenv("TTY_COMPATIBLE", "0")
    now = [0.0]
    console = Console(file=io.StringIO(), width=80, height=24, force_terminal=True)
    dashboard = Dashboard(console, clock=lambda: now[0])
    lines, log = io.StringIO(), io.StringIO()
    with LiveLine(lines, clock=lambda: now[0]) as line:
        for view in (dashboard, Plain(log, clock=lambda: now[0]), line):
            for now[0], more in ((0.0, ""), (1.0, "5 of 20 MB"), (31.0, "10 of 20 MB"), (32.0, "11 of 20 MB")):
                view.status("downloading a/b", more)
    assert "downloading a/b: 11 of 20 MB · 0:32" in shown(console, dashboard)
    assert lines.getvalue() == "downloading a/b\n10 of 20 MB\n"
    assert log.getvalue() == "[0:00] downloading a/b\n[0:31] 10 of 20 MB\n"
    dashboard.status("loading a/b")
    assert "loading a/b 0:00" in shown(console, dashboard)


def test_long_trouble_is_told_to_its_end() -> None:
    doing = "the disk of runs/a/checkpoint is full: 88.0 MiB are needed and 0.1 MiB are free; waiting for room, Ctrl-C stops"
    lines = drawn(LEARNT, 60, 24, doing)
    told = " ".join(line[12:-1].strip() for line in lines[2:6])
    assert told.startswith(doing) and len(lines) < 24


def test_a_rollback_is_told() -> None:
    back = event("rolled_back", 133.0, step=2, best_step=1, adapter=3, learning_rate=5e-5, reason="3% are different")
    state = RunState.of([*LEARNT[:-1], back])
    assert (state.phase, state.paces) == (Phase.SAMPLING, (19.0, 13.0))
    assert "back      to the best step: 3% are different" in "\n".join(drawn([*LEARNT[:-1], back], 80, 24))
    assert "back  " not in "\n".join(drawn([*LEARNT[:-1], back, LEARNT[-1]], 80, 24))
    file = io.StringIO()
    Plain(file, clock=lambda: 98.0).event(back)
    assert file.getvalue() == "[0:35] rolled back to the policy of step 1: 3% are different\n"


def test_what_matters_least_gives_way() -> None:
    for height, left in ((24, "changed"), (14, "loss"), (12, "failing"), (8, "best"), (5, "attempts"), (4, "now")):
        lines = drawn(LEARNT, 80, height)
        assert len(lines) < height and any(left in line for line in lines), (height, lines)
    assert "changed" not in "\n".join(drawn(LEARNT, 80, 14)) and "tests passed, best" in "\n".join(drawn(LEARNT, 80, 24))


@pytest.mark.parametrize("size", [(80, 24), (60, 17), (120, 50), (40, 16), (40, 12), (200, 60), (24, 6), (18, 24), (9, 24)])
@pytest.mark.parametrize("told", range(len(LEARNT) + 3 + len(REST) + 1))
def test_the_panel_fits_its_terminal(told: int, size: tuple[int, int]) -> None:
    width, height = size
    lines = drawn([*LEARNT, *EVENTS[6:], *REST][:told], width, height)
    assert len(lines) < height
    assert {len(line) for line in lines} == {width}


def test_the_panel_shows_the_run() -> None:
    text = "\n".join(drawn(EVENTS, 80, 24))
    for shown in (
        *("Sum of two numbers · sdpo · seed 7", "Qwen2.5-Coder-0.5B-Instruct · torch · cpu", "judging 0:01"),
        *("5 of 12", "2,400 · 120 tokens/s · 2 answers cut off", "0:40 of 1:00:00", "sampling 65 %", "learning 23 %"),
        *("batch 2   TLE AC  ·", "WA 2  CE 1", "10 of 10 tests passed (attempt 5)", "loss      0.25"),
        *("KL        n/a", "attempt 1", "5 │"),
    ):
        assert shown in text, shown


def test_a_large_batch_is_told_by_letters_the_latest_in_sight() -> None:
    batch = {**sampled(110.0, 1), "attempts": 200}
    verdicts = [judged(111.0, 1 + i, 1, "WA" if i < 149 else "TLE", 1) for i in range(150)]
    lines = drawn([STARTED, batch, *verdicts], 80, 24)
    assert f"batch 1   {'W' * 65}T │" in "\n".join(lines)


@settings(deadline=None)
@given(st.text(max_size=200), st.integers(40, 100))
def test_no_title_steers_or_tears_the_terminal(title: str, width: int) -> None:
    output = io.StringIO()
    console = Console(file=output, width=width, height=24, color_system=None, force_terminal=True)
    console.print(panel(RunState.of([{**STARTED, "title": title + "\x1b[2J\n"}]), title, 140.0, width, 24))
    lines = output.getvalue().splitlines()
    assert "\x1b[2J" not in output.getvalue()
    assert len(lines) < 24
    assert {cell_len(line) for line in lines} == {width}


@pytest.mark.parametrize("no_color", [True, False])
def test_colour_is_left_out_where_it_is_not_wanted(monkeypatch: pytest.MonkeyPatch, no_color: bool) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    output = io.StringIO()
    console = Console(file=output, width=80, height=24)
    console.print(panel(RunState.of(EVENTS), "judging", 140.0, 80, 24))
    coloured = re.search(r"\x1b\[(?:\d+;)*[349]\d", output.getvalue())
    assert (coloured is None) == no_color


@pytest.mark.parametrize(
    ("environment", "kind"),
    [
        ({"TTY_COMPATIBLE": "1", "TERM": "xterm"}, Dashboard),
        ({"TTY_COMPATIBLE": "1", "TTY_INTERACTIVE": "0", "TERM": "xterm"}, Plain),
        ({"TTY_COMPATIBLE": "1", "TERM": "dumb"}, Plain),
        ({}, Plain),
    ],
)
def test_the_view_suits_the_terminal(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], kind: type) -> None:
    for name in ("TTY_COMPATIBLE", "TTY_INTERACTIVE", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert type(make_view(file=io.StringIO())) is kind
    assert type(make_view("plain")) is Plain
    assert type(make_view("live")) is Dashboard


def test_quiet_is_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    with make_view("quiet") as view:
        view.status("loading model")
        for told in [*EVENTS, *REST]:
            view.event(told)
        assert capfd.readouterr() == ("", "")
        view.trouble("the disk is full")
    assert type(view) is Quiet
    assert capfd.readouterr() == ("", "the disk is full\n")


def test_trouble_is_shown_until_the_run_goes_on() -> None:
    console = Console(file=io.StringIO(), width=80, height=24, force_terminal=True)
    view = Dashboard(console)
    for told in EVENTS:
        view.event(told)
    view.trouble("the engine is gone")
    view.event(event("warned", 132.0, message="the engine is gone"))
    assert view._doing() == "the engine is gone"
    view.relief("the engine is back")
    assert view._doing() == "judging"
    view.trouble("the engine is gone")
    view.event(REST[0])
    assert view._doing() == "learning"


NOISY = """
import logging, os, subprocess, sys, time, warnings
sys.path.insert(0, {tests!r})
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path
from test_view import EVENTS, REST
from sdpo_tts.view import captured_logs, make_view
with captured_logs(Path({log!r})) as terminal, make_view(None, terminal) as view:
    view.status("loading model")
    time.sleep(0.3)
    for event in [*EVENTS, *REST]:
        view.event(event)
        print("printed", flush=True)
        logging.getLogger("engine").info("logged")
        warnings.warn("warned")
        subprocess.run(["sh", "-c", "echo child; echo child error >&2"])
    time.sleep(0.3)
print("result")
"""


@pytest.mark.long
def test_on_a_terminal_only_the_panel_is_seen_and_stdout_is_the_results(tmp_path: Path) -> None:
    log = tmp_path / "logs"
    script = NOISY.format(tests=str(Path(__file__).parent), log=str(log))
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"}
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=slave, env=environment, text=True
    ) as process:
        os.close(slave)
        seen = b"".join(_chunks(master)).decode()
        assert process.stdout is not None
        assert process.stdout.read() == "result\n"
    assert process.returncode == 0
    assert "loading model" in seen
    assert "ended: solved" in seen
    assert seen.rstrip().endswith("\x1b[?25h")  # the cursor is shown again
    told = {"run.log": ("logged", "warned"), "engine.log": ("printed", "child", "child error")}
    for name, noises in told.items():
        for noise in noises:
            assert noise in (log / name).read_text()
            assert noise not in seen


def in_a_terminal(script: str) -> tuple[int, int]:
    """The process that runs it and heeds no Ctrl-C, and our end of its terminal."""
    pid, master = pty.fork()
    if not pid:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.execve(sys.executable, [sys.executable, "-c", script], {**os.environ, "TERM": "xterm", "COLUMNS": "80"})
    return pid, master


def assert_untorn(pid: int, master: int, seen: bytes) -> None:
    assert b"^C" not in seen and termios.tcgetattr(master)[3] & termios.ECHO, "and it is shown again afterwards"
    os.waitpid(pid, 0)
    os.close(master)


@pytest.mark.long
def test_what_is_typed_does_not_tear_the_panel(tmp_path: Path) -> None:
    """A `^C` behind the panel would push it down by a line, and its upper edge would be left above it."""
    script = NOISY.format(tests=str(Path(__file__).parent), log=str(tmp_path))
    script = script.replace("    time.sleep(0.3)\nprint", "    time.sleep(1)\nprint")
    pid, master = in_a_terminal(script)
    seen = b""
    while b"ended" not in seen:
        seen += os.read(master, 65536)
    os.write(master, b"\x03x\r")
    while b"result" not in seen:
        seen += os.read(master, 65536)
    assert_untorn(pid, master, seen)


def test_what_is_typed_does_not_tear_a_live_line() -> None:
    script = "import sys\nfrom sdpo_tts.view import LiveLine\nwith LiveLine(sys.stderr) as line:\n"
    script += "    line.show('at work')\n    sys.stdin.readline()\nprint('the end')"
    pid, master = in_a_terminal(script)
    seen = b""
    while b"the end" not in seen:
        typed = b"at work" in seen
        seen += os.read(master, 65536)
        if not typed and b"at work" in seen:
            os.write(master, b"\x03\r")
    assert_untorn(pid, master, seen)


@pytest.mark.long
def test_a_resized_terminal_is_drawn_anew(tmp_path: Path) -> None:
    """What a narrower terminal has wrapped would be left above the panel."""
    script = NOISY.format(tests=str(Path(__file__).parent), log=str(tmp_path))
    script = script.replace("    time.sleep(0.3)\nprint", "    time.sleep(3)\nprint")
    master, slave = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    termios.tcsetwinsize(slave, (24, 100))
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.DEVNULL, stderr=slave, env={**environment, "TERM": "xterm"}
    ):
        seen, deadline = b"", time.monotonic() + 20
        for size in ((24, 100), (20, 60), (30, 90)):
            termios.tcsetwinsize(slave, size)
            edge = "─╮".encode()
            while not any(len(line.decode(errors="replace")) == size[1] for line in _frames(seen) if edge in line):
                assert time.monotonic() < deadline
                seen += os.read(master, 65536)
        os.close(slave)
        seen += b"".join(_chunks(master))
    assert seen.count(b"\x1b[H\x1b[2J") == 2


def _frames(seen: bytes) -> list[bytes]:
    return re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", seen).replace(b"\r", b"\n").split(b"\n")


def _chunks(master: int) -> Iterator[bytes]:
    """What comes to the terminal until its other side is closed, which Linux tells by an error."""
    try:
        while chunk := os.read(master, 65536):
            yield chunk
    except OSError:
        return
    finally:
        os.close(master)


def test_everything_is_put_back_after_captured_logs(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    with pytest.raises(RuntimeError), captured_logs(tmp_path) as terminal:
        print("view", file=terminal)
        os.write(1, b"inside\n")
        raise RuntimeError
    os.write(1, b"outside\n")
    assert (root.handlers, root.level) == before
    assert capfd.readouterr() == ("outside\n", "view\n")
    assert (tmp_path / "engine.log").read_text() == "inside\n"
    with pytest.warns(UserWarning, match="seen again"):
        warnings.warn("seen again", stacklevel=1)


def test_without_a_descriptor_the_terminal_is_stderr_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replaced = io.StringIO()
    monkeypatch.setattr(sys, "stderr", replaced)
    with captured_logs(tmp_path) as terminal:
        assert terminal is replaced


@pytest.mark.parametrize("noise", [b"", b"an engine starts\n"])
@pytest.mark.parametrize("fails", [False, True])
def test_results_come_out_alone(
    noise: bytes, fails: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """What an engine writes is no part of the results; it is named where it may say why the command failed."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with nullcontext() if not fails else pytest.raises(RuntimeError), results_alone() as (results, terminal):
        print("row", file=results)
        print("loading", file=terminal)
        os.write(1, noise)
        os.write(2, noise)
        if fails:
            raise RuntimeError
    out, err = capfd.readouterr()
    assert out == "row\n" and err.startswith("loading\n")
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    if fails and noise:
        assert err.splitlines()[1:] == [f"output of libraries: {tmp_path}/{left[0].parent.name}/engine.log"]
        assert {path.name: path.read_bytes() for path in left} == {"engine.log": noise * 2, "run.log": b""}
    else:
        assert err == "loading\n" and not left


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), max_size=300), st.integers(1, 120), st.integers(1, 8))
def test_curves_keep_their_size(shares: list[float], width: int, rows: int) -> None:
    lines = step_curve(shares, width, rows)
    assert len(lines) == rows
    assert {len(line) for line in lines} == ({width} if shares else {0})
    assert len(sparkline(shares, width)) == (min(width, len(shares)) if min(width, len(shares)) > 1 else 0)
    if shares:
        assert columns(shares, width)[-1] == shares[-1]


def test_curves_by_hand() -> None:
    assert columns([1, 2, 3], 6) == [1, 1, 2, 2, 3, 3]
    assert columns([1, 2, 3, 4], 2) == [2, 4]
    assert step_curve([0.0, 0.001, 0.5, 1.0], 4, 2) == ["   █", " ▁██"]
    assert sparkline([0.0, 1.0, 0.5], 8) == "▁█▅"
    assert sparkline([3.0, 3.0], 8) == "▁▁" and sparkline([3.0], 8) == ""


def test_every_view_says_which_source_found_what() -> None:
    """Once there are several; a run of a method with one source says nothing of it."""
    batch = [sampled(101.0, 0)] + [
        judged(102.0, number, 0, verdict, passed) | {"source": source}
        for number, (source, verdict, passed) in enumerate(
            [("base", "WA", 2), ("feedback", "AC", 10), ("feedback", "WA", 4)], start=1
        )
    ]
    told = "base 1 (best 2) · feedback 2 (best 10, solved 1)"
    state = RunState.of([STARTED, *batch])
    assert f"sources  {told}" in summary(state, Path("run"))
    out = io.StringIO()
    view = Plain(out, clock=lambda: 100.0)
    for one in [STARTED, *batch]:
        view.event(one)
    assert f"; {told}; " in out.getvalue()
    console = Console(file=io.StringIO(), width=100)
    console.print(panel(state, "judging", 103.0, 100, 30))
    assert told in console.file.getvalue()  # type: ignore[attr-defined]
    alone = RunState.of([STARTED, sampled(101.0, 0), judged(102.0, 1, 0, "WA", 2) | {"source": "student"}])
    assert "sources" not in summary(alone, Path("run"))
