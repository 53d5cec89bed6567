"""Run directory and journal: whole lines, one owner, nothing overwritten, nothing lost in a round trip."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdpo_tts.errors import UserError
from sdpo_tts.judge.verdict import Judgement, Verdict
from sdpo_tts.judge.verdict import TestOutcome as Outcome
from sdpo_tts.problem import Checker, FeedbackScope, Limits, Mode, Problem
from sdpo_tts.problem import Test as ProblemTest
from sdpo_tts.record import (
    AttemptRecord,
    Journal,
    RunDir,
    folder_size,
    manifest,
    read_events,
    summarise,
    sweep,
    write_folder,
    write_json,
)
from sdpo_tts.record.atomic import write_text, write_with
from sdpo_tts.record.events import FIELDS

SKIPPED: dict[str, Any] = {"step": 1, "reason": "no feedback"}
MANIFEST: dict[str, Any] = {name: {} for name in FIELDS["manifest"].split()}


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    return RunDir.create(tmp_path, "sum-line", "sdpo", 7)


@pytest.fixture
def journal(run: RunDir) -> Journal:
    return Journal(run.events, clock=iter([10.0, 10.5, 11.0, 11.5]).__next__)


def test_names_a_run_after_problem_method_seed_and_time(tmp_path: Path, run: RunDir) -> None:
    assert run.path.parent == tmp_path / "sum-line"
    method, seed, day, time, tail = run.path.name.split("-")
    assert (method, seed, len(day), len(time)) == ("sdpo", "s7", 8, 6)
    assert len(bytes.fromhex(tail)) == 2
    assert run.attempt(123) == run.path / "attempts/000123.json"
    assert run.solution("python3").name == "solution.py"
    assert run.solution("cpp20").name == "solution.cpp"


def test_refuses_a_folder_that_is_not_empty(tmp_path: Path, run: RunDir) -> None:
    RunDir.at(tmp_path / "fresh")
    with pytest.raises(UserError, match="not empty"):
        RunDir.at(run.path)
    occupied = tmp_path / "file"
    occupied.write_text("x")
    with pytest.raises(UserError, match="cannot make"):
        RunDir.at(occupied / "run")


def test_an_existing_run_has_a_journal(run: RunDir) -> None:
    with pytest.raises(UserError, match="no run here"):
        RunDir.existing(run.path)
    Journal(run.events).close()
    assert RunDir.existing(run.path) == run


def test_the_lock_keeps_another_process_out(run: RunDir) -> None:
    take = f"""
from pathlib import Path
from sdpo_tts.errors import UserError
from sdpo_tts.record import RunDir
try:
    with RunDir(Path({str(run.path)!r})).lock():
        print("taken")
except UserError as error:
    print(error)
"""
    with run.lock():
        refused = subprocess.run([sys.executable, "-c", take], capture_output=True, text=True, check=True)
    assert f"pid {os.getpid()}" in refused.stdout
    taken = subprocess.run([sys.executable, "-c", take], capture_output=True, text=True, check=True)
    assert taken.stdout == "taken\n"


def test_events_are_numbered_stamped_shown_and_read_back(journal: Journal) -> None:
    seen: list[dict[str, Any]] = []
    journal.subscribe(seen.append)
    journal.subscribe(lambda _: seen.append(read_events(journal.path)[-1]))  # already on disk
    journal.append("step_skipped", **SKIPPED)
    journal.append("step_skipped", **SKIPPED)
    first, second = read_events(journal.path)
    assert first == {"v": 1, "seq": 0, "t": 10.0, "type": "step_skipped", "step": 1, "reason": "no feedback"}
    assert (second["seq"], second["t"]) == (1, 10.5)
    assert seen == [first, first, second, second]


def test_holds_writers_to_the_schema(journal: Journal) -> None:
    with pytest.raises(ValueError, match="step_skipped lacks reason"):
        journal.append("step_skipped", step=1)
    with pytest.raises(KeyError, match="step_skiped"):
        journal.append("step_skiped", **SKIPPED)
    assert read_events(journal.path) == []


def test_a_number_that_is_not_finite_becomes_null(journal: Journal) -> None:
    names = "adapter kl entropy grad_norm gap_mean gap_max trained trained_tokens teacher_tokens seconds"
    fields = dict.fromkeys(names.split(), 1)
    journal.append("step_taken", **{**fields, "step": 1, "loss": float("nan"), "grad_norm": float("inf")})
    (event,) = read_events(journal.path)
    assert event["loss"] is None
    assert event["grad_norm"] is None


def test_leaves_out_a_torn_last_line_and_goes_on_behind_it(journal: Journal) -> None:
    journal.append("step_skipped", **SKIPPED)
    journal.close()
    with journal.path.open("ab") as file:
        file.write(b'{"v": 1, "seq": 1, "t"')
    assert [event["seq"] for event in read_events(journal.path)] == [0]
    with Journal(journal.path) as again:
        again.append("step_skipped", **SKIPPED)
    assert [event["seq"] for event in read_events(journal.path)] == [0, 1]


@pytest.mark.parametrize("line", [b'{"v": 1, "seq"', b"[1]", b'{"seq": 0}', b"\xff", b"", b"null"])
def test_refuses_a_torn_middle_line(journal: Journal, line: bytes) -> None:
    journal.append("step_skipped", **SKIPPED)
    journal.close()
    whole = journal.path.read_bytes()
    journal.path.write_bytes(whole + line + b"\n" + whole)
    with pytest.raises(UserError, match="not an event") as refusal:
        read_events(journal.path)
    assert refusal.value.where == f"{journal.path}:2"
    with pytest.raises(UserError, match="not an event"):
        Journal(journal.path)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"type": "step_skipped", "step": 1}, "step_skipped lacks reason"),
        ({"type": "step_skipped", "step": "1", "reason": ""}, "`step` of step_skipped is not a number"),
        ({"type": "step_skipped", "step": 1, "reason": None}, "`reason` of step_skipped is not text"),
        ({"type": "step_skipped", "t": "noon", **SKIPPED}, "its type or time is wrong"),
        ({"type": []}, "its type or time is wrong"),
        ({"type": "manifest", **MANIFEST, "model": []}, "`model` of manifest is not an object"),
    ],
)
def test_an_event_of_the_wrong_shape_is_one_line_with_its_place(journal: Journal, fields: dict[str, Any], said: str) -> None:
    journal.append("step_skipped", **SKIPPED)
    with journal.path.open("a") as file:
        file.write(json.dumps({"v": 1, "seq": 1, "t": 1.0, **fields}) + "\n")
    with pytest.raises(UserError) as refusal:
        read_events(journal.path)
    assert str(refusal.value) == f"{journal.path}:2: not an event: {said} (hint: the journal was damaged or edited)"


def test_refuses_a_later_schema_and_a_missing_journal(tmp_path: Path) -> None:
    later = tmp_path / "events.jsonl"
    with pytest.raises(UserError, match="cannot read the journal"):
        read_events(later)
    later.write_text('{"v": 2, "seq": 0, "t": 1.0, "type": "x"}\n')
    with pytest.raises(UserError, match="version 2"):
        read_events(later)


@given(cut=st.integers(min_value=0))
def test_whatever_the_cut_the_rest_is_read(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    path = tmp_path_factory.mktemp("cut") / "events.jsonl"
    with Journal(path) as journal:
        for step in range(3):
            journal.append("step_skipped", step=step, reason="é\n\u2028")
    whole = path.read_bytes()
    path.write_bytes(whole[: cut % (len(whole) + 1)])
    steps = [event["step"] for event in read_events(path)]
    assert steps == list(range(path.read_bytes().count(b"\n")))


def test_json_is_replaced_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "deep" / "result.json"
    write_json(path, {"solved": True})
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_json(path, {"solved": False})
    assert json.loads(path.read_text()) == {"solved": True}
    assert [entry.name for entry in path.parent.iterdir()] == ["result.json"]


def test_what_killed_writers_left_is_swept(run: RunDir) -> None:
    write_json(run.attempt(1), {})
    killed = "import os, signal, sys\nfrom pathlib import Path\nfrom sdpo_tts.record import write_with\n"
    code = f"{killed}write_with(Path(sys.argv[1]), lambda file: os.kill(os.getpid(), signal.SIGKILL))"
    subprocess.run([sys.executable, "-c", code, str(run.attempt(2))], check=False)
    assert len(list(run.attempts.iterdir())) == 2
    sweep(run.path)
    assert list(run.attempts.iterdir()) == [run.attempt(1)]


class Killed(BaseException):
    """What happens to a process between two of its calls."""


@pytest.mark.parametrize(("renames", "left"), [(0, "old"), (1, "new"), (2, "new")])
def test_a_folder_is_the_old_or_the_new_one_whenever_its_writer_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, renames: int, left: str
) -> None:
    folder = tmp_path / "adapter" / "last"
    write_folder(folder, lambda path: (path / "weights").write_text("old"))
    done = iter([Path.rename] * renames)

    def rename(path: Path, target: Path) -> Path:
        if (step := next(done, None)) is None:
            raise Killed
        return step(path, target)

    with monkeypatch.context() as patched, pytest.raises(Killed) if renames < 2 else nullcontext():
        patched.setattr(Path, "rename", rename)
        write_folder(folder, lambda path: (path / "weights").write_text("new"))
    sweep(tmp_path)
    assert [path.name for path in folder.parent.iterdir()] == ["last"] and (folder / "weights").read_text() == left


def _judgement() -> Judgement:
    test = ProblemTest("01", b"3 4\n", b"7\n", shown=True)
    outcome = Outcome(test, Verdict.WA, 0.1, 0.2, 4096, 0, None, b"8\n", b"", detail="expected 7, got 8")
    return Judgement(Verdict.WA, (outcome, dataclasses.replace(outcome, verdict=Verdict.RE, signal=11)), 2)


def test_an_attempt_survives_the_round_trip(run: RunDir) -> None:
    record = AttemptRecord(
        attempt=1,
        step=1,
        adapter=0,
        text="```python\nprint('ä 🙂')\n```",
        program=None,
        feedback="wrong",
        verdict=Verdict.WA,
        token_ids=(1, 2),
        logprobs=(-0.1, -1e-9),
        outcomes=summarise(_judgement()),
    )
    record.save(run.attempt(1))
    again = AttemptRecord.load(run.attempt(1))
    assert again == record
    assert isinstance(again.outcomes[1].verdict, Verdict)
    assert again.outcomes[1].signal == 11


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"[]", b'{"verdict": "??"}', b"\xff", bytes(9)])
def test_a_damaged_attempt_is_one_line(run: RunDir, content: bytes) -> None:
    run.attempt(1).write_bytes(content)
    with pytest.raises(UserError, match=r"000001.json: not .* \(hint: the file was damaged or edited\)"):
        AttemptRecord.load(run.attempt(1))
    run.attempt(1).unlink()
    with pytest.raises(UserError, match=r"000001.json: cannot be read: No such file"):
        AttemptRecord.load(run.attempt(1))


def test_a_size_is_of_what_stays(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, name in enumerate(("a", "gone", "b")):
        (run.logs / name).write_bytes(bytes(10**number))
    stat = Path.stat

    def vanishing(path: Path, **options: Any) -> os.stat_result:
        if path.name == "gone":
            raise FileNotFoundError
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", vanishing)
    assert folder_size(run.logs) == 101 and folder_size(run.path / "nowhere") == 0


def test_the_manifest_is_plain_json_and_imports_nothing_heavy(tmp_path: Path) -> None:
    problem = Problem(
        *("sum-line", "Sum", "Add.", Mode.STDIN, "python3", Limits(), (), FeedbackScope.SHOWN, Checker()),
        function=None,
        path=tmp_path / "problem.yaml",
        digest="ab12",
    )
    facts = manifest(problem, settings={"seed": 1}, argv=["sdpo-solve"], sandbox={"image": "i"}, model={"n": "m"})
    assert json.loads(json.dumps(facts)) == facts
    assert facts["problem"]["digest"] == "ab12"
    assert facts["versions"]["python"].startswith("3.")
    assert facts["machine"]["memory_bytes"] > 2**28
    lean = "import sys, sdpo_tts.record; assert not {'torch', 'transformers', 'docker'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", lean], check=True)


def test_gpus_are_read_from_nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'NVIDIA H100 80GB HBM3, 81559'\necho 'NVIDIA GB10, [N/A]'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    from sdpo_tts.record.manifest import gpus

    assert gpus() == [
        {"name": "NVIDIA H100 80GB HBM3", "memory_bytes": 81559 * 2**20},
        {"name": "NVIDIA GB10", "memory_bytes": None},
    ]


def test_two_writers_of_one_file_do_not_disturb_each_other(tmp_path: Path) -> None:
    """In one process, too: the second begins and ends while the first one writes."""

    def write(file: BinaryIO) -> None:
        write_text(tmp_path / "a", "second")
        file.write(b"first")

    write_with(tmp_path / "a", write)
    assert (tmp_path / "a").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
