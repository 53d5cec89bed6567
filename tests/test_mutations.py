"""Two thousand damaged problem files and packages: one line or a problem, and nothing written but the target folder."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from sdpo_tts.errors import UserError
from sdpo_tts.problem import load_problem, read_problem
from sdpo_tts.problem.writer import write_native
from tests.packages import CODE_CONTESTS, COMPANION, LIVE_CODE_BENCH, case, kattis, packed, polygon

Files = dict[str, bytes]
NATIVE = b"""format: sdpo-solve/1
title: Sum
statement: |
  Add two numbers.
limits: {time: 2s, memory: 256MiB, output: 16MiB}
checker: floats 1e-6
tests:
  shown:
    - input: "3 4"
      output: "7"
  held_out:
    - files: tests/*.in
"""
LATEX = rb"""\problemname{Sum}
Add $a \leq 10^{5}$ and \texttt{b}. \begin{itemize}\item one \item[x] $\frac{a}{b}$\end{itemize}
\begin{tabular}{|l|l|}\hline \textbf{x} & y \\ \hline\end{tabular} \illustration{0.3}{x.png}{text} ``q'' % note
\section*{Input} \begin{verbatim} as is \end{verbatim} $$\sum_{i=1}^{n} a_i$$ \href{u}{v} \'e \constant{top}
"""
HUMAN_EVAL = {
    "task_id": "HumanEval/0",
    "prompt": 'def add(a, b):\n    """ Add.\n    >>> add(1, 2)\n    3\n    """\n',
    "entry_point": "add",
    "canonical_solution": "    return a + b\n",
    "test": "def check(candidate):\n    assert candidate(1, 3) == 2 ** 2\n    assert abs(candidate(0.5, 0) - 0.5) < 1e-6\n",
}
ROWS: list[Any] = [
    COMPANION, CODE_CONTESTS, HUMAN_EVAL, [CODE_CONTESTS, CODE_CONTESTS],
    LIVE_CODE_BENCH | {"private_test_cases": packed([case("2 2\n", "4\n")])},
    LIVE_CODE_BENCH | {"metadata": '{"func_name": "f"}', "public_test_cases": json.dumps([case("[1]", "1", "functional")])},
    {"content": "Print. 1 2", "id": 0, "labels": '{"name": "x"}', "test": '[{"input":{"stdin":"1"},"output":{"stdout":"2"}}]'},
]  # fmt: skip
NASTY = [
    b"", b"\0", b"\xff", b"\xef\xbb\xbf", b"\r\n", b"\n", b"../", b"/etc/passwd", b"..\\", b"{", b"}", b"[", b"]", b'"', b"'",
    b"$", b"\\", b"&a ", b"*a", b"~", b"!!python/object:os.system ", b"---\n", b"null", b"-1", b"1e999", b"NaN", b"9" * 5000,
    b'"\\ud800"', b"\xc2\x85", b"%s%n", b"%0999999d", b"<!DOCTYPE a>", b"&#x0;", b"\\input{/etc/passwd}", b"\\begin{itemize}",
    b"{" * 2000, b"[" * 2000, b"interactive", b"custom", b"data/secret", b"2025-09", b"legacy", b"\\def\\x{", b"]]>", b"</",
    b"#", b"float_tolerance", b"stdin", b"functional", b"cos\nsystem\n(S'touch owned'\ntR.", b"\xf0\x9f\x98\x80", b"<x>" * 500,
]  # fmt: skip
NAMES = ["data/secret/../../../evil.in", "data/secret/\n.in", "data/secret/[*].in", "data/secret/" + "a" * 200 + ".in", "problem.xml",
         "tests/01/x.in", "data/secret/1.in.in", "data/secret/ .in", "a.in", "data/sample/1.ans.in", "problem.yaml"]  # fmt: skip

PHASES = (Phase.generate,)  # the examples are small as they come

Mutation = tuple[int, float, int, bytes]  # of which file, where, how many bytes go, what comes
mutations = st.lists(
    st.tuples(st.integers(0, 99), st.floats(0, 1), st.sampled_from([0, 0, 1, 4, 40, 10**6]), st.sampled_from(NASTY)),
    min_size=1, max_size=4,
)  # fmt: skip
additions = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NASTY)), max_size=2)


def damaged(raw: bytes, mutation: Mutation) -> bytes:
    _, place, cut, inserted = mutation
    at = int(place * len(raw))
    return raw[:at] + inserted + raw[at + cut :]


def damaged_files(files: Files, changes: list[Mutation]) -> Files:
    names = sorted(files)
    for change in changes:
        name = names[change[0] % len(names)]
        files = files | {name: damaged(files[name], change)}
    return files


def write(root: Path, files: Files) -> None:
    for name, content in files.items():
        path = root / name
        if ".." in path.parts or "\0" in name or any(parent.is_file() for parent in path.parents) or path.is_dir():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def read_files(root: Path) -> Files:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


class _Watch:
    """Sees every file that this process opens for writing, and every program or connection that it starts."""

    def __init__(self) -> None:
        self.target: Path | None = None
        self.seen: list[str] = []
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.target is None:
            return
        if event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            self._note(event, arguments[0])
        elif event in ("os.mkdir", "os.rename", "os.remove", "os.symlink", "os.link", "os.truncate", "os.chmod"):
            self._note(event, arguments[1] if event == "os.symlink" else arguments[0])
        elif event in (
            "subprocess.Popen",
            "os.system",
            "os.exec",
            "os.fork",
            "socket.connect",
            "pickle.find_class",
        ):
            self.seen.append(f"{event} {arguments!r:.200}")

    def _note(self, event: str, path: object) -> None:
        inside = isinstance(path, str | bytes | Path) and Path(os.fsdecode(path)).is_relative_to(self.target or "")
        if not inside or ".." in os.fsdecode(path):  # type: ignore[arg-type]
            self.seen.append(f"{event} {path!r:.200}")


WATCH = _Watch()


@contextmanager
def watched(target: Path) -> Iterator[None]:
    """Nothing is written outside `target`, and a minute is enough."""

    def hang(number: int, frame: FrameType | None) -> None:
        raise AssertionError("hangs")

    before = signal.signal(signal.SIGALRM, hang)
    signal.alarm(60)
    WATCH.target, WATCH.seen = target, []
    try:
        yield
    finally:
        WATCH.target = None
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    assert WATCH.seen == []


def examine(source: Path, work: Path) -> None:
    """The problem is read or refused in one line; what is read can be written, and is the same then."""
    target = work / "target"
    with watched(target):
        try:
            reading = read_problem(source)
            write_native(reading, target)
        except UserError as error:
            assert str(error).isprintable()
            return
    assert load_problem(target).digest == reading.problem.digest


def check(work: Path, make: Callable[[Path], Path]) -> None:
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    examine(make(work), work)


def quick(examples: int) -> Any:
    checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=PHASES,
        suppress_health_check=checks,
    )


@cache
def packages() -> dict[str, Files]:
    """Sound packages, to be damaged."""
    legacy = {
        "problem.yaml": "name: x\nvalidator_flags: float_tolerance 1e-6\n",
        "problem_statement/problem.tex": LATEX,
    }
    group = {"data/secret/test_group.yaml": "output_validator_args: [case_sensitive]\n"}
    with TemporaryDirectory() as folder:
        root = Path(folder)
        made = {
            "kattis": read_files(kattis(root / "kattis", **group)),
            "legacy": read_files(kattis(root / "legacy", **legacy)),
            "polygon": read_files(polygon(root / "polygon")),
        }
    del made["legacy"]["statement/problem.en.md"]
    made["polygon"]["statement-sections/english/legend.tex"] = LATEX
    made["pairs"] = {"s/sample1.in": b"1", "s/sample1.out": b"2", "2.in": b"3", "2.ans": b"4", "statement.tex": LATEX}
    return made


@quick(250)
@given(mutations, additions)
def test_native_files(tmp_path: Path, changes: list[Mutation], more: list[tuple[str, bytes]]) -> None:
    def make(work: Path) -> Path:
        files = damaged_files({"problem.yaml": NATIVE, "tests/1.in": b"1", "tests/1.out": b"2"}, changes)
        write(work / "p", files | {name: content for name, content in more if name not in files})
        return work / "p"

    check(tmp_path / "w", make)


@pytest.mark.parametrize("kind", ["kattis", "legacy", "polygon", "pairs"])
@quick(250)
@given(changes=mutations, more=additions)
def test_folders(kind: str, tmp_path: Path, changes: list[Mutation], more: list[tuple[str, bytes]]) -> None:
    def make(work: Path) -> Path:
        write(work / "p", damaged_files(packages()[kind], changes) | dict(more))
        return work / "p"

    check(tmp_path / "w", make)


@quick(250)
@given(
    kind=st.sampled_from(["kattis", "legacy", "polygon", "pairs"]),
    changes=mutations,
    more=additions,
    raw=mutations,
    torn=st.booleans(),
)
def test_archives(
    tmp_path: Path, kind: str, changes: list[Mutation], more: list[tuple[str, bytes]],
    raw: list[Mutation], torn: bool,
) -> None:  # fmt: skip
    """Damage inside the files, names that lead out, and damage to the archive itself."""

    def make(work: Path) -> Path:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in (damaged_files(packages()[kind], changes) | dict(more)).items():
                archive.writestr(name, content)
        content = buffer.getvalue()
        for change in raw if torn else []:
            content = damaged(content, change)
        (work / "p.zip").write_bytes(content)
        return work / "p.zip"

    check(tmp_path / "w", make)


@quick(500)
@given(row=st.sampled_from(ROWS), changes=mutations)
def test_rows(tmp_path: Path, row: Any, changes: list[Mutation]) -> None:
    def make(work: Path) -> Path:
        raw = json.dumps(row).encode()
        for change in changes:
            raw = damaged(raw, change)
        (work / "rows.jsonl").write_bytes(raw)
        (work / "rows.md").write_bytes(b"Text")
        return work / "rows.jsonl"

    check(tmp_path / "w", make)


def test_a_watch_sees_a_write_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(AssertionError), watched(tmp_path / "target"):
        (tmp_path / "elsewhere").write_text("")
