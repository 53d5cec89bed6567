"""Groups programs that behave alike, and chooses a group."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from sdpo_tts.judge import Output

CRASHED = 0.5  # if a larger share of programs fails on an input, it is not a valid input
ANSWER = "answer"


@dataclass(frozen=True)
class Trace:
    """What one program did: for each input the class of its output. Outputs in one class are equal to the checker; a
    program without an answer is in a class for its kind of failure. `cpu_s` over these inputs; `failures` also on
    inputs that are left out because most programs fail on them."""

    classes: tuple[str, ...]
    cpu_s: float
    failures: int = 0


@dataclass(frozen=True)
class Group:
    """`members` are indices of programs, those with the fewest failures first, then the fastest. `against`:
    indices of inputs on which the brute force gives another answer."""

    members: tuple[int, ...]
    against: tuple[int, ...] = ()
    cpu_s: float = 0.0


def usable(outputs: Sequence[Sequence[Output]], inputs: int, valid: Collection[int] = ()) -> list[int]:
    """Indices of the inputs that most programs have an answer to, and of those known to be `valid`."""
    failed = [sum(row[i].failure is not None for row in outputs) for i in range(inputs)]
    return [i for i in range(inputs) if i in valid or failed[i] <= CRASHED * len(outputs)]


def traces(
    outputs: Sequence[Sequence[Output]], inputs: Sequence[bytes], alike: Callable[[bytes, bytes, bytes], bool]
) -> list[Trace]:
    """One for each program; `alike` compares two outputs for an input."""
    columns = [_classes([row[i] for row in outputs], given, alike) for i, given in enumerate(inputs)]
    return [
        Trace(tuple(column[row] for column in columns), sum(one.cpu_s for one in outputs[row]))
        for row in range(len(outputs))
    ]


def _classes(outputs: Sequence[Output], given: bytes, alike: Callable[[bytes, bytes, bytes], bool]) -> list[str]:
    leaders: list[bytes] = []
    found = []
    for output in outputs:
        if output.failure:
            found.append(str(output.failure))
            continue
        same = (place for place, leader in enumerate(leaders) if alike(given, leader, output.stdout))
        if (place := next(same, None)) is None:
            place = len(leaders)
            leaders.append(output.stdout)
        found.append(f"{ANSWER} {place}")
    return found


def grouped(traced: Sequence[Trace], brute: Trace | None = None) -> list[Group]:
    """The largest first, and of equally large groups the faster. Inputs on which the brute force has no answer are
    ignored when comparing with it."""
    members: dict[tuple[str, ...], list[int]] = {}
    for place, trace in enumerate(traced):
        members.setdefault(trace.classes, []).append(place)
    found = [
        Group(
            tuple(sorted(places, key=lambda place: (traced[place].failures, traced[place].cpu_s))),
            tuple(_against(classes, brute.classes)) if brute else (),
            min(traced[place].cpu_s for place in places),
        )
        for classes, places in members.items()
    ]
    return sorted(found, key=lambda group: (-len(group.members), group.cpu_s))


def _against(classes: Sequence[str], brute: Sequence[str]) -> list[int]:
    pairs = enumerate(zip(classes, brute, strict=True))
    return [i for i, (own, slow) in pairs if slow.startswith(ANSWER) and own != slow]


def chosen(groups: Sequence[Group]) -> Group | None:
    """The largest group that agrees with the brute force, or else the largest of all."""
    return next((group for group in groups if not group.against), groups[0] if groups else None)


def splitting(traced: Sequence[Trace]) -> list[int]:
    """Indices of the inputs on which some programs differ."""
    columns = zip(*(trace.classes for trace in traced), strict=True)
    return [i for i, column in enumerate(columns) if len(set(column)) > 1]
