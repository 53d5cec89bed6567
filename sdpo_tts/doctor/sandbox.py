"""The Docker engine and the judge, tested by using them once."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from sdpo_tts.doctor.finding import Finding, Subject, failed, passed, warned
from sdpo_tts.errors import SetupError
from sdpo_tts.judge import Judge, Judgement, Verdict
from sdpo_tts.judge.containers.engine import LIMITS_REMEDY, connect, find_image, missing_limits
from sdpo_tts.problem import Checker, FeedbackScope, Limits, Mode, Problem, Test
from sdpo_tts.problem.language import sandbox_folder

CORE_PATTERN = Path("/proc/sys/kernel/core_pattern")
RIGHT, WRONG = "print(sum(map(int, input().split())))", "print(0)"
LOOP = "for i in range(2_000_000): pass\n" + RIGHT
ROUNDS = 5
UNSTEADY = 0.5


def engine(_: Subject) -> Finding:
    """Whether it answers this user."""
    try:
        client = connect()
    except SetupError as error:
        return failed(error.what, _remedy(error.what) or error.hint)
    with closing(client):
        return passed(f"Docker {client.version()['Version']} answers")


def _remedy(what: str) -> str:
    if "Permission denied" in what or "PermissionError" in what:
        return "sudo usermod -aG docker $USER, then log in again"
    if "timed out" in what:
        return "the engine hangs: sudo systemctl restart docker"
    return ""


def cgroups(_: Subject) -> Finding:
    """Whether the engine can hold a container to its limits."""
    with closing(connect()) as client:
        info: dict[str, Any] = client.info()
    version = info.get("CgroupVersion", "unknown")
    if missing := missing_limits(info):
        return failed(f"cgroup version {version}: no limit on {', '.join(missing)}", LIMITS_REMEDY)
    if version == "1":
        return warned(
            "cgroup version 1: works, but is being phased out", "boot with systemd.unified_cgroup_hierarchy=1"
        )
    return passed(f"cgroup version {version}, all limits enforced")


def core_dumps(_: Subject) -> Finding:
    """Whether crashes in the sandbox reach a program outside. Its limit stops core dumps into files and pipes only."""
    try:
        pattern = CORE_PATTERN.read_text().strip()
    except OSError:  # not Linux: the engine has a kernel of its own
        return passed("no setting for them here")
    if pattern.startswith("@"):
        said = f"the kernel reports every crash in the sandbox to a service of this machine (core_pattern {pattern})"
        return warned(said, "sudo sysctl kernel.core_pattern=core")
    return passed("none are made for crashes in the sandbox")


def image(_: Subject) -> Finding:
    """Only whether it exists; a run builds it if not."""
    with closing(connect()) as client:
        name = find_image(client, frozenset({"python3"}))
    if not name:
        script = sandbox_folder() / "build"
        return warned("not built yet: the first run builds it, in a minute or more", f"now: {script}")
    return passed(name)


def leftovers(_: Subject) -> Finding:
    """Containers whose process is gone are removed here, as every run does at its start."""
    from sdpo_tts.judge.containers.pool import sweep

    with closing(connect()) as client:
        before = _owned(client)
        sweep(client)
        removed, left = before - _owned(client), len(before & _owned(client))
    busy = f"; {left} belong to running processes" if left else ""
    return passed(f"{len(removed)} left by dead runs were removed{busy}" if removed else f"none{busy}")


def _owned(client: Any) -> set[str]:
    from sdpo_tts.judge.containers.pool import OWNER_LABEL

    return {found["Id"] for found in client.api.containers(all=True, filters={"label": OWNER_LABEL})}


def programs(_: Subject) -> Finding:
    """Judges a right and a wrong program."""
    with Judge(_sum_of_two(1)) as judge:
        right, wrong = judge.judge_many([RIGHT, WRONG])
    if (right.verdict, wrong.verdict) != (Verdict.AC, Verdict.WA):
        said = f"a correct program got {right.verdict} and a wrong one {wrong.verdict}"
        return failed(f"{said}{_detail(right)}", f"{sandbox_folder()}/README.md says what the sandbox needs")
    return passed(f"a correct program got AC and a wrong one WA, in {right.outcomes[0].wall_s:.2f} s")


def clock(_: Subject) -> Finding:
    """CPU seconds of the same loop, several times: how fast the machine is, and how much its measurements vary."""
    with Judge(_sum_of_two(ROUNDS)) as judge:
        seconds = [outcome.cpu_s for outcome in judge.judge(LOOP).outcomes]
    fastest, spread = min(seconds), max(seconds) / max(min(seconds), 1e-9) - 1
    said = f"2,000,000 rounds of a Python loop take {1000 * fastest:.0f} ms of CPU, up to {spread:.0%} more"
    if spread > UNSTEADY:
        return warned(said, "the machine is busy: do not trust verdicts close to a time limit")
    return passed(said)


def _detail(judgement: Judgement) -> str:
    texts = [outcome.detail or outcome.stderr.decode(errors="replace")[-100:] for outcome in judgement.outcomes]
    return f": {texts[0]}" if texts and texts[0] else ""


def _sum_of_two(tests: int) -> Problem:
    return Problem(
        slug="doctor", title="Sum", statement="Print the sum.", mode=Mode.STDIN, language="python3",
        limits=Limits(time_s=10.0), tests=tuple(Test(str(i), b"3 4\n", b"7\n", shown=True) for i in range(tests)),
        feedback=FeedbackScope.SHOWN, checker=Checker(), function=None, path=Path("doctor"), digest="",
    )  # fmt: skip
